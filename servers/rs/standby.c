/* SPDX-License-Identifier: MIT */
/*
 * VM's second life (ADR 0013). VM cannot load its own successor, so a second instance waits that has never run. When VM dies the two change places in
 * the kernel and the successor derives its state from what the dead one left (servers/vm/restart.c). As soon as it serves, the dead one becomes
 * the next standby in the memory that it has. If the successor dies before it serves, the dead one takes its place again, untouched, and
 * the successor is made new and tries once more. None of this asks anything of VM, and RS does nothing else meanwhile: it could not.
 */
#include "standby.h"

#include "base/elf.h"
#include "base/string.h"
#include "errors.h"
#include "kernel_info.h"
#include "privilege.h"
#include "protocols/kernel_client.h"
#include "protocols/rs.h"
#include "sys/ipc.h"
#include "sys/log.h"
#include "sys/loop.h"
#include "sys/service.h"
#include "sys/syscalls.h"

#define SERVICE_STACK_TOP 0x3ffff000ull /* servers/vm/layout.h; a service has a stack of its own and never uses this one */

enum {
    ATTEMPTS = 5,
    LOOK_NS = 200000000,      /* while we wait for VM; our standbys wait a second for us, and hear from us each time */
    PATIENCE_NS = 1000000000, /* for a call to VM, from the first alarm on (half a second at most) */
    REPEATS = 12,
    SIGNAL_KILL = 9,
    PIECE = 4096,
};

static const uint64_t start_ns = 3000000000; /* for an instance to derive its state, on a slow and loaded host */

static const uint32_t instance_flags = PRIVILEGE_RST_SYS_PROC | PRIVILEGE_VM_SYS_PROC;

/* ---- instances ---- */

static struct process_info processes[SERVICE_SLOTS] SERVICE_INSTANCE;

bool vm_instance_look(endpoint_t endpoint, struct process_info *info)
{
    memset(processes, 0, sizeof(processes));
    if (sys_getinfo(KERNEL_INFO_PROCESSES, processes, sizeof(processes), NULL) != 0)
        return false;
    for (uint32_t i = 0; i < SERVICE_SLOTS; i++) {
        if (processes[i].endpoint == endpoint && processes[i].name[0] != '\0') {
            *info = processes[i];
            return true;
        }
    }
    return false;
}

bool vm_instance_has_died(void)
{
    struct process_info info;

    return vm_instance_look(ENDPOINT_VM, &info) && (info.rts_flags & PROCESS_SIG_PENDING) != 0;
}

void vm_instance_note_death(struct rs_state *state, int result)
{
    struct rs_slot *vm = &state->slot[ENDPOINT_VM];
    struct kernel_getksig_reply told;
    struct process_info info;

    if (vm->death.cause != RS_CAUSE_NONE)
        return;
    if (result != -EDEADEPT) {
        rs_note_death(vm, RS_CAUSE_INIT, 0, result == -EINTR ? 0 : result);
        return;
    }
    if (!vm_instance_look(ENDPOINT_VM, &info))
        return;
    told = (struct kernel_getksig_reply){
        .code = info.fault_code, .trap = info.fault_trap, .error = info.fault_error, .address = info.fault_address
    };
    sef_keep_details(&told);
    rs_note_signal(vm, info.signals != 0 ? __builtin_ctzll(info.signals) + 1 : SIGNAL_KILL);
}

int vm_instance_swap(endpoint_t other)
{
    struct kernel_update_request update = { .source = other, .destination = ENDPOINT_VM };

    return kernel_call_update(ENDPOINT_SYSTEM, &update);
}

void vm_instance_answer(const struct message *request, int status)
{
    struct message answer = { .type = request->type | MESSAGE_REPLY, .status = status, .transaction = request->transaction };

    (void)ipc_sendnb(ENDPOINT_VM, &answer);
}

int vm_instance_receive(struct rs_state *state, uint32_t type, struct message *message, uint64_t deadline_ns)
{
    int result;

    for (;;) {
        uint64_t look_ns = sys_uptime() + LOOK_NS;

        (void)sys_setalarm(look_ns < deadline_ns ? look_ns : deadline_ns);
        result = ipc_await(ENDPOINT_VM, message);
        if (result == -EINTR)
            rs_is_alive();
        if (result == -EINTR && vm_instance_has_died())
            return -EDEADEPT;
        if (result == -EINTR && sys_uptime() < deadline_ns)
            continue;
        if (result != 0 || message->type == type)
            return result;
        if ((message->type & MESSAGE_REPLY) != 0)
            rs_crash_armed(state, message, NULL, outbox_default());
    }
}

