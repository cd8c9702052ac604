/* SPDX-License-Identifier: MIT */
/*
 * The state of the dead RS cannot be used (ADR 0015): a new one is derived from the world. The boot image says which services there are, the kernel which
 * processes, in which slots. Of what the dead RS had noted a slot's record is believed if it agrees with the kernel and no number in it is
 * impossible; it is read from the dead RS's memory, one record at a time. What nobody vouches for is removed, who waits for an answer gets an error,
 * and rs_rescan finds the deaths.
 */
#include <stdarg.h>
#include <stddef.h>

#include "base/elf.h"
#include "base/format.h"
#include "base/string.h"
#include "errors.h"
#include "kernel_info.h"
#include "protocols/kernel_client.h"
#include "protocols/rs.h"
#include "protocols/service.h"
#include "rs_info.h"
#include "state.h"
#include "sys/ipc.h"
#include "sys/log.h"
#include "sys/service.h"
#include "sys/syscalls.h"

enum {
    LOST_BYTES = 200,
    LIST_ROOM = 32,
    COUNT_MAX = 1 << 24,  /* no service has died more often */
    IDENTITY_BYTES = 196, /* entry, service header and build id (lib/sys/entry.S): the first bytes of a service */
};

struct salvage {
    struct rs_state *state;
    struct outbox *outbox;
    const struct process_info *process; /* by slot */
    endpoint_t dead;                    /* whose records are read; NONE: nobody's */
    uint32_t space[SERVICE_SLOTS];      /* as the dead RS had it */
    struct rs_slot record;              /* of the slot that is looked at */
    bool is_good;                       /* the record is believed */
    uint32_t without_record;            /* services */
    char lost[LOST_BYTES];              /* for the log */
};

static __attribute__((format(printf, 2, 3))) void note_lost(struct salvage *salvage, const char *format, ...)
{
    size_t used = strlen(salvage->lost);
    va_list arguments;

    if (used != 0)
        used += string_copy(salvage->lost + used, LOST_BYTES - used, ", ");
    if (used >= LOST_BYTES)
        return;
    va_start(arguments, format);
    format_list(salvage->lost + used, LOST_BYTES - used, format, arguments);
    va_end(arguments);
}

/* ---- what the dead RS had noted ---- */

/* A piece of its state; zeros if that is not to be had. */
static void fetch(const struct salvage *salvage, const void *piece, void *to, size_t length)
{
    if (salvage->dead == ENDPOINT_NONE || sys_copy_from(salvage->dead, (uint64_t)(uintptr_t)piece, to, length) != 0)
        memset(to, 0, length);
}

static bool is_named(const struct process_info *process, const char *label)
{
    return strncmp(process->name, label, PROCESS_NAME_BYTES) == 0;
}

static bool are_counters_sound(const struct rs_slot *record)
{
    return record->restarts < COUNT_MAX && record->updates < COUNT_MAX && record->recent < COUNT_MAX && record->cause <= RS_CAUSE_DEPENDS &&
           record->started_ns <= sys_uptime();
}

static void read_record(struct salvage *salvage, uint32_t index)
{
    const struct process_info *process = &salvage->process[index];
    struct rs_slot *record = &salvage->record;

    fetch(salvage, &salvage->state->slot[index], record, sizeof(*record));
    salvage->is_good = (record->flags & ~(uint32_t)RS_KNOWN_FLAGS) == 0 && (record->flags & RS_IN_USE) != 0 &&
                       (record->flags & RS_ACTIVE) != 0 && record->endpoint == process->endpoint && manifest_is_sound(&record->manifest) &&
                       is_named(process, record->manifest.label) && memchr(record->command, '\0', RS_COMMAND_MAX) != NULL &&
                       are_counters_sound(record);
}

static void keep_counters(struct rs_slot *slot, const struct rs_slot *record)
{
    slot->pid = record->pid;
    slot->restarts = record->restarts;
    slot->updates = record->updates;
    slot->recent = record->recent;
    slot->last_signal = record->last_signal;
    slot->cause = record->cause;
    slot->started_ns = record->started_ns;
    memcpy(slot->command, record->command, sizeof(slot->command));
    slot->flags |= record->flags & (RS_INITIALIZING | RS_RESTARTING | RS_FRESH | RS_FALLS);
}

