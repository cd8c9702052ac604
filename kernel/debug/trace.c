/* SPDX-License-Identifier: MIT */
/*
 * Linux calls in the log: a line when a call comes in and one when its answer reaches rax.
 */
#include "debug/trace.h"

#include "arch/x86_64/arch.h"
#include "base/string.h"
#include "debug/debug.h"
#include "linux_syscall_names.h"

#include "linux_syscall_names.c"

bool trace_is_on;

void trace_init(void)
{
    trace_is_on = strstr(boot_info.command_line, "trace=linux") != NULL;
}

void trace_call(const struct thread *t, uint64_t number)
{
    const struct trap_frame *f = &t->frame;
    log_printf("%s[%u] %s(%lx, %lx, %lx, %lx)\n", t->name, t->tid, linux_syscall_name((uint32_t)number), f->rdi, f->rsi, f->rdx, f->r10);
}

void trace_result(const struct thread *t, int64_t result)
{
    log_printf("%s[%u] %s = %ld\n", t->name, t->tid, linux_syscall_name((uint32_t)t->frame.orig_rax), result);
}
