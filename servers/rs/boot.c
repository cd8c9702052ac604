/* SPDX-License-Identifier: MIT */
/*
 * The four steps of the boot (behaviour.md RS-5 to RS-10): slots and privileges of all boot services; DS runs first; then all others; when all
 * are ready the machine is up. RS never waits: each step goes on when an init_ready arrives. What the boot image says is read once more when the state
 * must be derived (salvage.c).
 */
#include <stdarg.h>

#include "base/cpio.h"
#include "base/format.h"
#include "base/string.h"
#include "errors.h"
#include "protocols/kernel_client.h"
#include "protocols/service.h"
#include "protocols/vm_client.h"
#include "state.h"
#include "sys/grant.h"
#include "sys/log.h"
#include "sys/service.h"
#include "sys/syscalls.h"

static struct boot_info boot_info SERVICE_DERIVED;
static struct manifest manifest SERVICE_DERIVED; /* scratch of read_manifests */

/* RS-3: the boot parameter rs_verbose=1 shows the steps of the boot. */
#define verbose(state, ...) ((state)->verbose ? log_info(__VA_ARGS__) : (void)0)

/* Address of the archive here. */
static int map(uint64_t *address)
{
    uint64_t offset = boot_info.archive_base & (RS_PAGE_BYTES - 1);
    uint64_t length = (offset + boot_info.archive_length + RS_PAGE_BYTES - 1) & ~(uint64_t)(RS_PAGE_BYTES - 1);
    struct vm_map_physical_request request = { .physical = boot_info.archive_base - offset, .length = length };
    struct kernel_privctl_request right = {
        .process = ENDPOINT_RS,
        .request = KERNEL_PRIVILEGE_REQUEST_ADD_MEM,
        .base = request.physical,
        .length = length,
    };
    struct vm_map_physical_reply reply;
    int result = kernel_call_privctl(ENDPOINT_SYSTEM, &right);

    if (result == 0)
        result = vm_call_map_physical(ENDPOINT_VM, &request, &reply);
    if (result == 0)
        *address = reply.address + offset;
    return result;
}

int rs_map_archive(struct rs_state *state)
{
    uint64_t before = state->archive;
    int result = sys_getinfo(KERNEL_INFO_BOOT, &boot_info, sizeof(boot_info), NULL);

    if (result == 0)
        result = map(&state->archive);
    if (result != 0)
        return result;
    for (uint32_t i = 0; before != 0 && i < SERVICE_SLOTS; i++) {
        if (state->slot[i].image >= before && state->slot[i].image < before + state->archive_length)
            state->slot[i].image += state->archive - before;
    }
    for (uint32_t i = 0; before != 0 && i < RS_KEPT; i++) {
        if (state->kept[i].image >= before && state->kept[i].image < before + state->archive_length)
            state->kept[i].image += state->archive - before;
    }
    if (before != 0)
        state->manifests += state->archive - before;
    rs_standby_can_renew();
    state->archive_length = boot_info.archive_length;
    state->archive_physical = boot_info.archive_base;
    return 0;
}

static __attribute__((format(printf, 2, 3))) int refuse(char problem[RS_PROBLEM_BYTES], const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    format_list(problem, RS_PROBLEM_BYTES, format, arguments);
    va_end(arguments);
    return -EINVAL;
}

static int find_manifests(struct rs_state *state)
{
    const uint8_t *archive = (const uint8_t *)(uintptr_t)state->archive;
    struct cpio_entry entry;
    size_t offset = 0;

    while (cpio_next(archive, state->archive_length, &offset, &entry) == 1) {
        if (strcmp(entry.name, "boot/system.conf") == 0) {
            state->manifests = (uint64_t)(uintptr_t)entry.data;
            state->manifests_length = entry.data_length;
            return 0;
        }
    }
    return -ENOENT;
}

/* Step 1a: the table. A boot process gets its slot; what it may do is said later, by its manifest. */
static void add_slot(struct rs_state *state, const struct boot_process *process)
{
    struct rs_slot *slot;

    slot = &state->slot[process->endpoint];
    slot->flags = RS_IN_USE | RS_ACTIVE;
    slot->endpoint = process->endpoint;
    slot->image = state->archive + process->image_offset;
    slot->image_length = process->image_length;
    format_string(slot->command, sizeof(slot->command), "/service/%s", process->name);
    state->space[process->endpoint] = process->space;
}

