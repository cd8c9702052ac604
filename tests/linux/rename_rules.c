/* SPDX-License-Identifier: MIT */
/* rename(2). */
#include <fcntl.h>
#include <sys/stat.h>

#include "scratch.h"
#include "tap.h"

TEST(rename_moves_and_replaces)
{
    struct stat a, b;
    scratch_enter();
    scratch_file("a", "one");
    scratch_file("b", "second");
    CHECK_EQ(stat("a", &a), 0);
    CHECK_EQ(rename("a", "b"), 0);
    CHECK_ERROR(stat("a", &b), ENOENT);
    CHECK_EQ(stat("b", &b), 0);
    CHECK_EQ(a.st_ino, b.st_ino);
    CHECK_EQ(b.st_size, 3);
    CHECK_EQ(rename("b", "b"), 0);
    CHECK_EQ(stat("b", &b), 0);
    CHECK_EQ(unlink("b"), 0);
}

TEST(renaming_to_another_link_of_the_same_file_does_nothing)
{
    struct stat st;
    scratch_enter();
    scratch_file("a", "x");
    CHECK_EQ(link("a", "b"), 0);
    CHECK_EQ(rename("a", "b"), 0);
    CHECK_EQ(stat("a", &st), 0);
    CHECK_EQ(st.st_nlink, 2);
    unlink("a");
    unlink("b");
}

TEST(types_must_agree)
{
    scratch_enter();
    mkdir("d", 0755);
    mkdir("full", 0755);
    scratch_file("full/x", "");
    scratch_file("f", "");
    CHECK_ERROR(rename("d", "f"), ENOTDIR);
    CHECK_ERROR(rename("f", "d"), EISDIR);
    CHECK_ERROR(rename("d", "full"), ENOTEMPTY);
    CHECK_ERROR(rename("f", "full/x/y"), ENOTDIR);
    CHECK_ERROR(rename("missing", "x"), ENOENT);
    CHECK_ERROR(rename("f", "no/where"), ENOENT);
    CHECK_ERROR(rename("f/", "g"), ENOTDIR);
    CHECK_ERROR(rename("f", "g/"), ENOTDIR);
    CHECK_EQ(rename("full", "d"), 0);
    CHECK_EQ(access("d/x", F_OK), 0);
    CHECK_EQ(rename("d/", "e/"), 0);
    unlink("e/x");
    rmdir("e");
    unlink("f");
}

TEST(a_directory_cannot_move_into_itself)
{
    scratch_enter();
    mkdir("a", 0755);
    mkdir("a/b", 0755);
    mkdir("a/b/c", 0755);
    CHECK_ERROR(rename("a", "a/x"), EINVAL);
    CHECK_ERROR(rename("a", "a/b/x"), EINVAL);
    CHECK_ERROR(rename("a", "a/b/c/x"), EINVAL);
    CHECK_ERROR(rename("a/b/c", "a"), ENOTEMPTY);
    CHECK_ERROR(rename("a/.", "x"), EBUSY);
    CHECK_ERROR(rename("a/..", "x"), EBUSY);
    CHECK_EQ(rename("a/b/c", "c"), 0);
    CHECK_EQ(rename("a/b", "c/b"), 0);
    CHECK_EQ(rmdir("c/b"), 0);
    CHECK_EQ(rmdir("c"), 0);
    CHECK_EQ(rmdir("a"), 0);
}

TEST(moving_a_directory_changes_its_parent)
{
    struct stat a, b;
    scratch_enter();
    mkdir("p", 0755);
    mkdir("q", 0755);
    mkdir("p/d", 0755);
    CHECK_EQ(stat("p/d/..", &a), 0);
    CHECK_EQ(rename("p/d", "q/d"), 0);
    CHECK_EQ(stat("q/d/..", &a), 0);
    CHECK_EQ(stat("q", &b), 0);
    CHECK_EQ(a.st_ino, b.st_ino);
    CHECK_EQ(b.st_nlink, 3);
    rmdir("q/d");
    rmdir("q");
    rmdir("p");
}

TEST(noreplace_refuses_what_exists)
{
    scratch_enter();
    scratch_file("a", "");
    scratch_file("b", "");
    CHECK_EQ(syscall(316, AT_FDCWD, "a", AT_FDCWD, "b", 1), -1);
    CHECK_EQ(errno, EEXIST);
    CHECK_EQ(syscall(316, AT_FDCWD, "a", AT_FDCWD, "c", 1), 0);
    CHECK_EQ(unlink("c"), 0);
    CHECK_EQ(unlink("b"), 0);
}

TEST(an_open_file_survives_its_replacement)
{
    char text[8];
    scratch_enter();
    scratch_file("old", "old");
    scratch_file("new", "new");
    int fd = open("old", O_RDONLY);
    CHECK_EQ(rename("new", "old"), 0);
    CHECK_EQ(read(fd, text, 8), 3);
    CHECK_EQ(memcmp(text, "old", 3), 0);
    close(fd);
    unlink("old");
}

TEST(other_file_systems_are_exdev)
{
    scratch_enter();
    scratch_file("f", "");
    CHECK_ERROR(rename("f", "/proc/f"), EXDEV);
    unlink("f");
}

TAP_MAIN
