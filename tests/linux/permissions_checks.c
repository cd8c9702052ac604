/* SPDX-License-Identifier: MIT */
/* Who may do what: mode bits, owners, groups, sticky directories, set-id bits. Runs as root and changes ids in children. */
#include <fcntl.h>
#include <grp.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>

#include "scratch.h"
#include "tap.h"

enum { USER = 1000, OTHER = 1001, GROUP = 1000, EXTRA = 2000 };

static void become(uid_t uid, gid_t gid)
{
    gid_t extra = EXTRA;

    CHECK_EQ(setgroups(1, &extra), 0);
    CHECK_EQ(setgid(gid), 0);
    CHECK_EQ(setuid(uid), 0);
}

/* The rest of the test runs in a child as that user. */
#define AS_USER(uid, gid)                               \
    pid_t child_ = fork();                              \
    if (child_ != 0) {                                  \
        int status_;                                    \
        CHECK_EQ(waitpid(child_, &status_, 0), child_); \
        CHECK_EQ(status_, 0);                           \
        return;                                         \
    }                                                   \
    become(uid, gid);

#define END_USER _exit(0)

static void make(const char *name, mode_t mode, uid_t uid, gid_t gid)
{
    scratch_enter();
    unlink(name);
    scratch_file(name, "text");
    CHECK_EQ(chown(name, uid, gid), 0);
    CHECK_EQ(chmod(name, mode), 0);
}

TEST(owner_group_and_others)
{
    make("owner", 0400, USER, OTHER);
    make("group", 0040, OTHER, GROUP);
    make("extra", 0040, OTHER, EXTRA);
    make("others", 0004, OTHER, OTHER);
    make("not_owner", 0044, USER, GROUP);
    AS_USER(USER, GROUP)
    CHECK(open("owner", O_RDONLY) >= 0);
    CHECK_ERROR(open("owner", O_WRONLY), EACCES);
    CHECK(open("group", O_RDONLY) >= 0);
    CHECK(open("extra", O_RDONLY) >= 0);
    CHECK(open("others", O_RDONLY) >= 0);
    CHECK_ERROR(open("not_owner", O_RDONLY), EACCES);
    CHECK_ERROR(open("others", O_RDONLY | O_TRUNC), EACCES);
    CHECK_ERROR(truncate("others", 0), EACCES);
    END_USER;
}

TEST(directories_need_search_permission)
{
    scratch_enter();
    mkdir("closed", 0700);
    scratch_file("closed/f", "");
    chmod("closed/f", 0777);
    mkdir("search", 0711);
    scratch_file("search/f", "");
    AS_USER(USER, GROUP)
    struct stat st;
    CHECK_ERROR(stat("closed/f", &st), EACCES);
    CHECK_ERROR(chdir("closed"), EACCES);
    CHECK_ERROR(open("closed/new", O_RDWR | O_CREAT, 0600), EACCES);
    CHECK_EQ(stat("search/f", &st), 0);
    CHECK_ERROR(open("search", O_RDONLY), EACCES);
    CHECK_ERROR(unlink("search/f"), EACCES);
    CHECK_ERROR(mkdir("search/d", 0700), EACCES);
    CHECK_ERROR(rename("search/f", "search/g"), EACCES);
    CHECK_ERROR(link("search/f", "search/g"), EPERM);
    CHECK_ERROR(symlink("x", "search/l"), EACCES);
    END_USER;
}

TEST(sticky_directories_protect_files_of_others)
{
    scratch_enter();
    mkdir("sticky", 0777);
    chmod("sticky", 01777);
    scratch_file("sticky/root", "");
    AS_USER(USER, GROUP)
    CHECK_ERROR(unlink("sticky/root"), EPERM);
    CHECK_ERROR(rename("sticky/root", "sticky/x"), EPERM);
    scratch_file("sticky/mine", "");
    CHECK_EQ(unlink("sticky/mine"), 0);
    END_USER;
}

TEST(chmod_is_for_owners)
{
    make("mine", 0600, USER, GROUP);
    make("foreign", 0666, OTHER, OTHER);
    make("group", 0600, USER, OTHER);
    AS_USER(USER, GROUP)
    struct stat st;
    CHECK_EQ(chmod("mine", 04755), 0);
    CHECK_EQ(stat("mine", &st), 0);
    CHECK_EQ(st.st_mode, S_IFREG | 04755);
    CHECK_ERROR(chmod("foreign", 0600), EPERM);
    CHECK_EQ(chmod("group", 02755), 0);
    CHECK_EQ(stat("group", &st), 0);
    CHECK_EQ(st.st_mode, S_IFREG | 0755);
    END_USER;
}

