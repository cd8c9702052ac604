/* SPDX-License-Identifier: MIT */
/*
 * State of one version into the state of the next, by name. Moved, added and removed fields, integers that became wider and tables that grew
 * need no code; what would lose something is refused with the name of the field.
 */
#include "layout/layout.h"

#include <stdarg.h>

#include "base/format.h"
#include "base/string.h"
#include "internal.h"
#include "plan.h"

enum { DEPTH_MAX = 24, NAME_MAX = 64, PLAN_WORTH = 8 };

struct conversion {
    struct layout_pair *pair;
    const struct layout *old, *new;
    bool is_derived;   /* rebuilt anyway: what does not fit is left out */
    bool has_upgrades; /* what does not fit is left to an upgrade function of the service */
    uint32_t depth;
    const char *path[DEPTH_MAX];
};

/* ---- looking into a layout ---- */

const struct layout_variable *layout_find(const struct layout *layout, uint32_t section, const char *name)
{
    for (uint32_t i = 0; i < layout->variable_count; i++) {
        if (variables(layout)[i].section == section && strcmp(name_at(layout, variables(layout)[i].name), name) == 0)
            return &variables(layout)[i];
    }
    return NULL;
}

const struct layout_variable *layout_variable_at(const struct layout *layout, uint32_t index)
{
    return index < layout->variable_count ? &variables(layout)[index] : NULL;
}

const char *layout_name(const struct layout *layout, const struct layout_variable *variable)
{
    return name_at(layout, variable->name);
}

uint32_t layout_size(const struct layout *layout, const struct layout_variable *variable)
{
    return types(layout)[variable->type].size;
}

const struct layout_member *layout_member(const struct layout *layout, const struct layout_type *type, const char *name)
{
    for (uint32_t i = type->first; type->kind == LAYOUT_STRUCT && i < type->first + type->count; i++) {
        if (strcmp(name_at(layout, members(layout)[i].name), name) == 0)
            return &members(layout)[i];
    }
    return NULL;
}

/* The part of a path up to the next dot; returns what is behind it, NULL at the end. */
static const char *next_part(const char *path, char part[NAME_MAX])
{
    size_t length = 0;

    while (path[length] != '\0' && path[length] != '.' && length + 1 < NAME_MAX) {
        part[length] = path[length];
        length++;
    }
    part[length] = '\0';
    return path[length] == '.' ? path + length + 1 : NULL;
}

const struct layout_type *layout_field(const struct layout *layout, const char *path, const struct layout_variable **variable,
                                       uint32_t *offset)
{
    const struct layout_type *type;
    char part[NAME_MAX];
    const char *rest = next_part(path, part);

    *variable = NULL;
    *offset = 0;
    for (uint32_t section = 0; section <= LAYOUT_ARENAS && *variable == NULL; section++)
        *variable = layout_find(layout, section, part);
    if (*variable == NULL)
        return NULL;
    type = &types(layout)[(*variable)->type];
    while (rest != NULL) {
        const struct layout_member *member;

        rest = next_part(rest, part);
        member = layout_member(layout, type, part);
        if (member == NULL)
            return NULL;
        *offset += member->offset;
        type = &types(layout)[member->type];
    }
    return type;
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

        if (variable->section > LAYOUT_ARENAS || variable->type >= layout->type_count || variable->name >= layout->bytes - layout->strings)
            return false;
        if (variable->section < LAYOUT_SECTIONS &&
            (uint64_t)variable->offset + types(layout)[variable->type].size > side->bytes[variable->section])
            return false;
    }
    return true;
}

/* ---- conversion ---- */

