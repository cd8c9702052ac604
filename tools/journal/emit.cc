/* SPDX-License-Identifier: MIT */
/*
 * One asm statement for each batch. It names the memory as its input, so that the compiler keeps it before the stores; the registers that it needs
 * are those that happen to be free.
 */
#include "emit.h"

#include <string>

#include "copy.h"

/* The words from the first byte of `all` on that are wanted: bit i for word i. */
static unsigned int mask_of(const entry &one, const span &all)
{
    unsigned int mask = 0;

    for (const span &part : one.parts) {
        for (HOST_WIDE_INT i = (part.from - all.from) / WORD; i * WORD < part.to - all.from; i++)
            mask |= 1u << i;
    }
    return mask;
}

span extent_of(const entry &one)
{
    span all = one.parts[0], aligned;

    for (const span &part : one.parts) {
        all.from = MIN(all.from, part.from);
        all.to = MAX(all.to, part.to);
    }
    /* Members seldom lie across words: then fewer of them begin at a multiple of their length. */
    aligned = { all.base, all.from / WORD * WORD, all.to };
    if (one.parts.size() > 1 && all.from >= 0 && words_of(aligned.to - aligned.from) <= MASK_WORDS &&
        __builtin_popcount(mask_of(one, aligned)) <= __builtin_popcount(mask_of(one, all)))
        return aligned;
    return all;
}

static HOST_WIDE_INT words_spanned(const entry &one)
{
    span all;

    if (is_place(one))
        return words_of(one.bytes);
    all = extent_of(one);
    return words_of(all.to - all.from);
}

static bool has_gaps(const entry &one)
{
    HOST_WIDE_INT words = words_spanned(one);

    return !is_place(one) && words <= MASK_WORDS && mask_of(one, extent_of(one)) != (1u << words) - 1;
}

HOST_WIDE_INT words_logged(const entry &one)
{
    return has_gaps(one) ? __builtin_popcount(mask_of(one, extent_of(one))) : words_spanned(one);
}

bool is_long(const entry &one)
{
    return words_logged(one) > MOVES_MAX;
}

static tree record_function()
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

static tree operand(const char *constraint, tree value)
{
    return build_tree_list(build_tree_list(NULL_TREE, build_string(strlen(constraint) + 1, constraint)), value);
}

static std::string code(const char *form, ...) __attribute__((format(printf, 1, 2)));

static std::string code(const char *form, ...)
{
    char text[256];
    va_list arguments;

    va_start(arguments, form);
    vsnprintf(text, sizeof(text), form, arguments);
    va_end(arguments);
    return text;
}

/* The mask of the entry seen from the pointer itself, which is in a register anyway: 0 if words would be copied that are not wanted, or it reaches too far. */
static unsigned int mask_from_base(const entry &one)
{
    unsigned int mask = 0;
    span all;

    if (is_place(one) || TREE_CODE(one.base) != SSA_NAME)
        return 0;
    all = extent_of(one);
    if (all.from < 0 || all.to > MASK_WORDS * WORD)
        return 0;
    for (const span &part : one.parts) {
        for (HOST_WIDE_INT i = part.from / WORD; i * WORD < part.to; i++)
            mask |= 1u << i;
    }
    return __builtin_popcount(mask) == words_logged(one) ? mask : 0;
}

/* The words of a mask, from the pointer in operand `base`. */
static std::string code_of_moves(unsigned int mask, int base, int scratch, int to)
{
    std::string text;

    for (int i = 0; mask >> i != 0; i++) {
        if ((mask >> i & 1) == 0)
            continue;
        text += code("movq %d(%%%d), %%%d\n\tmovq %%%d, %d(%%0)\n\t", i * 8, base, scratch, scratch, to);
        to += 8;
    }
    return text;
}

/* The list of entries that the copy looks at (journal_list): the operand that has its end, and how much has been appended. */
struct listing {
    int top;
    int bytes;
};

/* Append the entry to the list: its address is in an operand, `high` is what comes above it. */
static std::string code_of_listing(const entry &one, listing &list, int address, int high)
{
    std::string text;

    if (!is_followed(one))
        return text;
    text = code("movq %%%d, %d(%%%d)\n\t", address, list.bytes, list.top);
    if (high != 0)
        text += code("movw $%d, %d(%%%d)\n\t", high, list.bytes + 6, list.top);
    list.bytes += WORD;
    return text;
}

/* The mask or number of words is 6 bytes into the word with the address. %0: the log. %1, %2: scratch. `memory` is the operand with the memory, the next
 * one the base. */
static std::string code_of_entry(const entry &one, listing &list, int memory, HOST_WIDE_INT *at)
{
    HOST_WIDE_INT words = words_spanned(one), logged = words_logged(one);
    unsigned int mask = has_gaps(one) ? mask_of(one, extent_of(one)) : 0, from_base = mask_from_base(one);
    int from = (int)*at, end = from + (int)(logged * WORD), high;

    *at = end + WORD;
    if (from_base == 1)
        return code_of_moves(1, memory + 1, 1, from) + code("movq %%%d, %d(%%0)\n\t", memory + 1, end) + code_of_listing(one, list, memory + 1, 0);
    if (words == 1)
        return code("movq %%%d, %%1\n\tmovq %%1, %d(%%0)\n\tleaq %%%d, %%1\n\tmovq %%1, %d(%%0)\n\t", memory, from, memory, end) +
               code_of_listing(one, list, 1, 0);
    high = from_base != 0 ? (int)(from_base | 0x8000) : mask != 0 ? (int)(mask | 0x8000) : (int)words;
    if (from_base != 0)
        return code("movq %%%d, %d(%%0)\n\tmovw $%d, %d(%%0)\n\t", memory + 1, end, high, end + 6) + code_of_listing(one, list, memory + 1, high) +
               code_of_moves(from_base, memory + 1, 1, from);
    return code("leaq %%%d, %%1\n\tmovq %%1, %d(%%0)\n\tmovw $%d, %d(%%0)\n\t", memory, end, high, end + 6) + code_of_listing(one, list, 1, high) +
           code_of_moves(mask != 0 ? mask : (1u << words) - 1, 1, 2, from);
}

