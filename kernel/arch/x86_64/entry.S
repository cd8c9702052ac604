/* SPDX-License-Identifier: MIT */
/*
 * Every way into the kernel and the way out. An entry from user mode saves the registers into the running thread's frame (first in struct thread),
 * takes the big lock and calls C on this processor's stack, which is empty at each entry. An entry from kernel mode is an interrupt of
 * the idle loop, or a fault: its frame is on the stack.
 */
#include "layout.h"

    .section .text.entry, "ax"

/* The big lock (switch.c says why it is not fair). Clobbers eax. */
.macro TAKE_LOCK
    cmpl $0, big_lock_wanted(%rip)
    jne 4f
3:  movl $1, %eax
    xchgl %eax, big_lock_word(%rip)
    testl %eax, %eax
    jz 2f
1:  movl $1, big_lock_wanted(%rip)
    pause
    cmpl $0, big_lock_word(%rip)
    jne 1b
    jmp 3b
4:  movl $0, big_lock_wanted(%rip)
    pause
    jmp 3b
2:
.endm

/* 3 bytes, replaced by a nop at boot where the processor has no SMAP */
.macro SMAP_CLOSE
9:  clac
    .pushsection .smap_sites, "a"
    .quad 9b
    .popsection
.endm

    .global syscall_entry
    .balign 64
syscall_entry:
    swapgs
    movq %rsp, %gs:CPU_USER_RSP
    movq %gs:CPU_CURRENT, %rsp
    movq %rdi, FRAME_RDI(%rsp)
    movq %rsi, FRAME_RSI(%rsp)
    movq %rdx, FRAME_RDX(%rsp)
    movq %rax, FRAME_RAX(%rsp)
    movq %rax, FRAME_ORIG_RAX(%rsp)
    movq %rcx, FRAME_RIP(%rsp)
    movq %rcx, FRAME_RCX(%rsp)
    movq %r11, FRAME_RFLAGS(%rsp)
    movq %r11, FRAME_R11(%rsp)
    movq %r8, FRAME_R8(%rsp)
    movq %r9, FRAME_R9(%rsp)
    movq %r10, FRAME_R10(%rsp)
    movq %rbx, FRAME_RBX(%rsp)
    movq %rbp, FRAME_RBP(%rsp)
    movq %r12, FRAME_R12(%rsp)
    movq %r13, FRAME_R13(%rsp)
    movq %r14, FRAME_R14(%rsp)
    movq %r15, FRAME_R15(%rsp)
    movq $VECTOR_SYSCALL, FRAME_VECTOR(%rsp) /* cs and ss of the frame never change */
    movq %rsp, %rdi
    movq %gs:CPU_USER_RSP, %rcx
    movq %rcx, FRAME_RSP(%rdi)
    movq %gs:CPU_STACK_TOP, %rsp
    movl $0, %gs:CPU_IN_USER
    xorl %ebp, %ebp
    TAKE_LOCK
    call handle_syscall
    call schedule_and_resume
    ud2

/*
 * void arch_resume(struct thread *): lock held; it is released. What is loaded is compared here, what differs is loaded in C. A frame of a system call
 * leaves by sysret, if its rip is canonical.
 */
    .global arch_resume
    .balign 64
arch_resume:
    movq %rdi, %gs:CPU_CURRENT
    movl THREAD_SPACE(%rdi), %eax
    cmpl %eax, %gs:CPU_LOADED_SPACE
    jne 5f
    cmpl $0, %gs:CPU_LOADED_STALE
    jne 5f
    .global arch_resume_switched
arch_resume_switched:
    movq THREAD_FS_BASE(%rdi), %rax
    cmpq %rax, %gs:CPU_LOADED_FS
    jne 8f
    movq THREAD_GS_BASE(%rdi), %rax
    cmpq %rax, %gs:CPU_LOADED_GS
    jne 8f
7:  cmpq %rdi, %gs:CPU_FPU_OWNER
    sete %al
    cmpb %al, %gs:CPU_TS_SET
    je 9f
