/* SPDX-License-Identifier: MIT */
#include "origin.h"

bool is_marked_member(tree reference, const char *mark)
{
    return TREE_CODE(reference) == COMPONENT_REF && lookup_attribute(mark, DECL_ATTRIBUTES(TREE_OPERAND(reference, 1)));
}

bool result_leads(gimple *from, leads_t leads, const char *mark, std::set<tree> &seen)
{
    auto is_good = [&](tree choice) { return integer_zerop(choice) || leads(choice, seen); };

    if (gphi *phi = dyn_cast<gphi *>(from)) {
        for (unsigned int i = 0; i < gimple_phi_num_args(phi); i++) {
            if (!is_good(gimple_phi_arg_def(phi, i)))
                return false;
        }
        return true;
    }
    if (!is_gimple_assign(from))
        return false;
    switch (gimple_assign_rhs_code(from)) {
    case COND_EXPR:
        return is_good(gimple_assign_rhs2(from)) && is_good(gimple_assign_rhs3(from));
    case POINTER_PLUS_EXPR:
    case SSA_NAME:
    case ADDR_EXPR:
    CASE_CONVERT:
        return POINTER_TYPE_P(TREE_TYPE(gimple_assign_rhs1(from))) && leads(gimple_assign_rhs1(from), seen);
    default:
        return is_marked_member(gimple_assign_rhs1(from), mark);
    }
}
