/* SPDX-License-Identifier: MIT */
/*
 * Where the other processors wake up: real mode at TRAMPOLINE_PHYSICAL, to which smp.c copies these bytes. Goes to flat 32-bit mode and on to boot_secondary.
 */
#include "layout.h"

    .section .rodata
    .code16
    .global trampoline_start, trampoline_end
trampoline_start:
    cli
    cld
    xorw %ax, %ax
    movw %ax, %ds
    lgdtl (trampoline_gdt_pointer - trampoline_start + TRAMPOLINE_PHYSICAL)
    movl %cr0, %eax
    orl $1, %eax
    movl %eax, %cr0
    ljmpl $8, $(trampoline_32 - trampoline_start + TRAMPOLINE_PHYSICAL)
    .code32
trampoline_32:
    movw $16, %ax
    movw %ax, %ds
    movw %ax, %es
    movw %ax, %ss
    movl $(boot_secondary - KERNEL_VIRTUAL), %eax
    jmp *%eax
    .balign 8
trampoline_gdt:
    .quad 0
    .quad 0x00cf9b000000ffff
    .quad 0x00cf93000000ffff
trampoline_gdt_pointer:
    .word trampoline_gdt_pointer - trampoline_gdt - 1
    .long trampoline_gdt - trampoline_start + TRAMPOLINE_PHYSICAL
trampoline_end:

    .section .note.GNU-stack, "", @progbits