6:
    movl $1, %gs:CPU_IN_USER
    movl $0, big_lock_word(%rip)
    cmpl $VECTOR_SYSCALL, FRAME_VECTOR(%rdi)
    movq FRAME_RIP(%rdi), %rcx
    jne exit_by_iret
    movq %rcx, %r11
    shrq $47, %r11
    jnz exit_by_iret
    movq FRAME_RFLAGS(%rdi), %r11
    movq FRAME_RSI(%rdi), %rsi
    movq FRAME_RDX(%rdi), %rdx
    movq FRAME_RAX(%rdi), %rax
    movq FRAME_R8(%rdi), %r8
    movq FRAME_R9(%rdi), %r9
    movq FRAME_R10(%rdi), %r10
    movq FRAME_RBX(%rdi), %rbx
    movq FRAME_RBP(%rdi), %rbp
    movq FRAME_R12(%rdi), %r12
    movq FRAME_R13(%rdi), %r13
    movq FRAME_R14(%rdi), %r14
    movq FRAME_R15(%rdi), %r15
    movq FRAME_RSP(%rdi), %rsp
    movq FRAME_RDI(%rdi), %rdi
    swapgs
    sysretq

    /* A service that has no segment bases does not mind those of the last program. */
8:  movq THREAD_FS_BASE(%rdi), %rax
    orq THREAD_GS_BASE(%rdi), %rax
    jnz 5f
    cmpl $PRIVILEGE_USER, THREAD_PRIVILEGE(%rdi)
    jne 7b
    jmp 5f
    /* CR0.TS is the wrong way round. With several processors the state must be saved: in C. */
9:  testb %al, %al
    jz 1f
    clts
    movl $0, %gs:CPU_TS_SET
    jmp 6b
1:  cmpl $0, fpu_is_eager(%rip)
    jne 5f
    movq %gs:CPU_CR0_TS, %rax
    movq %rax, %cr0
    movl $1, %gs:CPU_TS_SET
    jmp 6b
5:  movq %gs:CPU_STACK_TOP, %rsp
    movq %rdi, %rbx
    call resume_prepare
    movq %rbx, %rdi
    jmp 6b

/* iretq must not fault: selectors and flags are forced, and an address outside the user half is turned into one that is never mapped. */
exit_by_iret:
    movq %rcx, %rax
    shrq $47, %rax
    jz 1f
    movabsq $USER_TOP, %rcx
1:  pushq $SELECTOR_USER_DATA
    pushq FRAME_RSP(%rdi)
    movq FRAME_RFLAGS(%rdi), %rax
    andl $0x250dd5, %eax
    orl $0x202, %eax
    pushq %rax
    pushq $SELECTOR_USER_CODE
    pushq %rcx
    movq FRAME_RSI(%rdi), %rsi
    movq FRAME_RDX(%rdi), %rdx
    movq FRAME_RAX(%rdi), %rax
    movq FRAME_RCX(%rdi), %rcx
    movq FRAME_R8(%rdi), %r8
    movq FRAME_R9(%rdi), %r9
    movq FRAME_R10(%rdi), %r10
    movq FRAME_R11(%rdi), %r11
    movq FRAME_RBX(%rdi), %rbx
    movq FRAME_RBP(%rdi), %rbp
    movq FRAME_R12(%rdi), %r12
    movq FRAME_R13(%rdi), %r13
    movq FRAME_R14(%rdi), %r14
    movq FRAME_R15(%rdi), %r15
    movq FRAME_RDI(%rdi), %rdi
    swapgs
    iretq

/* void idle_loop(uint64_t stack_top): lock held. sti takes effect after hlt has begun, so no wake-up is lost. */
    .global idle_loop
idle_loop:
    movq %rdi, %rsp
    xorl %ebp, %ebp
    movl $0, big_lock_word(%rip)
1:  sti
    hlt
    cli
    jmp 1b

