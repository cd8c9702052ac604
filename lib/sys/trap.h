/* SPDX-License-Identifier: MIT */
/*
 * The native trap as an inline function, for the loop and ipc.c only (abi/message.h has the register contract).
 */
#pragma once

#include "message.h"

#ifdef PLANARIA_HOST
/* Who plays the kernel: tools/replay/replay.c. */
int trap_ipc(uint32_t verb, int64_t first, const void *second, uint32_t *status);
#else
static inline int trap_ipc(uint32_t verb, int64_t first, const void *second, uint32_t *status)
{
    int64_t result = TRAP_BASE + verb;
    uint64_t receive_status = 0;

    __asm__ volatile("syscall" : "+a"(result), "+d"(receive_status) : "D"(first), "S"(second) : "rcx", "r11", "memory");
    *status = (uint32_t)receive_status;
    return (int)result;
}
#endif
