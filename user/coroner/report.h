/* SPDX-License-Identifier: MIT */
/*
 * The text of a crash report (docs/crash-reports.md has the format).
 */
#pragma once

#include <stdbool.h>
#include <stdio.h>

#include "rs_corpse.h"

/* Take the memory that reports need, so that the first one takes none from a system in trouble. */
void report_prepare(void);
/* Write the report of the instance that was taken last. memory_bytes: how much text may be spent on its memory; 0: none. */
void report_write(FILE *file, const struct rs_corpse *corpse, size_t memory_bytes);