/* Common end of the vector stubs. Stack: vector, error, rip, cs, rflags, rsp, ss. */
trap_common:
    cld
    SMAP_CLOSE
    testb $3, 24(%rsp)
    jz trap_kernel
    swapgs
    pushq %rax
    movq %gs:CPU_CURRENT, %rax
    movq %rdi, FRAME_RDI(%rax)
    movq %rsi, FRAME_RSI(%rax)
    movq %rdx, FRAME_RDX(%rax)
    movq %rcx, FRAME_RCX(%rax)
    movq %r8, FRAME_R8(%rax)
    movq %r9, FRAME_R9(%rax)
    movq %r10, FRAME_R10(%rax)
    movq %r11, FRAME_R11(%rax)
    movq %rbx, FRAME_RBX(%rax)
    movq %rbp, FRAME_RBP(%rax)
    movq %r12, FRAME_R12(%rax)
    movq %r13, FRAME_R13(%rax)
    movq %r14, FRAME_R14(%rax)
    movq %r15, FRAME_R15(%rax)
    movq $-1, FRAME_ORIG_RAX(%rax)
    popq FRAME_RAX(%rax)
    popq FRAME_VECTOR(%rax)
    popq FRAME_ERROR(%rax)
    popq FRAME_RIP(%rax)
    popq FRAME_CS(%rax)
    popq FRAME_RFLAGS(%rax)
    popq FRAME_RSP(%rax)
    popq FRAME_SS(%rax)
    movq %rax, %rdi
    movq %gs:CPU_STACK_TOP, %rsp
    movl $0, %gs:CPU_IN_USER
    xorl %ebp, %ebp
    TAKE_LOCK
    call trap_from_user
    call schedule_and_resume
    ud2

.macro PUSH_FRAME
    pushq $-1
    pushq %rdi
    pushq %rsi
    pushq %rdx
    pushq %rcx
    pushq %rax
    pushq %r8
    pushq %r9
    pushq %r10
    pushq %r11
    pushq %rbx
    pushq %rbp
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
.endm

trap_kernel:
    PUSH_FRAME
    movq %rsp, %rdi
    subq $8, %rsp /* 22 words and this: aligned */
    call trap_from_kernel
    addq $8, %rsp
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbp
    popq %rbx
    popq %r11
    popq %r10
    popq %r9
    popq %r8
    popq %rax
    popq %rcx
    popq %rdx
    popq %rsi
    popq %rdi
    addq $24, %rsp
    iretq

/* Double fault and machine check, on stacks of their own: GS may be the user's. There is no way back. */
trap_fatal:
    cld
    SMAP_CLOSE
    PUSH_FRAME
    movl $0xc0000101, %ecx
    rdmsr
    testl %edx, %edx
    js 1f
    swapgs
1:  movq %rsp, %rdi
    subq $8, %rsp
    call trap_fatal_report
    ud2

/* Stops the other processors at a panic; else it is the operator's wish to see who waits for whom (monitor command `nmi`). */
    .global vector_nmi
vector_nmi:
    cmpl $0, panic_stop(%rip)
    jne 1f
    lock btsl $0, nmi_seen(%rip)
    jc 1f
    pushq $0
    pushq $2
    jmp trap_fatal
1:  cli
    hlt
    jmp 1b

    .pushsection .bss
nmi_seen:
    .zero 4
    .popsection

/* Another processor changed the space that is loaded here. No lock: its holder waits for us. */
    .global vector_flush
vector_flush:
    testb $3, 8(%rsp)
    jz 1f
    swapgs
1:  pushq %rax
    movq %cr3, %rax
    movq %rax, %cr3
    movq %gs:CPU_APIC_EOI, %rax
    movl $0, (%rax)
    movl $0, %gs:CPU_TLB_REQUEST
    popq %rax
    testb $3, 8(%rsp)
    jz 2f
    swapgs
2:  iretq

    .global vector_spurious
vector_spurious:
    iretq

/* One stub of 16 bytes for each vector, in order. */
    .global vector_stubs
    .balign 16
vector_stubs:
    .set vector, 0
    .rept 256
    .balign 16
    .if (vector == 8) || (vector == 10) || (vector == 11) || (vector == 12) || (vector == 13) || (vector == 14) || (vector == 17) || (vector == 21)
    .else
    pushq $0
    .endif
    pushq $vector
    .if (vector == 8) || (vector == 18)
    jmp trap_fatal
    .else
    jmp trap_common
    .endif
    .set vector, vector + 1
    .endr

    .section .note.GNU-stack, "", @progbits