/* The memory of an entry as one operand. */
static tree memory_of(const entry &one, gimple *at)
{
    HOST_WIDE_INT words = words_spanned(one);
    tree type = words == 1 ? long_long_unsigned_type_node
                           : build_array_type(long_long_unsigned_type_node, build_index_type(size_int(words - 1)));
    tree pointer = one.base;

    if (is_place(one))
        return unshare_expr(one.only);
    if (TREE_CODE(one.base) == ARRAY_REF) {
        gimple_stmt_iterator before = gsi_for_stmt(at);

        if (one.only && !is_bit_field(one.only))
            return unshare_expr(one.only);
        pointer = force_gimple_operand_gsi(&before, build_fold_addr_expr(unshare_expr(one.base)), true, NULL_TREE, true, GSI_SAME_STMT);
    }
    type = build_aligned_type(type, BITS_PER_UNIT);
    if (DECL_P(one.base)) {
        TREE_ADDRESSABLE(one.base) = 1;
        pointer = build_fold_addr_expr(one.base);
    }
    return build2(MEM_REF, type, pointer, build_int_cst(ptr_type_node, extent_of(one).from));
}

/* %0 the log, %1 where the words come from, %2 how many, %3 scratch. */
static std::string code_of_long(const entry &one, listing &list, int memory)
{
    int words = (int)words_spanned(one);

    return code("leaq %%%d, %%1\n\tmovq %%1, %%3\n\tmovl $%d, %%k2\n\trep movsq\n\tmovq %%3, (%%0)\n\tmovw $%d, 6(%%0)\n\t", memory, words, words) +
           code_of_listing(one, list, 3, words);
}

static std::vector<const char *> scratch_of(const batch &all)
{
    if (is_long(all.entries[0]))
        return { "=&D", "=&S", "=&c", "=&r" };
    for (const entry &one : all.entries) {
        if (words_spanned(one) > 1 && mask_from_base(one) == 0)
            return { "=&r", "=&r", "=&r" };
    }
    return { "=&r", "=&r" };
}

/* Where the program goes wrong if the batch does: at the store with an index, if there is one. Crash reports name that line. */
static location_t location_of(const batch &all)
{
    location_t found = UNKNOWN_LOCATION;

    for (const entry &one : all.entries) {
        if (one.only && EXPR_HAS_LOCATION(one.only) && (is_place(one) || TREE_CODE(one.base) == ARRAY_REF))
            found = EXPR_LOCATION(one.only);
    }
    return found;
}

static bool any_is_followed(const batch &all)
{
    for (const entry &one : all.entries) {
        if (is_followed(one))
            return true;
    }
    return false;
}

static void emit_inline(const batch &all)
{
    vec<tree, va_gc> *inputs = NULL, *outputs = NULL;
    gimple_stmt_iterator where = gsi_for_stmt(all.at);
    std::vector<const char *> scratch = scratch_of(all);
    std::vector<tree> names;
    std::string text = "movq journal(%%rip), %0\n\t";
    HOST_WIDE_INT bytes = 0;
    listing list = { (int)scratch.size(), 0 };
    gasm *statement;

    if (any_is_followed(all)) {
        scratch.push_back("=&r");
        text += code("movq journal_list_top(%%%%rip), %%%d\n\t", list.top);
    }
    for (const char *constraint : scratch) {
        names.push_back(make_ssa_name(long_long_unsigned_type_node));
        vec_safe_push(outputs, operand(constraint, names.back()));
    }
    for (const entry &one : all.entries) {
        if (is_long(one)) {
            text += code_of_long(one, list, (int)scratch.size());
            bytes += (words_spanned(one) + 1) * WORD;
        } else {
            text += code_of_entry(one, list, (int)(scratch.size() + vec_safe_length(inputs)), &bytes);
        }
        vec_safe_push(inputs, operand("m", memory_of(one, all.at)));
        if (!is_long(one) && mask_from_base(one) != 0)
            vec_safe_push(inputs, operand("r", one.base));
    }
    if (list.bytes != 0)
        text += code("addq $%d, journal_list_top(%%%%rip)\n\t", list.bytes);
    text += code("addw $%d, journal(%%%%rip)\n\tjc 2f\n1:\n\t.subsection 1\n2:\tleaq -128(%%%%rsp), %%%%rsp\n\tcall journal_spill_stub\n\t"
                 "leaq 128(%%%%rsp), %%%%rsp\n\tjmp 1b\n\t.previous",
                 (int)bytes);
    statement = gimple_build_asm_vec(text.c_str(), inputs, outputs, NULL, NULL);
    gimple_asm_set_volatile(statement, true);
    gimple_set_location(statement, location_of(all));
    for (tree name : names)
        SSA_NAME_DEF_STMT(name) = statement;
    gsi_insert_before(&where, statement, GSI_SAME_STMT);
}

void emit(const batch &all)
{
    const entry &first = all.entries[0];
    gimple_stmt_iterator where = gsi_for_stmt(all.at);
    tree address;

    if (!is_place(first) || first.bytes <= WORD * ENTRY_WORDS_MAX) {
        emit_inline(all);
        return;
    }
    address = force_gimple_operand_gsi(&where, build_fold_addr_expr(unshare_expr(first.only)), true, NULL_TREE, true, GSI_SAME_STMT);
    call_record(&where, address, size_int(first.bytes));
}
