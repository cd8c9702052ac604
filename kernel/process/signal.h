/* SPDX-License-Identifier: MIT */
/*
 * Kernel signals (behaviour.md section 12): raising them, and telling the signal manager.
 */
#pragma once

#include "kernel_signals.h"
#include "process/thread.h"

/* Linux numbers, and those that only managers see (abi/kernel_signals.h). */
enum signal_number {
    SIGNAL_ILL = 4,
    SIGNAL_TRAP = 5,
    SIGNAL_ABRT = 6,
    SIGNAL_BUS = 7,
    SIGNAL_FPE = 8,
    SIGNAL_KILL = 9,
    SIGNAL_SEGV = 11,
    SIGNAL_PIPE = 13,
    SIGNAL_KSIGSM = SIGKSIGSM,
    SIGNAL_KSIG = SIGKSIG,
    SIGNAL_COUNT = 64,
};

/* si_code */
enum signal_code { CODE_MAPERR = 1, CODE_ACCERR = 2, CODE_ADRERR = 2, CODE_KERNEL = 0x80, CODE_INTDIV = 1, CODE_ILLOPN = 2, CODE_TRAP = 1 };

/* Mark it pending, stop the target, notify its manager (SIG-2). */
void signal_cause(struct thread *target, int signo);
/* The same for an exception: records what getksig reports. */
void signal_exception(struct thread *target, int signo, int code, uint64_t address);
/* A manager must not wait for a service that waits for it to take its signal, and for none longer than its alarm: such waits end with -EINTR. */
bool signal_waits_for(const struct thread *manager, const struct thread *peer);
void signal_interrupt(struct thread *manager);
/* The signal manager of a thread, or NULL. */
struct thread *signal_manager(const struct thread *thread);

static inline bool signal_is_lethal(int signo)
{
    return signo == SIGNAL_ILL || signo == SIGNAL_BUS || signo == SIGNAL_FPE || signo == SIGNAL_SEGV || signo == SIGNAL_ABRT || signo == 16;
}
