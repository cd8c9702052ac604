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
    call journal_start
    call main
    ud2
    .size _start, . - _start

/* struct service_image (service_header.h): at the same place in each version of a service. The build id follows (service.ld). */
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
    .quad crash_notes

/* Called by the code that the compiler puts before stores (tools/journal), which counts on all registers. */
    .text
    .globl journal_spill_stub
    .hidden journal_spill_stub
    .type journal_spill_stub, @function
journal_spill_stub:
    pushq %rbp
    movq %rsp, %rbp
    pushq %rax
    pushq %rcx
    pushq %rdx
    pushq %rsi
    pushq %rdi
    pushq %r8
    pushq %r9
    pushq %r10
    pushq %r11
    andq $-16, %rsp
    call journal_spill
    leaq -72(%rbp), %rsp
    popq %r11
    popq %r10
    popq %r9
    popq %r8
    popq %rdi
    popq %rsi
    popq %rdx
    popq %rcx
    popq %rax
    popq %rbp
    ret
    .size journal_spill_stub, . - journal_spill_stub

    .section .rodata.seal, "a", @progbits
    .balign 8
    .globl text_seal
    .hidden text_seal
text_seal: /* tools/layout/seal.py */
    .quad 0

    .section .stack, "aw", @nobits
    .balign 4096
    .zero 65536

    .section .note.GNU-stack, "", @progbits