/* VM was let run and has not said yet that it serves: an RS after us has to wait for that too. */
static bool is_starting SERVICE_DERIVED;

int vm_instance_start(struct rs_state *state, uint64_t deadline_ns)
{
    struct rs_init_ready_request ready;
    struct message message;
    int result;

    is_starting = true;
    result = rs_allow(ENDPOINT_VM);
    if (result == 0)
        result = vm_instance_receive(state, RS_INIT_READY, &message, deadline_ns);
    is_starting = false;
    if (result != 0)
        return result;
    rs_init_ready_request_get(&message, &ready);
    if (ready.result != 0)
        rs_explain_init(state, &state->slot[ENDPOINT_VM], ready.problem);
    return ready.result;
}

static struct rs_slot *note_instance(struct rs_state *state, uint32_t index, endpoint_t endpoint)
{
    struct rs_slot *slot = &state->slot[index];

    *slot = (struct rs_slot){ .flags = RS_IN_USE, .endpoint = endpoint, .other = RS_NO_SLOT, .late = RS_NO_SLOT };
    string_copy(slot->manifest.label, sizeof(slot->manifest.label), "vm");
    return slot;
}

struct rs_slot *vm_instance_make(struct rs_state *state, const struct rs_slot *model, uint32_t flags, int *result)
{
    uint32_t index = rs_free_slot(state);
    endpoint_t created;

    *result = index == RS_NO_SLOT
                  ? -ENOMEM
                  : rs_create(state, model, index, flags, (flags & PRIVILEGE_LU_SYS_PROC) != 0 ? RS_PASSES : RS_STAYS, &created);
    return *result == 0 ? note_instance(state, index, created) : NULL;
}

void vm_instance_drop(struct rs_state *state, struct rs_slot *slot)
{
    rs_destroy(slot->endpoint);
    rs_release(state, slot);
}

/* ---- an instance in place ---- */

static bool is_unchanged(endpoint_t process, uint64_t address, const uint8_t *image, uint64_t length)
{
    static uint8_t piece[PIECE] SERVICE_INSTANCE;

    for (uint64_t at = 0; at < length; at += PIECE) {
        uint64_t part = length - at < PIECE ? length - at : PIECE;

        if (sys_copy_from(process, address + at, piece, part) != 0 || memcmp(piece, image + at, part) != 0)
            return false;
    }
    return true;
}

static int reset_memory(endpoint_t process, uint64_t address, const uint8_t *image, const struct elf_program_header *segment)
{
    struct kernel_memset_request zero = { .process = process,
                                          .address = address + segment->file_bytes,
                                          .length = segment->memory_bytes - segment->file_bytes };
    int result = segment->file_bytes == 0 ? 0 : sys_copy_to(process, address, image, segment->file_bytes);

    return result == 0 && zero.length != 0 ? kernel_call_memset(ENDPOINT_SYSTEM, &zero) : result;
}

/* Code and constants must be what they are in the image; data becomes so. */
static int reset_image(endpoint_t process, const struct rs_slot *model, uint64_t *entry)
{
    const uint8_t *image = (const uint8_t *)(uintptr_t)model->image;
    struct elf_program_header segment;
    struct elf_header header;
    int result = 0;

    memcpy(&header, image, sizeof(header));
    *entry = header.entry;
    for (uint32_t i = 0; result == 0 && i < header.program_header_count; i++) {
        memcpy(&segment, image + header.program_headers + i * sizeof(segment), sizeof(segment));
        if (segment.type != ELF_SEGMENT_LOAD)
            continue;
        if ((segment.flags & ELF_SEGMENT_WRITE) != 0)
            result = reset_memory(process, segment.address, image + segment.offset, &segment);
        else if (!is_unchanged(process, segment.address, image + segment.offset, segment.file_bytes))
            result = -ENOEXEC;
    }
    return result;
}

