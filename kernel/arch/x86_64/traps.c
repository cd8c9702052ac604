/* SPDX-License-Identifier: MIT */
/*
 * Interrupts and exceptions after entry.S: to the portable handlers if they come from a program or from idle; from the kernel itself only a fault of a
 * routine in the exception table is allowed, all else is a panic with registers.
 */
#include "internal.h"

#include "kernel/process/thread.h"

enum { TRAP_DEVICE_NOT_AVAILABLE = 7, TRAP_PROTECTION = 13, TRAP_PAGE_FAULT = 14, ERROR_USER = 4 };

struct exception_entry {
    uint64_t from, to, resume;
};
extern const struct exception_entry exception_table_start[], exception_table_end[];

void trap_from_user(struct thread *thread);
void trap_from_kernel(struct trap_frame *frame);
void trap_fatal_report(struct trap_frame *frame);

static void interrupt(uint32_t vector)
{
    if (vector >= VECTOR_DEVICE && vector < VECTOR_DEVICE + DEVICE_LINES) {
        uint32_t line = vector - VECTOR_DEVICE;
        irq_line_disable(line);
        apic_eoi();
        handle_interrupt(line);
    } else if (vector == VECTOR_TIMER) {
        get_cpulocal_var(timer_deadline) = UINT64_MAX;
        apic_eoi();
        handle_timer();
    } else if (vector == VECTOR_RESCHEDULE) {
        apic_eoi();
        handle_reschedule();
    } else {
        log_printf("unexpected interrupt, vector %u\n", vector);
        apic_eoi();
    }
}

/* Registers are in the thread's frame, the lock is held, the stack is empty. */
void trap_from_user(struct thread *thread)
{
    uint32_t vector = (uint32_t)thread->frame.vector;
    if (vector == TRAP_PAGE_FAULT && thread->frame.error & ERROR_USER)
        handle_page_fault(thread, cr2_read(), thread->frame.error);
    else if (vector == TRAP_PAGE_FAULT) /* QEMU 7 reads the stack of a user's far return as the kernel, which SMAP forbids */
        handle_exception(thread, TRAP_PROTECTION, 0);
    else if (vector == TRAP_DEVICE_NOT_AVAILABLE)
        fpu_not_available(thread);
    else if (vector < 32)
        handle_exception(thread, vector, thread->frame.error);
    else
        interrupt(vector);
}

/* Callers let pass whatever is in the lower half; its last page, from USER_TOP on, is never mapped. */
static bool fixed_up(struct trap_frame *frame)
{
    if (frame->vector != TRAP_PAGE_FAULT || cr2_read() >= USER_TOP + PAGE_SIZE)
        return false;
    for (const struct exception_entry *entry = exception_table_start; entry < exception_table_end; entry++)
        if (frame->rip >= entry->from && frame->rip < entry->to) {
            frame->rip = entry->resume;
            return true;
        }
    return false;
}

static void die(const struct trap_frame *frame, const char *what)
{
    panic_frame = frame;
    panic("%s %lu in the kernel at %#lx, error %#lx, address %#lx", what, frame->vector, frame->rip, frame->error, cr2_read());
}

void trap_from_kernel(struct trap_frame *frame)
{
    if (frame->vector < 32) {
        if (!fixed_up(frame))
            die(frame, "exception");
        return;
    }
    if (get_cpulocal_var(current) != NULL)
        die(frame, "interrupt");
    big_lock();
    interrupt((uint32_t)frame->vector);
    schedule_and_resume();
}

void trap_fatal_report(struct trap_frame *frame)
{
    die(frame, frame->vector == 8 ? "double fault" : frame->vector == 2 ? "requested by NMI: trap" : "machine check");
}
