/* SPDX-License-Identifier: MIT */
/*
 * rdi is our endpoint; the kernel has made a stack.
 */
    .section .text.entry, "ax", @progbits
    .globl _start
_start:
    xorl %ebp, %ebp
    andq $-16, %rsp
    call core_main
    ud2
    .section .note.GNU-stack, "", @progbits
