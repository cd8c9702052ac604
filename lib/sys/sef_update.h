/* SPDX-License-Identifier: MIT */
/*
 * The part of SEF that live update is (behaviour.md section 4), as the loop and the start-up see it.
 */
#pragma once

#include <stdbool.h>

#include "message.h"

/* 0: a service that is not ready for an update does not say why. */
#ifndef SEF_LU_DEBUG
#define SEF_LU_DEBUG 1
#endif

/* RS asks to become ready for a state, or takes it back (state NULL). */
void update_requested(const struct message *message);
/* Is an update asked for? Then update_before_receive runs before each receive. */
extern bool update_wanted;

static inline bool update_is_wanted(void)
{
    return update_wanted;
}

void update_before_receive(void);
/* The loop's part: what is on its way leaves now, and afterwards the kernel knows no table of ours (settle), or knows it again (unsettle). */
void loop_settle(void);
void loop_unsettle(void);
/* Say why init fails: to the log and, when init fails, to RS and so to the operator. */
void sef_problem(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* enum update_fault: what is to go wrong, as the old version was told. */
uint32_t update_fault_asked(void);
/* Take the state of the old version over: as it is if the layouts are the same, else field by field. 0 or a negative error. */
int update_take(void);