/* Sequences of operations go on: PM's late word about an operator must not pass for that about another one. */
static void keep_rest(struct salvage *salvage)
{
    struct rs_state *state = salvage->state;
    uint32_t shutting_down;
    uint8_t has_coroner;

    for (uint32_t i = 0; i < RS_OPERATIONS; i++)
        fetch(salvage, &state->operation[i].sequence, &state->operation[i].sequence, sizeof(state->operation[i].sequence));
    fetch(salvage, &state->shutting_down, &shutting_down, sizeof(shutting_down));
    state->shutting_down = shutting_down == 1;
    fetch(salvage, &state->coroner.is_there, &has_coroner, sizeof(has_coroner));
    state->coroner.is_there = has_coroner == 1; /* the next report is that of the dead RS */
    fetch(salvage, &state->coroner.reader, &state->coroner.reader, sizeof(state->coroner.reader));
}

/* ---- images ---- */

/* The image is whole as far as its beginning says, and the process in the slot is one of it. */
static bool runs(const struct rs_slot *slot, uint64_t image, uint64_t length)
{
    uint8_t there[IDENTITY_BYTES];
    struct elf_header header;
    struct elf_program_header text;
    const uint8_t *bytes = (const uint8_t *)(uintptr_t)image;

    if (length < sizeof(header))
        return false;
    memcpy(&header, bytes, sizeof(header));
    if (header.magic != ELF_MAGIC || header.program_headers > length || length - header.program_headers < sizeof(text))
        return false;
    memcpy(&text, bytes + header.program_headers, sizeof(text));
    if (text.file_bytes < IDENTITY_BYTES || text.offset > length || length - text.offset < IDENTITY_BYTES)
        return false;
    return sys_copy_from(slot->endpoint, text.address, there, sizeof(there)) == 0 && memcmp(there, bytes + text.offset, sizeof(there)) == 0;
}

/* Pages of the area are free, or all of them are the same image of another service. */
static bool may_have_pages(const struct rs_state *state, uint32_t first, uint32_t pages)
{
    for (uint32_t i = 0; i < SERVICE_SLOTS; i++) {
        if (state->slot[i].image_pages == pages && state->slot[i].image_first == first)
            return true;
    }
    for (uint32_t page = first; page < first + pages; page++) {
        if ((state->image_used[page / 64] >> (page % 64) & 1) != 0)
            return false;
    }
    return true;
}

/* The image that the record names, in the area: of a service that was started later, or that was updated. */
static bool take_image(struct salvage *salvage, struct rs_slot *slot)
{
    const struct rs_slot *record = &salvage->record;
    struct rs_state *state = salvage->state;

    if (!salvage->is_good || record->image_pages == 0 ||
        !rs_is_in_area(state, record->image_first, record->image_pages, state->image_area + (uint64_t)record->image_first * RS_PAGE_BYTES,
                       record->image_length))
        return false;
    slot->image = state->image_area + (uint64_t)record->image_first * RS_PAGE_BYTES;
    slot->image_length = record->image_length;
    if (!may_have_pages(state, record->image_first, record->image_pages) || !runs(slot, slot->image, slot->image_length))
        return false;
    slot->image_first = record->image_first;
    slot->image_pages = record->image_pages;
    for (uint32_t page = slot->image_first; page < slot->image_first + slot->image_pages; page++)
        state->image_used[page / 64] |= 1ull << (page % 64);
    return true;
}

/* A service that was started with the image of one of the boot image. */
static bool share_image(const struct rs_state *state, struct rs_slot *slot)
{
    for (uint32_t i = 0; i < RS_FIRST_DYNAMIC; i++) {
        const struct rs_slot *other = &state->slot[i];

        if ((other->flags & RS_ACTIVE) == 0 || other->image_pages != 0 || !runs(slot, other->image, other->image_length))
            continue;
        slot->image = other->image;
        slot->image_length = other->image_length;
        return true;
    }
    return false;
}

