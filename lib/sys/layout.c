/* SPDX-License-Identifier: MIT */
/*
 * State of one version into the state of the next, by name. Moved, added and removed fields, integers that became wider and tables that grew
 * need no code; what would lose something is refused with the name of the field.
 */
#include "sys/layout.h"

#include "base/format.h"
#include "base/string.h"

enum { DEPTH_MAX = 24 };

struct conversion {
    const struct layout_side *old, *new;
    const struct layout_arenas *arenas;
    char *problem;
    uint32_t depth;
    const char *path[DEPTH_MAX];
};

static const struct layout_variable *variables(const struct layout *layout)
{
    return (const void *)(layout + 1);
}

static const struct layout_type *types(const struct layout *layout)
{
    return (const void *)(variables(layout) + layout->variable_count);
}

static const struct layout_member *members(const struct layout *layout)
{
    return (const void *)(types(layout) + layout->type_count);
}

static const char *name_at(const struct layout *layout, uint32_t name)
{
    return (const char *)layout + layout->strings + name;
}

/* ---- is it a table at all? ---- */

static bool type_is_good(const struct layout *layout, uint32_t index)
{
    const struct layout_type *type = &types(layout)[index];

    /* Types come after what they are made of, so that nothing contains itself. */
    if (type->kind == LAYOUT_ARRAY)
        return type->element < index && (uint64_t)types(layout)[type->element].size * type->count == type->size;
    if (type->kind == LAYOUT_POINTER)
        return type->element < index || type->element == LAYOUT_NONE;
    if (type->kind != LAYOUT_STRUCT)
        return type->kind != 0 && type->kind <= LAYOUT_OPAQUE && (type->kind > LAYOUT_SIGNED || type->size <= 8);
    if (type->first > layout->member_count || type->count > layout->member_count - type->first)
        return false;
    for (uint32_t i = type->first; i < type->first + type->count; i++) {
        const struct layout_member *member = &members(layout)[i];

        if (member->type >= index || (uint64_t)member->offset + types(layout)[member->type].size > type->size ||
            member->name >= layout->bytes - layout->strings)
            return false;
    }
    return true;
}

bool layout_is_good(const struct layout_side *side, uint64_t length)
{
    const struct layout *layout = side->layout;
    uint64_t tables;

    if (length < sizeof(*layout) || layout->magic != LAYOUT_MAGIC || layout->bytes > length)
        return false;
    tables = sizeof(*layout) + (uint64_t)layout->variable_count * sizeof(struct layout_variable) +
             (uint64_t)layout->type_count * sizeof(struct layout_type) + (uint64_t)layout->member_count * sizeof(struct layout_member);
    if (layout->strings != tables || layout->strings >= layout->bytes || ((const char *)layout)[layout->bytes - 1] != '\0')
        return false;
    for (uint32_t i = 0; i < layout->type_count; i++) {
        if (!type_is_good(layout, i))
            return false;
    }
    for (uint32_t i = 0; i < layout->variable_count; i++) {
        const struct layout_variable *variable = &variables(layout)[i];

        if (variable->section >= LAYOUT_SECTIONS || variable->type >= layout->type_count ||
            variable->name >= layout->bytes - layout->strings ||
            (uint64_t)variable->offset + types(layout)[variable->type].size > side->bytes[variable->section])
            return false;
    }
    return true;
}

/* ---- conversion ---- */

static bool refuse(struct conversion *c, const char *why)
{
    size_t used = 0;

    for (uint32_t i = 0; i < c->depth && used + 1 < LAYOUT_PROBLEM_BYTES; i++) {
        format_string(c->problem + used, LAYOUT_PROBLEM_BYTES - used, "%s%s", i > 0 ? "." : "", c->path[i]);
        used = strlen(c->problem);
    }
    format_string(c->problem + used, LAYOUT_PROBLEM_BYTES - used, ": %s", why);
    return false;
}

static uint64_t load(const uint8_t *from, const struct layout_type *type)
{
    uint64_t value = 0;

    memcpy(&value, from, type->size);
    if (type->kind == LAYOUT_SIGNED && type->size > 0 && type->size < 8 && (value >> (type->size * 8 - 1) & 1) != 0)
        value |= ~0ull << type->size * 8;
    return value;
}

