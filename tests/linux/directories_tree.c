/* SPDX-License-Identifier: MIT */
/* mkdir, rmdir, unlink, link, readdir, chdir, getcwd. */
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "scratch.h"
#include "tap.h"

TEST(mkdir_and_rmdir)
{
    struct stat st;
    scratch_enter();
    CHECK_EQ(mkdir("d", 0755), 0);
    CHECK_EQ(stat("d", &st), 0);
    CHECK_EQ(st.st_mode, S_IFDIR | 0755);
    CHECK_ERROR(mkdir("d", 0755), EEXIST);
    CHECK_ERROR(mkdir("d/", 0755), EEXIST);
    CHECK_ERROR(mkdir("/", 0755), EEXIST);
    CHECK_ERROR(mkdir(".", 0755), EEXIST);
    CHECK_ERROR(mkdir("", 0755), ENOENT);
    CHECK_ERROR(mkdir("no/where", 0755), ENOENT);
    CHECK_EQ(mkdir("e/", 0755), 0);
    CHECK_EQ(rmdir("e/"), 0);
    CHECK_EQ(rmdir("d"), 0);
    CHECK_ERROR(rmdir("d"), ENOENT);
}

TEST(rmdir_refuses)
{
    scratch_enter();
    mkdir("d", 0755);
    scratch_file("d/f", "x");
    CHECK_ERROR(rmdir("d"), ENOTEMPTY);
    CHECK_ERROR(rmdir("d/f"), ENOTDIR);
    CHECK_ERROR(rmdir("d/."), EINVAL);
    CHECK_ERROR(rmdir("d/.."), ENOTEMPTY);
    CHECK_ERROR(rmdir("/"), EBUSY);
    CHECK_ERROR(unlink("d"), EISDIR);
    CHECK_ERROR(unlink("d/"), EISDIR);
    CHECK_ERROR(unlink("d/."), EISDIR);
    CHECK_ERROR(unlink("d/f/"), ENOTDIR);
    CHECK_ERROR(unlink(""), ENOENT);
    CHECK_EQ(unlink("d/f"), 0);
    CHECK_ERROR(unlink("d/f"), ENOENT);
    CHECK_EQ(rmdir("d"), 0);
}

TEST(unlinkat_does_both)
{
    scratch_enter();
    mkdir("d", 0755);
    scratch_file("f", "x");
    CHECK_ERROR(unlinkat(AT_FDCWD, "f", 0x1000), EINVAL);
    CHECK_ERROR(unlinkat(AT_FDCWD, "f", AT_REMOVEDIR), ENOTDIR);
    CHECK_EQ(unlinkat(AT_FDCWD, "f", 0), 0);
    CHECK_EQ(unlinkat(AT_FDCWD, "d", AT_REMOVEDIR), 0);
}

TEST(hard_links_share_a_node)
{
    struct stat a, b;
    scratch_enter();
    scratch_file("a", "text");
    CHECK_EQ(link("a", "b"), 0);
    CHECK_EQ(stat("a", &a), 0);
    CHECK_EQ(stat("b", &b), 0);
    CHECK_EQ(a.st_ino, b.st_ino);
    CHECK_EQ(a.st_nlink, 2);
    CHECK_EQ(b.st_size, 4);
    CHECK_ERROR(link("a", "b"), EEXIST);
    CHECK_ERROR(link("missing", "c"), ENOENT);
    mkdir("d", 0755);
    CHECK_ERROR(link("d", "e"), EPERM);
    CHECK_ERROR(link("a", "/dev/x"), EXDEV);
    CHECK_EQ(unlink("a"), 0);
    CHECK_EQ(stat("b", &b), 0);
    CHECK_EQ(b.st_nlink, 1);
    unlink("b");
    rmdir("d");
}

static int count(const char *path, int *dots)
{
    DIR *dir = opendir(path);
    struct dirent *entry;
    int n = 0;

    *dots = 0;
    if (dir == NULL)
        return -1;
    while ((entry = readdir(dir)) != NULL) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            ++*dots;
        else
            n++;
    }
    closedir(dir);
    return n;
}

TEST(readdir_lists_every_entry_once)
{
    char name[32];
    int dots;
    scratch_enter();
    mkdir("many", 0755);
    for (int i = 0; i < 300; i++) {
        snprintf(name, sizeof(name), "many/file-%d", i);
        scratch_file(name, "");
    }
    CHECK_EQ(count("many", &dots), 300);
    CHECK_EQ(dots, 2);
    for (int i = 0; i < 300; i++) {
        snprintf(name, sizeof(name), "many/file-%d", i);
        CHECK_EQ(unlink(name), 0);
    }
    CHECK_EQ(count("many", &dots), 0);
    CHECK_EQ(rmdir("many"), 0);
}

