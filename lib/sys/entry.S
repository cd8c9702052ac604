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

/* struct service_header (update_take.c): at the same place in each version of a service, so that a new version finds all of the old one. */
    .balign 64
    .globl service_header
    .hidden service_header
service_header:
    .quad 0x31305244484c50 /* "PLHDR01" */
    .quad __layout_start, __layout_end
    .quad __state_start, __state_end
    .quad __outbox_start, __outbox_end
    .quad __derived_start, __derived_end
    .quad __journal_start, __journal_end

    .section .stack, "aw", @nobits
    .balign 4096
    .zero 65536

    .section .note.GNU-stack, "", @progbits
