/* SPDX-License-Identifier: MIT */
/*
 * format_string against the host's snprintf: for each format both must make the same text and length.
 */
#include "base/format.h"
#include "base/string.h"
#include "testing/testing.h"

#include <stdio.h>
#include <string.h>

#define SAME(...)                                                                                                  \
    do {                                                                                                           \
        char ours[64], theirs[64];                                                                                 \
        int a = format_string(ours, sizeof(ours), __VA_ARGS__), b = snprintf(theirs, sizeof(theirs), __VA_ARGS__); \
        CHECK(a == b);                                                                                             \
        CHECK(strcmp(ours, theirs) == 0);                                                                          \
    } while (0)

TEST(format_agrees_with_snprintf)
{
    SAME("%d %5d|%-5d|%05d %+d", -7, 42, 42, 42, 3);
    SAME("%u %x %#x %X %o", 7u, 0xbeefu, 0xbeefu, 0xbeefu, 8u);
    SAME("%lu %lld %zu %hhu", ~0ul, -1ll, (size_t)12, (unsigned char)200);
    SAME("%s|%8s|%-8s|%.2s|%c%%", "abc", "abc", "abc", "abc", 'z');
    SAME("%*d %.*s %016lx", 6, 12, 2, "xyz", 0x1234ul);
    SAME("%.3d", 5);
}

TEST(format_cuts_and_reports_full_length)
{
    char small[4];
    CHECK(format_string(small, sizeof(small), "%s", "abcdef") == 6);
    CHECK(strcmp(small, "abc") == 0);
    CHECK(format_string(NULL, 0, "%d", 100) == 3);
}

TEST(numbers_are_parsed_whole_or_not_at_all)
{
    unsigned long long value;
    CHECK(string_to_number("0x1F", &value) && value == 31);
    CHECK(string_to_number("120", &value) && value == 120);
    CHECK(!string_to_number("12a", &value) && !string_to_number("", &value));
}