int vm_instance_renew(struct rs_state *state, struct rs_slot *slot)
{
    const struct rs_slot *vm = &state->slot[ENDPOINT_VM];
    struct kernel_clear_request clear = { .process = slot->endpoint };
    struct kernel_create_request create = { .slot = rs_index(state, slot), .space = UINT32_MAX, .name = "vm" };
    struct kernel_exec_request exec = { .stack = SERVICE_STACK_TOP, .name = "vm" };
    struct kernel_create_reply created;
    struct process_info info;
    int result;

    if (!vm_instance_look(slot->endpoint, &info))
        return -ESRCH;
    result = reset_image(slot->endpoint, vm, &exec.entry);
    if (result == 0)
        result = kernel_call_clear(ENDPOINT_SYSTEM, &clear);
    if (result == 0)
        result = kernel_call_create(ENDPOINT_SYSTEM, &create, &created);
    if (result != 0)
        return result;
    slot->endpoint = exec.process = created.process;
    exec.space = info.space;
    result = rs_prepare(state, &vm->manifest, created.process, instance_flags);
    return result == 0 ? kernel_call_exec(ENDPOINT_SYSTEM, &exec) : result;
}

/* ---- the standby ---- */

void rs_standby_find(struct rs_state *state, const struct process_info *process)
{
    uint32_t found = 0;

    for (uint32_t i = RS_FIRST_DYNAMIC; i < SERVICE_SLOTS; i++) {
        bool has_never_run = (process[i].rts_flags & PROCESS_NO_PRIV) != 0;

        if (process[i].endpoint != ENDPOINT_NONE && strncmp(process[i].name, "vm", PROCESS_NAME_BYTES) == 0 &&
            (found == 0 || has_never_run))
            found = i;
    }
    if (found != 0)
        (void)note_instance(state, found, process[found].endpoint);
    state->vm_standby = found;
}

static void make_standby(struct rs_state *state)
{
    int result;
    struct rs_slot *slot = vm_instance_make(state, &state->slot[ENDPOINT_VM], instance_flags, &result);

    if (slot == NULL) {
        log_error("no standby of vm: error %d", result);
        state->vm_settle_ns = rs_deadline(state, RS_TRY_AGAIN_MS);
        return;
    }
    state->vm_standby = rs_index(state, slot);
}

void rs_standby_tick(struct rs_state *state)
{
    if (state->vm_standby != 0 || state->slot[ENDPOINT_VM].image_length == 0)
        return;
    if (state->vm_settle_ns == 0 || rs_is_due(&state->vm_settle_ns, sys_uptime()))
        make_standby(state);
}

/* What was VM a moment ago is the next standby; if its memory is spoilt, a new instance is. */
void rs_standby_renew(struct rs_state *state, struct rs_slot *slot)
{
    int result = vm_instance_renew(state, slot);

    state->vm_standby = rs_index(state, slot);
    if (result == 0)
        return;
    log_warn("the memory of the old vm cannot be used again: error %d", result);
    state->vm_standby = 0;
    vm_instance_drop(state, slot);
    make_standby(state);
}

static bool has_images SERVICE_INSTANCE; /* a new RS cannot reach them at first */

void rs_standby_can_renew(void)
{
    has_images = true;
}

/* An RS that died was in the middle of a replacement or an update of VM: VM waits to be let run, or for its answer. */
static void finish_start(struct rs_state *state, const struct process_info *vm)
{
    const struct message ready = { .type = RS_INIT_READY };
    struct message message;

    if ((vm->rts_flags & PROCESS_NO_PRIV) != 0) {
        (void)vm_instance_start(state, sys_uptime() + start_ns);
    } else if (vm->waits_for != ENDPOINT_RS) {
        if (!is_starting || vm_instance_receive(state, RS_INIT_READY, &message, sys_uptime() + start_ns) != 0)
            return;
    }
    is_starting = false;
    vm_instance_answer(&ready, 0);
}

void rs_standby_recheck(struct rs_state *state, const struct process_info *process)
{
    uint32_t index = state->vm_standby;
    struct rs_slot *slot = &state->slot[index];

    finish_start(state, &process[ENDPOINT_VM]);
    if (index == 0)
        return;
    if (process[index].endpoint == ENDPOINT_NONE) {
        rs_release(state, slot);
        state->vm_standby = 0;
    } else if (process[index].endpoint != slot->endpoint || (process[index].rts_flags & PROCESS_NO_PRIV) == 0) {
        slot->endpoint = process[index].endpoint;
        rs_miss_report(state); /* why it died was known to the RS before us */
        rs_standby_renew(state, slot);
    }
}

