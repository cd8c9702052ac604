/* SPDX-License-Identifier: MIT */
/*
 * State by name: moved, added, removed, wider, grown; and what is refused. The tables are written by hand as tools/layout would.
 */
#include "layout/layout.h"

#include <string.h>

#include "testing/testing.h"

/* struct one { u32 count; u32 gone; s16 level; u32 table[4]; u64 *arena; }  ->  struct two { u32 table[8]; s64 level; u64 new; u16 count; ... } */
struct one {
    uint32_t count, gone;
    int16_t level;
    uint16_t pad;
    uint32_t table[4];
    uint32_t pad2;
    uint64_t pointer;
};

struct two {
    uint32_t table[8];
    int64_t level;
    uint64_t added;
    uint64_t pointer;
    uint16_t count;
    uint16_t pad[3];
};

static const char strings[] = "v\0count\0gone\0level\0table\0pointer\0added";

enum { V = 0, COUNT = 2, GONE = 8, LEVEL = 13, TABLE = 19, POINTER = 25, ADDED = 33 };

struct table {
    struct layout head;
    struct layout_variable variable;
    struct layout_type type[7];
    struct layout_member member[5];
    char strings[sizeof(strings)];
};

/* The arena of the old version was at 0x1000, that of the new one is at 0x5000. */
static uint64_t translate(uint64_t pointer)
{
    return pointer >= 0x1000 && pointer < 0x2000 ? pointer + 0x4000 : 0;
}

static struct table first = {
    .variable = { V, LAYOUT_STATE, 0, 5 },
    .type = { { LAYOUT_UNSIGNED, 4, LAYOUT_NONE, 0, 0, 1 },
              { LAYOUT_SIGNED, 2, LAYOUT_NONE, 0, 0, 2 },
              { LAYOUT_ARRAY, 16, 0, 4, 0, 3 },
              { LAYOUT_POINTER, 8, 0, 0, 0, 4 },
              { LAYOUT_OPAQUE, 4, LAYOUT_NONE, 0, 0, 5 },
              { LAYOUT_STRUCT, sizeof(struct one), LAYOUT_NONE, 5, 0, 6 },
              { LAYOUT_UNSIGNED, 8, LAYOUT_NONE, 0, 0, 7 } },
    .member = { { COUNT, offsetof(struct one, count), 0 },
                { GONE, offsetof(struct one, gone), 0 },
                { LEVEL, offsetof(struct one, level), 1 },
                { TABLE, offsetof(struct one, table), 2 },
                { POINTER, offsetof(struct one, pointer), 3 } },
};

static struct table second = {
    .variable = { V, LAYOUT_STATE, 0, 6 },
    .type = { { LAYOUT_UNSIGNED, 4, LAYOUT_NONE, 0, 0, 1 },
              { LAYOUT_UNSIGNED, 2, LAYOUT_NONE, 0, 0, 12 },
              { LAYOUT_ARRAY, 32, 0, 8, 0, 13 },
              { LAYOUT_POINTER, 8, 0, 0, 0, 4 },
              { LAYOUT_SIGNED, 8, LAYOUT_NONE, 0, 0, 15 },
              { LAYOUT_UNSIGNED, 8, LAYOUT_NONE, 0, 0, 7 },
              { LAYOUT_STRUCT, sizeof(struct two), LAYOUT_NONE, 5, 0, 16 } },
    .member = { { TABLE, offsetof(struct two, table), 2 },
                { LEVEL, offsetof(struct two, level), 4 },
                { ADDED, offsetof(struct two, added), 5 },
                { POINTER, offsetof(struct two, pointer), 3 },
                { COUNT, offsetof(struct two, count), 1 } },
};

static struct one one;
static struct two two;
static struct layout_pair pair;
static const char *problem = pair.problem;

static struct layout_side side(struct table *table, void *state, uint64_t bytes)
{
    struct layout_side made = { .layout = &table->head, .section = { state }, .bytes = { bytes } };

    table->head = (struct layout){ LAYOUT_MAGIC, sizeof(*table), 0, 1, 7, 5, offsetof(struct table, strings), 1, 1 };
    table->head.bytes = offsetof(struct table, strings) + sizeof(strings);
    memcpy(table->strings, strings, sizeof(strings));
    return made;
}

static void make_pair(struct layout_side old, struct layout_side new)
{
    pair = (struct layout_pair){ .old = old, .new = new, .translate = translate };
}

static bool there(void)
{
    make_pair(side(&first, &one, sizeof(one)), side(&second, &two, sizeof(two)));
    CHECK(layout_is_good(&pair.old, sizeof(first)) && layout_is_good(&pair.new, sizeof(second)));
    memset(&two, 0, sizeof(two));
    return layout_convert(&pair);
}

static bool back(void)
{
    make_pair(side(&second, &two, sizeof(two)), side(&first, &one, sizeof(one)));
    memset(&one, 0, sizeof(one));
    return layout_convert(&pair);
}

TEST(fields_are_found_by_name)
{
    one = (struct one){ .count = 7, .gone = 9, .level = -3, .table = { 1, 2, 3, 4 }, .pointer = 0x1800 };
    CHECK(there());
    CHECK_EQ(two.count, 7);
    CHECK_EQ(two.level, -3);
    CHECK_EQ(two.table[3], 4);
    CHECK_EQ(two.table[4], 0);
    CHECK_EQ(two.added, 0);
    CHECK_EQ(two.pointer, 0x5800);
    CHECK(back());
    CHECK_EQ(one.count, 7);
    CHECK_EQ(one.gone, 0);
    CHECK_EQ(one.level, -3);
    CHECK_EQ(one.table[3], 4);
}

