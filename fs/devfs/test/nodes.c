/* SPDX-License-Identifier: MIT */
/*
 * devfs through its two dispatchers: what VFS asks for, what drivers make and remove, full tables, and damage that the state check must find.
 */
#include <stdio.h>

#include "../node.h"
#include "protocols/devfs.h"
#include "protocols/devfs_fs_server.h"
#include "protocols/devfs_server.h"
#include "testing/fs_calls.h"

enum { CHARACTER = 0020600, PIPE = 0010600, REGULAR = 0100600, STANDARD = 21 /* root and the nodes of each system */ };

static struct devfs_state devfs;

static void check_state(void)
{
    const char *broken = devfs_state_check(&devfs);

    CHECK_STR(broken == NULL ? "good" : broken, "good");
}

int ask(struct message *request, struct message *reply)
{
    struct call call = fake_call(ENDPOINT_VFS, 0, request, reply);
    int status = message_protocol(request->type) == FS_PROTOCOL ? fs_dispatch(&devfs, &call) : devfs_dispatch(&devfs, &call);

    check_state();
    return status;
}

static void start(void)
{
    fake_reset();
    memset(&devfs, 0, sizeof(devfs));
    node_table_init(&devfs, 5);
    check_state();
}

static int make_node(const char *name, uint32_t major, uint32_t minor)
{
    struct devfs_make_node_request request = { .mode = 0620, .uid = 1, .gid = 5, .major = major, .minor = minor };
    struct message message = { .type = DEVFS_MAKE_NODE }, reply;

    snprintf(request.name, sizeof(request.name), "%s", name);
    devfs_make_node_request_put(&message, &request);
    return ask(&message, &reply);
}

static int remove_node(const char *name)
{
    struct devfs_remove_node_request request = { 0 };
    struct message message = { .type = DEVFS_REMOVE_NODE }, reply;

    snprintf(request.name, sizeof(request.name), "%s", name);
    devfs_remove_node_request_put(&message, &request);
    return ask(&message, &reply);
}

static int count_names(uint32_t directory, uint32_t room)
{
    static _Alignas(8) char buffer[4096];
    uint64_t cookie = 0;
    int count = 0, length;

    while ((length = do_getdents(directory, cookie, buffer, room, &cookie)) > 0) {
        for (int at = 0; at < length; at += ((const struct linux_dirent64 *)(buffer + at))->d_reclen)
            count++;
    }
    CHECK_EQ(length, 0);
    return count;
}

TEST(standard_devices_have_linux_numbers)
{
    struct fs_lookup_reply node;
    char text[64] = "";

    start();
    CHECK_EQ(do_lookup(DEVFS_ROOT, "null", &node), 0);
    CHECK_EQ(node.device, 1 << 20 | 3);
    CHECK_EQ(node.mode, 0020666);
    CHECK_EQ(do_lookup(DEVFS_ROOT, "console", &node), 0);
    CHECK_EQ(node.device, 5 << 20 | 1);
    CHECK_EQ(do_lookup(DEVFS_ROOT, "fd", &node), 0);
    CHECK_EQ(do_readlink(node.inode, 0, text, sizeof(text)), 13);
    CHECK_STR(text, "/proc/self/fd");
    CHECK_EQ(do_readlink(number_of(DEVFS_ROOT, "null"), 0, text, sizeof(text)), -EINVAL);
    CHECK_EQ(do_lookup(DEVFS_ROOT, "nothing", &node), -ENOENT);
    CHECK_EQ(do_lookup(number_of(DEVFS_ROOT, "null"), "x", &node), -ENOTDIR);
    CHECK_EQ(number_of(number_of(DEVFS_ROOT, "pts"), ".."), DEVFS_ROOT);
}

TEST(a_driver_makes_and_removes_its_nodes)
{
    struct fs_lookup_reply node;
    uint32_t pts;

    start();
    pts = number_of(DEVFS_ROOT, "pts");
    CHECK_EQ(make_node("pts/3", 136, 3), 0);
    CHECK_EQ(make_node("pts/3", 136, 3), 0);
    CHECK_EQ(do_lookup(pts, "3", &node), 0);
    CHECK_EQ(node.device, 136 << 20 | 3);
    CHECK_EQ(node.uid, 1);
    CHECK_EQ(remove_node("pts/3"), 0);
    CHECK_EQ(remove_node("pts/3"), -ENOENT);
    CHECK_EQ(number_of(pts, "3"), 0);
    CHECK_EQ(do_put(node.inode, 1), 0);
    CHECK(node_find(&devfs, node.inode) == NULL);
}

