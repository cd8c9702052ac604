/* SPDX-License-Identifier: MIT */
/*
 * First instructions, entered through PVH: 32-bit protected mode without paging, ebx = struct hvm_start_info. Builds first page tables (4 GiB at the
 * identity, at PHYSICAL_MAP_BASE, and the image at KERNEL_VIRTUAL), enters long mode and calls boot_main(start_info). boot_enter_long is
 * used by the other processors too (trampoline.S).
 */
#include "layout.h"

#define PHYSICAL(symbol) (symbol - KERNEL_VIRTUAL)

    .section .note.pvh, "a", @note
    .balign 4
    .long 4, 8, 18 /* XEN_ELFNOTE_PHYS32_ENTRY */
    .asciz "Xen"
    .quad PHYSICAL(pvh_entry)

    .section .boot.text, "ax"
    .code32
    .global pvh_entry
pvh_entry:
    cli
    cld
    movl $PHYSICAL(boot_stack_top), %esp
    movl %ebx, %ebp /* start_info */

    movl $0x80000000, %eax
    cpuid
    cmpl $0x80000001, %eax
    jb no_long_mode
    movl $0x80000001, %eax
    cpuid
    btl $29, %edx
    jnc no_long_mode

    /* 2048 entries of 2 MiB: present, writable, large */
    movl $PHYSICAL(boot_directories), %edi
    movl $0x83, %eax
    movl $2048, %ecx
1:  movl %eax, (%edi)
    movl $0, 4(%edi)
    addl $0x200000, %eax
    addl $8, %edi
    loop 1b

    movl $PHYSICAL(boot_directories) + 3, %eax
    movl $PHYSICAL(boot_pdpt), %edi
    movl $4, %ecx
2:  movl %eax, (%edi)
    addl $4096, %eax
    addl $8, %edi
    loop 2b

    movl $PHYSICAL(boot_directories) + 3, PHYSICAL(boot_pdpt_image) + 510 * 8
    movl $PHYSICAL(boot_pdpt) + 3, PHYSICAL(boot_pml4)
    movl $PHYSICAL(boot_pdpt) + 3, PHYSICAL(boot_pml4) + 256 * 8
    movl $PHYSICAL(boot_pdpt_image) + 3, PHYSICAL(boot_pml4) + 511 * 8

    call boot_enable_long
    lgdt PHYSICAL(boot_gdt_pointer)
    ljmp $SELECTOR_KERNEL_CODE, $PHYSICAL(long_low)

no_long_mode:
    movl $PHYSICAL(no_long_mode_text), %esi
1:  lodsb
    testb %al, %al
    jz 2f
    movw $0x3f8, %dx
    outb %al, %dx
    jmp 1b
2:  hlt
    jmp 2b

/* Paging on with boot_pml4; NX too where the processor has it. Clobbers eax ecx edx. */
boot_enable_long:
    movl %cr4, %eax
    orl $0x20, %eax
    movl %eax, %cr4
    movl $PHYSICAL(boot_pml4), %eax
    movl %eax, %cr3
    movl $0xc0000080, %ecx
    rdmsr
    orl $0x901, %eax /* SCE, LME, NXE */
    wrmsr
    movl %cr0, %eax
    orl $0x80010001, %eax
    movl %eax, %cr0
    ret

    .code64
long_low:
    movabsq $long_high, %rax
    jmp *%rax

    /* The other processors, from trampoline.S: 32-bit, flat segments. */
    .code32
    .global boot_secondary
boot_secondary:
    movl $PHYSICAL(secondary_early_stack), %esp /* one at a time: smp_start_others waits */
    call boot_enable_long
    lgdt PHYSICAL(boot_gdt_pointer)
    ljmp $SELECTOR_KERNEL_CODE, $PHYSICAL(secondary_low)
    .code64
secondary_low:
    movabsq $secondary_high, %rax
    jmp *%rax

    .section .text, "ax"
long_high:
    movq $boot_stack_top, %rsp
    call load_boot_segments
    movl %ebp, %edi
    xorl %ebp, %ebp
    call boot_main
    ud2

secondary_high:
    movq kernel_root(%rip), %rax
    movq %rax, %cr3
    movq secondary_stack(%rip), %rsp
    call load_boot_segments
    xorl %ebp, %ebp
    call smp_secondary_main
    ud2

load_boot_segments:
    lgdt boot_gdt_pointer_high(%rip)
    movl $SELECTOR_KERNEL_DATA, %eax
    movl %eax, %ds
    movl %eax, %es
    movl %eax, %ss
    xorl %eax, %eax
    movl %eax, %fs
    movl %eax, %gs
    ret

    .section .boot.data, "aw"
    .balign 8
boot_gdt:
    .quad 0
    .quad 0
    .quad 0x00af9b000000ffff /* kernel code */
    .quad 0x00cf93000000ffff /* kernel data */
boot_gdt_end:
boot_gdt_pointer:
    .word boot_gdt_end - boot_gdt - 1
    .long PHYSICAL(boot_gdt)
    .balign 8
boot_gdt_pointer_high:
    .word boot_gdt_end - boot_gdt - 1
    .quad boot_gdt
no_long_mode_text:
    .asciz "planaria: this processor has no 64-bit mode\r\n"

    .section .bss
    .balign 4096
    .global boot_pml4
boot_pml4:
    .skip 4096
    .global boot_pdpt
boot_pdpt:
    .skip 4096
boot_pdpt_image:
    .skip 4096
boot_directories:
    .skip 4 * 4096
    .global boot_stack
boot_stack:
    .skip 16384
boot_stack_top:
    .skip 64
secondary_early_stack:

    .section .note.GNU-stack, "", @progbits