TEST(a_pointer_out_of_the_arenas_is_forgotten)
{
    one = (struct one){ .pointer = 0x9000 };
    CHECK(there());
    CHECK_EQ(two.pointer, 0);
}

TEST(what_would_lose_something_is_refused)
{
    one = (struct one){ .count = 70000 };
    CHECK(!there());
    CHECK(strcmp(problem, "v.count: the value 70000 does not fit in 2 bytes") == 0);
    two = (struct two){ .level = 40000 };
    CHECK(!back());
    CHECK(strcmp(problem, "v.level: the value 40000 does not fit in 2 bytes") == 0);
    two = (struct two){ .table = { [5] = 1 } };
    CHECK(!back());
    CHECK(strcmp(problem, "v.table: 8 entries became 4, and entry 5 is in use") == 0);
}

TEST(what_does_not_fit_is_left_to_an_upgrade)
{
    one = (struct one){ .count = 70000, .level = 5 };
    make_pair(side(&first, &one, sizeof(one)), side(&second, &two, sizeof(two)));
    first.head.version = 3;
    second.head.version = 4;
    second.head.upgrades_from = 4;
    CHECK(!layout_convert(&pair)); /* there is none from version 3 */
    second.head.upgrades_from = 3;
    memset(&two, 0, sizeof(two));
    CHECK(layout_convert(&pair));
    CHECK_EQ(two.count, 0);
    CHECK_EQ(two.level, 5);
}

TEST(a_path_leads_to_a_field)
{
    const struct layout_variable *variable;
    uint32_t offset;

    make_pair(side(&first, &one, sizeof(one)), side(&second, &two, sizeof(two)));
    CHECK_EQ(layout_field(pair.old.layout, "v.level", &variable, &offset)->size, 2);
    CHECK_EQ(offset, offsetof(struct one, level));
    CHECK(layout_field(pair.old.layout, "v.nothing", &variable, &offset) == NULL);
    CHECK(layout_field(pair.old.layout, "w", &variable, &offset) == NULL);
    CHECK_EQ(layout_field(pair.old.layout, "v", &variable, &offset)->size, sizeof(struct one));
}

TEST(tables_in_arenas_are_matched_too)
{
    first.variable = (struct layout_variable){ V, LAYOUT_ARENAS, 0, 2 }; /* four numbers become eight */
    second.variable = (struct layout_variable){ V, LAYOUT_ARENAS, 0, 2 };
    one = (struct one){ .table = { 1, 2, 3, 4 } };
    memset(&two, 0, sizeof(two));
    make_pair(side(&first, NULL, 0), side(&second, NULL, 0));
    CHECK(layout_is_good(&pair.old, sizeof(first)) && layout_fits(&pair));
    CHECK(layout_convert_table(&pair, &first.variable, one.table, &second.variable, two.table));
    CHECK_EQ(two.table[3], 4);
    CHECK_EQ(layout_moved_within(&pair, &first.variable, &second.variable, 8, 0), 8);
    two.table[6] = 1;
    make_pair(side(&second, NULL, 0), side(&first, NULL, 0));
    CHECK(layout_fits(&pair)); /* whether entries are in use is not known yet */
    CHECK(!layout_convert_table(&pair, &second.variable, two.table, &first.variable, one.table));
    CHECK(strcmp(problem, "v: 8 entries became 4, and entry 6 is in use") == 0);
    second.variable.type = 0;
    CHECK(!layout_fits(&pair));
    CHECK(strcmp(problem, "v: an unsigned integer became an array") == 0);
    first.variable = (struct layout_variable){ V, LAYOUT_STATE, 0, 5 };
    second.variable = (struct layout_variable){ V, LAYOUT_STATE, 0, 6 };
}

TEST(types_that_do_not_fit_are_refused)
{
    uint32_t kept = second.member[4].type;

    one = (struct one){ .count = 1 };
    second.member[4].type = 3;
    second.member[4].offset = 0;
    CHECK(!there());
    CHECK(strcmp(problem, "v.count: an unsigned integer became a pointer") == 0);
    second.member[4].type = kept;
    second.member[4].offset = offsetof(struct two, count);
}

TEST(what_was_lent_is_found_again)
{
    make_pair(side(&first, &one, sizeof(one)), side(&second, &two, sizeof(two)));
    CHECK_EQ(layout_moved(&pair, LAYOUT_STATE, offsetof(struct one, table) + 8, 4), offsetof(struct two, table) + 8);
    CHECK_EQ(layout_moved(&pair, LAYOUT_STATE, offsetof(struct one, table) + 4, 12), offsetof(struct two, table) + 4);
    CHECK_EQ(layout_moved(&pair, LAYOUT_STATE, offsetof(struct one, gone), 4), LAYOUT_NONE);
    CHECK_EQ(layout_moved(&pair, LAYOUT_STATE, offsetof(struct one, count), 4), LAYOUT_NONE); /* not the same type */
    CHECK_EQ(layout_moved(&pair, LAYOUT_STATE, offsetof(struct one, level), 0), offsetof(struct two, level));
}

TEST(a_bad_table_is_no_table)
{
    struct layout_side old = side(&first, &one, sizeof(one));

    CHECK(!layout_is_good(&old, sizeof(first) / 2));
    first.member[0].offset = 4000;
    CHECK(!layout_is_good(&old, sizeof(first)));
    first.member[0].offset = 0;
    first.type[2].element = 5; /* contains itself */
    CHECK(!layout_is_good(&old, sizeof(first)));
    first.type[2].element = 0;
    first.variable.type = 7;
    CHECK(!layout_is_good(&old, sizeof(first)));
    first.variable.type = 5;
    CHECK(layout_is_good(&old, sizeof(first)));
}
