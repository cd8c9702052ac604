/* SPDX-License-Identifier: MIT */
/*
 * What a version of a service says about its state: section .layout of its binary, made by tools/layout from the debug information. Live update
 * compares the tables of two versions and copies variables and fields by name.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LAYOUT_MAGIC 0x4c415931u
#define LAYOUT_NONE  0xffffffffu

enum {
    LAYOUT_STATE = 0,
    LAYOUT_OUTBOX = 1,
    LAYOUT_DERIVED = 2,
    LAYOUT_JOURNAL = 3,
    LAYOUT_SECTIONS = 4,
    LAYOUT_ARENAS = 4, /* no section: each variable is a table in an arena of its own */
    LAYOUT_PROBLEM_BYTES = 160,
};

/* In the binary: this, then variables, types, members, then strings (names are offsets in them). */
struct layout {
    uint32_t magic;
    uint32_t bytes; /* all of it */
    uint32_t hash;  /* equal for equal layouts */
    uint32_t variable_count;
    uint32_t type_count;
    uint32_t member_count;
    uint32_t strings;       /* offset from the beginning */
    uint16_t version;       /* of the state (SERVICE_STATE_VERSION), 1 if the service does not say */
    uint16_t upgrades_from; /* the oldest version that this one has upgrade functions for */
};

struct layout_variable {
    uint32_t name;
    uint32_t section;
    uint32_t offset;
    uint32_t type;
};

enum layout_kind {
    LAYOUT_UNSIGNED = 1,
    LAYOUT_SIGNED = 2,
    LAYOUT_POINTER = 3, /* element: what it points to, if that is a table in an arena */
    LAYOUT_ARRAY = 4,
    LAYOUT_STRUCT = 5,
    LAYOUT_OPAQUE = 6, /* unions, bit fields: only the same one will do */
};

struct layout_type {
    uint32_t kind;
    uint32_t size;
    uint32_t element;
    uint32_t count;     /* elements or members */
    uint32_t first;     /* member */
    uint32_t signature; /* equal for types that are the same all the way down */
};

struct layout_member {
    uint32_t name;
    uint32_t offset;
    uint32_t type;
};

/* One version: its table, and where we can reach its sections. */
struct layout_side {
    const struct layout *layout;
    uint8_t *section[LAYOUT_SECTIONS];
    uint64_t bytes[LAYOUT_SECTIONS];
};

/* From one version to the next. */
struct layout_pair {
    struct layout_side old, new;
    /* Where the new version has what the old one had at this address in an arena; 0: nowhere. */
    uint64_t (*translate)(uint64_t pointer);
    char problem[LAYOUT_PROBLEM_BYTES]; /* after a refusal: which field, and why */
};

/* Are all indexes and offsets in bounds? */
bool layout_is_good(const struct layout_side *side, uint64_t length);
/* Could a state of the old version become one of the new version, as far as types tell? Sections are not looked at. */
bool layout_fits(struct layout_pair *pair);
/* Fill the sections of the new version, which are zero, from those of the old one. false: impossible. */
bool layout_convert(struct layout_pair *pair);
/* The same for one table in an arena: entries by number, their fields by name. */
bool layout_convert_table(struct layout_pair *pair, const struct layout_variable *before, const void *from,
                          const struct layout_variable *variable, void *to);
/* Is a copy byte by byte right for this table? */
bool layout_is_same(const struct layout_pair *pair, const struct layout_variable *before, const struct layout_variable *variable);
/* Where all bytes of this range of an old section went unchanged, or LAYOUT_NONE. Length 0: the field or entry that begins there, changed or not. */
uint32_t layout_moved(const struct layout_pair *pair, uint32_t section, uint32_t offset, uint64_t length);
/* The same within one variable. */
uint32_t layout_moved_within(const struct layout_pair *pair, const struct layout_variable *before, const struct layout_variable *variable,
                             uint32_t offset, uint64_t length);

/* ---- looking into a layout ---- */
const struct layout_variable *layout_find(const struct layout *layout, uint32_t section, const char *name);
const struct layout_variable *layout_variable_at(const struct layout *layout, uint32_t index);
const char *layout_name(const struct layout *layout, const struct layout_variable *variable);
uint32_t layout_size(const struct layout *layout, const struct layout_variable *variable);
/* A field by its path, "variable.member.member": offset from the beginning of the variable, and its type. NULL: there is none. */
const struct layout_type *layout_field(const struct layout *layout, const char *path, const struct layout_variable **variable,
                                       uint32_t *offset);