TEST(chown_is_for_root_and_groups_for_members)
{
    make("mine", 06755, USER, GROUP);
    make("foreign", 0666, OTHER, OTHER);
    AS_USER(USER, GROUP)
    struct stat st;
    CHECK_ERROR(chown("mine", OTHER, (gid_t)-1), EPERM);
    CHECK_ERROR(chown("mine", (uid_t)-1, OTHER), EPERM);
    CHECK_EQ(chown("mine", (uid_t)-1, EXTRA), 0);
    CHECK_EQ(stat("mine", &st), 0);
    CHECK_EQ(st.st_gid, EXTRA);
    CHECK_EQ(st.st_mode, S_IFREG | 0755);
    CHECK_ERROR(chown("foreign", (uid_t)-1, GROUP), EPERM);
    END_USER;
}

TEST(writing_takes_the_set_id_bits_away)
{
    make("suid", 04777, OTHER, OTHER);
    AS_USER(USER, GROUP)
    struct stat st;
    int fd = open("suid", O_WRONLY);
    CHECK_EQ(write(fd, "x", 1), 1);
    CHECK_EQ(fstat(fd, &st), 0);
    CHECK_EQ(st.st_mode, S_IFREG | 0777);
    END_USER;
}

TEST(times_can_be_set_by_owners_and_writers)
{
    make("mine", 0400, USER, GROUP);
    make("writable", 0666, OTHER, OTHER);
    make("readable", 0644, OTHER, OTHER);
    AS_USER(USER, GROUP)
    struct timeval times[2] = { { 1000, 0 }, { 2000, 500000 } };
    struct stat st;
    CHECK_EQ(utimes("mine", times), 0);
    CHECK_EQ(stat("mine", &st), 0);
    CHECK_EQ(st.st_atim.tv_sec, 1000);
    CHECK_EQ(st.st_mtim.tv_sec, 2000);
    CHECK_EQ(st.st_mtim.tv_nsec, 500000000);
    CHECK_ERROR(utimes("writable", times), EPERM);
    CHECK_EQ(utimes("writable", NULL), 0);
    CHECK_ERROR(utimes("readable", NULL), EACCES);
    struct timespec omit[2] = { { 0, UTIME_OMIT }, { 77, 5 } };
    CHECK_EQ(utimensat(AT_FDCWD, "mine", omit, 0), 0);
    CHECK_EQ(stat("mine", &st), 0);
    CHECK_EQ(st.st_atim.tv_sec, 1000);
    CHECK_EQ(st.st_mtim.tv_sec, 77);
    CHECK_EQ(st.st_mtim.tv_nsec, 5);
    END_USER;
}

TEST(access_asks_for_the_real_user)
{
    make("secret", 0600, 0, 0);
    make("program", 0644, 0, 0);
    scratch_enter();
    CHECK_EQ(access("secret", R_OK | W_OK), 0);
    CHECK_ERROR(access("program", X_OK), EACCES);
    CHECK_ERROR(access("missing", F_OK), ENOENT);
    CHECK_EQ(syscall(21, "secret", 8), -1);
    CHECK_EQ(errno, EINVAL);
    pid_t child = fork();
    if (child == 0) {
        CHECK_EQ(setresuid(USER, 0, 0), 0);
        CHECK_ERROR(access("secret", R_OK), EACCES);
        CHECK(open("secret", O_RDONLY) >= 0);
        _exit(0);
    }
    int status;
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 0);
}

TEST(new_files_belong_to_their_maker)
{
    scratch_enter();
    mkdir("inherit", 0777);
    CHECK_EQ(chown("inherit", 0, EXTRA), 0);
    CHECK_EQ(chmod("inherit", 02777), 0);
    AS_USER(USER, GROUP)
    struct stat st;
    int fd = open("own", O_RDWR | O_CREAT, 0600);
    CHECK_EQ(fstat(fd, &st), 0);
    CHECK_EQ(st.st_uid, USER);
    CHECK_EQ(st.st_gid, GROUP);
    fd = open("inherit/f", O_RDWR | O_CREAT, 0600);
    CHECK_EQ(fstat(fd, &st), 0);
    CHECK_EQ(st.st_gid, EXTRA);
    CHECK_EQ(mkdir("inherit/d", 0755), 0);
    CHECK_EQ(stat("inherit/d", &st), 0);
    CHECK_EQ(st.st_gid, EXTRA);
    CHECK_EQ(st.st_mode & 07000, 02000);
    END_USER;
}

TEST(device_nodes_are_for_root)
{
    scratch_enter();
    AS_USER(USER, GROUP)
    CHECK_ERROR(mknod("node", S_IFCHR | 0600, 0x103), EPERM);
    CHECK_ERROR(chroot("/"), EPERM);
    CHECK_EQ(mknod("plain", S_IFREG | 0600, 0), 0);
    CHECK_ERROR(mknod("d", S_IFDIR | 0600, 0), EPERM);
    CHECK_ERROR(mknod("d", 0170000 | 0600, 0), EINVAL);
    END_USER;
}

TAP_MAIN