static struct rs_slot *slot_of_process(struct rs_state *state, const char *label)
{
    for (uint32_t i = 0; i < boot_info.process_count; i++) {
        if (strcmp(boot_info.process[i].name, label) == 0)
            return &state->slot[boot_info.process[i].endpoint];
    }
    return NULL;
}

/* Step 1a, continued. RS-5, RS-12: every boot process has one manifest, and every core service is a boot process. */
static int read_manifests(struct rs_state *state, char problem[RS_PROBLEM_BYTES])
{
    const char *text = (const char *)(uintptr_t)state->manifests;
    char error[MANIFEST_ERROR_BYTES];
    size_t at = 0;
    int result;

    while ((result = manifest_read_next(text, state->manifests_length, &at, &manifest, error)) == 0) {
        struct rs_slot *slot = slot_of_process(state, manifest.label);

        if (slot == NULL && (manifest.sys_flags & RS_SYS_CORE) != 0)
            return refuse(problem, "the boot image has no service %s, without which there is no system", manifest.label);
        if (slot == NULL)
            continue;
        if (slot->manifest.label[0] != '\0')
            return refuse(problem, "system.conf has two entries for %s", manifest.label);
        slot->manifest = manifest;
    }
    if (result != -ESRCH)
        return refuse(problem, "system.conf:%s", error);
    for (uint32_t i = 0; i < boot_info.process_count; i++) {
        const struct rs_slot *slot = slot_of_process(state, boot_info.process[i].name);

        if (slot->manifest.label[0] == '\0')
            return refuse(problem, "system.conf has no entry for the boot service %s", boot_info.process[i].name);
        if (rs_check_manifest(state, &slot->manifest, error) != 0)
            return refuse(problem, "system.conf, %s:%s", slot->manifest.label, error);
    }
    return 0;
}

/* Step 1b: privileges; the masks need all slots. RS and VM have theirs from the kernel, but not their priority: whoever loops must not keep RS from
 * its clock. */
static void prepare_slot(struct rs_state *state, struct rs_slot *slot)
{
    int result;

    if (slot->endpoint == ENDPOINT_RS || slot->endpoint == ENDPOINT_VM) {
        result = rs_schedule(&slot->manifest, slot->endpoint);
        if (result != 0)
            service_panic("priority of %s: error %d", slot->manifest.label, result);
        return;
    }
    result = rs_prepare(state, &slot->manifest, slot->endpoint, 0);
    if (result == 0)
        result = rs_set_vm_mask(&slot->manifest, rs_index(state, slot));
    if (result != 0)
        service_panic("privileges of %s: error %d", slot->manifest.label, result);
    verbose(state, "%s has its privileges", slot->manifest.label);
}

static void run(struct rs_state *state, struct rs_slot *slot, struct outbox *outbox)
{
    slot->boot_ready = 0;
    state->boot_waiting++;
    verbose(state, "%s runs", slot->manifest.label);
    rs_send_init(state, slot, SERVICE_INIT_TYPE_FRESH, ENDPOINT_NONE, outbox);
}

static bool runs_already(const struct rs_slot *slot)
{
    return slot->endpoint == ENDPOINT_RS || slot->endpoint == ENDPOINT_VM;
}

static bool is_synchronous(const struct rs_slot *slot)
{
    return (slot->manifest.sys_flags & RS_SYS_SYNCH_BOOT) != 0;
}

/* Step 3: the rest. */
static void run_others(struct rs_state *state, struct outbox *outbox)
{
    state->boot_step = RS_BOOT_OTHERS;
    for (uint32_t i = 0; i < RS_FIRST_DYNAMIC; i++) {
        struct rs_slot *slot = &state->slot[i];

        if ((slot->flags & RS_ACTIVE) != 0 && !runs_already(slot) && !is_synchronous(slot))
            run(state, slot, outbox);
    }
    /* After the inits: a service that waits for its init drops everything else. */
    for (uint32_t i = 0; i < RS_FIRST_DYNAMIC; i++) {
        struct rs_slot *slot = &state->slot[i];

        if ((slot->flags & RS_ACTIVE) != 0)
            rs_announce(state, slot, outbox);
    }
}

