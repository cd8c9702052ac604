/* SPDX-License-Identifier: MIT */
/*
 * First instruction of a service. The stack is our own (section .stack, below it a gap that faults), so that every instance of a
 * service has it at the same address whoever loaded it.
 */
    .section .text.entry, "ax", @progbits
    .globl _start
    .type _start, @function
_start:
    xorl %ebp, %ebp
    leaq __stack_end(%rip), %rsp
    call main
    ud2
    .size _start, . - _start

    .section .stack, "aw", @nobits
    .balign 4096
    .zero 65536

    .section .note.GNU-stack, "", @progbits
