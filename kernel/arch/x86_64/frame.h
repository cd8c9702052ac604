/* SPDX-License-Identifier: MIT */
/*
 * Registers of a thread as the entry code saves them. Offsets are used in assembly (frame_offsets below, asserted in C).
 */
#pragma once

#include <stdint.h>

struct trap_frame {
    uint64_t r15, r14, r13, r12, rbp, rbx; /* callee-saved */
    uint64_t r11, r10, r9, r8, rax, rcx, rdx, rsi, rdi;
    uint64_t orig_rax; /* Linux call number, or -1 */
    uint64_t vector;   /* trap that brought us here; FRAME_SYSCALL for the syscall instruction */
    uint64_t error;
    uint64_t rip, cs, rflags, rsp, ss;
};

enum { FRAME_SYSCALL = 0x100, FRAME_CHANGED = 0 };
