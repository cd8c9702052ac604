/* SPDX-License-Identifier: MIT */
/*
 * What the command says to RS: one call each, results are 0 or a negative error.
 */
#pragma once

#include <stdint.h>

#include "protocols/rs.h"
#include "rs_start.h"

int rs_up(const struct rs_start *start, uint32_t flags);
int rs_edit(const struct rs_start *start, uint32_t flags);
/* type: RS_DOWN, RS_REFRESH, RS_RESTART, RS_CLONE. */
int rs_simple(uint32_t type, const char *label);
int rs_shutdown(void);
int rs_lookup(const char *label, endpoint_t *service);
/* Number of rows, or a negative error. */
int rs_list(struct rs_public *table, uint32_t room);
int rs_crash(const char *label, const struct rs_crash_request *fault);
int rs_update(const struct rs_update *update);
