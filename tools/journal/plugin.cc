/* SPDX-License-Identifier: MIT */
/*
 * gcc plugin: before each store of a service's code to memory that may outlive the function, a few instructions that append the old value and
 * the address to the undo log (lib/sys/journal.h has its form). Runs on the last intermediate form before code generation, when stores have been
 * merged and dead ones are gone. A store to an automatic variable of the function needs no log, nor one whose bytes a dominating store of
 * the same function has logged: a function runs within one handler. Neighbouring stores of a block share one entry.
 */
#include <vector>

#include "gcc-plugin.h"
#include "plugin-version.h"

#include "tree.h"
#include "gimple.h"
#include "tree-pass.h"
#include "context.h"
#include "ssa.h"
#include "cfg.h"
#include "dominance.h"
#include "gimple-iterator.h"
#include "gimplify.h"
#include "gimplify-me.h"
#include "stringpool.h"
#include "attribs.h"
#include "fold-const.h"
#include "builtins.h"
#include "tree-dfa.h"
#include "tree-ssa-alias.h"
#include "stor-layout.h"
#include "diagnostic-core.h"

__attribute__((visibility("default"))) int plugin_is_GPL_compatible;

namespace {

const HOST_WIDE_INT WORD = 8;
const HOST_WIDE_INT ENTRY_WORDS_MAX = 96; /* old values in one inline entry; JOURNAL_SLACK_WORDS of lib/sys/journal.h */
const HOST_WIDE_INT MOVES_MAX = 8;        /* above this many words, copied by `rep movsq` */
const HOST_WIDE_INT GAP_MAX = 16;         /* bytes between two stores that share an entry: copying them is cheaper than a second entry */

/* Bytes [from, to) at a fixed distance from a base: a pointer, a variable, or an element of an array with an index that varies. */
struct span {
    tree base;
    HOST_WIDE_INT from, to;
};

/* An entry to be made before `at`: for `where`, or for `place` where the distance is not fixed. `only`: the one reference that made `where`. */
struct entry {
    gimple *at;
    span where;
    tree place;
    HOST_WIDE_INT bytes;
    tree only;
};

struct known {
    std::vector<span> spans;
    std::vector<tree> places;
};

bool is_local_pointer(tree pointer);

/* Memory that ends with the function: nothing of it has to be restored. */
bool is_local(tree base)
{
    if (TREE_CODE(base) == MEM_REF || TREE_CODE(base) == TARGET_MEM_REF) {
        return is_local_pointer(TREE_OPERAND(base, 0));
    }
    return DECL_P(base) && !is_global_var(base);
}

/* The fixed part of a reference, if it is all of it. */
bool fixed_span(tree reference, span *out)
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
bool keyed_span(tree reference, span *out)
{
    bool is_bits = TREE_CODE(reference) == COMPONENT_REF && DECL_BIT_FIELD(TREE_OPERAND(reference, 1));
    tree size = is_bits ? DECL_SIZE(TREE_OPERAND(reference, 1)) : TYPE_SIZE(TREE_TYPE(reference)), key = reference;
    HOST_WIDE_INT bit = 0;

    for (; TREE_CODE(key) == COMPONENT_REF || TREE_CODE(key) == ARRAY_REF; key = TREE_OPERAND(key, 0)) {
        tree index = TREE_OPERAND(key, 1), distance;

        if (TREE_CODE(key) == COMPONENT_REF) {
            distance = bit_position(index);
        } else {
            if (TREE_CODE(index) != INTEGER_CST)
                break;
            distance = size_binop(MULT_EXPR, fold_convert(sizetype, size_binop(MINUS_EXPR, fold_convert(sizetype, index),
                                                          fold_convert(sizetype, array_ref_low_bound(key)))), TYPE_SIZE(TREE_TYPE(key)));
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

bool is_same(tree a, tree b)
{
    return a == b || (TREE_CODE(a) == ARRAY_REF && TREE_CODE(b) == ARRAY_REF && operand_equal_p(a, b, OEP_ADDRESS_OF));
}

bool is_covered(const known &logged, const span &wanted)
{
    HOST_WIDE_INT from = wanted.from;
    bool progress = true;

    while (progress && from < wanted.to) {
        progress = false;
        for (const span &one : logged.spans) {
            if (is_same(one.base, wanted.base) && one.from <= from && one.to > from) {
                from = one.to;
                progress = true;
            }
        }
    }
    return from >= wanted.to;
}

bool is_covered(const known &logged, tree place)
{
    for (tree one : logged.places) {
        if (operand_equal_p(one, place, OEP_ADDRESS_OF))
            return true;
    }
    return false;
}

HOST_WIDE_INT words_of(HOST_WIDE_INT bytes)
{
    return (bytes + WORD - 1) / WORD;
}

/* Join the span to an entry of the same block, or return false. */
bool join(std::vector<entry> &entries, size_t first, const span &wanted)
{
    for (size_t i = first; i < entries.size(); i++) {
        span &one = entries[i].where;
        HOST_WIDE_INT from = MIN(one.from, wanted.from), to = MAX(one.to, wanted.to);

        if (entries[i].place || !is_same(one.base, wanted.base) || words_of(to - from) > ENTRY_WORDS_MAX)
            continue;
        if (wanted.from > one.from + words_of(one.to - one.from) * WORD + GAP_MAX || one.from > wanted.to + GAP_MAX)
            continue;
        one.from = from;
        one.to = to;
        entries[i].only = NULL_TREE;
        return true;
    }
    return false;
}

void log_place(tree place, gimple *at, std::vector<entry> &entries, known &logged)
{
    tree size = TYPE_SIZE_UNIT(TREE_TYPE(place));

    if (TREE_CODE(place) == COMPONENT_REF && DECL_BIT_FIELD(TREE_OPERAND(place, 1))) {
        tree whole = DECL_BIT_FIELD_REPRESENTATIVE(TREE_OPERAND(place, 1));

        place = build3(COMPONENT_REF, TREE_TYPE(whole), TREE_OPERAND(place, 0), whole, NULL_TREE);
        size = TYPE_SIZE_UNIT(TREE_TYPE(place));
    }
    if (!size || !tree_fits_shwi_p(size))
        fatal_error(gimple_location(at), "journal: a store of unknown size");
    if (is_covered(logged, place))
        return;
    logged.places.push_back(place);
    entries.push_back({ at, { NULL_TREE, 0, 0 }, place, tree_to_shwi(size), NULL_TREE });
}

void log_store(tree place, gimple *at, std::vector<entry> &entries, size_t first, known &logged)
{
    tree base = get_base_address(place);
    span wanted;

    if (!base || is_local(base))
        return;
    if (!(fixed_span(place, &wanted) || keyed_span(place, &wanted)) || words_of(wanted.to - wanted.from) > ENTRY_WORDS_MAX) {
        log_place(place, at, entries, logged);
        return;
    }
    if (is_covered(logged, wanted))
        return;
    if (!join(entries, first, wanted))
        entries.push_back({ at, wanted, NULL_TREE, 0, place });
    logged.spans.push_back(wanted);
}

const char *name_of(gcall *call)
{
    tree function = gimple_call_fndecl(call);
    const char *name = function && DECL_NAME(function) ? IDENTIFIER_POINTER(DECL_NAME(function)) : "";

    return startswith(name, "__builtin_") ? name + strlen("__builtin_") : name;
}

/* Memory of fixed size behind a pointer. */
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

bool is_local_pointer(tree pointer)
{
    if (TREE_CODE(pointer) == ADDR_EXPR)
        return is_local(get_base_address(TREE_OPERAND(pointer, 0)));
    return TREE_CODE(pointer) == SSA_NAME && !ptr_deref_may_alias_global_p(pointer, false);
}

tree record_function()
{
    static tree function;

    if (!function) {
        function = build_fn_decl("journal_record", build_function_type_list(void_type_node, ptr_type_node, size_type_node, NULL_TREE));
        DECL_VISIBILITY(function) = VISIBILITY_HIDDEN;
        DECL_VISIBILITY_SPECIFIED(function) = 1;
    }
    return function;
}

void call_record(gimple_stmt_iterator *where, tree address, tree bytes)
{
    gcall *call = gimple_build_call(record_function(), 2, address, bytes);

    gsi_insert_before(where, call, GSI_SAME_STMT);
}

/* Functions of lib/base and the compiler that write what their first argument points to: which argument has the number of bytes. */
const struct {
    const char *name;
    unsigned int size;
} writers[] = { { "memcpy", 2 }, { "memmove", 2 }, { "memset", 2 }, { "string_copy", 1 }, { "format_string", 1 }, { "format_list", 1 } };

/* What a call writes besides its result; the atomic builtins store a word at most through their first argument. */
void log_call(gcall *call, std::vector<entry> &entries, size_t first, known &logged)
{
    const char *name = name_of(call);
    gimple_stmt_iterator where;

    if ((startswith(name, "__atomic_") || startswith(name, "__sync_")) && gimple_call_num_args(call) >= 2 && !strstr(name, "_load"))
        log_store(pointed(gimple_call_arg(call, 0), WORD), call, entries, first, logged);
    for (const auto &writer : writers) {
        tree to, size;

        if (strcmp(name, writer.name) != 0)
            continue;
        to = gimple_call_arg(call, 0);
        size = gimple_call_arg(call, writer.size);
        if (tree_fits_shwi_p(size) && tree_to_shwi(size) > 0 && tree_to_shwi(size) <= ENTRY_WORDS_MAX * WORD) {
            log_store(pointed(to, tree_to_shwi(size)), call, entries, first, logged);
        } else if (!is_local_pointer(to)) {
            where = gsi_for_stmt(call);
            call_record(&where, to, size);
        }
    }
}

void scan_block(basic_block block, std::vector<entry> &entries, known &logged)
{
    size_t first = entries.size();

    for (gimple_stmt_iterator i = gsi_start_bb(block); !gsi_end_p(i); gsi_next(&i)) {
        gimple *statement = gsi_stmt(i);
        tree to = gimple_get_lhs(statement);

        if (gimple_clobber_p(statement))
            continue;
        if (to && TREE_CODE(to) != SSA_NAME && !TREE_THIS_VOLATILE(to))
            log_store(to, statement, entries, first, logged);
        if (gcall *call = dyn_cast<gcall *>(statement))
            log_call(call, entries, first, logged);
    }
}

void scan_dominated(basic_block block, std::vector<entry> &entries, known &logged)
{
    size_t spans = logged.spans.size(), places = logged.places.size();

    scan_block(block, entries, logged);
    for (basic_block next = first_dom_son(CDI_DOMINATORS, block); next; next = next_dom_son(CDI_DOMINATORS, next))
        scan_dominated(next, entries, logged);
    logged.spans.resize(spans);
    logged.places.resize(places);
}

tree operand(const char *constraint, tree value)
{
    return build_tree_list(build_tree_list(NULL_TREE, build_string(strlen(constraint) + 1, constraint)), value);
}

/* The instructions: %0 the log, the others scratch but the last, the memory. */
const char *code_of(HOST_WIDE_INT words)
{
    static char text[4096];
    char *end = text;

    end += sprintf(end, "movq journal(%%%%rip), %%0\n\t");
    if (words > MOVES_MAX) {
        end += sprintf(end, "leaq %%4, %%1\n\tmovq %%1, %%3\n\tmovl $%d, %%k2\n\trep movsq\n\tmovq %%3, (%%0)\n\tmovw $%d, 6(%%0)\n\t",
                       (int)words, (int)words);
    } else if (words == 1) {
        end += sprintf(end, "movq %%2, %%1\n\tmovq %%1, (%%0)\n\tleaq %%2, %%1\n\tmovq %%1, 8(%%0)\n\t");
    } else {
        end += sprintf(end, "leaq %%3, %%1\n\tmovq %%1, %d(%%0)\n\tmovw $%d, %d(%%0)\n\t", (int)words * 8, (int)words, (int)words * 8 + 6);
        for (int i = 0; i < words; i++)
            end += sprintf(end, "movq %d(%%1), %%2\n\tmovq %%2, %d(%%0)\n\t", i * 8, i * 8);
    }
    sprintf(end,
            "addw $%d, journal(%%%%rip)\n\tjc 2f\n1:\n\t.subsection 1\n2:\tleaq -128(%%%%rsp), %%%%rsp\n\tcall journal_spill_stub\n\t"
            "leaq 128(%%%%rsp), %%%%rsp\n\tjmp 1b\n\t.previous",
            (int)words * 8 + 8);
    return text;
}

std::vector<const char *> constraints_of(HOST_WIDE_INT words)
{
    if (words > MOVES_MAX)
        return { "=&D", "=&S", "=&c", "=&r" };
    return std::vector<const char *>(words == 1 ? 2 : 3, "=&r");
}

void emit_inline(const entry &one, HOST_WIDE_INT words, tree memory)
{
    vec<tree, va_gc> *inputs = NULL, *outputs = NULL;
    gimple_stmt_iterator where = gsi_for_stmt(one.at);
    std::vector<tree> scratch;
    gasm *code;

    for (const char *constraint : constraints_of(words)) {
        scratch.push_back(make_ssa_name(long_long_unsigned_type_node));
        vec_safe_push(outputs, operand(constraint, scratch.back()));
    }
    vec_safe_push(inputs, operand("m", memory));
    code = gimple_build_asm_vec(code_of(words), inputs, outputs, NULL, NULL);
    gimple_asm_set_volatile(code, true);
    for (tree name : scratch)
        SSA_NAME_DEF_STMT(name) = code;
    gsi_insert_before(&where, code, GSI_SAME_STMT);
}

/* The memory of an entry as one operand. */
tree memory_of(const entry &one, HOST_WIDE_INT words)
{
    const span &where = one.where;
    tree type = words == 1 ? long_long_unsigned_type_node
                           : build_array_type(long_long_unsigned_type_node, build_index_type(size_int(words - 1)));
    tree pointer = where.base;

    if (TREE_CODE(where.base) == ARRAY_REF) {
        gimple_stmt_iterator before = gsi_for_stmt(one.at);

        if (one.only && !(TREE_CODE(one.only) == COMPONENT_REF && DECL_BIT_FIELD(TREE_OPERAND(one.only, 1))))
            return unshare_expr(one.only);
        pointer = force_gimple_operand_gsi(&before, build_fold_addr_expr(unshare_expr(where.base)), true, NULL_TREE, true, GSI_SAME_STMT);
    }
    type = build_aligned_type(type, BITS_PER_UNIT);
    if (DECL_P(where.base)) {
        TREE_ADDRESSABLE(where.base) = 1;
        pointer = build_fold_addr_expr(where.base);
    }
    return build2(MEM_REF, type, pointer, build_int_cst(ptr_type_node, where.from));
}

void emit(const entry &one)
{
    gimple_stmt_iterator where = gsi_for_stmt(one.at);
    tree address;

    if (!one.place) {
        HOST_WIDE_INT words = words_of(one.where.to - one.where.from);

        emit_inline(one, words, memory_of(one, words));
        return;
    }
    if (one.bytes <= WORD * ENTRY_WORDS_MAX) {
        emit_inline(one, words_of(one.bytes), unshare_expr(one.place));
        return;
    }
    address = force_gimple_operand_gsi(&where, build_fold_addr_expr(unshare_expr(one.place)), true, NULL_TREE, true, GSI_SAME_STMT);
    call_record(&where, address, size_int(one.bytes));
}

/* A function whose stores need no log (NO_JOURNAL in lib/sys/journal.h). */
const struct attribute_spec no_journal = { "no_journal", 0, 0, true, false, false, false, NULL, NULL };

void register_attributes(void *, void *)
{
    register_attribute(&no_journal);
}

const pass_data journal_pass_data = { GIMPLE_PASS, "journal", OPTGROUP_NONE, TV_NONE, PROP_cfg | PROP_ssa, 0, 0, 0, TODO_update_ssa_only_virtuals };

class journal_pass : public gimple_opt_pass {
public:
    explicit journal_pass(gcc::context *context) : gimple_opt_pass(journal_pass_data, context) {}

    bool gate(function *function) final override
    {
        return lookup_attribute("no_journal", DECL_ATTRIBUTES(function->decl)) == NULL_TREE;
    }

    unsigned int execute(function *function) final override
    {
        std::vector<entry> entries;
        known logged;

        calculate_dominance_info(CDI_DOMINATORS);
        scan_dominated(ENTRY_BLOCK_PTR_FOR_FN(function), entries, logged);
        for (const entry &one : entries)
            emit(one);
        return 0;
    }
};

} // namespace

__attribute__((visibility("default"))) int plugin_init(struct plugin_name_args *arguments, struct plugin_gcc_version *version)
{
    struct register_pass_info pass = { new journal_pass(g), "optimized", 1, PASS_POS_INSERT_AFTER };

    if (!plugin_default_version_check(version, &gcc_version)) {
        error("journal: built for gcc %s", gcc_version.basever);
        return 1;
    }
    register_callback(arguments->base_name, PLUGIN_ATTRIBUTES, register_attributes, NULL);
    register_callback(arguments->base_name, PLUGIN_PASS_MANAGER_SETUP, NULL, &pass);
    return 0;
}
