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

enum { LAYOUT_STATE = 0, LAYOUT_OUTBOX = 1, LAYOUT_DERIVED = 2, LAYOUT_JOURNAL = 3, LAYOUT_SECTIONS = 4, LAYOUT_PROBLEM_BYTES = 160 };

/* In the binary: this, then variables, types, members, then strings (names are offsets in them). */
struct layout {
    uint32_t magic;
    uint32_t bytes; /* all of it */
    uint32_t hash;  /* equal for equal layouts */
    uint32_t variable_count;
    uint32_t type_count;
    uint32_t member_count;
    uint32_t strings; /* offset from the beginning */
    uint32_t reserved;
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

/* A pointer keeps its value only if it points into this range (arenas, which stay where they are); others become NULL. */
struct layout_arenas {
    uint64_t start;
    uint64_t end;
};

/* Are all indexes and offsets in bounds? */
bool layout_is_good(const struct layout_side *side, uint64_t length);
/* Fill the sections of `new`, which are zero, from those of `old`. false: impossible, `problem` (LAYOUT_PROBLEM_BYTES) says what and why. */
bool layout_convert(const struct layout_side *old, const struct layout_side *new, const struct layout_arenas *arenas, char *problem);
/* Are all bytes of this range of an old section copied unchanged, and where to? LAYOUT_NONE: not known. */
uint32_t layout_moved(const struct layout_side *old, const struct layout_side *new, uint32_t section, uint32_t offset, uint64_t length);
