/* SPDX-License-Identifier: MIT */
/*
 * The address of the window; apart, so that unit tests can have theirs.
 */
#include "unpack.h"

static const uintptr_t window_address = 0x100000000000;

void *unpack_window(void)
{
    return (void *)window_address;
}
