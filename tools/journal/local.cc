/* SPDX-License-Identifier: MIT */
/*
 * Which pointers lead to memory that is not kept. Within a function the compiler's own analysis tells, between functions the mark does.
 */
#include "local.h"

#include <string>

#include "origin.h"

static const char MARK[] = "callers_own", MEMBER_MARK[] = "not_state";
static std::set<std::string> in_headers; /* functions that have the mark there */

/* The mark has the numbers of the parameters. */
static tree handle_function_mark(tree *node, tree, tree, int, bool *)
{
    if (TREE_CODE(*node) != FUNCTION_DECL)
        error("%qs is for functions", MARK);
    else if (strcmp(DECL_SOURCE_FILE(*node), main_input_filename) != 0)
        in_headers.insert(IDENTIFIER_POINTER(DECL_NAME(*node)));
    return NULL_TREE;
}

static const struct attribute_spec of_functions = { MARK, 1, -1, true, false, false, false, handle_function_mark, NULL };
/* A member of a structure: what it points to is no state. */
static const struct attribute_spec of_members = { MEMBER_MARK, 0, 0, true, false, false, false, NULL, NULL };

void local_register_attributes()
{
    register_attribute(&of_functions);
    register_attribute(&of_members);
}

static tree marks_of(tree decl)
{
    return lookup_attribute(MARK, DECL_ATTRIBUTES(decl));
}

/* Follow the pointer back to where it comes from. A way that ends in itself (a loop) says nothing: the others decide. */
static bool leads_to_local(tree pointer, std::set<tree> &seen)
{
    if (TREE_CODE(pointer) == ADDR_EXPR) {
        tree base = get_base_address(TREE_OPERAND(pointer, 0));

        return base && (TREE_CODE(base) == MEM_REF ? leads_to_local(TREE_OPERAND(base, 0), seen) : is_local(base));
    }
    if (TREE_CODE(pointer) != SSA_NAME)
        return false;
    if (!seen.insert(pointer).second)
        return true;
    if (SSA_NAME_IS_DEFAULT_DEF(pointer)) {
        tree variable = SSA_NAME_VAR(pointer);

        return variable && TREE_CODE(variable) == PARM_DECL && lookup_attribute(MARK, DECL_ATTRIBUTES(variable));
    }
    return result_leads(SSA_NAME_DEF_STMT(pointer), leads_to_local, MEMBER_MARK, seen);
}

static bool is_null_or_local(tree pointer, std::set<tree> &seen)
{
    return integer_zerop(pointer) || leads_to_local(pointer, seen);
}

/* Statics outside of the state: SERVICE_DERIVED and SERVICE_INSTANCE of lib/sys/service.h. */
static bool is_kept_variable(tree variable)
{
    const char *section = is_global_var(variable) && VAR_P(variable) ? DECL_SECTION_NAME(variable) : NULL;

    return is_global_var(variable) && !(section && (strcmp(section, ".bss.derived") == 0 || strcmp(section, ".bss.instance") == 0));
}

bool is_local(tree base)
{
    if (TREE_CODE(base) == MEM_REF || TREE_CODE(base) == TARGET_MEM_REF)
        return is_local_pointer(TREE_OPERAND(base, 0));
    return DECL_P(base) && !is_kept_variable(base);
}

bool is_local_pointer(tree pointer)
{
    std::set<tree> seen;

    return (TREE_CODE(pointer) == SSA_NAME && !ptr_deref_may_alias_global_p(pointer, false)) || leads_to_local(pointer, seen);
}

static void mark_parameters(tree decl)
{
    if (marks_of(decl) && TREE_PUBLIC(decl) && in_headers.count(IDENTIFIER_POINTER(DECL_NAME(decl))) == 0)
        error_at(DECL_SOURCE_LOCATION(decl), "journal: %qD is called from other files: its mark belongs into its header", decl);
    for (tree one = marks_of(decl); one; one = lookup_attribute(MARK, TREE_CHAIN(one))) {
        for (tree number = TREE_VALUE(one); number; number = TREE_CHAIN(number)) {
            tree parameter = DECL_ARGUMENTS(decl);

            for (HOST_WIDE_INT i = tree_to_shwi(TREE_VALUE(number)); parameter && i > 1; i--)
                parameter = DECL_CHAIN(parameter);
            if (!parameter || !POINTER_TYPE_P(TREE_TYPE(parameter)))
                error_at(DECL_SOURCE_LOCATION(decl), "journal: %qD has no such pointer parameter", decl);
            else
                DECL_ATTRIBUTES(parameter) = tree_cons(get_identifier(MARK), NULL_TREE, DECL_ATTRIBUTES(parameter));
        }
    }
}

static void check_call(gcall *call)
{
    tree function = gimple_call_fndecl(call);

    for (tree one = function ? marks_of(function) : NULL_TREE; one; one = lookup_attribute(MARK, TREE_CHAIN(one))) {
        for (tree number = TREE_VALUE(one); number; number = TREE_CHAIN(number)) {
            HOST_WIDE_INT i = tree_to_shwi(TREE_VALUE(number));
            std::set<tree> seen;

            if (!is_null_or_local(gimple_call_arg(call, i - 1), seen))
                error_at(gimple_location(call), "journal: argument %d of %qD must lead to a variable of this function or of one that calls it", (int)i,
                         function);
        }
    }
}

void local_check_addresses(void *, void *)
{
    cgraph_node *node;

    FOR_EACH_FUNCTION(node) {
        if (node->address_taken && marks_of(node->decl))
            error_at(DECL_SOURCE_LOCATION(node->decl), "journal: %qD has a mark: nobody could check what callers through a pointer hand over", node->decl);
    }
}

static void check_assignment(gimple *statement)
{
    std::set<tree> seen;

    if (gimple_assign_single_p(statement) && is_marked_member(gimple_assign_lhs(statement), MEMBER_MARK) &&
        !is_null_or_local(gimple_assign_rhs1(statement), seen))
        error_at(gimple_location(statement), "journal: this member may lead to variables of functions only");
}

void local_check(function *function)
{
    basic_block block;

    mark_parameters(function->decl);
    FOR_EACH_BB_FN(block, function) {
        for (gimple_stmt_iterator i = gsi_start_bb(block); !gsi_end_p(i); gsi_next(&i)) {
            if (gcall *call = dyn_cast<gcall *>(gsi_stmt(i)))
                check_call(call);
            else if (is_gimple_assign(gsi_stmt(i)))
                check_assignment(gsi_stmt(i));
        }
    }
}
