/* SPDX-License-Identifier: MIT */
/*
 * Read-only tables (getinfo), who am I, times, alarm.
 */
#include "base/string.h"
#include "calls/calls.h"
#include "debug/debug.h"
#include "errors.h"
#include "ipc/ipc.h"
#include "protocols/kernel.h"
#include "sched/sched.h"
#include "time/alarm.h"

/* A whole table, cut to the caller's room. */
static int give(struct thread *caller, const struct kernel_getinfo_request *r, struct kernel_getinfo_reply *answer, const void *table,
                uint64_t bytes)
{
    answer->length_bytes = bytes;
    return call_write(caller, r->address, table, bytes < r->length ? bytes : r->length);
}

static void describe(const struct thread *t, struct process_info *info)
{
    *info = (struct process_info){
        .endpoint = t->endpoint,
        .slot = t->slot,
        .rts_flags = t->rts_flags,
        .misc_flags = t->misc_flags,
        .waits_for = t->rts_flags & RTS_SENDING     ? t->send_to
                     : t->rts_flags & RTS_RECEIVING ? t->receive_from
                                                    : ENDPOINT_NONE,
        .priority = t->priority,
        .space = t->space,
        .cpu = t->cpu,
        .tid = t->tid,
        .tgid = t->tgid,
        .user_ns = cycles_to_ns(t->user_cycles),
        .system_ns = cycles_to_ns(t->system_cycles),
        .messages_sent = t->messages_sent,
        .kernel_calls = t->kernel_calls,
        .signals = t->pending_signals,
        .fault_address = t->fault_address,
        .fault_error = t->fault_error,
        .fault_code = t->fault_code,
        .fault_trap = (uint32_t)t->fault_trap,
    };
    memcpy(info->name, t->name, sizeof(info->name));
}

/* From the slot `argument` on, for who has not room for all. */
static int give_processes(struct thread *caller, const struct kernel_getinfo_request *r, struct kernel_getinfo_reply *answer)
{
    struct process_info info;
    uint64_t done = 0;

    for (uint64_t slot = r->argument; slot < PROCESS_SLOTS; slot++) {
        if (threads[slot].rts_flags & RTS_SLOT_FREE)
            continue;
        describe(&threads[slot], &info);
        if (done + sizeof(info) <= r->length) {
            int error = call_write(caller, r->address + done, &info, sizeof(info));
            if (error)
                return error;
        }
        done += sizeof(info);
    }
    answer->length_bytes = done;
    return 0;
}

/* Which frames are the kernel's, a bit each; as many as there is room for. */
static int give_frames(struct thread *caller, const struct kernel_getinfo_request *r, struct kernel_getinfo_reply *answer)
{
    enum { PIECE = 512, FRAMES_MAX = 1 << 17 };
    uint8_t bits[PIECE];
    uint64_t room = r->length < FRAMES_MAX / 8 ? r->length : FRAMES_MAX / 8, frame = r->argument;
    int error = 0;

    while (answer->length_bytes < room && !error) {
        uint64_t part = room - answer->length_bytes < PIECE ? room - answer->length_bytes : PIECE;
        for (uint64_t i = 0; i < part; i++, frame += 8)
            bits[i] = frames_of_kernel(frame);
        error = call_write(caller, r->address + answer->length_bytes, bits, part);
        answer->length_bytes += part;
    }
    return error;
}

static int give_spaces(struct thread *caller, const struct kernel_getinfo_request *r, struct kernel_getinfo_reply *answer)
{
    enum { PIECE = 128 };
    uint32_t list[PIECE];
    int error = 0;

    _Static_assert(PROCESS_SLOTS % PIECE == 0, "whole pieces");
    for (uint32_t slot = 0; slot < PROCESS_SLOTS && answer->length_bytes + sizeof(list) <= r->length && !error; slot += PIECE) {
        for (uint32_t i = 0; i < PIECE; i++)
            list[i] = threads[slot + i].rts_flags & RTS_SLOT_FREE ? UINT32_MAX : threads[slot + i].space;
        error = call_write(caller, r->address + answer->length_bytes, list, sizeof(list));
        answer->length_bytes += sizeof(list);
    }
    return error;
}

static uint64_t user_cycles(const struct cpu_state *cpu)
{
    return cpu->stamp - cpu->started - cpu->system_cycles - cpu->idle_cycles;
}

static int give_times(struct thread *caller, const struct kernel_getinfo_request *r, struct kernel_getinfo_reply *answer)
{
    static struct times_info info;

    info.uptime_ns = time_uptime_ns();
    info.boot_realtime_ns = machine_info.boot_realtime_ns;
    info.realtime_offset_ns = realtime_offset_ns;
    info.processes_created = times_created;
    info.cpu_count = cpu_count();
    info.running = 0;
    for (uint32_t c = 0; c < cpu_count() && c < CPU_MAX; c++) {
        const struct cpu_state *cpu = &cpus[c];
        uint64_t idle = cpu->idle_cycles;
        if (idle_cpus >> c & 1)
            idle += time_cycles() - cpu->stamp;
        info.cpu[c] = (struct cpu_times){
            cycles_to_ns(user_cycles(cpu)), cycles_to_ns(cpu->system_cycles), cycles_to_ns(idle), cpu->interrupts, cpu->context_switches,
            cpu_space_switches(c)
        };
        info.running += cpu->load + (cpu->current != NULL);
    }
    return give(caller, r, answer, &info, sizeof(info));
}

