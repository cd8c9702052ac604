/* SPDX-License-Identifier: MIT */
/*
 * Where a pointer comes from, as far as the function and the types of its parameters tell. In doubt the copy looks at the entry.
 */
#include "copy.h"

#include "origin.h"

static const char MARK[] = "in_tables";

bool has_copy = true;

static const struct attribute_spec of_members = { MARK, 0, 0, false, false, false, false, NULL, NULL };

void copy_register_attributes()
{
    register_attribute(&of_members);
}

static bool is_marked_type(tree type)
{
    while (TREE_CODE(type) == ARRAY_TYPE)
        type = TREE_TYPE(type);
    return RECORD_OR_UNION_TYPE_P(type) && lookup_attribute(MARK, TYPE_ATTRIBUTES(TYPE_MAIN_VARIANT(type)));
}

static bool leads_to_marked_type(tree pointer)
{
    return POINTER_TYPE_P(TREE_TYPE(pointer)) && is_marked_type(TREE_TYPE(TREE_TYPE(pointer)));
}

static bool leads_to_table(tree pointer, std::set<tree> &seen);

/* Statics of the service that are kept, but not in its state. */
static bool is_other_variable(tree variable)
{
    const char *section = VAR_P(variable) ? DECL_SECTION_NAME(variable) : NULL;

    return section && strcmp(section, ".bss.outbox") == 0;
}

static bool is_in_table(tree reference, std::set<tree> &seen)
{
    for (; handled_component_p(reference); reference = TREE_OPERAND(reference, 0)) {
        if (is_marked_type(TREE_TYPE(reference)))
            return true;
    }
    if (TREE_CODE(reference) == MEM_REF || TREE_CODE(reference) == TARGET_MEM_REF)
        return is_marked_type(TREE_TYPE(reference)) || leads_to_table(TREE_OPERAND(reference, 0), seen);
    return DECL_P(reference) && is_other_variable(reference);
}

/* A way that ends in itself (a loop) says nothing: the others decide. */
static bool leads_to_table(tree pointer, std::set<tree> &seen)
{
    if (leads_to_marked_type(pointer))
        return true;
    if (TREE_CODE(pointer) == ADDR_EXPR)
        return is_in_table(TREE_OPERAND(pointer, 0), seen);
    if (TREE_CODE(pointer) != SSA_NAME)
        return integer_zerop(pointer);
    if (!seen.insert(pointer).second)
        return true;
    return !SSA_NAME_IS_DEFAULT_DEF(pointer) && result_leads(SSA_NAME_DEF_STMT(pointer), leads_to_table, MARK, seen);
}

bool is_followed(const entry &one)
{
    std::set<tree> seen, seen_from_base;

    if (!has_copy)
        return false;
    if (one.only && is_in_table(one.only, seen))
        return false;
    if (is_place(one))
        return true;
    return TREE_CODE(one.base) == SSA_NAME ? !leads_to_table(one.base, seen_from_base) : !is_in_table(one.base, seen_from_base);
}

static bool contains_marked(tree type, int depth)
{
    while (TREE_CODE(type) == ARRAY_TYPE)
        type = TREE_TYPE(type);
    if (is_marked_type(type))
        return true;
    if (!RECORD_OR_UNION_TYPE_P(type) || depth == 0)
        return false;
    for (tree field = TYPE_FIELDS(type); field; field = DECL_CHAIN(field)) {
        if (TREE_CODE(field) == FIELD_DECL && contains_marked(TREE_TYPE(field), depth - 1))
            return true;
    }
    return false;
}

void copy_check_variables(void *, void *)
{
    const int deepest = 16;
    varpool_node *node;

    FOR_EACH_VARIABLE(node) {
        const char *section = DECL_SECTION_NAME(node->decl);

        if (section && strcmp(section, ".bss.state") == 0 && contains_marked(TREE_TYPE(node->decl), deepest))
            error_at(DECL_SOURCE_LOCATION(node->decl), "journal: %qD is state, and has a structure that is in tables only", node->decl);
    }
}
