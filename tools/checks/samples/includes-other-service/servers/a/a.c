/* SPDX-License-Identifier: MIT */
/* A sample that a check must refuse. */
#include "servers/b/state.h"
