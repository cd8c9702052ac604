/* SPDX-License-Identifier: MIT */
/*
 * The vDSO: a shared object of one page, laid out by hand, that libc finds by AT_SYSINFO_EHDR. It reads the time page, which is mapped directly
 * before it (abi/vdso.h), and the TSC. What it does not know it leaves to the system call.
 */

#define TSC_BASE 0
#define MULTIPLIER 8
#define REALTIME_OFFSET 16
#define NS_PER_SECOND 1000000000

#define CLOCK_MONOTONIC 1
#define CLOCKS_REALTIME 0x21  /* bits of CLOCK_REALTIME 0, REALTIME_COARSE 5 */
#define CLOCKS_KNOWN 0xf3     /* 0 1 4 5 6 7 */
#define SYSCALL_GETTIMEOFDAY 96
#define SYSCALL_CLOCK_GETTIME 228
#define SYSCALL_CLOCK_GETRES 229

    .section .rodata.vdso, "a"
    .balign 4096
    .global vdso_start, vdso_end
vdso_start:

#define OFFSET(symbol) ((symbol) - vdso_start)

    /* ELF header */
    .byte 0x7f, 'E', 'L', 'F', 2, 1, 1, 0
    .quad 0
    .word 3, 62 /* ET_DYN, x86-64 */
    .long 1
    .quad 0
    .quad OFFSET(program_headers)
    .quad 0
    .long 0
    .word 64, 56, 2, 64, 0, 0

program_headers:
    .long 1, 5 /* PT_LOAD, R X */
    .quad 0, 0, 0
    .quad OFFSET(vdso_end), OFFSET(vdso_end)
    .quad 4096
    .long 2, 4 /* PT_DYNAMIC, R */
    .quad OFFSET(dynamic), OFFSET(dynamic), OFFSET(dynamic)
    .quad dynamic_end - dynamic, dynamic_end - dynamic
    .quad 8

dynamic:
    .quad 14, OFFSET(name_self) - OFFSET(strings)      /* DT_SONAME */
    .quad 4, OFFSET(hash)                              /* DT_HASH */
    .quad 5, OFFSET(strings)                           /* DT_STRTAB */
    .quad 10, strings_end - strings                    /* DT_STRSZ */
    .quad 6, OFFSET(symbols)                           /* DT_SYMTAB */
    .quad 11, 24                                       /* DT_SYMENT */
    .quad 0x6ffffff0, OFFSET(versions)                 /* DT_VERSYM */
    .quad 0x6ffffffc, OFFSET(version_definitions)      /* DT_VERDEF */
    .quad 0x6ffffffd, 2                                /* DT_VERDEFNUM */
    .quad 0, 0
dynamic_end:

strings:
    .byte 0
name_self:
    .asciz "linux-vdso.so.1"
name_version:
    .asciz "LINUX_2.6"
name_clock_gettime:
    .asciz "__vdso_clock_gettime"
name_gettimeofday:
    .asciz "__vdso_gettimeofday"
name_time:
    .asciz "__vdso_time"
name_clock_getres:
    .asciz "__vdso_clock_getres"
strings_end:

.macro SYMBOL name
    .long name_\name - strings
    .byte 0x12, 0 /* global function */
    .word 1       /* any section but undefined */
    .quad OFFSET(vdso_\name)
    .quad vdso_\name\()_end - vdso_\name
.endm
    .balign 8
symbols:
    .quad 0, 0, 0
    SYMBOL clock_gettime
    SYMBOL gettimeofday
    SYMBOL time
    SYMBOL clock_getres

hash: /* one bucket, a chain through all */
    .long 1, 5
    .long 1
    .long 0, 2, 3, 4, 0

versions:
    .word 0, 2, 2, 2, 2
    .balign 8
version_definitions:
    .word 1, 1, 1, 1 /* the file itself */
    .long 0x0f48fd91 /* hash of its name: never compared */
    .long 20, 28
    .long name_self - strings, 0
    .word 1, 0, 2, 1
    .long 0x03ae75f6 /* ELF hash of LINUX_2.6 */
    .long 20, 0
    .long name_version - strings, 0

/* rax = uptime in ns; r8 = time page. Clobbers rdx. */
.macro UPTIME
    leaq vdso_start(%rip), %r8
    subq $4096, %r8
    rdtsc
    shlq $32, %rdx
    orq %rdx, %rax
    subq TSC_BASE(%r8), %rax
    mulq MULTIPLIER(%r8)
    shrdq $32, %rdx, %rax
.endm

.macro DIVIDE number
    movl $\number, %ecx
    xorl %edx, %edx
    divq %rcx
.endm

    .balign 16
vdso_clock_gettime:
    cmpl $7, %edi
    ja 1f
    movl $CLOCKS_KNOWN, %eax
    btl %edi, %eax
    jnc 1f
    UPTIME
    movl $CLOCKS_REALTIME, %ecx
    btl %edi, %ecx
    jnc 2f
    addq REALTIME_OFFSET(%r8), %rax
2:  DIVIDE NS_PER_SECOND
    movq %rax, (%rsi)
    movq %rdx, 8(%rsi)
    xorl %eax, %eax
    ret
1:  movl $SYSCALL_CLOCK_GETTIME, %eax
    syscall
    ret
vdso_clock_gettime_end:

    .balign 16
vdso_gettimeofday:
    testq %rsi, %rsi
    jnz 1f
    testq %rdi, %rdi
    jz 1f
    UPTIME
    addq REALTIME_OFFSET(%r8), %rax
    DIVIDE 1000
    DIVIDE 1000000
    movq %rax, (%rdi)
    movq %rdx, 8(%rdi)
    xorl %eax, %eax
    ret
1:  movl $SYSCALL_GETTIMEOFDAY, %eax
    syscall
    ret
vdso_gettimeofday_end:

    .balign 16
vdso_time:
    UPTIME
    addq REALTIME_OFFSET(%r8), %rax
    DIVIDE NS_PER_SECOND
    testq %rdi, %rdi
    jz 1f
    movq %rax, (%rdi)
1:  ret
vdso_time_end:

    .balign 16
vdso_clock_getres:
    cmpl $7, %edi
    ja 1f
    movl $CLOCKS_KNOWN, %eax
    btl %edi, %eax
    jnc 1f
    testq %rsi, %rsi
    jz 2f
    movq $0, (%rsi)
    movq $1, 8(%rsi)
2:  xorl %eax, %eax
    ret
1:  movl $SYSCALL_CLOCK_GETRES, %eax
    syscall
    ret
vdso_clock_getres_end:
    .org vdso_start + 4096 /* refuses more than a page */
vdso_end:

    .section .note.GNU-stack, "", @progbits
