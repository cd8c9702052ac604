/* SPDX-License-Identifier: MIT */
/* Paths, directories, links, mounts. */
#include "world.h"

TEST(start_up_mounts_root_dev_and_proc)
{
    world_begin();
    CHECK_EQ(child_of(1, "dev", 3) != 0, 1);
    CHECK_EQ(child_of(1, "proc", 4) != 0, 1);
    CHECK_EQ(vfs.boot_queue.first, 0);
}

TEST(a_name_is_asked_for_once)
{
    struct linux_stat st;

    world_begin();
    CHECK_EQ(CALL2(mkdir, "/d", 0755), 0);
    CHECK_EQ(CALL2(mkdir, "/d/e", 0755), 0);
    uint32_t before = lookups;
    CHECK_EQ(CALL2(stat, "/d/e", &st), 0);
    CHECK_EQ(CALL2(stat, "/d/../d/./e/", &st), 0);
    CHECK_EQ(st.st_mode, S_IFDIR | 0755);
    CHECK_EQ(CALL2(stat, "/none", &st), -ENOENT);
    CHECK_EQ(CALL2(stat, "/none", &st), -ENOENT);
    CHECK_EQ(CALL2(stat, "/none/x", &st), -ENOENT);
    /* one for "none", one for ".." */
    CHECK_EQ(lookups - before, 2);
}

TEST(names_that_are_too_long_for_the_cache_still_work)
{
    struct linux_stat st;

    world_begin();
    CHECK_EQ(CALL2(mkdir, "/a-name-of-more-than-thirty-one-bytes", 0700), 0);
    CHECK_EQ(CALL2(stat, "/a-name-of-more-than-thirty-one-bytes", &st), 0);
    CHECK_EQ(CALL2(mkdir, "/exactly-thirty-one-bytes-long-x", 0700), 0);
    CHECK_EQ(CALL2(stat, "/exactly-thirty-one-bytes-long-x", &st), 0);
    CHECK_EQ(CALL2(stat, "/exactly-thirty-one-bytes-long-y", &st), -ENOENT);
}

TEST(symbolic_links_are_followed_and_circles_end)
{
    struct linux_stat st;
    char text[16] = { 0 };

    world_begin();
    CHECK_EQ(CALL2(mkdir, "/d", 0755), 0);
    CHECK_EQ(CALL2(symlink, "d", "/l"), 0);
    CHECK_EQ(CALL2(stat, "/l", &st), 0);
    CHECK_EQ(st.st_mode, S_IFDIR | 0755);
    CHECK_EQ(CALL2(lstat, "/l", &st), 0);
    CHECK_EQ(st.st_mode, S_IFLNK | 0777);
    CHECK_EQ(CALL3(readlink, "/l", text, 16), 1);
    CHECK_EQ(CALL2(symlink, "/b", "/a"), 0);
    CHECK_EQ(CALL2(symlink, "a", "/b"), 0);
    CHECK_EQ(CALL2(stat, "/a", &st), -ELOOP);
    CHECK_EQ(CALL2(stat, "/a/x", &st), -ELOOP);
}

TEST(mount_points_are_crossed_both_ways)
{
    struct linux_stat root, dev;

    world_begin();
    CHECK_EQ(CALL2(stat, "/", &root), 0);
    CHECK_EQ(CALL2(stat, "/dev", &dev), 0);
    CHECK_EQ(dev.st_ino, 2);
    CHECK(dev.st_dev != root.st_dev);
    CHECK_EQ(CALL2(stat, "/dev/..", &dev), 0);
    CHECK_EQ(dev.st_ino, root.st_ino);
    CHECK_EQ(dev.st_dev, root.st_dev);
    CHECK_EQ(CALL1(rmdir, "/dev"), -EBUSY);
    CHECK_EQ(CALL1(rmdir, "/"), -EBUSY);
}

TEST(unmounting_waits_for_the_last_user)
{
    world_begin();
    CHECK_EQ(CALL1(chdir, "/proc"), 0);
    CHECK_EQ(CALL2(umount2, "/proc", 0), -EBUSY);
    CHECK_EQ(CALL1(chdir, "/"), 0);
    CHECK_EQ(CALL2(umount2, "/proc", 0), 0);
    CHECK_EQ(CALL2(umount2, "/proc", 0), -EINVAL);
    CHECK_EQ(fake_sent_to(ENDPOINT_PROCFS)->message.type, FS_UNMOUNT);
}

