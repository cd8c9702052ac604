/* SPDX-License-Identifier: MIT */
/*
 * Traps of user code: page faults go to VM, everything else becomes the signal that Linux would send.
 */
#include "arch/x86_64/arch.h"
#include "ipc/ipc.h"
#include "process/event.h"
#include "process/signal.h"
#include "sched/sched.h"

uint64_t page_fault_count;

void handle_page_fault(struct thread *t, uint64_t address, uint64_t error)
{
    struct cpu_state *cpu = kernel_enter(t);
    page_fault_count++;
    t->fault_address = address;
    t->fault_error = error;
    t->fault_trap = t->frame.vector;
    trap_page_fault(cpu, t, address, error);
    if (!event_page_fault(t))
        signal_exception(t, SIGNAL_SEGV, CODE_MAPERR, address);
}

struct exception_signal {
    uint8_t signo;
    uint8_t code;
};

/* By vector; Linux: arch/x86 traps as signal(7) and sigaction(2) describe them. */
static const struct exception_signal exception_signals[32] = {
    [0] = { SIGNAL_FPE, CODE_INTDIV },  [1] = { SIGNAL_TRAP, CODE_TRAP },   [3] = { SIGNAL_TRAP, CODE_KERNEL },
    [4] = { SIGNAL_SEGV, CODE_KERNEL }, [5] = { SIGNAL_SEGV, CODE_KERNEL }, [6] = { SIGNAL_ILL, CODE_ILLOPN },
    [11] = { SIGNAL_BUS, CODE_KERNEL }, [12] = { SIGNAL_BUS, CODE_KERNEL }, [13] = { SIGNAL_SEGV, CODE_KERNEL },
    [16] = { SIGNAL_FPE, 6 },           [17] = { SIGNAL_BUS, 1 },           [19] = { SIGNAL_FPE, 6 },
};

void handle_exception(struct thread *t, uint32_t vector, uint64_t error)
{
    struct exception_signal s = vector < 32 ? exception_signals[vector] : (struct exception_signal){ 0 };

    kernel_enter(t);
    t->fault_error = error;
    t->fault_trap = vector;
    /* #DE, #UD and #DB report the instruction. */
    uint64_t address = vector == 0 || vector == 1 || vector == 6 || vector == 16 || vector == 19 ? t->frame.rip : 0;
    signal_exception(t, s.signo ? s.signo : SIGNAL_SEGV, s.signo ? s.code : CODE_KERNEL, address);
}
