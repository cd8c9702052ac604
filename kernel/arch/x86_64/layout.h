/* SPDX-License-Identifier: MIT */
/*
 * Numbers that C and assembly share: where the kernel lives, selectors, offsets into the trap frame and the processor's own area.
 * C checks each offset with static_assert (switch.c).
 */
#pragma once

#ifdef __ASSEMBLER__
#define UL(x) x
#else
#define UL(x) x##UL
#endif

#define KERNEL_VIRTUAL       UL(0xffffffff80000000) /* the image: physical + this */
#define KERNEL_PHYSICAL      UL(0x200000)           /* load address */
#define PHYSICAL_MAP_BASE    UL(0xffff800000000000) /* all of physical memory */
#define STACK_REGION         UL(0xffffffffc0000000) /* kernel stacks with guard pages */
#define USER_TOP             UL(0x7ffffffff000)     /* first address that is not the user's */

#define PAGE_SIZE            UL(4096)
#define KERNEL_STACK_BYTES   UL(16384)

/* GDT. The order of the user's is what sysret wants: base + 8 is ss, base + 16 is cs. */
#define SELECTOR_KERNEL_CODE 0x10
#define SELECTOR_KERNEL_DATA 0x18
#define SELECTOR_SYSRET      0x23
#define SELECTOR_USER_DATA   0x2b
#define SELECTOR_USER_CODE   0x33
#define SELECTOR_TSS         0x38

/* struct trap_frame */
#define FRAME_R15            0
#define FRAME_R14            8
#define FRAME_R13            16
#define FRAME_R12            24
#define FRAME_RBP            32
#define FRAME_RBX            40
#define FRAME_R11            48
#define FRAME_R10            56
#define FRAME_R9             64
#define FRAME_R8             72
#define FRAME_RAX            80
#define FRAME_RCX            88
#define FRAME_RDX            96
#define FRAME_RSI            104
#define FRAME_RDI            112
#define FRAME_ORIG_RAX       120
#define FRAME_VECTOR         128
#define FRAME_ERROR          136
#define FRAME_RIP            144
#define FRAME_CS             152
#define FRAME_RFLAGS         160
#define FRAME_RSP            168
#define FRAME_SS             176

#define VECTOR_SYSCALL       0x100 /* FRAME_SYSCALL */

/* struct cpu_local, reached by GS in the kernel */
#define CPU_SELF             0
#define CPU_CURRENT          8
#define CPU_STACK_TOP        16
#define CPU_USER_RSP         24
#define CPU_IN_USER          32
#define CPU_TLB_REQUEST      36
#define CPU_APIC_EOI         40
#define CPU_LOADED_SPACE     48
#define CPU_LOADED_STALE     52
#define CPU_LOADED_FS        56
#define CPU_LOADED_GS        64
#define CPU_FPU_OWNER        72
#define CPU_TS_SET           80
#define CPU_CR0_TS           88
#define CPU_SCHED            96

/* struct thread, behind its frame */
#define THREAD_FS_BASE       184
#define THREAD_GS_BASE       192
#define THREAD_SPACE         216
#define THREAD_PRIVILEGE     220
#define PRIVILEGE_USER       256 /* PRIVILEGE_ID_USER */

/* interrupt vectors */
#define VECTOR_DEVICE        0x30 /* + line */
#define DEVICE_LINES         128
#define VECTOR_RESCHEDULE    0xf0
#define VECTOR_TIMER         0xf1
#define VECTOR_FLUSH         0xf2
#define VECTOR_SPURIOUS      0xff

#define TRAMPOLINE_PHYSICAL  0x8000 /* start of the other processors: real mode code below 1 MiB */
