/* SPDX-License-Identifier: MIT */
/*
 * Linux system calls: routing to the server that owns the number (abi/linux/syscalls.tbl), and the few that the kernel answers itself.
 */
#include "base/string.h"
#include "debug/debug.h"
#include "debug/trace.h"
#include "errors.h"
#include "ipc/ipc.h"
#include "ipc/linux_abi.h"
#include "ipc/public.h"
#include "linux_route.h"
#include "process/event.h"
#include "sched/sched.h"
#include "time/alarm.h"

#include "linux_route.c"

uint64_t linux_enosys_count;
uint64_t linux_enosys_by_number[512];

static const endpoint_t route_owner[] = { [ROUTE_NONE] = ENDPOINT_NONE, [ROUTE_KERNEL] = ENDPOINT_NONE, [ROUTE_PM] = ENDPOINT_PM,
                                          [ROUTE_VFS] = ENDPOINT_VFS,   [ROUTE_VM] = ENDPOINT_VM,       [ROUTE_INET] = ENDPOINT_NONE };

enum { ARCH_SET_GS = 0x1001, ARCH_SET_FS, ARCH_GET_FS, ARCH_GET_GS };
enum linux_clock {
    CLOCK_REALTIME_ID,
    CLOCK_MONOTONIC_ID,
    CLOCK_PROCESS_ID,
    CLOCK_THREAD_ID,
    CLOCK_RAW_ID,
    CLOCK_REALTIME_COARSE_ID,
    CLOCK_MONOTONIC_COARSE_ID,
    CLOCK_BOOTTIME_ID
};
enum { NS_PER_SECOND = 1000000000 };

/* The result in rax, or an event is out and the trap will be repeated. */
static void finish(struct thread *t, int64_t result)
{
    t->frame.rax = (uint64_t)result;
}

/* Write to the caller's memory and finish with 0; absent memory: ask VM, then repeat. */
static void finish_with(struct thread *t, uint64_t address, const void *data, uint64_t length)
{
    struct copy_fault fault;

    if (!address)
        return finish(t, 0);
    if (address >> USER_ADDRESS_BITS)
        return finish(t, -EFAULT);
    if (!copy_spaces(SPACE_NONE, (uint64_t)data, t->space, address, length, &fault))
        return finish(t, 0);
    if (!event_memory(t, WAIT_TRAP_MEMORY, t->endpoint, &fault, length))
        finish(t, -EFAULT);
}

static void answer_arch_prctl(struct thread *t, uint64_t code, uint64_t address)
{
    bool is_bad = address >> USER_ADDRESS_BITS;

    switch (code) {
    case ARCH_SET_FS:
        t->fs_base = is_bad ? t->fs_base : address;
        return finish(t, is_bad ? -EPERM : 0);
    case ARCH_SET_GS:
        t->gs_base = is_bad ? t->gs_base : address;
        return finish(t, is_bad ? -EPERM : 0);
    case ARCH_GET_FS:
        return finish_with(t, address, &t->fs_base, sizeof(t->fs_base));
    case ARCH_GET_GS:
        return finish_with(t, address, &t->gs_base, sizeof(t->gs_base));
    default:
        return finish(t, -EINVAL);
    }
}

static uint64_t program_cycles(const struct thread *t)
{
    uint64_t cycles = 0;

    for (uint32_t slot = SERVICE_SLOTS; slot < PROCESS_SLOTS; slot++)
        if (threads[slot].tgid == t->tgid && !(threads[slot].rts_flags & RTS_SLOT_FREE))
            cycles += threads[slot].user_cycles + threads[slot].system_cycles;
    return cycles;
}

static bool read_clock(const struct thread *t, uint64_t clock, uint64_t *ns)
{
    switch ((uint32_t)clock) {
    case CLOCK_REALTIME_ID:
    case CLOCK_REALTIME_COARSE_ID:
        *ns = time_uptime_ns() + realtime_offset_ns;
        return true;
    case CLOCK_MONOTONIC_ID:
    case CLOCK_RAW_ID:
    case CLOCK_MONOTONIC_COARSE_ID:
    case CLOCK_BOOTTIME_ID:
        *ns = time_uptime_ns();
        return true;
    case CLOCK_PROCESS_ID:
        *ns = cycles_to_ns(program_cycles(t));
        return true;
    case CLOCK_THREAD_ID:
        *ns = cycles_to_ns(t->user_cycles + t->system_cycles);
        return true;
    default:
        return false;
    }
}

