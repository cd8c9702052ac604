/* SPDX-License-Identifier: MIT */
/*
 * Records of /dev/kmsg.
 */
#include "../record.h"

#include "testing/testing.h"

TEST(a_level_in_front_is_taken_off)
{
    size_t taken;

    CHECK_EQ(record_level("<3>bad", 6, &taken), 3);
    CHECK_EQ(taken, 3);
    CHECK_EQ(record_level("<14>user", 8, &taken), 6);
    CHECK_EQ(taken, 4);
    CHECK_EQ(record_level("plain", 5, &taken), RECORD_LEVEL_WRITTEN);
    CHECK_EQ(taken, 0);
    CHECK_EQ(record_level("<x>", 3, &taken), RECORD_LEVEL_WRITTEN);
    CHECK_EQ(record_level("<3", 2, &taken), RECORD_LEVEL_WRITTEN);
    CHECK_EQ(taken, 0);
}

static const char *record(const char *line)
{
    static char text[200];

    record_format(text, sizeof(text), line, strlen(line), 42);
    return text;
}

TEST(a_line_of_the_log_becomes_a_record)
{
    CHECK_STR(record("[    1.000234] kernel: hello"), "6,42,1000234,-;kernel: hello\n");
    CHECK_STR(record("no time"), "6,42,0,-;no time\n");
    CHECK_STR(record("[odd"), "6,42,0,-;[odd\n");
}
