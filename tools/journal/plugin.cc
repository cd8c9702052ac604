/* SPDX-License-Identifier: MIT */
/*
 * gcc plugin: before each store of a service's code to memory that may outlive the function, a few instructions that append the old value and
 * the address to the undo log (lib/sys/journal.h has its form). Runs on the last intermediate form before code generation, when stores have been
 * merged and dead ones are gone. A store to memory that is not kept needs no log (local.h), nor one whose bytes a dominating store of the same function
 * has logged: a function runs within one handler. Stores that are all executed if one is have their entries made together, at the first of them: an entry
 * may come long before its store, but not after it.
 */
#include "copy.h"
#include "emit.h"
#include "gcc.h"
#include "local.h"
#include "span.h"

__attribute__((visibility("default"))) int plugin_is_GPL_compatible;

namespace {

const HOST_WIDE_INT GAP_MAX = 16;          /* bytes between two stores that share an entry without a mask: copying them is cheaper than an entry */
const HOST_WIDE_INT BATCH_WORDS_MAX = 120; /* old values and addresses, less than JOURNAL_SLACK_WORDS of lib/sys/journal.h */
const size_t BATCH_ENTRIES_MAX = 12;
const size_t BATCH_NAMES_MAX = 6; /* registers that one batch needs at the same time, besides its own three */

const int STEPS_MAX = 8; /* of a computation that is moved */

/* Marks in the code (lib/sys/journal_debug.h): what lies there before the handler does not matter; it is given back, and has its entry here. Those that end in
 * `_mark` are for the plugin alone. */
const char FORGO[] = "journal_forgo", FORGO_MARK[] = "journal_forgo_mark", RELEASE_MARK[] = "journal_release_mark";

/* The entries of one function. */
struct plan {
    bool wants_entries;
    std::vector<batch> batches;
    known logged;
    std::vector<gimple *> marks;
};

tree collect_name(tree *node, int *, void *names)
{
    if (TREE_CODE(*node) == SSA_NAME)
        static_cast<std::set<tree> *>(names)->insert(*node);
    return NULL_TREE;
}

void collect_names(const entry &one, std::set<tree> *names)
{
    tree reference = one.only ? one.only : one.base;

    walk_tree(&reference, collect_name, names, NULL);
}

bool is_there(tree name, gimple *at)
{
    gimple *from = SSA_NAME_DEF_STMT(name);

    if (SSA_NAME_IS_DEFAULT_DEF(name))
        return true;
    if (gimple_bb(from) != gimple_bb(at))
        return dominated_by_p(CDI_DOMINATORS, gimple_bb(at), gimple_bb(from));
    return gimple_code(from) == GIMPLE_PHI || gimple_uid(from) < gimple_uid(at);
}

/* A sum or product, which could as well be computed earlier. */
bool is_arithmetic(gimple *statement)
{
    if (!is_gimple_assign(statement) || gimple_vuse(statement) || gimple_has_side_effects(statement))
        return false;
    switch (gimple_assign_rhs_code(statement)) {
    case POINTER_PLUS_EXPR:
    case PLUS_EXPR:
    case MINUS_EXPR:
    case MULT_EXPR:
    case LSHIFT_EXPR:
    case BIT_AND_EXPR:
    case ADDR_EXPR:
    CASE_CONVERT:
        return true;
    default:
        return false;
    }
}

/* Can the name be there, if what it is computed from is moved? */
bool can_be_there(tree name, gimple *at, int steps)
{
    gimple *from = SSA_NAME_DEF_STMT(name);
    ssa_op_iter i;
    tree used;

    if (is_there(name, at))
        return true;
    if (steps == 0 || gimple_uid(at) == 0 || !is_arithmetic(from))
        return false;
    FOR_EACH_SSA_TREE_OPERAND(used, from, i, SSA_OP_USE) {
        if (!can_be_there(used, at, steps - 1))
            return false;
    }
    return true;
}

void bring_there(tree name, gimple *at)
{
    gimple *from = SSA_NAME_DEF_STMT(name);
    gimple_stmt_iterator here, there;
    ssa_op_iter i;
    tree used;

    if (is_there(name, at))
        return;
    FOR_EACH_SSA_TREE_OPERAND(used, from, i, SSA_OP_USE)
        bring_there(used, at);
    here = gsi_for_stmt(from);
    there = gsi_for_stmt(at);
    gsi_move_before(&here, &there);
    gimple_set_uid(from, gimple_uid(at) - 1);
    reset_flow_sensitive_info(name); /* what was known about the value may follow from a condition in between */
}

/* Is the block executed if the other one, which dominates it, is? */
bool is_certain_after(basic_block block, basic_block before)
{
    return block == before || (dominated_by_p(CDI_DOMINATORS, block, before) && dominated_by_p(CDI_POST_DOMINATORS, before, block) &&
                               (block->loop_father == before->loop_father || flow_loop_nested_p(before->loop_father, block->loop_father)));
}

bool fits(const batch &all, const entry &more)
{
    std::set<tree> names;
    HOST_WIDE_INT words = words_logged(more) + 1;

    if (all.entries.size() == BATCH_ENTRIES_MAX || is_long(more) || is_long(all.entries[0]))
        return false;
    collect_names(more, &names);
    for (const entry &one : all.entries) {
        words += words_logged(one) + 1;
        collect_names(one, &names);
    }
    return words <= BATCH_WORDS_MAX && names.size() <= BATCH_NAMES_MAX;
}

bool can_all_be_there(const std::set<tree> &names, gimple *at)
{
    for (tree name : names) {
        if (!can_be_there(name, at, STEPS_MAX))
            return false;
    }
    return true;
}

void add_entry(plan &all, const entry &one, gimple *at)
{
    std::set<tree> names;

    collect_names(one, &names);
    for (batch &before : all.batches) {
        if (is_certain_after(gimple_bb(at), gimple_bb(before.at)) && fits(before, one) && can_all_be_there(names, before.at)) {
            for (tree name : names)
                bring_there(name, before.at);
            before.entries.push_back(one);
            return;
        }
    }
    all.batches.push_back({ at, { one } });
}

/* Add the bytes to an entry that has the same base, or return false. */
bool join_entry(const batch &all, entry &one, const span &wanted)
{
    entry joined = one;
    span before = extent_of(one), after;
    HOST_WIDE_INT words;

    joined.parts.push_back(wanted);
    joined.only = NULL_TREE;
    after = extent_of(joined);
    words = words_of(after.to - after.from);
    if (words > MASK_WORDS) {
        if (words > ENTRY_WORDS_MAX || wanted.from > before.from + words_of(before.to - before.from) * WORD + GAP_MAX ||
            before.from > wanted.to + GAP_MAX)
            return false;
    }
    if (all.entries.size() > 1 && (is_long(joined) || words > BATCH_WORDS_MAX / 2))
        return false;
    one = joined;
    return true;
}

bool join(plan &all, const span &wanted, gimple *at)
{
    for (batch &before : all.batches) {
        if (!is_certain_after(gimple_bb(at), gimple_bb(before.at)))
            continue;
        for (entry &one : before.entries) {
            span seen;

            if (!is_place(one) && span_from(wanted, one.base, &seen) && join_entry(before, one, seen))
                return true;
        }
    }
    return false;
}

void log_place(plan &all, tree place, gimple *at)
{
    tree size = TYPE_SIZE_UNIT(TREE_TYPE(place));

    if (is_bit_field(place)) {
        tree whole = DECL_BIT_FIELD_REPRESENTATIVE(TREE_OPERAND(place, 1));

        place = build3(COMPONENT_REF, TREE_TYPE(whole), TREE_OPERAND(place, 0), whole, NULL_TREE);
        size = TYPE_SIZE_UNIT(TREE_TYPE(place));
    }
    if (!size || !tree_fits_shwi_p(size))
        fatal_error(gimple_location(at), "journal: a store of unknown size");
    if (is_covered(all.logged, place))
        return;
    all.logged.places.push_back(place);
    add_entry(all, { NULL_TREE, {}, place, tree_to_shwi(size) }, at);
}

void log_store(plan &all, tree place, gimple *at)
{
    tree base = get_base_address(place);
    span wanted;

    if (!base || is_local(base))
        return;
    if (!span_of(place, &wanted) || words_of(wanted.to - wanted.from) > ENTRY_WORDS_MAX) {
        log_place(all, place, at);
        return;
    }
    for (const span &part : uncovered(all.logged, wanted)) {
        bool is_all = part.from == wanted.from && part.to == wanted.to;

        if (!join(all, part, at))
            add_entry(all, { part.base, { part }, is_all ? place : NULL_TREE, part.to - part.from }, at);
    }
    all.logged.spans.push_back(wanted);
}

const char *name_of(gcall *call)
{
    tree function = gimple_call_fndecl(call);
    const char *name = function && DECL_NAME(function) ? IDENTIFIER_POINTER(DECL_NAME(function)) : "";

    return startswith(name, "__builtin_") ? name + strlen("__builtin_") : name;
}

/* Functions of lib/base and the compiler that write what their first argument points to: which argument has the number of bytes. */
const struct {
    const char *name;
    unsigned int size;
} writers[] = { { "memcpy", 2 }, { "memmove", 2 }, { "memset", 2 }, { "string_copy", 1 }, { "format_string", 1 }, { "format_list", 1 }, { RELEASE_MARK, 1 } };

void forgo(plan &all, gcall *call)
{
    tree size;
    span forgone;

    if (strcmp(name_of(call), RELEASE_MARK) == 0)
        all.marks.push_back(call);
    if (!startswith(name_of(call), FORGO))
        return;
    size = gimple_call_arg(call, 1);
    if (tree_fits_shwi_p(size) && tree_to_shwi(size) > 0 && span_of(pointed(gimple_call_arg(call, 0), tree_to_shwi(size)), &forgone))
        all.logged.spans.push_back(forgone);
    if (strcmp(name_of(call), FORGO_MARK) == 0)
        all.marks.push_back(call);
}

/* What a call writes besides its result; the atomic builtins store a word at most through their first argument. */
void log_call(plan &all, gcall *call)
{
    const char *name = name_of(call);
    gimple_stmt_iterator where;

    if ((startswith(name, "__atomic_") || startswith(name, "__sync_")) && gimple_call_num_args(call) >= 2 && !strstr(name, "_load"))
        log_store(all, pointed(gimple_call_arg(call, 0), WORD), call);
    for (const auto &writer : writers) {
        tree to, size;

        if (strcmp(name, writer.name) != 0)
            continue;
        to = gimple_call_arg(call, 0);
        size = gimple_call_arg(call, writer.size);
        if (tree_fits_shwi_p(size) && tree_to_shwi(size) > 0 && tree_to_shwi(size) <= ENTRY_WORDS_MAX * WORD) {
            log_store(all, pointed(to, tree_to_shwi(size)), call);
        } else if (!is_local_pointer(to)) {
            where = gsi_for_stmt(call);
            call_record(&where, to, size);
        }
    }
}

void scan_block(plan &all, basic_block block)
{
    for (gimple_stmt_iterator i = gsi_start_bb(block); !gsi_end_p(i); gsi_next(&i)) {
        gimple *statement = gsi_stmt(i);
        tree to = gimple_get_lhs(statement);

        if (gimple_clobber_p(statement))
            continue;
        if (all.wants_entries && to && TREE_CODE(to) != SSA_NAME && !TREE_THIS_VOLATILE(to))
            log_store(all, to, statement);
        if (gcall *call = dyn_cast<gcall *>(statement)) {
            if (all.wants_entries)
                log_call(all, call);
            forgo(all, call);
        }
    }
}

void scan_dominated(plan &all, basic_block block)
{
    size_t spans = all.logged.spans.size(), places = all.logged.places.size();

    scan_block(all, block);
    for (basic_block next = first_dom_son(CDI_DOMINATORS, block); next; next = next_dom_son(CDI_DOMINATORS, next))
        scan_dominated(all, next);
    all.logged.spans.resize(spans);
    all.logged.places.resize(places);
}

void remove_marks(const plan &all)
{
    for (gimple *mark : all.marks) {
        gimple_stmt_iterator at = gsi_for_stmt(mark);

        unlink_stmt_vdef(mark);
        gsi_remove(&at, true);
        release_defs(mark);
    }
}

/* A function whose stores need no log (NO_JOURNAL in lib/sys/stores.h). */
const struct attribute_spec no_journal = { "no_journal", 0, 0, true, false, false, false, NULL, NULL };

void register_attributes(void *, void *)
{
    register_attribute(&no_journal);
    local_register_attributes();
    copy_register_attributes();
}

const pass_data check_pass_data = { GIMPLE_PASS, "journal_check", OPTGROUP_NONE, TV_NONE, PROP_cfg | PROP_ssa, 0, 0, 0, 0 };

class check_pass : public gimple_opt_pass {
public:
    explicit check_pass(gcc::context *context) : gimple_opt_pass(check_pass_data, context) {}