/* Step 2: the services for which everybody waits, one after the other (RS-7). */
static void run_synchronous(struct rs_state *state, struct outbox *outbox)
{
    for (uint32_t i = 0; i < RS_FIRST_DYNAMIC; i++) {
        struct rs_slot *slot = &state->slot[i];

        if ((slot->flags & RS_ACTIVE) != 0 && !runs_already(slot) && is_synchronous(slot) && slot->boot_ready == 0) {
            run(state, slot, outbox);
            return;
        }
    }
    run_others(state, outbox);
}

static void finish(struct rs_state *state)
{
    uint32_t count = 0;

    state->boot_step = RS_BOOT_DONE;
    for (uint32_t i = 0; i < RS_FIRST_DYNAMIC; i++)
        count += (state->slot[i].flags & (RS_ACTIVE | RS_INITIALIZING)) == RS_ACTIVE; /* not who has just failed */
    rs_standby_tick(state);
    rs_look_later(state, &state->slot[ENDPOINT_VM]); /* which has no init */
    rs_coroner_expect(state);
    log_info("%u services are ready after %llu ms", count, (unsigned long long)((sys_uptime() - state->boot_started_ns) / 1000000));
}

void rs_boot_ready(struct rs_state *state, struct rs_slot *slot, struct outbox *outbox)
{
    if (state->boot_step == RS_BOOT_DONE || slot->boot_ready != 0)
        return;
    slot->boot_ready = 1;
    state->boot_waiting--;
    verbose(state, "%s is ready", slot->manifest.label);
    if (state->boot_waiting > 0)
        return;
    if (state->boot_step == RS_BOOT_SYNCH)
        run_synchronous(state, outbox);
    else
        finish(state);
}

void rs_reset(struct rs_state *state)
{
    uint64_t image_area = state->image_area; /* where the arena is does not depend on what is in the state */

    memset(state, 0, sizeof(*state));
    state->image_area = image_area;
    for (uint32_t i = 0; i < SERVICE_SLOTS; i++) {
        state->slot[i].other = RS_NO_SLOT;
        state->slot[i].late = RS_NO_SLOT;
        state->slot[i].endpoint = ENDPOINT_NONE;
        state->table[i].endpoint = ENDPOINT_NONE;
    }
}

int rs_read_boot_image(struct rs_state *state, char problem[RS_PROBLEM_BYTES])
{
    int result;

    rs_reset(state);
    state->public_grant = cpf_grant_direct(ENDPOINT_ANY, state->table, sizeof(state->table), GRANT_READ);
    if (state->public_grant < 0)
        return refuse(problem, "grant of the public table: error %d", state->public_grant);
    result = rs_map_archive(state);
    if (result != 0)
        return refuse(problem, "boot archive cannot be mapped: error %d", result);
    state->verbose = strstr(boot_info.command_line, "rs_verbose=1") != NULL;
    if (find_manifests(state) != 0)
        return refuse(problem, "the boot archive has no boot/system.conf");
    for (uint32_t i = 0; i < boot_info.process_count; i++) {
        const struct boot_process *process = &boot_info.process[i];

        if (process->endpoint < 0 || process->endpoint >= RS_FIRST_DYNAMIC)
            return refuse(problem, "boot process %s has endpoint %d", process->name, process->endpoint);
        add_slot(state, process);
    }
    return read_manifests(state, problem);
}

int rs_boot(struct rs_state *state, struct outbox *outbox)
{
    char problem[RS_PROBLEM_BYTES];

    if (rs_read_boot_image(state, problem) != 0)
        service_panic("%s", problem);
    state->boot_started_ns = sys_uptime();
    for (uint32_t i = 0; i < RS_FIRST_DYNAMIC; i++) {
        if ((state->slot[i].flags & RS_ACTIVE) != 0) {
            prepare_slot(state, &state->slot[i]);
            rs_publish_row(state, &state->slot[i]);
        }
    }
    rs_make_spares(state);
    state->boot_step = RS_BOOT_SYNCH;
    run_synchronous(state, outbox);
    return 0;
}