/* A boot service runs the image of the archive, unless it was updated. If its image is lost the older one starts without the newer one's state. */
static void find_boot_image(struct salvage *salvage, struct rs_slot *slot)
{
    const struct rs_slot of_archive = *slot;

    if (runs(slot, slot->image, slot->image_length) || take_image(salvage, slot))
        return;
    slot->image = of_archive.image;
    slot->image_length = of_archive.image_length;
    note_lost(salvage, "the new version of %s", slot->manifest.label);
    if (slot->endpoint != ENDPOINT_RS && slot->endpoint != ENDPOINT_VM)
        slot->flags |= RS_FRESH;
}

/* ---- instances ---- */

static bool is_dead(const struct process_info *process)
{
    return (process->rts_flags & (PROCESS_SIGNALED | PROCESS_SIG_PENDING)) != 0;
}

static bool waits_for_rs(const struct process_info *process)
{
    return (process->rts_flags & (PROCESS_SENDING | PROCESS_RECEIVING)) == PROCESS_RECEIVING && process->waits_for == ENDPOINT_RS;
}

/* It has not got its init yet. */
static bool has_begun(const struct process_info *process)
{
    return (process->rts_flags & PROCESS_NO_PRIV) == 0 && !(waits_for_rs(process) && (process->misc_flags & PROCESS_IN_SENDREC) == 0);
}

/* The instance of the service from before a restart or update that is not through: linked in the record, or the two had just changed places. */
static uint32_t find_half(const struct salvage *salvage, uint32_t index)
{
    for (uint32_t i = RS_FIRST_DYNAMIC; i < SERVICE_SLOTS; i++) {
        const struct process_info *process = &salvage->process[i];

        if (i == index || process->endpoint == ENDPOINT_NONE || !has_begun(process) || !is_named(process, salvage->process[index].name))
            continue;
        if ((salvage->is_good && salvage->record.other == i) || (salvage->dead != ENDPOINT_NONE && salvage->space[index] == process->space))
            return i;
    }
    return RS_NO_SLOT;
}

static void link_half(struct rs_state *state, struct rs_slot *slot, uint32_t half, const struct process_info *process)
{
    struct rs_slot *old = &state->slot[half];

    *old = (struct rs_slot){ .flags = RS_IN_USE | RS_OLD, .endpoint = process->endpoint, .late = RS_NO_SLOT };
    old->other = (uint16_t)rs_index(state, slot);
    string_copy(old->manifest.label, sizeof(old->manifest.label), slot->manifest.label);
    old->restarts = slot->restarts;
    state->space[half] = process->space;
    slot->other = (uint16_t)half;
    slot->flags |= RS_INITIALIZING | RS_RESTARTING;
}

/* A restart goes on; of an update the old version, which waits. */
static void settle_halves(struct salvage *salvage, struct rs_slot *slot)
{
    struct rs_state *state = salvage->state;
    uint32_t index = rs_index(state, slot);
    uint32_t half = find_half(salvage, index);

    if (half != RS_NO_SLOT && is_dead(&salvage->process[half])) {
        link_half(state, slot, half, &salvage->process[half]);
    } else if (half != RS_NO_SLOT) {
        rs_change_back(index, half);
        salvage->process = rs_ask_kernel();
        slot->flags &= ~(uint32_t)(RS_INITIALIZING | RS_RESTARTING);
        state->space[index] = salvage->process[index].space;
    } else if (!has_begun(&salvage->process[index])) {
        if (!salvage->is_good || (slot->flags & RS_RESTARTING) != 0) {
            slot->flags |= RS_RESTARTING | RS_FRESH;
            note_lost(salvage, "the state of %s", slot->manifest.label);
        }
        slot->flags |= RS_INITIALIZING;
    }
}

static void adopt(struct salvage *salvage, struct rs_slot *slot)
{
    uint32_t index = rs_index(salvage->state, slot);

    slot->flags |= RS_IN_USE | RS_ACTIVE;
    slot->endpoint = salvage->process[index].endpoint;
    salvage->state->space[index] = salvage->process[index].space;
    if (salvage->is_good)
        keep_counters(slot, &salvage->record);
    else
        salvage->without_record++;
    if (slot->endpoint == ENDPOINT_RS || slot->endpoint == ENDPOINT_VM)
        slot->flags &= ~(uint32_t)(RS_INITIALIZING | RS_RESTARTING | RS_FRESH);
    else
        settle_halves(salvage, slot);
}