    unsigned int execute(function *function) final override
    {
        local_check(function);
        return 0;
    }
};

const pass_data journal_pass_data = { GIMPLE_PASS, "journal", OPTGROUP_NONE, TV_NONE, PROP_cfg | PROP_ssa, 0, 0, 0, TODO_update_ssa_only_virtuals };

class journal_pass : public gimple_opt_pass {
public:
    explicit journal_pass(gcc::context *context) : gimple_opt_pass(journal_pass_data, context) {}

    unsigned int execute(function *function) final override
    {
        plan all = { lookup_attribute("no_journal", DECL_ATTRIBUTES(function->decl)) == NULL_TREE, {}, {}, {} };

        loop_optimizer_init(AVOID_CFG_MODIFICATIONS);
        calculate_dominance_info(CDI_DOMINATORS);
        calculate_dominance_info(CDI_POST_DOMINATORS);
        renumber_gimple_stmt_uids(function);
        scan_dominated(all, ENTRY_BLOCK_PTR_FOR_FN(function));
        for (const batch &one : all.batches)
            emit(one);
        remove_marks(all);
        free_dominance_info(CDI_POST_DOMINATORS);
        loop_optimizer_finalize();
        return 0;
    }
};

void add_pass(struct plugin_name_args *arguments, opt_pass *pass, const char *after)
{
    struct register_pass_info where = { pass, after, 1, PASS_POS_INSERT_AFTER };

    register_callback(arguments->base_name, PLUGIN_PASS_MANAGER_SETUP, NULL, &where);
}

} // namespace

__attribute__((visibility("default"))) int plugin_init(struct plugin_name_args *arguments, struct plugin_gcc_version *version)
{
    if (!plugin_default_version_check(version, &gcc_version)) {
        error("journal: built for gcc %s", gcc_version.basever);
        return 1;
    }
    register_callback(arguments->base_name, PLUGIN_ATTRIBUTES, register_attributes, NULL);
    register_callback(arguments->base_name, PLUGIN_ALL_IPA_PASSES_START, local_check_addresses, NULL);
    register_callback(arguments->base_name, PLUGIN_ALL_IPA_PASSES_START, copy_check_variables, NULL);
    for (int i = 0; i < arguments->argc; i++) {
        if (strcmp(arguments->argv[i].key, "no-copy") == 0)
            has_copy = false;
    }
    add_pass(arguments, new check_pass(g), "ssa");
    add_pass(arguments, new journal_pass(g), "optimized");
    return 0;
}
