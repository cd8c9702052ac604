/* SPDX-License-Identifier: MIT */
/*
 * Each service can be built with another layout of its state (make variants: PLANARIA_LAYOUT_VARIANT): fields come, move, become wider, tables grow. The
 * variant behaves the same. Updates to it and back show that a service's state can be carried by name (tests/recovery/updates.test). The struct that
 * holds what a service knows most about uses these in state.h.
 */
#pragma once

#include <stdint.h>

#ifdef PLANARIA_LAYOUT_VARIANT
#define LAYOUT_ADDED(name)         uint64_t name[3]
#define LAYOUT_WIDER(narrow, wide) wide
#define LAYOUT_GROWN(count)        ((count) + 8)
#define LAYOUT_ORDER(first, second) \
    second;                         \
    first
#else
#define LAYOUT_ADDED(name)         _Static_assert(1, "")
#define LAYOUT_WIDER(narrow, wide) narrow
#define LAYOUT_GROWN(count)        (count)
#define LAYOUT_ORDER(first, second) \
    first;                          \
    second
#endif
