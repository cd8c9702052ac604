/* SPDX-License-Identifier: MIT */
/*
 * What PM hands to the kernel to build a Linux signal frame (rt_sigframe of x86-64, signal(7), sigreturn(2)).
 */
#pragma once

#include <stdint.h>

struct signal_frame_request {
    uint64_t handler;
    uint64_t restorer;      /* SA_RESTORER is always there on x86-64 */
    uint64_t flags;         /* SA_* as Linux has them */
    uint64_t mask;          /* to be stored in uc_sigmask: the mask to go back to */
    uint64_t altstack_base; /* 0: run on the present stack; else already decided by PM: use it */
    uint64_t altstack_length;
    uint64_t uc_stack_base; /* uc_stack as sigaltstack(2) reports it */
    uint64_t uc_stack_length;
    uint32_t uc_stack_flags;
    uint32_t restart; /* 1: put the instruction pointer back on the syscall instruction, rax = its number */
    int64_t result;   /* else rax, if the thread comes from a system call (has_result) */
    uint32_t has_result;
    uint32_t signal;
    uint8_t siginfo[128];
};
