/* SPDX-License-Identifier: MIT */
/*
 * The start of PM, and process 1.
 */
#pragma once

#include "state.h"

void init_start(struct pm_state *pm);