__attribute__((format(printf, 2, 3))) static bool refuse(struct conversion *c, const char *format, ...)
{
    char *problem = c->pair->problem;
    va_list arguments;
    size_t used = 0;

    if (c->is_derived || c->has_upgrades)
        return true;
    for (uint32_t i = 0; i < c->depth && used + 1 < LAYOUT_PROBLEM_BYTES; i++) {
        format_string(problem + used, LAYOUT_PROBLEM_BYTES - used, "%s%s", i > 0 ? "." : "", c->path[i]);
        used = strlen(problem);
    }
    format_string(problem + used, LAYOUT_PROBLEM_BYTES - used, ": ");
    used = strlen(problem);
    va_start(arguments, format);
    format_list(problem + used, LAYOUT_PROBLEM_BYTES - used, format, arguments);
    va_end(arguments);
    return false;
}

uint64_t layout_load(const uint8_t *from, const struct layout_type *type)
{
    uint64_t value = 0;

    memcpy(&value, from, type->size);
    if (type->kind == LAYOUT_SIGNED && type->size > 0 && type->size < 8 && (value >> (type->size * 8 - 1) & 1) != 0)
        value |= ~0ull << type->size * 8;
    return value;
}

/* From here on: no bytes (`from` is NULL) means that only the types are compared. */

bool layout_store(const struct layout_type *ot, const uint8_t *from, const struct layout_type *nt, uint8_t *to)
{
    uint64_t value = layout_load(from, ot);
    bool negative = ot->kind == LAYOUT_SIGNED && (int64_t)value < 0;

    memcpy(to, &value, nt->size);
    if (layout_load(to, nt) == value && negative == (nt->kind == LAYOUT_SIGNED && (int64_t)value < 0))
        return true;
    memset(to, 0, nt->size);
    return false;
}

static bool convert_integer(struct conversion *c, const struct layout_type *ot, const uint8_t *from, const struct layout_type *nt,
                            uint8_t *to)
{
    if (from == NULL || layout_store(ot, from, nt, to))
        return true;
    return refuse(c, "the value %lld does not fit in %u bytes", (long long)layout_load(from, ot), nt->size);
}

