/* SPDX-License-Identifier: MIT */
/*
 * The end of the kernel: cause, registers, backtrace and the table of who waits for whom, then the machine stops. Must not rely on anything
 * that may be broken: it only reads.
 */
#include "arch/x86_64/arch.h"
#include "arch/x86_64/frame.h"
#include "base/format.h"
#include "debug/debug.h"
#include "process/thread.h"
#include "sched/sched.h"

const struct trap_frame *panic_frame;

void log_registers(const struct trap_frame *f)
{
    log_printf("rip %016lx rsp %016lx rflags %08lx cs %lx trap %ld error %lx\n", f->rip, f->rsp, f->rflags, f->cs, f->vector, f->error);
    log_printf("rax %016lx rbx %016lx rcx %016lx rdx %016lx\n", f->rax, f->rbx, f->rcx, f->rdx);
    log_printf("rsi %016lx rdi %016lx rbp %016lx r8  %016lx\n", f->rsi, f->rdi, f->rbp, f->r8);
    log_printf("r9  %016lx r10 %016lx r11 %016lx r12 %016lx\n", f->r9, f->r10, f->r11, f->r12);
    log_printf("r13 %016lx r14 %016lx r15 %016lx orig %ld\n", f->r13, f->r14, f->r15, (long)f->orig_rax);
}

static const char *endpoint_name(endpoint_t endpoint)
{
    const struct thread *thread = thread_find(endpoint);

    if (thread)
        return thread->name;
    switch (endpoint) {
    case ENDPOINT_ANY:
        return "any";
    case ENDPOINT_SYSTEM:
        return "SYSTEM";
    case ENDPOINT_CLOCK:
        return "CLOCK";
    case ENDPOINT_HARDWARE:
        return "HARDWARE";
    case ENDPOINT_NONE:
        return "none";
    default:
        return "?";
    }
}

static void log_wait_line(const struct thread *t)
{
    char text[96];
    const char *how = t->misc_flags & MF_LINUX_CALL ? "linux call" : t->misc_flags & MF_EVENT ? "event" : "message";

    text[0] = 0;
    if (t->rts_flags & RTS_SENDING)
        format_string(text, sizeof(text), "sends %s %x to %s (%d)", how, t->request.type, endpoint_name(t->send_to), t->send_to);
    else if (t->rts_flags & RTS_RECEIVING)
        format_string(text, sizeof(text), "waits for %s %s (%d) %x", how, endpoint_name(t->receive_from), t->receive_from,
                      t->misc_flags & (MF_LINUX_CALL | MF_EVENT) ? t->request.type : 0);
    log_printf("%6d %-15s space %4d prio %2d cpu %d%c flags %5x misc %3x %s\n", t->endpoint, t->name, (int)t->space, t->priority, t->cpu,
               sched_is_running(t) ? '*' : ' ', t->rts_flags, t->misc_flags, text);
}

void log_wait_table(void)
{
    for (uint32_t slot = 0; slot < PROCESS_SLOTS; slot++)
        if (!(threads[slot].rts_flags & RTS_SLOT_FREE) && threads[slot].name[0] != 0) /* before kernel_main all are zero */
            log_wait_line(&threads[slot]);
}

void log_thread(const struct thread *thread)
{
    log_printf("%s (endpoint %d, space %d):\n", thread->name, thread->endpoint, (int)thread->space);
    log_registers(&thread->frame);
    arch_backtrace(thread);
}

void panic(const char *format, ...)
{
    static bool is_nested;
    static char text[256];
    va_list arguments;

    if (is_nested)
        arch_panic_exit();
    is_nested = true;
    va_start(arguments, format);
    format_list(text, sizeof(text), format, arguments);
    va_end(arguments);
    log_printf("\npanic: %s\n", text);
    if (panic_frame)
        log_registers(panic_frame);
    arch_backtrace(NULL);
    const struct thread *thread = current_thread();
    if (thread)
        log_thread(thread);
    log_wait_table();
    arch_panic_exit();
}

void assert_failed(const char *condition, const char *file, int line)
{
    panic("assertion %s failed at %s:%d", condition, file, line);
}
