/* SPDX-License-Identifier: MIT */
/*
 * Signals between the kernel, signal managers and services (behaviour.md section 12). A notification from ENDPOINT_SYSTEM has in word[0] the
 * pending signals: bit signo - 1. Signals of user processes are Linux's numbers 1..64; services only ever see 1..31 and the kernel signals.
 */
#pragma once

enum {
    SIGK_FIRST = 61,
    SIGKSIGSM = 62, /* I am my own manager: the other bits are my signals */
    SIGKSIG = 63,   /* to a signal manager: somebody has pending signals, ask getksig */
    SIGK_LAST = 63,
    SIGS_FIRST = 1,
    SIGS_LAST = 31,
};
