/* SPDX-License-Identifier: MIT */
/*
 * Numbers.
 */
#pragma once

#include <stdint.h>

typedef uint32_t number_t;
