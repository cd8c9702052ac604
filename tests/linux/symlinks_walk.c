/* SPDX-License-Identifier: MIT */
/* Symbolic links and the path walk. */
#include <fcntl.h>
#include <sys/stat.h>

#include "scratch.h"
#include "tap.h"

TEST(links_are_followed_and_read)
{
    char text[64];
    struct stat st;
    scratch_enter();
    scratch_file("f", "text");
    CHECK_EQ(symlink("f", "l"), 0);
    CHECK_EQ(stat("l", &st), 0);
    CHECK_EQ(st.st_size, 4);
    CHECK_EQ(lstat("l", &st), 0);
    CHECK_EQ(st.st_mode, S_IFLNK | 0777);
    CHECK_EQ(st.st_size, 1);
    CHECK_EQ(readlink("l", text, sizeof(text)), 1);
    CHECK_EQ(text[0], 'f');
    CHECK_ERROR(readlink("f", text, sizeof(text)), EINVAL);
    CHECK_ERROR(readlink("missing", text, sizeof(text)), ENOENT);
    CHECK_ERROR(symlink("f", "l"), EEXIST);
    CHECK_ERROR(symlink("", "m"), ENOENT);
    CHECK_ERROR(symlink("f", ""), ENOENT);
    CHECK_EQ(unlink("l"), 0);
    CHECK_EQ(unlink("f"), 0);
}

TEST(readlink_cuts_without_an_end)
{
    char text[8] = "zzzzzzz";
    scratch_enter();
    CHECK_EQ(symlink("abcdef", "l"), 0);
    CHECK_EQ(readlink("l", text, 3), 3);
    CHECK_EQ(memcmp(text, "abczz", 5), 0);
    CHECK_EQ(syscall(89, "l", text, 0), -1);
    CHECK_EQ(errno, EINVAL);
    unlink("l");
}

TEST(circles_are_eloop)
{
    char name[16], target[16];
    scratch_enter();
    CHECK_EQ(symlink("b", "a"), 0);
    CHECK_EQ(symlink("a", "b"), 0);
    CHECK_ERROR(open("a", O_RDONLY), ELOOP);
    CHECK_ERROR(access("a/x", F_OK), ELOOP);
    unlink("a");
    unlink("b");
    scratch_file("0", "");
    for (int i = 1; i <= 41; i++) {
        snprintf(name, sizeof(name), "%d", i);
        snprintf(target, sizeof(target), "%d", i - 1);
        CHECK_EQ(symlink(target, name), 0);
    }
    CHECK_EQ(access("40", F_OK), 0);
    CHECK_ERROR(access("41", F_OK), ELOOP);
    for (int i = 0; i <= 41; i++) {
        snprintf(name, sizeof(name), "%d", i);
        unlink(name);
    }
}

TEST(nofollow_and_exclusive_do_not_follow)
{
    scratch_enter();
    scratch_file("f", "");
    CHECK_EQ(symlink("f", "l"), 0);
    CHECK_ERROR(open("l", O_RDONLY | O_NOFOLLOW), ELOOP);
    CHECK_ERROR(open("l", O_RDWR | O_CREAT | O_EXCL, 0600), EEXIST);
    CHECK_EQ(symlink("nowhere", "dangling"), 0);
    CHECK_ERROR(open("dangling", O_RDONLY), ENOENT);
    CHECK_ERROR(open("dangling", O_RDWR | O_CREAT | O_EXCL, 0600), EEXIST);
    int fd = open("dangling", O_RDWR | O_CREAT, 0600);
    CHECK(fd >= 0);
    close(fd);
    CHECK_EQ(unlink("nowhere"), 0);
    CHECK_ERROR(mkdir("dangling", 0700), EEXIST);
    unlink("dangling");
    unlink("l");
    unlink("f");
}

TEST(a_slash_behind_a_link_means_its_target)
{
    struct stat st;
    scratch_enter();
    mkdir("d", 0755);
    scratch_file("f", "");
    CHECK_EQ(symlink("d", "ld"), 0);
    CHECK_EQ(symlink("f", "lf"), 0);
    CHECK_EQ(lstat("ld/", &st), 0);
    CHECK_EQ(st.st_mode & S_IFMT, S_IFDIR);
    CHECK_ERROR(lstat("lf/", &st), ENOTDIR);
    CHECK_ERROR(rmdir("ld"), ENOTDIR);
    CHECK_ERROR(rmdir("ld/"), ENOTDIR);
    CHECK_ERROR(unlink("ld/"), ENOTDIR);
    CHECK_EQ(unlink("ld"), 0);
    CHECK_EQ(unlink("lf"), 0);
    unlink("f");
    rmdir("d");
}

TEST(links_inside_paths)
{
    char target[300];
    scratch_enter();
    mkdir("d", 0755);
    mkdir("d/e", 0755);
    scratch_file("d/e/f", "");
    CHECK_EQ(symlink("d/e", "short"), 0);
    CHECK_EQ(access("short/f", F_OK), 0);
    CHECK_EQ(access("short/../e/f", F_OK), 0);
    CHECK_EQ(symlink("../..", "d/e/up"), 0);
    CHECK_EQ(access("d/e/up/d/e/up/short/f", F_OK), 0);
    CHECK(getcwd(target, sizeof(target)) != NULL);
    strncat(target, "/d", sizeof(target) - strlen(target) - 1);
    CHECK_EQ(symlink(target, "absolute"), 0);
    CHECK_EQ(access("absolute/e/f", F_OK), 0);
    CHECK_EQ(access("./absolute/./e//f", F_OK), 0);
    unlink("absolute");
    unlink("d/e/up");
    unlink("short");
    unlink("d/e/f");
    rmdir("d/e");
    rmdir("d");
}

TEST(a_long_link_text_is_kept)
{
    char target[4096], back[4096];
    scratch_enter();
    memset(target, 'x', sizeof(target));
    target[1000] = 0;
    CHECK_EQ(symlink(target, "long"), 0);
    CHECK_EQ(readlink("long", back, sizeof(back)), 1000);
    CHECK_EQ(memcmp(target, back, 1000), 0);
    CHECK_ERROR(access("long", F_OK), ENAMETOOLONG);
    unlink("long");
}

TEST(dot_dot_of_the_root_is_the_root)
{
    struct stat a, b;
    CHECK_EQ(stat("/", &a), 0);
    CHECK_EQ(stat("/../../..", &b), 0);
    CHECK_EQ(a.st_ino, b.st_ino);
    CHECK_EQ(stat("/proc/..", &b), 0);
    CHECK_EQ(a.st_ino, b.st_ino);
    CHECK_EQ(a.st_dev, b.st_dev);
}

TEST(hard_link_to_a_symbolic_link)
{
    struct stat st;
    scratch_enter();
    scratch_file("f", "");
    CHECK_EQ(symlink("f", "l"), 0);
    CHECK_EQ(linkat(AT_FDCWD, "l", AT_FDCWD, "same", 0), 0);
    CHECK_EQ(lstat("same", &st), 0);
    CHECK_EQ(st.st_mode & S_IFMT, S_IFLNK);
    CHECK_EQ(st.st_nlink, 2);
    CHECK_EQ(linkat(AT_FDCWD, "l", AT_FDCWD, "target", AT_SYMLINK_FOLLOW), 0);
    CHECK_EQ(lstat("target", &st), 0);
    CHECK_EQ(st.st_mode & S_IFMT, S_IFREG);
    unlink("target");
    unlink("same");
    unlink("l");
    unlink("f");
}

TAP_MAIN
