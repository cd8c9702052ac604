/* SPDX-License-Identifier: MIT */
/*
 * Variables of which each processor has its own (behaviour.md section 21). Declare one between the two markers; reach it by
 * get_cpulocal_var(name) for this processor (through GS) or get_cpu_var(cpu, name) for any. Fields in front have offsets known to
 * assembly (layout.h).
 */
#pragma once

#include "kernel_info.h"
#include "layout.h"

#include <stdbool.h>
#include <stdint.h>

struct thread;
struct cpu_state;

/* STALE_REMOTE: another processor changed the loaded space (the stale-TLB bit). STALE_PENDING: this one changed some space and has not flushed yet.
 * STALE_ROOT: the loaded space was destroyed by another processor, its root (held_root) is to be given back. */
enum { STALE_REMOTE = 1, STALE_PENDING = 2, STALE_ROOT = 4 };

#define DECLARE_CPULOCAL(type, name) type name;

struct cpu_local {
    /* CPULOCAL START */
    DECLARE_CPULOCAL(struct cpu_local *, self)
    DECLARE_CPULOCAL(struct thread *, current) /* runs in user mode or is being served; NULL: idle */
    DECLARE_CPULOCAL(uint64_t, stack_top)
    DECLARE_CPULOCAL(uint64_t, user_rsp)             /* scratch of the syscall entry */
    DECLARE_CPULOCAL(volatile uint32_t, in_user)     /* 0 from the first instructions of an entry on */
    DECLARE_CPULOCAL(volatile uint32_t, tlb_request) /* set by another processor, cleared by the flush interrupt */
    DECLARE_CPULOCAL(uint64_t, apic_eoi)             /* virtual address of the EOI register */
    DECLARE_CPULOCAL(uint32_t, loaded_space)         /* SPACE_NONE: the kernel's own tables */
    DECLARE_CPULOCAL(uint32_t, loaded_stale) /* STALE_*: look before the loaded space is used; any other space is fresh once it is loaded */
    DECLARE_CPULOCAL(uint64_t, loaded_fs_base)
    DECLARE_CPULOCAL(uint64_t, loaded_gs_base)
    DECLARE_CPULOCAL(struct thread *, fpu_owner) /* whose state the FPU holds, or NULL */
    DECLARE_CPULOCAL(uint32_t, ts_set)           /* CR0.TS as we left it */
    DECLARE_CPULOCAL(uint64_t, cr0_with_ts)
    DECLARE_CPULOCAL(struct cpu_state *, sched) /* &cpus[number] (kernel/sched) */
    DECLARE_CPULOCAL(uint32_t, number)
    DECLARE_CPULOCAL(uint32_t, apic_id)
    DECLARE_CPULOCAL(bool, online)
    DECLARE_CPULOCAL(uint64_t, timer_deadline) /* what the one-shot timer is set to; UINT64_MAX: off */
    DECLARE_CPULOCAL(uint64_t, held_root)      /* CR3 of a space that was destroyed while loaded here */
    DECLARE_CPULOCAL(uint64_t, space_switches) /* loads of CR3 with another space; for the benchmark */
    /* CPULOCAL END */
} __attribute__((aligned(128)));

extern struct cpu_local cpu_locals[CPU_MAX];

static inline struct cpu_local *cpu_this(void)
{
    struct cpu_local *self;
    __asm__("movq %%gs:0, %0" : "=r"(self)); /* not volatile: the same for a whole kernel entry */
    return self;
}

#define get_cpu_var(cpu, name)     (cpu_locals[cpu].name)
#define get_cpu_var_ptr(cpu, name) (&cpu_locals[cpu].name)
#define get_cpulocal_var(name)     (cpu_this()->name)
#define get_cpulocal_var_ptr(name) (&cpu_this()->name)