static bool convert_integer(struct conversion *c, const struct layout_type *ot, const uint8_t *from, const struct layout_type *nt,
                            uint8_t *to)
{
    uint64_t value = load(from, ot);
    bool negative = ot->kind == LAYOUT_SIGNED && (int64_t)value < 0;

    memcpy(to, &value, nt->size);
    if (load(to, nt) != value || negative != (nt->kind == LAYOUT_SIGNED && (int64_t)value < 0))
        return refuse(c, "the value does not fit");
    return true;
}

static bool convert_pointer(struct conversion *c, const struct layout_type *ot, const uint8_t *from, const struct layout_type *nt,
                            uint8_t *to)
{
    bool known = ot->element != LAYOUT_NONE && nt->element != LAYOUT_NONE;
    uint64_t value = load(from, ot);

    if (value < c->arenas->start || value >= c->arenas->end)
        value = 0;
    if (value != 0 && known && types(c->old->layout)[ot->element].signature != types(c->new->layout)[nt->element].signature)
        return refuse(c, "the table that it points to has another layout");
    memcpy(to, &value, sizeof(value));
    return true;
}

static bool is_zero(const uint8_t *bytes, uint64_t length)
{
    for (uint64_t i = 0; i < length; i++) {
        if (bytes[i] != 0)
            return false;
    }
    return true;
}

static bool convert(struct conversion *c, uint32_t old_type, const uint8_t *from, uint32_t new_type, uint8_t *to);

static bool convert_array(struct conversion *c, const struct layout_type *ot, const uint8_t *from, const struct layout_type *nt,
                          uint8_t *to)
{
    uint32_t old_size = types(c->old->layout)[ot->element].size, new_size = types(c->new->layout)[nt->element].size;
    uint32_t count = ot->count < nt->count ? ot->count : nt->count;

    if (!is_zero(from + (uint64_t)count * old_size, (uint64_t)(ot->count - count) * old_size))
        return refuse(c, "the array is shorter now, and what is cut off is in use");
    for (uint32_t i = 0; i < count; i++) {
        if (!convert(c, ot->element, from + (uint64_t)i * old_size, nt->element, to + (uint64_t)i * new_size))
            return false;
    }
    return true;
}

static const struct layout_member *find_member(const struct layout *layout, const struct layout_type *type, const char *name)
{
    for (uint32_t i = type->first; i < type->first + type->count; i++) {
        if (strcmp(name_at(layout, members(layout)[i].name), name) == 0)
            return &members(layout)[i];
    }
    return NULL;
}

static bool convert_struct(struct conversion *c, const struct layout_type *ot, const uint8_t *from, const struct layout_type *nt,
                           uint8_t *to)
{
    const struct layout *layout = c->new->layout;
    bool done = true;

    if (c->depth == DEPTH_MAX)
        return refuse(c, "nested too deeply");
    for (uint32_t i = nt->first; i < nt->first + nt->count && done; i++) {
        const struct layout_member *member = &members(layout)[i];
        const char *name = name_at(layout, member->name);
        const struct layout_member *before = find_member(c->old->layout, ot, name);

        if (before == NULL) /* added */
            continue;
        c->path[c->depth++] = name;
        done = convert(c, before->type, from + before->offset, member->type, to + member->offset);
        c->depth--;
    }
    return done;
}

static bool is_integer(const struct layout_type *type)
{
    return type->kind == LAYOUT_UNSIGNED || type->kind == LAYOUT_SIGNED;
}

static bool has_pointers(const struct layout *layout, const struct layout_type *type)
{
    if (type->kind == LAYOUT_ARRAY)
        return has_pointers(layout, &types(layout)[type->element]);
    for (uint32_t i = type->first; type->kind == LAYOUT_STRUCT && i < type->first + type->count; i++) {
        if (has_pointers(layout, &types(layout)[members(layout)[i].type]))
            return true;
    }
    return type->kind == LAYOUT_POINTER;
}