static void answer_clock(struct thread *t, bool wants_resolution, uint64_t clock, uint64_t address)
{
    uint64_t ns;

    if (!read_clock(t, clock, &ns))
        return finish(t, -EINVAL);
    if (wants_resolution)
        ns = 1;
    else if (!address)
        return finish(t, -EFAULT);
    uint64_t time[2] = { ns / NS_PER_SECOND, ns % NS_PER_SECOND };
    finish_with(t, address, time, sizeof(time));
}

static void answer_gettimeofday(struct thread *t, uint64_t address)
{
    uint64_t ns = time_uptime_ns() + realtime_offset_ns;
    uint64_t time[2] = { ns / NS_PER_SECOND, ns % NS_PER_SECOND / 1000 };

    finish_with(t, address, time, sizeof(time));
}

static void answer_time(struct thread *t, uint64_t address)
{
    uint64_t seconds = (time_uptime_ns() + realtime_offset_ns) / NS_PER_SECOND;

    finish_with(t, address, &seconds, sizeof(seconds));
    if (!(t->misc_flags & MF_EVENT) && !t->frame.rax)
        finish(t, (int64_t)seconds);
}

static void answer_getcpu(struct thread *t, uint64_t cpu_address, uint64_t node_address)
{
    uint32_t cpu = cpu_current(), node = 0;

    finish_with(t, cpu_address, &cpu, sizeof(cpu));
    if (!(t->misc_flags & MF_EVENT) && !t->frame.rax)
        finish_with(t, node_address, &node, sizeof(node));
}

static void answer(struct thread *t, uint64_t number)
{
    const struct trap_frame *f = &t->frame;

    switch (number) {
    case LINUX_SYS_getpid:
        return finish(t, t->tgid);
    case LINUX_SYS_gettid:
        return finish(t, t->tid);
    case LINUX_SYS_sched_yield:
        sched_yield(t);
        return finish(t, 0);
    case LINUX_SYS_arch_prctl:
        return answer_arch_prctl(t, f->rdi, f->rsi);
    case LINUX_SYS_clock_gettime:
        return answer_clock(t, false, f->rdi, f->rsi);
    case LINUX_SYS_clock_getres:
        return answer_clock(t, true, f->rdi, f->rsi);
    case LINUX_SYS_gettimeofday:
        return answer_gettimeofday(t, f->rdi);
    case LINUX_SYS_time:
        return answer_time(t, f->rdi);
    case LINUX_SYS_getcpu:
        return answer_getcpu(t, f->rdi, f->rsi);
    default:
        return finish(t, -ENOSYS);
    }
}

/* write() of a service: what its C library prints goes to the log. */
static void write_log(struct thread *t)
{
    struct copy_fault fault;
    char text[256];
    uint64_t length = t->frame.rdx < sizeof(text) ? t->frame.rdx : sizeof(text);

    if (t->frame.rsi >> USER_ADDRESS_BITS || copy_spaces(t->space, t->frame.rsi, SPACE_NONE, (uint64_t)text, length, &fault))
        return finish(t, -EFAULT);
    log_text(text, length);
    finish(t, (int64_t)length);
}

static struct thread *refuse(struct thread *t, uint64_t number)
{
    linux_enosys_count++;
    if (number < sizeof(linux_enosys_by_number) / sizeof(linux_enosys_by_number[0]))
        linux_enosys_by_number[number]++;
    finish(t, -ENOSYS);
    return NULL;
}

struct thread *linux_prepare(struct thread *t, uint64_t number)
{
    uint8_t route = number < LINUX_SYSCALL_COUNT ? linux_route[number] : ROUTE_NONE;
    const struct trap_frame *f = &t->frame;

    if (trace_is_on)
        trace_call(t, number);
    if (route == ROUTE_KERNEL) {
        answer(t, number);
        return NULL;
    }
    if (number == LINUX_SYS_write && thread_is_service(t) && f->rdi - 1 < 2) {
        write_log(t);
        return NULL;
    }
    if (route == ROUTE_PM && public_calls[number] && public_answer(t, number))
        return NULL;
    struct thread *owner = thread_find(route_owner[route]);
    if (!owner || owner == t)
        return refuse(t, number);
    t->request = (struct message){ .source = t->endpoint,
                                   .type = (uint32_t)(PROTOCOL_LINUX << 16 | number),
                                   .transaction = ++t->transaction,
                                   .word = { f->rdi, f->rsi, f->rdx, f->r10, f->r8, f->r9 } };
    return owner;
}

void linux_call(struct thread *t, struct thread *owner)
{
    t->misc_flags |= MF_LINUX_CALL;
    if (!ipc_send_request(t, owner, SEND_FROM_KERNEL))
        return;
    t->misc_flags &= ~MF_LINUX_CALL;
    finish(t, -ENOSYS);
}