TEST(chroot_hides_the_rest)
{
    struct linux_stat st;
    char cwd[64];

    world_begin();
    CHECK_EQ(CALL2(mkdir, "/jail", 0755), 0);
    CHECK_EQ(CALL2(mkdir, "/jail/in", 0755), 0);
    CHECK_EQ(CALL1(chroot, "/jail"), 0);
    CHECK_EQ(CALL1(chdir, "/"), 0);
    CHECK_EQ(CALL2(stat, "/jail", &st), -ENOENT);
    CHECK_EQ(CALL2(stat, "/../in", &st), 0);
    CHECK_EQ(CALL1(chdir, "../../in"), 0);
    CHECK_EQ(CALL2(getcwd, cwd, 64), 4);
    CHECK_STR(cwd, "/in");
}

TEST(rename_keeps_directories_out_of_themselves)
{
    struct linux_stat st;

    world_begin();
    CHECK_EQ(CALL2(mkdir, "/a", 0755), 0);
    CHECK_EQ(CALL2(mkdir, "/a/b", 0755), 0);
    CHECK_EQ(CALL2(mkdir, "/a/b/c", 0755), 0);
    CHECK_EQ(CALL2(rename, "/a", "/a/b/c/d"), -EINVAL);
    CHECK_EQ(CALL2(rename, "/a/b/c", "/c"), 0);
    CHECK_EQ(CALL2(stat, "/c", &st), 0);
    CHECK_EQ(CALL2(stat, "/a/b/c", &st), -ENOENT);
    CHECK_EQ(CALL2(rename, "/a", "/c/a"), 0);
    CHECK_EQ(CALL2(stat, "/c/a/../a/b", &st), 0);
}

TEST(a_walk_that_waits_when_its_thread_dies_leaves_nothing)
{
    struct linux_stat st;
    struct message request = { .source = FIRST,
                               .type = PROTOCOL_LINUX << 16 | LINUX_SYS_stat,
                               .word = { (uint64_t) "/some/where", (uint64_t)&st } };
    struct message reply = { 0 };

    world_begin();
    node_make(1, "some", 4, S_IFDIR | 0755);
    struct call call = fake_call(FIRST, 0, &request, &reply);
    CHECK_EQ(vfs_linux_dispatch(&vfs, &call), CALL_PARKED);
    world_exit(FIRST);
    CHECK_EQ(vfs.operation_pool.in_use, 0);
    CHECK_EQ(vfs.text_pool.in_use, 0);
    CHECK_EQ(answered(FIRST), STAYS_PARKED);
}

TEST(a_server_that_is_gone_is_eio)
{
    struct linux_stat st;
    struct message request = { .source = FIRST, .type = PROTOCOL_LINUX << 16 | LINUX_SYS_stat, .word = { (uint64_t) "/x", (uint64_t)&st } };
    struct message reply = { 0 };

    world_begin();
    struct call call = fake_call(FIRST, 0, &request, &reply);
    CHECK_EQ(vfs_linux_dispatch(&vfs, &call), CALL_PARKED);
    const struct message *asked = &fake_sent_to(ENDPOINT_TMPFS)->message;
    struct message failed = {
        .source = ENDPOINT_TMPFS, .type = asked->type | MESSAGE_REPLY, .transaction = asked->transaction, .status = -EDEADSRCDST
    };
    served = fake_sent_count();
    operation_handle_reply(&vfs, &failed);
    CHECK_EQ(answered(FIRST), -EIO);
    /* The same reply again finds nobody. */
    operation_handle_reply(&vfs, &failed);
    world_settle();
}

TEST(callers_without_a_text_buffer_wait_for_one)
{
    struct linux_stat st;
    endpoint_t threads[TEXT_BUFFERS + 1];

    world_begin();
    node_make(1, "f", 1, S_IFREG | 0644);
    for (uint32_t i = 0; i <= TEXT_BUFFERS; i++) {
        struct message request = { .type = PROTOCOL_LINUX << 16 | LINUX_SYS_stat, .word = { (uint64_t) "/f", (uint64_t)&st } };
        struct message reply = { 0 };

        threads[i] = world_fork(FIRST, i + 1, 0);
        request.source = threads[i];
        struct call call = fake_call(threads[i], 0, &request, &reply);
        CHECK_EQ(vfs_linux_dispatch(&vfs, &call), CALL_PARKED);
    }
    CHECK(vfs.text_queue.first != 0);
    world_settle();
    CHECK_EQ(vfs.text_queue.first, 0);
    for (uint32_t i = 0; i <= TEXT_BUFFERS; i++)
        CHECK_EQ(answered(threads[i]), 0);
    CHECK_EQ(vfs.operation_pool.in_use, 0);
}
