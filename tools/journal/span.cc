/* SPDX-License-Identifier: MIT */
/*
 * Places as bytes at a distance from a base, so that stores can be compared with each other.
 */
#include "span.h"

/* The fixed part of a reference, if it is all of it. */
static bool fixed_span(tree reference, span *out)
{
    poly_int64 offset, size, max_size;
    bool reverse;
    tree base = get_ref_base_and_extent(reference, &offset, &size, &max_size, &reverse);
    HOST_WIDE_INT bit, bits;

    if (!base || !known_eq(size, max_size) || !offset.is_constant(&bit) || !size.is_constant(&bits) || bits <= 0 || bit < 0)
        return false;
    out->from = bit / BITS_PER_UNIT;
    out->to = (bit + bits + BITS_PER_UNIT - 1) / BITS_PER_UNIT;
    if (TREE_CODE(base) == MEM_REF) {
        poly_offset_int distance = mem_ref_offset(base);
        HOST_WIDE_INT bytes;

        if (!distance.to_shwi(&offset) || !offset.is_constant(&bytes))
            return false;
        out->from += bytes;
        out->to += bytes;
        base = TREE_OPERAND(base, 0);
    } else if (!DECL_P(base)) {
        return false;
    }
    out->base = TREE_CODE(base) == ADDR_EXPR && DECL_P(TREE_OPERAND(base, 0)) ? TREE_OPERAND(base, 0) : base;
    return true;
}

/* The part of a reference behind its last varying index. */
static bool keyed_span(tree reference, span *out)
{
    tree size = is_bit_field(reference) ? DECL_SIZE(TREE_OPERAND(reference, 1)) : TYPE_SIZE(TREE_TYPE(reference)), key = reference;
    HOST_WIDE_INT bit = 0;

    for (; TREE_CODE(key) == COMPONENT_REF || TREE_CODE(key) == ARRAY_REF; key = TREE_OPERAND(key, 0)) {
        tree index = TREE_OPERAND(key, 1), distance;

        if (TREE_CODE(key) == COMPONENT_REF) {
            distance = bit_position(index);
        } else {
            if (TREE_CODE(index) != INTEGER_CST)
                break;
            distance = size_binop(MINUS_EXPR, fold_convert(bitsizetype, index), fold_convert(bitsizetype, array_ref_low_bound(key)));
            distance = size_binop(MULT_EXPR, distance, fold_convert(bitsizetype, TYPE_SIZE(TREE_TYPE(key))));
        }
        if (!tree_fits_shwi_p(distance))
            return false;
        bit += tree_to_shwi(distance);
    }
    if (TREE_CODE(key) != ARRAY_REF || !size || !tree_fits_shwi_p(size))
        return false;
    out->base = key;
    out->from = bit / BITS_PER_UNIT;
    out->to = (bit + tree_to_shwi(size) + BITS_PER_UNIT - 1) / BITS_PER_UNIT;
    return true;
}

bool span_of(tree reference, span *out)
{
    return fixed_span(reference, out) || keyed_span(reference, out);
}

/* An address as a sum of products; the steps in which it was computed make no difference. */
static const aff_tree &address_of(tree base)
{
    static std::map<tree, aff_tree> known_ones;
    static hash_map<tree, name_expansion *> *expansions;
    static tree function;
    auto found = known_ones.find(base);

    if (function != current_function_decl) {
        known_ones.clear();
        free_affine_expand_cache(&expansions);
        function = current_function_decl;
        found = known_ones.end();
    }
    if (found == known_ones.end()) {
        tree pointer = TREE_CODE(base) == SSA_NAME || TREE_CODE(base) == ADDR_EXPR ? base : build_fold_addr_expr(unshare_expr(base));

        found = known_ones.emplace(base, aff_tree()).first;
        tree_to_aff_combination_expand(pointer, TREE_TYPE(pointer), &found->second, &expansions);
    }
    return found->second;
}

