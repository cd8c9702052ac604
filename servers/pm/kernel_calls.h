/* SPDX-License-Identifier: MIT */
/*
 * The kernel and VM calls of PM as functions. VM's are synchronous and go uphill (ADR levels); none of them waits for PM.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "linux/signal_frame.h"
#include "message.h"
#include "sys/stores.h"

/* Calls that must succeed are made again if they fail for no reason that PM knows (a fault on the way, an injected error). */
enum { KERNEL_TRIES = 4 };
#define TRY_AGAIN(result, expected, call)                 \
    do {                                                  \
        for (int try_ = 0; try_ < KERNEL_TRIES; try_++) { \
            (result) = (call);                            \
            if ((result) == 0 || (result) == (expected))  \
                break;                                    \
        }                                                 \
    } while (0)

int kernel_signal_post(endpoint_t process, endpoint_t *waits_for);
int kernel_sigsend(endpoint_t process, uint32_t sequence, const struct signal_frame_request *frame);
uint64_t kernel_stack_pointer(endpoint_t process);
CALLERS_OWN(2, 3)
int kernel_times(endpoint_t process, uint64_t *user_ns, uint64_t *system_ns);
bool kernel_waits(endpoint_t process);
uint64_t kernel_realtime_offset(void);
void kernel_clear(endpoint_t process);
void kernel_resume(endpoint_t process);
/* Show the kernel the public table. */
void kernel_publish(void);
void kernel_panic(void) __attribute__((noreturn));
/* 0: the page is not there. */
uint64_t kernel_physical(endpoint_t process, uint64_t address);

void vm_leave(uint32_t slot);