TEST(names_that_make_no_sense_are_refused)
{
    static const char *const wrong[] = { "", "/", "pts/", "/null", "nothing/1", "null/1", "pts/a/b", "pts/..", ".", ".." };

    start();
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        CHECK_EQ(make_node(wrong[i], 1, 1), -EINVAL);
    CHECK_EQ(make_node("pts", 1, 1), -EEXIST);
    CHECK_EQ(make_node("fd", 1, 1), -EEXIST);
    CHECK_EQ(remove_node("pts"), -ENOENT);
    CHECK_EQ(remove_node("fd"), -ENOENT);
    CHECK_EQ(remove_node("nothing/1"), -ENOENT);
}

TEST(text_without_an_end_is_refused_by_the_dispatcher)
{
    struct message message = { .type = DEVFS_MAKE_NODE }, reply;

    start();
    memset(message.payload, 'x', sizeof(message.payload));
    CHECK_EQ(ask(&message, &reply), -EBADREQUEST);
}

TEST(users_may_make_links_pipes_and_directories_but_no_files)
{
    uint32_t inode, directory;
    char long_name[40], text[80];

    start();
    CHECK_EQ(do_create(DEVFS_ROOT, "file", REGULAR, &inode), -EPERM);
    CHECK_EQ(do_create(DEVFS_ROOT, "file", 0600, &inode), -EPERM);
    CHECK_EQ(do_create(DEVFS_ROOT, "file", 0040700, &inode), -EPERM);
    CHECK_EQ(do_create(DEVFS_ROOT, "pipe", PIPE, &inode), 0);
    CHECK_EQ(do_create(DEVFS_ROOT, "pipe", PIPE, &inode), -EEXIST);
    CHECK_EQ(do_link(DEVFS_ROOT, "hard", inode), -EPERM);
    CHECK_EQ(do_symlink(DEVFS_ROOT, "log", "/run/log", &inode), 0);
    memset(text, 't', sizeof(text));
    text[DEVFS_TARGET_MAX + 1] = '\0';
    CHECK_EQ(do_symlink(DEVFS_ROOT, "far", text, &inode), -ENOSPC);
    text[DEVFS_TARGET_MAX] = '\0';
    CHECK_EQ(do_symlink(DEVFS_ROOT, "near", text, &inode), 0);
    CHECK_EQ(do_mkdir(DEVFS_ROOT, "directory", &directory), 0);
    CHECK_EQ(do_mkdir(DEVFS_ROOT, "..", &inode), -EEXIST);
    memset(long_name, 'n', sizeof(long_name));
    long_name[DEVFS_NAME_MAX + 1] = '\0';
    CHECK_EQ(do_mkdir(directory, long_name, &inode), -ENAMETOOLONG);
    CHECK(number_of(directory, long_name) == 0);
    long_name[DEVFS_NAME_MAX] = '\0';
    CHECK_EQ(do_mkdir(directory, long_name, &inode), 0);
    CHECK_EQ(do_remove(DEVFS_ROOT, "directory", true), -ENOTEMPTY);
    CHECK_EQ(do_remove(DEVFS_ROOT, "directory", false), -EISDIR);
    CHECK_EQ(do_remove(DEVFS_ROOT, "log", true), -ENOTDIR);
    CHECK_EQ(do_remove(directory, long_name, true), 0);
    CHECK_EQ(do_remove(DEVFS_ROOT, "directory", true), 0);
}

TEST(a_removed_directory_in_use_can_be_listed_but_holds_nothing)
{
    uint32_t directory, inode;

    start();
    CHECK_EQ(do_mkdir(DEVFS_ROOT, "gone", &directory), 0);
    CHECK_EQ(do_remove(DEVFS_ROOT, "gone", true), 0);
    CHECK_EQ(count_names(directory, 4096), 2);
    CHECK_EQ(do_create(directory, "pipe", PIPE, &inode), -ENOENT);
    CHECK_EQ(do_mkdir(directory, "below", &inode), -ENOENT);
    CHECK_EQ(do_rename(DEVFS_ROOT, "null", directory, "null"), -ENOENT);
    CHECK_EQ(do_put(directory, 1), 0);
    CHECK_EQ(do_create(directory, "pipe", PIPE, &inode), -ENOENT);
}

