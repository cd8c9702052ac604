/* SPDX-License-Identifier: MIT */
/*
 * The tables of a layout, as the files of this folder read them.
 */
#pragma once

#include "layout/layout.h"

static inline const struct layout_variable *variables(const struct layout *layout)
{
    return (const void *)(layout + 1);
}

static inline const struct layout_type *types(const struct layout *layout)
{
    return (const void *)(variables(layout) + layout->variable_count);
}

static inline const struct layout_member *members(const struct layout *layout)
{
    return (const void *)(types(layout) + layout->type_count);
}

static inline const char *name_at(const struct layout *layout, uint32_t name)
{
    return (const char *)layout + layout->strings + name;
}

static inline bool is_integer(const struct layout_type *type)
{
    return type->kind == LAYOUT_UNSIGNED || type->kind == LAYOUT_SIGNED;
}

const struct layout_member *layout_member(const struct layout *layout, const struct layout_type *type, const char *name);
bool layout_has_pointers(const struct layout *layout, const struct layout_type *type);
uint64_t layout_load(const uint8_t *from, const struct layout_type *type);
/* false: the value does not fit, and `to` is zero. */
bool layout_store(const struct layout_type *ot, const uint8_t *from, const struct layout_type *nt, uint8_t *to);