static bool convert_pointer(struct conversion *c, const struct layout_type *ot, const uint8_t *from, uint8_t *to)
{
    uint64_t value;

    if (from == NULL)
        return true;
    value = layout_load(from, ot);
    if (value != 0)
        value = c->pair->translate(value);
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

/* An entry is in use if it is not zero. */
static bool is_cut_off_free(struct conversion *c, const struct layout_type *ot, const uint8_t *from, const struct layout_type *nt)
{
    uint32_t size = types(c->old)[ot->element].size;

    for (uint32_t i = nt->count; from != NULL && i < ot->count; i++) {
        if (!is_zero(from + (uint64_t)i * size, size))
            return refuse(c, "%u entries became %u, and entry %u is in use", ot->count, nt->count, i);
    }
    return true;
}

static bool convert_array(struct conversion *c, const struct layout_type *ot, const uint8_t *from, const struct layout_type *nt,
                          uint8_t *to)
{
    uint64_t old_size = types(c->old)[ot->element].size, new_size = types(c->new)[nt->element].size;
    uint32_t count = ot->count < nt->count ? ot->count : nt->count;
    struct plan plan;

    if (!is_cut_off_free(c, ot, from, nt))
        return false;
    if (from == NULL)
        return count == 0 || convert(c, ot->element, NULL, nt->element, NULL);
    if (count >= PLAN_WORTH && plan_make(&plan, c->old, ot->element, c->new, nt->element)) {
        uint32_t done = plan_run(&plan, from, old_size, to, new_size, count);

        return done == count || convert(c, ot->element, from + done * old_size, nt->element, to + done * new_size); /* says why not */
    }
    for (uint32_t i = 0; i < count; i++) {
        if (!convert(c, ot->element, from + i * old_size, nt->element, to + i * new_size))
            return false;
    }
    return true;
}

static bool convert_struct(struct conversion *c, const struct layout_type *ot, const uint8_t *from, const struct layout_type *nt,
                           uint8_t *to)
{
    bool done = true;

    if (c->depth == DEPTH_MAX)
        return refuse(c, "nested too deeply");
    for (uint32_t i = nt->first; i < nt->first + nt->count && done; i++) {
        const struct layout_member *member = &members(c->new)[i];
        const char *name = name_at(c->new, member->name);
        const struct layout_member *before = layout_member(c->old, ot, name);

        if (before == NULL) /* added */
            continue;
        c->path[c->depth++] = name;
        done = convert(c, before->type, from != NULL ? from + before->offset : NULL, member->type,
                       from != NULL ? to + member->offset : NULL);
        c->depth--;
    }
    return done;
}

bool layout_has_pointers(const struct layout *layout, const struct layout_type *type)
{
    if (type->kind == LAYOUT_ARRAY)
        return layout_has_pointers(layout, &types(layout)[type->element]);
    for (uint32_t i = type->first; type->kind == LAYOUT_STRUCT && i < type->first + type->count; i++) {
        if (layout_has_pointers(layout, &types(layout)[members(layout)[i].type]))
            return true;
    }
    return type->kind == LAYOUT_POINTER;
}

static const char *kind_name(uint32_t kind)
{
    static const char *const names[] = { "?",        "an unsigned integer", "a signed integer", "a pointer", "an array",
                                         "a struct", "a union or bit field" };

    return names[kind <= LAYOUT_OPAQUE ? kind : 0];
}

static bool convert(struct conversion *c, uint32_t old_type, const uint8_t *from, uint32_t new_type, uint8_t *to)
{
    const struct layout_type *ot = &types(c->old)[old_type], *nt = &types(c->new)[new_type];

    if (ot->signature == nt->signature && ot->size == nt->size && (from == NULL || !layout_has_pointers(c->old, ot))) {
        if (from != NULL)
            memcpy(to, from, nt->size);
        return true;
    }
    if (is_integer(ot) && is_integer(nt))
        return convert_integer(c, ot, from, nt, to);
    if (ot->kind != nt->kind)
        return refuse(c, "%s became %s", kind_name(ot->kind), kind_name(nt->kind));
    if (ot->kind == LAYOUT_OPAQUE)
        return refuse(c, "%s has changed inside", kind_name(ot->kind));
    if (ot->kind == LAYOUT_POINTER)
        return convert_pointer(c, ot, from, to);
    return ot->kind == LAYOUT_ARRAY ? convert_array(c, ot, from, nt, to) : convert_struct(c, ot, from, nt, to);
}

static struct conversion begin(struct layout_pair *pair)
{
    const struct layout *old = pair->old.layout, *new = pair->new.layout;

    return (struct conversion){
        .pair = pair,
        .old = old,
        .new = new,
        .has_upgrades = old->version < new->version && old->version >= new->upgrades_from,
    };
}

static bool convert_variable(struct conversion *c, const struct layout_variable *before, const uint8_t *from,
                             const struct layout_variable *variable, uint8_t *to)
{
    bool done;

    c->is_derived = variable->section == LAYOUT_DERIVED;
    c->path[c->depth++] = name_at(c->new, variable->name);
    done = convert(c, before->type, from, variable->type, to);
    c->depth--;
    return done;
}

bool layout_fits(struct layout_pair *pair)
{
    struct conversion c = begin(pair);
    bool fits = true;

    for (uint32_t i = 0; i < c.new->variable_count &&fits; i++) {
        const struct layout_variable *variable = &variables(c.new)[i];
        const struct layout_variable *before = layout_find(c.old, variable->section, layout_name(c.new, variable));

        fits = before == NULL || convert_variable(&c, before, NULL, variable, NULL);
    }
    return fits;
}

bool layout_convert(struct layout_pair *pair)
{
    struct conversion c = begin(pair);
    bool done = true;

    for (uint32_t i = 0; i < c.new->variable_count &&done; i++) {
        const struct layout_variable *variable = &variables(c.new)[i];
        const struct layout_variable *before = layout_find(c.old, variable->section, layout_name(c.new, variable));

        if (before == NULL || variable->section == LAYOUT_ARENAS)
            continue;
        done = convert_variable(&c, before, pair->old.section[before->section] + before->offset, variable,
                                pair->new.section[variable->section] + variable->offset);
    }
    return done;
}

bool layout_convert_table(struct layout_pair *pair, const struct layout_variable *before, const void *from,
                          const struct layout_variable *variable, void *to)
{
    struct conversion c = begin(pair);

    return convert_variable(&c, before, from, variable, to);
}

bool layout_is_same(const struct layout_pair *pair, const struct layout_variable *before, const struct layout_variable *variable)
{
    const struct layout_type *ot = &types(pair->old.layout)[before->type], *nt = &types(pair->new.layout)[variable->type];

    return ot->signature == nt->signature && ot->size == nt->size && !layout_has_pointers(pair->old.layout, ot);
}

/* ---- where something went ---- */

static uint32_t moved(const struct layout *ol, uint32_t old_type, uint32_t offset, uint64_t length, const struct layout *nl,
                      uint32_t new_type);

/* The range may cross entries if these are the same. */
static uint32_t moved_in_array(const struct layout *ol, const struct layout_type *ot, uint32_t offset, uint64_t length,
                               const struct layout *nl, const struct layout_type *nt)
{
    const struct layout_type *oe = &types(ol)[ot->element], *ne = &types(nl)[nt->element];
    uint32_t index, inside;

    if (oe->size == 0)
        return LAYOUT_NONE;
    if (oe->signature == ne->signature && oe->size == ne->size)
        return offset + length <= nt->size ? offset : LAYOUT_NONE;
    index = offset / oe->size;
    inside = index < nt->count ? moved(ol, ot->element, offset % oe->size, length, nl, nt->element) : LAYOUT_NONE;
    return inside == LAYOUT_NONE ? LAYOUT_NONE : index * ne->size + inside;
}

static uint32_t moved(const struct layout *ol, uint32_t old_type, uint32_t offset, uint64_t length, const struct layout *nl,
                      uint32_t new_type)
{
    const struct layout_type *ot = &types(ol)[old_type], *nt = &types(nl)[new_type];

    if (offset + length > ot->size)
        return LAYOUT_NONE;
    if ((ot->signature == nt->signature && ot->size == nt->size) || (length == 0 && offset == 0))
        return offset;
    if (ot->kind == LAYOUT_ARRAY && nt->kind == LAYOUT_ARRAY)
        return moved_in_array(ol, ot, offset, length, nl, nt);
    for (uint32_t i = ot->first; ot->kind == LAYOUT_STRUCT && nt->kind == LAYOUT_STRUCT && i < ot->first + ot->count; i++) {
        const struct layout_member *before = &members(ol)[i];
        const struct layout_member *member = layout_member(nl, nt, name_at(ol, before->name));
        uint32_t inside;

        if (member == NULL || offset < before->offset || offset >= before->offset + types(ol)[before->type].size)
            continue;
        inside = moved(ol, before->type, offset - before->offset, length, nl, member->type);
        return inside == LAYOUT_NONE ? LAYOUT_NONE : member->offset + inside;
    }
    return LAYOUT_NONE;
}

uint32_t layout_moved_within(const struct layout_pair *pair, const struct layout_variable *before, const struct layout_variable *variable,
                             uint32_t offset, uint64_t length)
{
    return moved(pair->old.layout, before->type, offset, length, pair->new.layout, variable->type);
}

uint32_t layout_moved(const struct layout_pair *pair, uint32_t section, uint32_t offset, uint64_t length)
{
    const struct layout *ol = pair->old.layout;

    for (uint32_t i = 0; i < ol->variable_count; i++) {
        const struct layout_variable *before = &variables(ol)[i], *variable;
        uint32_t inside;

        if (before->section != section || offset < before->offset || offset >= before->offset + layout_size(ol, before))
            continue;
        variable = layout_find(pair->new.layout, section, layout_name(ol, before));
        if (variable == NULL)
            return LAYOUT_NONE;
        inside = layout_moved_within(pair, before, variable, offset - before->offset, length);
        return inside == LAYOUT_NONE ? LAYOUT_NONE : variable->offset + inside;
    }
    return LAYOUT_NONE;
}
