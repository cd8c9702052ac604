/* SPDX-License-Identifier: MIT */
/*
 * Fills the first tree from the boot archive.
 */
#pragma once

#include <stddef.h>

#include "state.h"

/* Everything but boot/ goes into tree 0. 0, or the first error; damaged archives and lack of room are logged by name. */
/* Where contents are written through: an address that nothing else uses. */
void *unpack_window(void);
int unpack_archive(struct tmpfs_state *state, const uint8_t *archive, size_t length);