static bool convert(struct conversion *c, uint32_t old_type, const uint8_t *from, uint32_t new_type, uint8_t *to)
{
    const struct layout_type *ot = &types(c->old->layout)[old_type], *nt = &types(c->new->layout)[new_type];

    if (ot->signature == nt->signature && ot->size == nt->size && !has_pointers(c->old->layout, ot)) {
        memcpy(to, from, nt->size);
        return true;
    }
    if (is_integer(ot) && is_integer(nt))
        return convert_integer(c, ot, from, nt, to);
    if (ot->kind != nt->kind || ot->kind == LAYOUT_OPAQUE)
        return refuse(c, "the types do not fit each other");
    if (ot->kind == LAYOUT_POINTER)
        return convert_pointer(c, ot, from, nt, to);
    return ot->kind == LAYOUT_ARRAY ? convert_array(c, ot, from, nt, to) : convert_struct(c, ot, from, nt, to);
}

static const struct layout_variable *find_variable(const struct layout *layout, uint32_t section, const char *name)
{
    for (uint32_t i = 0; i < layout->variable_count; i++) {
        if (variables(layout)[i].section == section && strcmp(name_at(layout, variables(layout)[i].name), name) == 0)
            return &variables(layout)[i];
    }
    return NULL;
}

bool layout_convert(const struct layout_side *old, const struct layout_side *new, const struct layout_arenas *arenas, char *problem)
{
    struct conversion c = { .old = old, .new = new, .arenas = arenas, .problem = problem };
    bool done = true;

    for (uint32_t i = 0; i < new->layout->variable_count &&done; i++) {
        const struct layout_variable *variable = &variables(new->layout)[i];
        const char *name = name_at(new->layout, variable->name);
        const struct layout_variable *before = find_variable(old->layout, variable->section, name);

        if (before == NULL)
            continue;
        c.path[c.depth++] = name;
        done = convert(&c, before->type, old->section[before->section] + before->offset, variable->type,
                       new->section[variable->section] + variable->offset);
        c.depth--;
    }
    return done;
}

/* ---- where something went ---- */

static uint32_t moved_within(const struct layout *ol, uint32_t old_type, uint32_t offset, uint64_t length, const struct layout *nl,
                             uint32_t new_type)
{
    const struct layout_type *ot = &types(ol)[old_type], *nt = &types(nl)[new_type];

    if (offset + length > ot->size)
        return LAYOUT_NONE;
    if (ot->signature == nt->signature && ot->size == nt->size)
        return offset;
    if (ot->kind == LAYOUT_ARRAY && nt->kind == LAYOUT_ARRAY && types(ol)[ot->element].size != 0) {
        uint32_t size = types(ol)[ot->element].size, index = offset / size, inside;

        inside = index < nt->count ? moved_within(ol, ot->element, offset % size, length, nl, nt->element) : LAYOUT_NONE;
        return inside == LAYOUT_NONE ? LAYOUT_NONE : index * types(nl)[nt->element].size + inside;
    }
    for (uint32_t i = ot->first; ot->kind == LAYOUT_STRUCT && nt->kind == LAYOUT_STRUCT && i < ot->first + ot->count; i++) {
        const struct layout_member *before = &members(ol)[i];
        const struct layout_member *member = find_member(nl, nt, name_at(ol, before->name));
        uint32_t inside;

        if (member == NULL || offset < before->offset || offset >= before->offset + types(ol)[before->type].size)
            continue;
        inside = moved_within(ol, before->type, offset - before->offset, length, nl, member->type);
        return inside == LAYOUT_NONE ? LAYOUT_NONE : member->offset + inside;
    }
    return LAYOUT_NONE;
}

uint32_t layout_moved(const struct layout_side *old, const struct layout_side *new, uint32_t section, uint32_t offset, uint64_t length)
{
    for (uint32_t i = 0; i < old->layout->variable_count; i++) {
        const struct layout_variable *before = &variables(old->layout)[i], *variable;
        uint32_t inside;

        if (before->section != section || offset < before->offset || offset >= before->offset + types(old->layout)[before->type].size)
            continue;
        variable = find_variable(new->layout, section, name_at(old->layout, before->name));
        if (variable == NULL)
            return LAYOUT_NONE;
        inside = moved_within(old->layout, before->type, offset - before->offset, length, new->layout, variable->type);
        return inside == LAYOUT_NONE ? LAYOUT_NONE : variable->offset + inside;
    }
    return LAYOUT_NONE;
}