/* ---- services ---- */

static void adopt_boot_services(struct salvage *salvage)
{
    for (uint32_t i = 0; i < RS_FIRST_DYNAMIC; i++) {
        struct rs_slot *slot = &salvage->state->slot[i];

        if (slot->flags == 0)
            continue;
        if (!is_named(&salvage->process[i], slot->manifest.label) || salvage->process[i].endpoint == ENDPOINT_NONE) {
            rs_release(salvage->state, slot); /* an operator took it down */
            continue;
        }
        read_record(salvage, i);
        adopt(salvage, slot);
        find_boot_image(salvage, slot);
    }
}

static void adopt_later_services(struct salvage *salvage)
{
    struct rs_state *state = salvage->state;

    for (uint32_t i = RS_FIRST_DYNAMIC; i < SERVICE_SLOTS; i++) {
        struct rs_slot *slot = &state->slot[i];

        if (slot->flags != 0 || salvage->process[i].endpoint == ENDPOINT_NONE)
            continue;
        read_record(salvage, i);
        if (!salvage->is_good || rs_find_label(state, salvage->record.manifest.label) != NULL)
            continue;
        slot->endpoint = salvage->record.endpoint;
        slot->manifest = salvage->record.manifest;
        if (take_image(salvage, slot) || share_image(state, slot))
            adopt(salvage, slot);
        else
            rs_release(state, slot);
    }
}

/* DS, PM and the others must not go on believing in it. */
static void withdraw(struct salvage *salvage, uint32_t index, endpoint_t endpoint, const char *label)
{
    struct rs_slot *slot = &salvage->state->slot[index];

    slot->endpoint = endpoint;
    string_copy(slot->manifest.label, sizeof(slot->manifest.label), label);
    if (rs_find_label(salvage->state, label) == NULL) {
        slot->flags = RS_PUBLISHED;
        rs_withdraw(salvage->state, slot, salvage->outbox);
    } else {
        rs_withdraw_replica(slot, salvage->outbox);
    }
    rs_release(salvage->state, slot);
}

static bool is_first_of_its_name(const struct salvage *salvage, uint32_t index)
{
    for (uint32_t i = 0; i < index; i++) {
        if (salvage->process[i].endpoint != ENDPOINT_NONE && is_named(&salvage->process[i], salvage->process[index].name))
            return false;
    }
    return true;
}

/* Processes that are no service's active instance are removed by rs_settle; and what was a service a moment ago has no process any more. */
static void give_up_others(struct salvage *salvage)
{
    for (uint32_t i = 0; i < SERVICE_SLOTS; i++) {
        const struct process_info *process = &salvage->process[i];
        const struct rs_slot *record = &salvage->record;
        char label[RS_LABEL_MAX];

        if (salvage->state->slot[i].flags != 0)
            continue;
        if (process->endpoint != ENDPOINT_NONE && !is_named(process, "rs") && !is_named(process, "vm")) {
            string_copy(label, sizeof(label), process->name);
            if (rs_find_label(salvage->state, label) == NULL && is_first_of_its_name(salvage, i))
                note_lost(salvage, "%s", label);
            withdraw(salvage, i, process->endpoint, label);
        } else if (process->endpoint == ENDPOINT_NONE) {
            read_record(salvage, i);
            if ((record->flags & RS_ACTIVE) != 0 && manifest_is_sound(&record->manifest))
                withdraw(salvage, i, record->endpoint, record->manifest.label);
        }
    }
}

/* ---- going on ---- */

static void start(struct salvage *salvage, struct rs_slot *slot)
{
    struct rs_state *state = salvage->state;
    bool again = (slot->flags & RS_RESTARTING) != 0;
    bool resume = again && slot->other != RS_NO_SLOT && slot->manifest.resume && (slot->flags & RS_FRESH) == 0;

    rs_send_init(state, slot, again ? SERVICE_INIT_TYPE_RESTART : SERVICE_INIT_TYPE_FRESH,
                 resume ? state->slot[slot->other].endpoint : ENDPOINT_NONE, salvage->outbox);
}

