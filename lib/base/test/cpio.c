/* SPDX-License-Identifier: MIT */
/*
 * The archive reader against archives that are whole, cut off at every byte, and damaged at every byte: it never looks outside (the archive is in a
 * block of its exact size, AddressSanitizer watches), it always ends, and what it gives lies inside of the archive.
 */
#include "base/cpio.h"

#include <stdio.h>
#include <stdlib.h>

#include "errors.h"
#include "testing/testing.h"

enum { ROOM = 4096 };

static uint8_t archive[ROOM];
static size_t length;

static void pad(void)
{
    while (length % 4 != 0)
        archive[length++] = 0;
}

static void add(const char *name, uint32_t mode, const char *data)
{
    size_t bytes = strlen(data);

    length += (size_t)snprintf((char *)archive + length, ROOM - length, "070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%s", 1,
                               mode, 7, 8, 1, 1000, (unsigned)bytes, 0, 0, 4, 64, (unsigned)strlen(name) + 1, 0, name) +
              1;
    pad();
    memcpy(archive + length, data, bytes);
    length += bytes;
    pad();
}

static void make_archive(void)
{
    memset(archive, 0, sizeof(archive));
    length = 0;
    add("./etc", 040755, "");
    add("./etc/motd", 0100644, "hello\n");
    add("/bin/sh", 0120777, "busybox");
    add("TRAILER!!!", 0, "");
    memset(archive + length, 0, 509);
    length += 509 + 3;
    length &= ~(size_t)3;
    add("second", 0100600, "another archive");
    add("TRAILER!!!", 0, "");
}

/* Reads a copy of exactly `bytes` bytes to its end; returns the number of entries, *result what came last. */
static int read_copy(const uint8_t *from, size_t bytes, int *result)
{
    uint8_t *copy = malloc(bytes + (bytes == 0));
    struct cpio_entry entry;
    size_t offset = 0;
    int count = 0;
    bool good = true;

    memcpy(copy, from, bytes);
    while ((*result = cpio_next(copy, bytes, &offset, &entry)) == 1) {
        const uint8_t *name = (const uint8_t *)entry.name;

        count++;
        good &= offset <= bytes && count <= ROOM;
        good &= name >= copy && name + entry.name_length < copy + bytes && entry.name[entry.name_length] == '\0';
        good &= entry.data_length == 0 || (entry.data >= copy && entry.data + entry.data_length <= copy + bytes);
        if (!good)
            break;
    }
    free(copy);
    CHECK(good);
    return count;
}

TEST(entries_of_archives_that_follow_each_other_are_read)
{
    struct cpio_entry entry;
    size_t offset = 0;

    make_archive();
    CHECK_EQ(cpio_next(archive, length, &offset, &entry), 1);
    CHECK_STR(entry.name, "etc");
    CHECK_EQ(entry.mode, 040755);
    CHECK_EQ(cpio_next(archive, length, &offset, &entry), 1);
    CHECK_STR(entry.name, "etc/motd");
    CHECK_EQ(entry.data_length, 6);
    CHECK_MEM(entry.data, "hello\n", 6);
    CHECK_EQ(entry.uid, 7);
    CHECK_EQ(entry.gid, 8);
    CHECK_EQ(entry.mtime, 1000);
    CHECK_EQ(entry.device_major, 4);
    CHECK_EQ(entry.device_minor, 64);
    CHECK_EQ(cpio_next(archive, length, &offset, &entry), 1);
    CHECK_STR(entry.name, "bin/sh");
    CHECK_EQ(cpio_next(archive, length, &offset, &entry), 1);
    CHECK_STR(entry.name, "second");
    CHECK_EQ(cpio_next(archive, length, &offset, &entry), 0);
}

TEST(an_archive_that_is_cut_off_anywhere_ends_or_is_refused)
{
    int whole, result;

    make_archive();
    whole = read_copy(archive, length, &result);
    CHECK_EQ(whole, 4);
    for (size_t bytes = 0; bytes < length; bytes++) {
        int count = read_copy(archive, bytes, &result);

        CHECK(count <= whole);
        CHECK(result == 0 || result == -EINVAL);
    }
}

TEST(a_damaged_byte_anywhere_does_no_harm)
{
    static const uint8_t flips[] = { 0x01, 0x02, 0x04, 0x08, 0x10, 0x20, 0x40, 0x80, 0xff };
    int result;

    make_archive();
    for (size_t at = 0; at < length; at++) {
        for (size_t i = 0; i < sizeof(flips); i++) {
            archive[at] ^= flips[i];
            read_copy(archive, length, &result);
            CHECK(result == 0 || result == -EINVAL);
            archive[at] ^= flips[i];
        }
    }
}

TEST(sizes_that_lie_are_refused)
{
    struct cpio_entry entry;
    size_t offset = 0;

    make_archive();
    memcpy(archive + 6 + 8 * 6, "ffffffff", 8); /* file size */
    CHECK_EQ(cpio_next(archive, length, &offset, &entry), -EINVAL);
    CHECK_EQ(offset, 0);
    make_archive();
    memcpy(archive + 6 + 8 * 11, "fffffff0", 8); /* name size */
    CHECK_EQ(cpio_next(archive, length, &offset, &entry), -EINVAL);
    make_archive();
    memcpy(archive + 6 + 8 * 11, "00000000", 8);
    CHECK_EQ(cpio_next(archive, length, &offset, &entry), -EINVAL);
}
