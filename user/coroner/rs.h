/* SPDX-License-Identifier: MIT */
/*
 * What the coroner asks RS; results are 0 or a negative error.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "rs_corpse.h"

/* Returns when an instance has died. -ENOSYS: this is another kernel. */
int corpse_wait(void);
int corpse_take(struct rs_corpse *corpse);
int corpse_read(uint64_t from, void *to, size_t length);
