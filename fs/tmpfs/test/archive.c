/* SPDX-License-Identifier: MIT */
/*
 * The boot archive: whole, cut off and damaged at every byte, and with contents that a tree cannot hold. The state check holds afterwards, always.
 */
#include <stdio.h>

#include "tree.h"

enum { ROOM = 8192 };

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

static int unpack(void)
{
    uint8_t *copy = malloc(length + (length == 0));
    int result;

    memcpy(copy, archive, length);
    start_empty();
    result = unpack_archive(&tmpfs, copy, length);
    free(copy);
    fake_vm_take_messages();
    check_state();
    root = tmpfs.mount[0].root;
    return result;
}

static void make_archive(void)
{
    length = 0;
    memset(archive, 0, sizeof(archive));
    add("etc", 040750, "");
    add("etc/motd", 0100644, "hello\n");
    add("bin/deep/er/tool", 0100755, "binary");
    add("bin/sh", 0120777, "busybox");
    add("dev-null", 0020666, "");
    add("boot/services/vm", 0100644, "not for the tree");
    add("TRAILER!!!", 0, "");
}

TEST(an_archive_becomes_a_tree)
{
    uint32_t etc;

    make_archive();
    CHECK_EQ(unpack(), 0);
    etc = number_of(root, "etc");
    CHECK_EQ(tmpfs_tables->inode[etc].mode, 040750);
    CHECK_EQ(tmpfs_tables->inode[etc].uid, 7);
    CHECK_EQ(tmpfs_tables->inode[number_of(etc, "motd")].size, 6);
    CHECK_EQ(tmpfs_tables->inode[number_of(root, "dev-null")].device, 4 << 20 | 64);
    CHECK(number_of(number_of(number_of(number_of(root, "bin"), "deep"), "er"), "tool") != 0);
    CHECK_EQ(number_of(root, "boot"), 0);
    CHECK_EQ(fake_vm.mapped, 0);
    CHECK_EQ(objects_in_use(), 2);
}

TEST(a_later_entry_replaces_an_earlier_one)
{
    make_archive();
    length = 0;
    add("a", 0100644, "first");
    add("d", 040755, "");
    add("d/x", 0100644, "stays");
    add("a", 0100600, "the second");
    add("d", 040700, "");
    CHECK_EQ(unpack(), 0);
    CHECK_EQ(tmpfs_tables->inode[number_of(root, "a")].size, 10);
    CHECK_EQ(tmpfs_tables->inode[number_of(root, "d")].mode, 040700);
    CHECK(number_of(number_of(root, "d"), "x") != 0);
    CHECK_EQ(objects_in_use(), 2);
}

TEST(an_archive_that_is_cut_off_anywhere_leaves_a_whole_tree)
{
    size_t whole;

    make_archive();
    whole = length;
    for (length = 0; length < whole; length++) {
        int result = unpack();

        CHECK(result == 0 || result == -EINVAL);
    }
}

TEST(a_damaged_byte_anywhere_leaves_a_whole_tree)
{
    static const uint8_t flips[] = { 0x01, 0x02, 0x04, 0x08, 0x10, 0x40, 0x80 };

    make_archive();
    for (size_t at = 0; at < length; at++) {
        uint8_t flip = flips[at % sizeof(flips)];

        archive[at] ^= flip;
        CHECK(unpack() <= 0);
        archive[at] ^= flip;
    }
}

static int unpack_one(const char *name, uint32_t mode, const char *data)
{
    length = 0;
    memset(archive, 0, sizeof(archive));
    add(name, mode, data);
    return unpack();
}

TEST(what_a_tree_cannot_hold_is_refused_by_name)
{
    static char text[5000];

    CHECK_EQ(unpack_one("../escape", 0100644, "x"), -EINVAL);
    CHECK_EQ(unpack_one("a/../b", 0100644, "x"), -EINVAL);
    CHECK(strstr(fake_log(), "a/../b") != NULL);
    CHECK_EQ(unpack_one("a/./b", 0100644, "x"), -EINVAL);
    CHECK_EQ(unpack_one("no-type", 0644, "x"), -EINVAL);
    CHECK_EQ(unpack_one("empty-link", 0120777, ""), -EINVAL);
    memset(text, 'n', 4096);
    CHECK_EQ(unpack_one("long-link", 0120777, text), -EINVAL);
    text[4095] = '\0';
    CHECK_EQ(unpack_one("link", 0120777, text), 0);
    text[256] = '\0';
    CHECK_EQ(unpack_one(text, 0100644, "x"), -ENAMETOOLONG);
    text[255] = '\0';
    CHECK_EQ(unpack_one(text, 0100644, "x"), 0);
    length = 0;
    add("file", 0100644, "x");
    add("file/below", 0100644, "x");
    CHECK_EQ(unpack(), -ENOTDIR);
    length = 0;
    add("directory/below", 0100644, "x");
    add("directory", 0100644, "x");
    CHECK_EQ(unpack(), -EISDIR);
}

TEST(too_little_memory_is_said_with_the_file_that_did_not_fit)
{
    length = 0;
    memset(archive, 0, sizeof(archive));
    add("small", 0100644, "x");
    add("big", 0100644, "y");
    start_empty();
    fake_vm.limit[0] = 1;
    CHECK_EQ(unpack_archive(&tmpfs, archive, length), -ENOSPC);
    CHECK(strstr(fake_log(), "big") != NULL);
    fake_vm_take_messages();
    check_state();
}