/* What a value was converted from, or null. */
static tree conversion_of(tree value)
{
    gimple *from = TREE_CODE(value) == SSA_NAME ? SSA_NAME_DEF_STMT(value) : NULL;
    tree inner = NULL_TREE;

    if (from && is_gimple_assign(from) && CONVERT_EXPR_CODE_P(gimple_assign_rhs_code(from)))
        inner = gimple_assign_rhs1(from);
    else if (CONVERT_EXPR_P(value))
        inner = TREE_OPERAND(value, 0);
    return inner && INTEGRAL_TYPE_P(TREE_TYPE(inner)) ? inner : NULL_TREE;
}

static bool is_unsigned_part(tree inner, tree value)
{
    return inner && TYPE_UNSIGNED(TREE_TYPE(inner)) && TYPE_PRECISION(TREE_TYPE(inner)) < TYPE_PRECISION(TREE_TYPE(value));
}

/* The same number before it was made longer: an index of 16 bits may or may not have been an int in between. */
static tree narrowest(tree value)
{
    for (;;) {
        tree inner = conversion_of(value);

        if (inner && !is_unsigned_part(inner, value) && TYPE_PRECISION(TREE_TYPE(inner)) < TYPE_PRECISION(TREE_TYPE(value)) &&
            is_unsigned_part(conversion_of(inner), inner))
            inner = conversion_of(inner);
        if (!is_unsigned_part(inner, value))
            return value;
        value = inner;
    }
}

static bool is_fixed(const aff_tree &sum)
{
    std::map<tree, widest_int> factors;

    if (sum.rest)
        return false;
    for (unsigned int i = 0; i < sum.n; i++) {
        auto found = factors.emplace(narrowest(sum.elts[i].val), 0).first;

        found->second = wi::sext(found->second + sum.elts[i].coef, TYPE_PRECISION(sum.type));
    }
    for (const auto &factor : factors) {
        if (factor.second != 0)
            return false;
    }
    return true;
}

bool span_from(const span &one, tree base, span *out)
{
    aff_tree there = address_of(one.base), here = address_of(base);
    HOST_WIDE_INT distance;

    if (one.base == base) {
        *out = one;
        return true;
    }
    aff_combination_convert(&there, sizetype);
    aff_combination_convert(&here, sizetype);
    aff_combination_scale(&here, -1);
    aff_combination_add(&there, &here);
    if (!is_fixed(there) || !there.offset.is_constant() || !wi::fits_shwi_p(there.offset.to_constant()))
        return false;
    distance = there.offset.to_constant().to_shwi();
    *out = { base, one.from + distance, one.to + distance };
    return true;
}

std::vector<span> uncovered(const known &logged, const span &wanted)
{
    std::vector<span> left = { wanted };

    for (const span &one : logged.spans) {
        std::vector<span> rest;
        span gone;

        if (!span_from(one, wanted.base, &gone))
            continue;
        for (const span &part : left) {
            if (part.from < MIN(part.to, gone.from))
                rest.push_back({ part.base, part.from, MIN(part.to, gone.from) });
            if (MAX(part.from, gone.to) < part.to)
                rest.push_back({ part.base, MAX(part.from, gone.to), part.to });
        }
        left = rest;
    }
    return left;
}

bool is_covered(const known &logged, tree place)
{
    for (tree one : logged.places) {
        if (operand_equal_p(one, place, OEP_ADDRESS_OF))
            return true;
    }
    return false;
}

tree pointed(tree pointer, HOST_WIDE_INT bytes)
{
    tree type = build_array_type(unsigned_char_type_node, build_index_type(size_int(bytes - 1)));
    poly_int64 offset = 0;

    if (TREE_CODE(pointer) == ADDR_EXPR) { /* of a member: the reference must name the whole variable, or the pointer that leads there */
        tree base = get_addr_base_and_unit_offset(TREE_OPERAND(pointer, 0), &offset);

        if (base && TREE_CODE(base) == MEM_REF) {
            offset += mem_ref_offset(base).force_shwi();
            pointer = TREE_OPERAND(base, 0);
        } else if (base) {
            pointer = build_fold_addr_expr(base);
        }
    }
    return build2(MEM_REF, type, pointer, build_int_cst(ptr_type_node, offset));
}
