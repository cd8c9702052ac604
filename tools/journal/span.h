/* SPDX-License-Identifier: MIT */
/* What a reference writes: bytes at a fixed distance from a base, as far as that can be said. */
#pragma once

#include "gcc.h"

const HOST_WIDE_INT WORD = 8;

/* Bytes [from, to) at a fixed distance from a base: a pointer, a variable, or an element of an array with an index that varies. */
struct span {
    tree base;
    HOST_WIDE_INT from, to;
};

/* What has an entry, or needs none, wherever the code is that is looked at. */
struct known {
    std::vector<span> spans;
    std::vector<tree> places;
};

/* The fixed part of a reference, if it is all of it; else the part behind its last varying index. */
bool span_of(tree reference, span *out);
/* The same bytes, seen from another base. False: who knows how far it is. */
bool span_from(const span &one, tree base, span *out);
/* The parts of the bytes that need an entry. */
std::vector<span> uncovered(const known &logged, const span &wanted);
bool is_covered(const known &logged, tree place);
/* Memory of fixed size behind a pointer. */
tree pointed(tree pointer, HOST_WIDE_INT bytes);

static inline HOST_WIDE_INT words_of(HOST_WIDE_INT bytes)
{
    return (bytes + WORD - 1) / WORD;
}

static inline bool is_bit_field(tree reference)
{
    return TREE_CODE(reference) == COMPONENT_REF && DECL_BIT_FIELD(TREE_OPERAND(reference, 1));
}
