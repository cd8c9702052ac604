/* SPDX-License-Identifier: MIT */
/*
 * State by name: moved, added, removed, wider, grown; and what is refused. The tables are written by hand as tools/layout would.
 */
#include "sys/layout.h"

#include <string.h>

#include "sys/loop.h"
#include "testing/testing.h"

/* The rest of the library is linked too. */
grant_t public_table_grant = -1;

int kernel_request(struct message *message)
{
    (void)message;
    return 0;
}

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

static const struct layout_arenas arenas = { 0x1000, 0x2000 };

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
static char problem[LAYOUT_PROBLEM_BYTES];

static struct layout_side side(struct table *table, void *state, uint64_t bytes)
{
    struct layout_side made = { .layout = &table->head, .section = { state }, .bytes = { bytes } };

    table->head = (struct layout){ LAYOUT_MAGIC, sizeof(*table), 0, 1, 7, 5, offsetof(struct table, strings), 0 };
    table->head.bytes = offsetof(struct table, strings) + sizeof(strings);
    memcpy(table->strings, strings, sizeof(strings));
    return made;
}

static bool there(void)
{
    struct layout_side old = side(&first, &one, sizeof(one)), new = side(&second, &two, sizeof(two));

    CHECK(layout_is_good(&old, sizeof(first)) && layout_is_good(&new, sizeof(second)));
    memset(&two, 0, sizeof(two));
    problem[0] = '\0';
    return layout_convert(&old, &new, &arenas, problem);
}

static bool back(void)
{
    struct layout_side old = side(&second, &two, sizeof(two)), new = side(&first, &one, sizeof(one));

    memset(&one, 0, sizeof(one));
    return layout_convert(&old, &new, &arenas, problem);
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
    CHECK_EQ(two.pointer, 0x1800);
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
    CHECK(strcmp(problem, "v.count: the value does not fit") == 0);
    two = (struct two){ .level = 40000 };
    CHECK(!back());
    CHECK(strcmp(problem, "v.level: the value does not fit") == 0);
    two = (struct two){ .table = { [5] = 1 } };
    CHECK(!back());
    CHECK(strcmp(problem, "v.table: the array is shorter now, and what is cut off is in use") == 0);
}

TEST(another_table_behind_a_pointer_is_refused)
{
    one = (struct one){ .pointer = 0x1800 };
    second.type[3].element = 1;
    second.type[3].signature = 40;
    CHECK(!there());
    CHECK(strcmp(problem, "v.pointer: the table that it points to has another layout") == 0);
    second.type[3].element = 0;
    second.type[3].signature = 4;
}

TEST(types_that_do_not_fit_are_refused)
{
    uint32_t kept = second.member[4].type;

    one = (struct one){ .count = 1 };
    second.member[4].type = 3;
    second.member[4].offset = 0;
    CHECK(!there());
    CHECK(strcmp(problem, "v.count: the types do not fit each other") == 0);
    second.member[4].type = kept;
    second.member[4].offset = offsetof(struct two, count);
}

TEST(what_was_lent_is_found_again)
{
    struct layout_side old = side(&first, &one, sizeof(one)), new = side(&second, &two, sizeof(two));

    CHECK_EQ(layout_moved(&old, &new, LAYOUT_STATE, offsetof(struct one, table) + 8, 4), offsetof(struct two, table) + 8);
    CHECK_EQ(layout_moved(&old, &new, LAYOUT_STATE, offsetof(struct one, gone), 4), LAYOUT_NONE);
    CHECK_EQ(layout_moved(&old, &new, LAYOUT_STATE, offsetof(struct one, count), 4), LAYOUT_NONE); /* not the same type */
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