TEST(removing_while_reading_leaves_nothing_behind)
{
    char name[64];
    struct dirent *entry;
    scratch_enter();
    mkdir("many", 0755);
    for (int i = 0; i < 100; i++) {
        snprintf(name, sizeof(name), "many/%d", i);
        scratch_file(name, "");
    }
    DIR *dir = opendir("many");
    while ((entry = readdir(dir)) != NULL) {
        if (entry->d_name[0] == '.')
            continue;
        snprintf(name, sizeof(name), "many/%.32s", entry->d_name);
        CHECK_EQ(unlink(name), 0);
    }
    closedir(dir);
    CHECK_EQ(rmdir("many"), 0);
}

TEST(directory_entries_have_types)
{
    struct dirent *entry;
    int seen = 0;
    scratch_enter();
    mkdir("t", 0755);
    mkdir("t/d", 0755);
    scratch_file("t/f", "");
    CHECK_EQ(symlink("f", "t/l"), 0);
    CHECK_EQ(mkfifo("t/p", 0600), 0);
    DIR *dir = opendir("t");
    while ((entry = readdir(dir)) != NULL) {
        switch (entry->d_name[0]) {
        case 'd':
            CHECK_EQ(entry->d_type, DT_DIR);
            break;
        case 'f':
            CHECK_EQ(entry->d_type, DT_REG);
            break;
        case 'l':
            CHECK_EQ(entry->d_type, DT_LNK);
            break;
        case 'p':
            CHECK_EQ(entry->d_type, DT_FIFO);
            break;
        default:
            continue;
        }
        seen++;
    }
    CHECK_EQ(seen, 4);
    rewinddir(dir);
    CHECK(readdir(dir) != NULL);
    closedir(dir);
    unlink("t/p");
    unlink("t/l");
    unlink("t/f");
    rmdir("t/d");
    rmdir("t");
}

TEST(getcwd_knows_the_way)
{
    char path[4096], top[4096];
    scratch_enter();
    CHECK(getcwd(top, sizeof(top)) != NULL);
    CHECK_EQ(mkdir("a", 0755), 0);
    CHECK_EQ(mkdir("a/b", 0755), 0);
    CHECK_EQ(chdir("a/b"), 0);
    CHECK(getcwd(path, sizeof(path)) != NULL);
    strncat(top, "/a/b", sizeof(top) - strlen(top) - 1);
    CHECK_EQ(strcmp(path, top), 0);
    CHECK_EQ(chdir(".."), 0);
    CHECK(getcwd(path, sizeof(path)) != NULL);
    CHECK_EQ(strcmp(path + strlen(path) - 2, "/a"), 0);
    CHECK_EQ(syscall(79, path, 3), -1);
    CHECK_EQ(errno, ERANGE);
    CHECK_EQ(rename("b", "c"), 0);
    CHECK_EQ(chdir("c"), 0);
    CHECK(getcwd(path, sizeof(path)) != NULL);
    CHECK_EQ(strcmp(path + strlen(path) - 4, "/a/c"), 0);
    CHECK_EQ(chdir("../.."), 0);
    CHECK_EQ(chdir("/"), 0);
    CHECK(getcwd(path, sizeof(path)) != NULL);
    CHECK_EQ(strcmp(path, "/"), 0);
    scratch_enter();
    rmdir("a/c");
    rmdir("a");
}

TEST(a_removed_working_directory_is_a_dead_end)
{
    char path[4096];
    scratch_enter();
    CHECK_EQ(mkdir("gone", 0755), 0);
    CHECK_EQ(chdir("gone"), 0);
    CHECK_EQ(rmdir("../gone"), 0);
    CHECK_EQ(syscall(79, path, sizeof(path)), -1);
    CHECK_EQ(errno, ENOENT);
    CHECK_ERROR(open("x", O_RDWR | O_CREAT, 0600), ENOENT);
    CHECK_ERROR(mkdir("x", 0700), ENOENT);
    CHECK_EQ(chdir(".."), 0);
}

TEST(chdir_and_fchdir_check)
{
    scratch_enter();
    scratch_file("f", "");
    CHECK_ERROR(chdir("f"), ENOTDIR);
    CHECK_ERROR(chdir("missing"), ENOENT);
    int fd = open("f", O_RDONLY);
    CHECK_ERROR(fchdir(fd), ENOTDIR);
    CHECK_ERROR(fchdir(999), EBADF);
    close(fd);
    fd = open("/tmp", O_RDONLY);
    CHECK_EQ(fchdir(fd), 0);
    close(fd);
    scratch_enter();
    unlink("f");
}

TEST(link_counts_of_directories)
{
    struct stat st;
    scratch_enter();
    mkdir("p", 0755);
    CHECK_EQ(stat("p", &st), 0);
    CHECK_EQ(st.st_nlink, 2);
    mkdir("p/q", 0755);
    CHECK_EQ(stat("p", &st), 0);
    CHECK_EQ(st.st_nlink, 3);
    rmdir("p/q");
    CHECK_EQ(stat("p", &st), 0);
    CHECK_EQ(st.st_nlink, 2);
    rmdir("p");
}

TAP_MAIN