static void is_up(struct rs_state *state)
{
    const struct message ready = { .type = RS_INIT_READY };
    struct rs_slot *vm = &state->slot[ENDPOINT_VM];

    vm_instance_answer(&ready, 0);
    vm->flags &= ~(uint32_t)RS_NOPINGREPLY;
    vm->pinged = false;
    vm->restarts++;
    vm->started_ns = sys_uptime();
    rs_look_later(state, vm);
    rs_publish_row(state, vm);
    log_info("vm is back (restart %u)", vm->restarts);
}

/* The successor died, hangs or does not understand what it found. */
static int put_back(struct rs_state *state, struct rs_slot *standby, int why)
{
    int result = 0;

    log_warn("vm: the successor does not take over: error %d", why);
    rs_miss_report(state); /* it will be made new at once */
    if (!vm_instance_has_died())
        (void)sys_kill(ENDPOINT_VM, SIGNAL_KILL);
    result = vm_instance_swap(standby->endpoint);
    if (result == 0 && !has_images)
        result = -EDEADEPT; /* nothing to make another one of */
    return result == 0 ? vm_instance_renew(state, standby) : result;
}

bool rs_standby_takes_over(struct rs_state *state)
{
    struct rs_slot *standby = &state->slot[state->vm_standby];
    int result = -EAGAIN;

    if (state->vm_standby == 0)
        return false;
    for (uint32_t attempt = 0; attempt < ATTEMPTS; attempt++) {
        result = vm_instance_swap(standby->endpoint);
        if (result != 0)
            break;
        result = vm_instance_start(state, sys_uptime() + start_ns);
        if (result == 0)
            break;
        result = put_back(state, standby, result);
        if (result != 0)
            break;
        result = -EAGAIN;
    }
    rs_arm_first(state);
    if (result != 0) {
        log_error("vm cannot be replaced: error %d", result);
        return false;
    }
    is_up(state);
    if (has_images) {
        const struct rs_slot *vm = &state->slot[ENDPOINT_VM];

        rs_bury_vm(state, vm, standby->endpoint, vm->restarts - 1, true);
        rs_standby_renew(state, standby);
    } else {
        state->slot[ENDPOINT_VM].death.cause = RS_CAUSE_NONE; /* rs_standby_recheck counts it */
    }
    rs_set_vm_masks(state);
    return true;
}

/* ---- our own calls ---- */

static struct rs_state *watched SERVICE_INSTANCE;
static uint64_t called_ns SERVICE_INSTANCE;
static bool is_asked_once SERVICE_INSTANCE;

static void stop_machine(void)
{
    struct kernel_abort_request request = { .how = KERNEL_SHUTDOWN_PANIC };

    log_error("vm died: the machine stops");
    (void)kernel_call_abort(ENDPOINT_SYSTEM, &request);
}

/* VM began to serve while we were dead or busy, and waits for our word. */
static bool accept(void)
{
    struct message message;

    if (ipc_await(ENDPOINT_VM, &message) == 0)
        vm_instance_answer(&message, 0);
    return true;
}

/* A call of ours was taken back by the kernel: VM died, or the alarm rang before it answered. True: it is to be made again. */
static bool was_interrupted(endpoint_t destination, int error, uint32_t repeats)
{
    if (destination != ENDPOINT_VM || repeats == REPEATS)
        return false;
    if (error == -ELOCKED)
        return accept();
    if (repeats == 0)
        called_ns = sys_uptime();
    rs_is_alive();
    if (!vm_instance_has_died()) {
        (void)sys_setalarm(sys_uptime() + LOOK_NS);
        if (sys_uptime() - called_ns < PATIENCE_NS)
            return true;
        rs_kill(&watched->slot[ENDPOINT_VM], RS_CAUSE_HEARTBEAT, "does not answer");
    }
    rs_vm_died(watched, outbox_default());
    return !is_asked_once;
}

void rs_standby_ask_once(bool once)
{
    is_asked_once = once;
}

void rs_standby_watch(struct rs_state *state)
{
    watched = state;
    ipc_interrupted = was_interrupted;
}

void rs_vm_died(struct rs_state *state, struct outbox *outbox)
{
    rs_crash_armed(state, NULL, &state->slot[ENDPOINT_VM], outbox);
    vm_instance_note_death(state, -EDEADEPT);
    if (!rs_standby_takes_over(state))
        stop_machine();
}
