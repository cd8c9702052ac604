/* SPDX-License-Identifier: MIT */
/*
 * Entries that are never about the static state: the copy that follows it (lib/sys/mirror.c) need not look at them. A structure that IN_TABLES marks
 * (lib/sys/stores.h) lies in arenas only, and a member with the mark points there; the plugin refuses a static state that contains such a structure.
 */
#pragma once

#include "emit.h"

/* False: the service has no copy of its state (`copy := no` in its module.mk). */
extern bool has_copy;

/* Must the copy look at the entry? */
bool is_followed(const entry &one);
void copy_register_attributes();
/* Of the whole file: no structure of the static state has the mark. */
void copy_check_variables(void *, void *);