static int give_log(struct thread *caller, const struct kernel_getinfo_request *r, struct kernel_getinfo_reply *answer)
{
    uint64_t position = r->argument, done = 0;

    while (done < r->length) {
        size_t length;
        const char *piece = log_piece(&position, &length);
        length = length < r->length - done ? length : r->length - done;
        int error = length ? call_write(caller, r->address + done, piece, length) : 0;
        if (error)
            return error;
        if (!length)
            break;
        done += length;
        position += length;
    }
    answer->length_bytes = done;
    answer->position = position;
    return 0;
}

static int give_counters(struct thread *caller, const struct kernel_getinfo_request *r, struct kernel_getinfo_reply *answer)
{
    static struct counters_info info;

    info.linux_enosys = linux_enosys_count;
    memcpy(info.linux_enosys_by_number, linux_enosys_by_number, sizeof(info.linux_enosys_by_number));
    info.messages = messages_of_the_dead;
    for (uint32_t slot = 0; slot < PROCESS_SLOTS; slot++)
        info.messages += threads[slot].messages_sent;
    info.kernel_calls = kernel_call_count;
    info.page_faults = page_fault_count;
    space_tables_count(&info.table_frames_total, &info.table_frames_free);
    info.log_bytes = log_position();
    return give(caller, r, answer, &info, sizeof(info));
}

CALL_HANDLER(getinfo)
{
    struct kernel_getinfo_request r;
    struct kernel_getinfo_reply answer = { 0 };
    int error;

    kernel_getinfo_request_get(request, &r);
    switch (r.what) {
    case KERNEL_INFO_BOOT:
        error = give(caller, &r, &answer, &boot_info, sizeof(boot_info));
        break;
    case KERNEL_INFO_MACHINE:
        error = give(caller, &r, &answer, &machine_info, sizeof(machine_info));
        break;
    case KERNEL_INFO_IMAGE:
        error = give(caller, &r, &answer, boot_info.process, boot_info.process_count * sizeof(boot_info.process[0]));
        break;
    case KERNEL_INFO_PROCESSES:
        error = give_processes(caller, &r, &answer);
        break;
    case KERNEL_INFO_TIMES:
        error = give_times(caller, &r, &answer);
        break;
    case KERNEL_INFO_LOG:
        error = give_log(caller, &r, &answer);
        break;
    case KERNEL_INFO_COUNTERS:
        error = give_counters(caller, &r, &answer);
        break;
    case KERNEL_INFO_FRAMES:
        error = give_frames(caller, &r, &answer);
        break;
    case KERNEL_INFO_SPACES:
        error = give_spaces(caller, &r, &answer);
        break;
    default:
        return -EINVAL;
    }
    if (!error)
        kernel_getinfo_reply_put(reply, &answer);
    return error;
}

CALL_HANDLER(whoami)
{
    struct kernel_whoami_reply answer = { .process = caller->endpoint, .flags = thread_privilege(caller)->p.flags };
    (void)request;

    string_copy(answer.name, sizeof(answer.name), caller->name);
    kernel_whoami_reply_put(reply, &answer);
    return 0;
}

CALL_HANDLER(times)
{
    struct kernel_times_request r;
    struct kernel_times_reply answer = { .uptime_ns = time_uptime_ns(), .realtime_offset_ns = realtime_offset_ns };
    uint64_t user = 0, system = 0;

    kernel_times_request_get(request, &r);
    const struct thread *t = call_process(caller, r.process);
    if (!t && r.process != ENDPOINT_ANY)
        return -EINVAL;
    if (t) {
        user = t->user_cycles;
        system = t->system_cycles;
        answer.waits = (t->rts_flags & (RTS_SENDING | RTS_RECEIVING)) != 0;
    }
    for (uint32_t c = 0; !t && c < cpu_count(); c++) {
        user += user_cycles(&cpus[c]);
        system += cpus[c].system_cycles;
    }
    answer.user_ns = cycles_to_ns(user);
    answer.system_ns = cycles_to_ns(system);
    kernel_times_reply_put(reply, &answer);
    return 0;
}

CALL_HANDLER(setalarm)
{
    struct kernel_setalarm_request r;
    struct kernel_setalarm_reply answer = { .uptime_ns = time_uptime_ns() };

    kernel_setalarm_request_get(request, &r);
    if (!thread_is_service(caller))
        return -EPERM;
    if (caller->alarm_ns > answer.uptime_ns)
        answer.left_ns = caller->alarm_ns - answer.uptime_ns;
    alarm_set(caller, r.deadline_ns);
    kernel_setalarm_reply_put(reply, &answer);
    return 0;
}

CALL_HANDLER(settime)
{
    struct kernel_settime_request r;
    (void)caller;
    (void)reply;

    kernel_settime_request_get(request, &r);
    realtime_offset_ns = r.realtime_offset_ns;
    time_page_set_offset(realtime_offset_ns);
    return 0;
}