TEST(rename_moves_nodes_but_no_directories)
{
    uint32_t pts, null;

    start();
    pts = number_of(DEVFS_ROOT, "pts");
    null = number_of(DEVFS_ROOT, "null");
    CHECK_EQ(do_rename(DEVFS_ROOT, "null", pts, "zero"), 0);
    CHECK_EQ(number_of(pts, "zero"), null);
    CHECK_EQ(do_rename(pts, "zero", DEVFS_ROOT, "zero"), 0);
    CHECK_EQ(number_of(DEVFS_ROOT, "zero"), null);
    CHECK_EQ(do_rename(DEVFS_ROOT, "pts", DEVFS_ROOT, "shm"), -EINVAL);
    CHECK_EQ(do_rename(DEVFS_ROOT, "zero", DEVFS_ROOT, "shm"), -EISDIR);
    CHECK_EQ(do_rename(DEVFS_ROOT, "nothing", DEVFS_ROOT, "x"), -ENOENT);
    CHECK_EQ(do_rename(DEVFS_ROOT, "zero", DEVFS_ROOT, "zero"), 0);
}

TEST(listings_of_any_step_show_each_name_once)
{
    uint64_t next;
    char small[16];

    start();
    for (int i = 0; i < 100; i++) {
        char name[24];

        snprintf(name, sizeof(name), "pts/%d", i);
        CHECK_EQ(make_node(name, 136, (uint32_t)i), 0);
    }
    for (uint32_t room = 48; room <= 4096; room *= 2) {
        CHECK_EQ(count_names(DEVFS_ROOT, room), STANDARD + 1);
        CHECK_EQ(count_names(number_of(DEVFS_ROOT, "pts"), room), 102);
    }
    CHECK_EQ(do_getdents(DEVFS_ROOT, 0, small, sizeof(small), &next), -EINVAL);
    CHECK_EQ(do_getdents(DEVFS_ROOT, 1ull << 60, small, sizeof(small), &next), 0);
}

TEST(a_full_table_is_an_error_and_a_removed_node_makes_room)
{
    char name[24];
    int made = 0;
    uint32_t inode;

    start();
    do {
        snprintf(name, sizeof(name), "pts/%d", made);
    } while (make_node(name, 136, (uint32_t)made) == 0 && ++made > 0);
    CHECK_EQ(made, DEVFS_NODES - STANDARD);
    CHECK_EQ(make_node(name, 136, 0), -ENOSPC);
    CHECK_EQ(do_mkdir(DEVFS_ROOT, "directory", &inode), -ENOSPC);
    CHECK_EQ(do_symlink(DEVFS_ROOT, "link", "x", &inode), -ENOSPC);
    CHECK_EQ(remove_node("pts/7"), 0);
    CHECK_EQ(make_node(name, 136, 0), 0);
}

TEST(attributes_can_be_set_but_not_the_type)
{
    struct fs_attributes attributes = { .mode = 0040777, .uid = 9, .gid = 8, .mtime_ns = 77 };
    uint32_t null;

    start();
    null = number_of(DEVFS_ROOT, "null");
    CHECK_EQ(do_setattr(null, FS_SETATTR_MASK_MODE | FS_SETATTR_MASK_UID | FS_SETATTR_MASK_MTIME, &attributes), 0);
    CHECK_EQ(do_getattr(null, &attributes), 0);
    CHECK_EQ(attributes.mode, 0020777);
    CHECK_EQ(attributes.uid, 9);
    CHECK_EQ(attributes.gid, 0);
    CHECK_EQ(attributes.mtime_ns, 77);
    CHECK_EQ(do_setattr(4711, FS_SETATTR_MASK_UID, &attributes), -ENOENT);
}

TEST(directories_know_their_name_and_parent)
{
    char name[32] = "";
    uint32_t parent;

    start();
    CHECK_EQ(do_name_of(number_of(DEVFS_ROOT, "pts"), name, sizeof(name), &parent), 3);
    CHECK_STR(name, "pts");
    CHECK_EQ(parent, DEVFS_ROOT);
    CHECK_EQ(do_name_of(number_of(DEVFS_ROOT, "pts"), name, 2, &parent), -ENAMETOOLONG);
    CHECK_EQ(do_name_of(DEVFS_ROOT, name, sizeof(name), &parent), -ENOENT);
}

#define PLANT(what, statement)                    \
    TEST(the_state_check_finds_##what)            \
    {                                             \
        start();                                  \
        statement;                                \
        CHECK(devfs_state_check(&devfs) != NULL); \
    }

PLANT(a_root_that_is_no_directory, devfs.node[0].mode = 0020666)
PLANT(a_name_without_end, memset(devfs.node[3].name, 'x', sizeof(devfs.node[3].name)))
PLANT(a_text_without_end, memset(devfs.node[3].target, 'x', sizeof(devfs.node[3].target)))
PLANT(a_wild_parent, devfs.node[3].parent = 5000)
PLANT(a_parent_that_is_no_directory, devfs.node[3].parent = 2)
PLANT(a_node_nobody_holds, devfs.node[3].parent = 0)
PLANT(a_free_node_in_use, devfs.node[900].references = 1)