static void go_on(struct salvage *salvage)
{
    struct rs_state *state = salvage->state;

    for (uint32_t i = 0; i < SERVICE_SLOTS; i++) {
        struct rs_slot *slot = &state->slot[i];

        if ((slot->flags & RS_ACTIVE) == 0)
            continue;
        if ((slot->flags & RS_INITIALIZING) != 0 && !has_begun(&salvage->process[i]) && !is_dead(&salvage->process[i]))
            start(salvage, slot);
        else if ((slot->flags & RS_INITIALIZING) != 0)
            slot->init_ns = rs_deadline(state, RS_REINIT_MS);
        else
            rs_look_later(state, slot);
    }
    /* After the inits: a service that waits for its init drops everything else. */
    for (uint32_t i = 0; i < SERVICE_SLOTS; i++) {
        struct rs_slot *slot = &state->slot[i];

        if ((slot->flags & RS_ACTIVE) == 0)
            continue;
        rs_publish_row(state, slot);
        rs_announce(state, slot, salvage->outbox);
        if ((slot->flags & RS_INITIALIZING) == 0)
            rs_replica_keep(state, slot, salvage->outbox);
    }
}

/* Its request was taken by the dead RS. Services and the coroner ask again; VM's case is standby.c's. True: a request is lost. */
static bool answer(struct salvage *salvage, const struct process_info *process)
{
    struct message error = { .type = RS_PROTOCOL << 16 | MESSAGE_REPLY, .status = -ESRVRESTART };
    struct rs_slot *service = rs_find_endpoint(salvage->state, process->endpoint);

    if (!waits_for_rs(process) || (process->misc_flags & PROCESS_IN_SENDREC) == 0 || process->endpoint == ENDPOINT_VM)
        return false;
    if (service != NULL)
        service->flags |= RS_ASKS_AGAIN;
    (void)ipc_sendnb(process->endpoint, &error);
    return process->slot >= SERVICE_SLOTS && !(salvage->state->coroner.is_there && process->endpoint == salvage->state->coroner.reader);
}

static void answer_all(struct salvage *salvage)
{
    struct process_info process[LIST_ROOM];
    uint32_t count, requests = 0;

    for (uint64_t slot = 0; (count = rs_list_processes(slot, process, LIST_ROOM)) > 0; slot = process[count - 1].slot + 1ull) {
        for (uint32_t i = 0; i < count; i++)
            requests += answer(salvage, &process[i]);
    }
    if (requests != 0)
        note_lost(salvage, "%u requests", requests);
}

static void tell_what_is_lost(struct salvage *salvage)
{
    if (salvage->without_record != 0)
        note_lost(salvage, "the counters of %u services", salvage->without_record);
    log_info("rs is back with a derived state (restart %u); lost: %s", salvage->state->slot[ENDPOINT_RS].restarts,
             salvage->lost[0] != '\0' ? salvage->lost : "nothing");
}

int rs_salvage(struct rs_state *state, uint32_t signo)
{
    const struct rs_taking *taking = rs_how_taken();
    struct salvage salvage = { .state = state, .outbox = outbox_default(), .dead = taking->dead };
    char problem[RS_PROBLEM_BYTES];
    int result;

    rs_trust_less();
    if (taking->trust == RS_TRUST_NOTHING)
        salvage.dead = ENDPOINT_NONE;
    result = rs_read_boot_image(state, problem);
    if (result != 0) {
        log_error("%s", problem);
        return result;
    }
    salvage.process = rs_ask_kernel();
    if (salvage.process == NULL)
        return -EGENERIC;
    state->boot_step = RS_BOOT_DONE;
    fetch(&salvage, state->space, salvage.space, sizeof(salvage.space));
    keep_rest(&salvage);
    adopt_boot_services(&salvage);
    adopt_later_services(&salvage);
    rs_standby_find(state, salvage.process);
    give_up_others(&salvage);
    result = rs_settle(state, signo);
    if (result != 0)
        return result;
    go_on(&salvage);
    answer_all(&salvage);
    if (!rs_has_successor(state))
        rs_make_spares(state);
    rs_note_succession(state, signo);
    tell_what_is_lost(&salvage);
    return 0;
}
