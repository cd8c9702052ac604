/* SPDX-License-Identifier: MIT */
/*
 * Memory that no roll back restores: variables of functions, and statics that the service keeps outside of its state. A function may say with CALLERS_OWN
 * (lib/sys/stores.h) that
 * a pointer it is given leads to such memory; the plugin refuses a caller that gives it another one.
 */
#pragma once

#include "gcc.h"

/* A variable, or the reference to memory behind a pointer. */
bool is_local(tree base);
bool is_local_pointer(tree pointer);
void local_register_attributes();
/* Of the whole file: functions with the mark are called by their names only. */
void local_check_addresses(void *, void *);
/* Before functions are merged into each other: give the marks to the parameters, and check whoever hands something over. */
void local_check(function *function);
