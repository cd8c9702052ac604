/* SPDX-License-Identifier: MIT */
/*
 * What is loaded into a processor for a thread, and the way out of the kernel. Everything is compared first: a register or CR3 is written
 * only if it differs, and nothing here loops.
 */
#include "fpu_frame.h"
#include "internal.h"

#include "base/string.h"
#include "kernel/process/thread.h"

#define CHECK_FRAME(field, offset) _Static_assert(offsetof(struct trap_frame, field) == (offset), "layout.h")
CHECK_FRAME(r15, FRAME_R15);
CHECK_FRAME(rbx, FRAME_RBX);
CHECK_FRAME(r11, FRAME_R11);
CHECK_FRAME(rax, FRAME_RAX);
CHECK_FRAME(rdi, FRAME_RDI);
CHECK_FRAME(orig_rax, FRAME_ORIG_RAX);
CHECK_FRAME(vector, FRAME_VECTOR);
CHECK_FRAME(rip, FRAME_RIP);
CHECK_FRAME(ss, FRAME_SS);
_Static_assert(offsetof(struct thread, frame) == 0, "entry.S");
_Static_assert((int)FRAME_SYSCALL == VECTOR_SYSCALL, "layout.h");
#define CHECK_CPU(field, offset) _Static_assert(offsetof(struct cpu_local, field) == (offset), "layout.h")
CHECK_CPU(self, CPU_SELF);
CHECK_CPU(current, CPU_CURRENT);
CHECK_CPU(stack_top, CPU_STACK_TOP);
CHECK_CPU(user_rsp, CPU_USER_RSP);
CHECK_CPU(in_user, CPU_IN_USER);
CHECK_CPU(tlb_request, CPU_TLB_REQUEST);
CHECK_CPU(apic_eoi, CPU_APIC_EOI);
CHECK_CPU(loaded_space, CPU_LOADED_SPACE);
CHECK_CPU(loaded_stale, CPU_LOADED_STALE);
CHECK_CPU(loaded_fs_base, CPU_LOADED_FS);
CHECK_CPU(loaded_gs_base, CPU_LOADED_GS);
CHECK_CPU(fpu_owner, CPU_FPU_OWNER);
CHECK_CPU(ts_set, CPU_TS_SET);
CHECK_CPU(cr0_with_ts, CPU_CR0_TS);
CHECK_CPU(sched, CPU_SCHED);
_Static_assert(offsetof(struct thread, fs_base) == THREAD_FS_BASE && offsetof(struct thread, gs_base) == THREAD_GS_BASE &&
                   offsetof(struct thread, space) == THREAD_SPACE && offsetof(struct thread, privilege_id) == THREAD_PRIVILEGE &&
                   PRIVILEGE_USER == PRIVILEGE_ID_USER,
               "layout.h");

void resume_prepare(struct thread *thread);
void idle_loop(uint64_t stack_top) __attribute__((noreturn));

/*
 * 1: taken. First come, first served would be fairer, but where processors are virtual the next in line is often not running, and everybody would wait
 * for it. entry.S has it inline.
 */
volatile uint32_t big_lock_word;
/* 1: somebody has waited for it in vain. Who comes next lets him go first: a virtual processor gives the rest of its time away with a pause. */
volatile uint32_t big_lock_wanted;

void big_lock(void)
{
    if (big_lock_wanted) {
        big_lock_wanted = 0;
        cpu_pause();
    }
    while (__atomic_exchange_n(&big_lock_word, 1, __ATOMIC_ACQUIRE)) {
        big_lock_wanted = 1;
        cpu_pause();
    }
}

void big_unlock(void)
{
    __atomic_store_n(&big_lock_word, 0, __ATOMIC_RELEASE);
}

void big_lock_give_way(uint32_t pauses)
{
    big_unlock();
    for (uint32_t i = 0; i < pauses; i++)
        cpu_pause();
    big_lock();
}

void message_pass_failed(void)
{
    __asm__ volatile("1: clac\n.pushsection .smap_sites, \"a\"\n.quad 1b\n.popsection" : : : "memory");
    cr3_write(spaces[cpu_this()->loaded_space].root);
}

void arch_switch(struct thread *thread)
{
    if (thread != NULL && thread->space < SPACE_COUNT)
        space_switch(thread, thread->space);
    else
        cpu_this()->current = thread;
}

/* Slow half of arch_resume (entry.S): something differs. User segment bases differ between programs only; services have none. */
void resume_prepare(struct thread *thread)
{
    const uint64_t USER_ADDRESS_MASK = (1UL << 47) - 1; /* wrmsr faults on an address that is not canonical */
    struct cpu_local *cpu = cpu_this();
    space_activate(thread->space);
    if (cpu->loaded_fs_base != thread->fs_base) {
        cpu->loaded_fs_base = thread->fs_base;
        msr_write(MSR_FS_BASE, thread->fs_base & USER_ADDRESS_MASK);
    }
    if (cpu->loaded_gs_base != thread->gs_base) {
        cpu->loaded_gs_base = thread->gs_base;
        msr_write(MSR_KERNEL_GS_BASE, thread->gs_base & USER_ADDRESS_MASK);
    }
    bool mine = cpu->fpu_owner == thread;
    if (mine == cpu->ts_set)
        fpu_switch(cpu, mine);
}

void arch_idle(void)
{
    struct cpu_local *cpu = cpu_this();
    cpu->current = NULL;
    if (cpu->loaded_stale & STALE_PENDING)
        space_activate(SPACE_NONE);
    if (!cpu->ts_set)
        fpu_switch(cpu, false);
    idle_loop(cpu->stack_top);
}

/* ---- threads ---- */

void arch_thread_init(struct thread *thread)
{
    memset(&thread->frame, 0, sizeof thread->frame);
    thread->frame.cs = SELECTOR_USER_CODE;
    thread->frame.ss = SELECTOR_USER_DATA;
    thread->frame.rflags = RFLAGS_IF | RFLAGS_FIXED;
    thread->frame.orig_rax = (uint64_t)-1;
    thread->fs_base = 0;
    thread->gs_base = 0;
    fpu_reset(thread);
}

void arch_thread_entry(struct thread *thread, uint64_t ip, uint64_t sp)
{
    arch_thread_init(thread);
    thread->frame.rip = ip;
    thread->frame.rsp = sp;
}

void arch_thread_fork(struct thread *child, struct thread *parent)
{
    fpu_reset(child);
    if (parent->misc_flags & MF_FPU_USED) {
        arch_fpu_save(parent);
        memcpy(child->fpu_area, parent->fpu_area, fpu_frame_bytes());
        child->misc_flags |= MF_FPU_USED;
    }
    child->frame = parent->frame;
    child->fs_base = parent->fs_base;
    child->gs_base = parent->gs_base;
}

void arch_thread_release(struct thread *thread)
{
    fpu_reset(thread);
}
