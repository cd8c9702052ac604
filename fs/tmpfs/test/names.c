/* SPDX-License-Identifier: MIT */
/*
 * Names, links, rename, listing, unmounting, full tables: what VFS asks for, one message after the other.
 */
#include <stdio.h>

#include "tree.h"

static char text_a[256], text_b[256];

static const char *long_name(char *text, int length, char last)
{
    memset(text, 'n', (size_t)length);
    text[length - 1] = last;
    text[length] = '\0';
    return text;
}

TEST(a_file_lives_until_name_and_reference_are_gone)
{
    uint32_t file, object;

    start();
    CHECK_EQ(do_create(root, "file", FILE_MODE, &file), 0);
    CHECK_EQ(do_object(file, &object), 0);
    CHECK_EQ(do_remove(root, "file", false), 0);
    CHECK_EQ(number_of(root, "file"), 0);
    CHECK_EQ(objects_in_use(), 1);
    CHECK_EQ(do_put(file, 1), 0);
    CHECK_EQ(objects_in_use(), 0);
    CHECK_EQ(do_put(file, 1), 0);
    CHECK_EQ(do_put(0xffffffff, 1), 0);
    CHECK_EQ(tmpfs.inodes_free, TMPFS_INODES - 2);
}

TEST(a_name_that_is_there_cannot_be_made_again)
{
    uint32_t node;

    start();
    new_file(root, "a");
    CHECK_EQ(do_create(root, "a", FILE_MODE, &node), -EEXIST);
    CHECK_EQ(do_mkdir(root, "a", &node), -EEXIST);
    CHECK_EQ(do_symlink(root, "a", "b", &node), -EEXIST);
    CHECK_EQ(do_mkdir(root, ".", &node), -EEXIST);
    CHECK_EQ(do_mkdir(root, "..", &node), -EEXIST);
    CHECK_EQ(do_create(number_of(root, "a"), "b", FILE_MODE, &node), -ENOTDIR);
    CHECK_EQ(do_create(12345, "b", FILE_MODE, &node), -ENOENT);
    CHECK_EQ(do_create(0xffffffff, "b", FILE_MODE, &node), -ENOENT);
    CHECK_EQ(do_create(root, "", FILE_MODE, &node), -EINVAL);
}

TEST(only_vfs_may_ask_and_unknown_operations_are_refused)
{
    struct message message = { .type = FS_LOOKUP }, reply;
    struct call call;

    start();
    call = fake_call(ENDPOINT_VFS, IPC_STATUS_FROM_USER, &message, &reply);
    CHECK_EQ(fs_dispatch(&tmpfs, &call), -ECALLDENIED);
    message.type = FS_PROTOCOL << 16 | 999;
    call = fake_call(ENDPOINT_VFS, 0, &message, &reply);
    CHECK_EQ(fs_dispatch(&tmpfs, &call), -ENOSYS);
}

TEST(names_of_every_length_are_told_apart)
{
    start();
    for (int length = 1; length <= FS_NAME_MAX; length++) {
        new_file(root, long_name(text_a, length, 'a'));
        CHECK_EQ(number_of(root, long_name(text_b, length, 'b')), 0);
        new_file(root, text_b);
        CHECK(number_of(root, text_a) != 0 && number_of(root, text_a) != number_of(root, text_b));
    }
    for (int length = 1; length <= FS_NAME_MAX; length++) {
        CHECK_EQ(do_remove(root, long_name(text_a, length, 'a'), false), 0);
        CHECK_EQ(do_remove(root, long_name(text_b, length, 'b'), false), 0);
    }
    CHECK_EQ(tmpfs.records_free, TMPFS_RECORDS - 1);
}

TEST(hard_links_share_the_node)
{
    struct fs_attributes attributes;
    uint32_t file, directory;

    start();
    file = new_file(root, "one");
    directory = new_directory(root, "directory");
    CHECK_EQ(do_link(directory, "two", file), 0);
    CHECK_EQ(number_of(directory, "two"), file);
    CHECK_EQ(do_getattr(file, &attributes), 0);
    CHECK_EQ(attributes.nlink, 2);
    CHECK_EQ(do_link(root, "three", directory), -EPERM);
    CHECK_EQ(do_link(root, "one", file), -EEXIST);
    CHECK_EQ(do_link(root, "four", 9999), -ENOENT);
    CHECK_EQ(do_remove(root, "one", false), 0);
    CHECK_EQ(number_of(directory, "two"), file);
    CHECK_EQ(do_remove(directory, "two", false), 0);
    CHECK_EQ(do_getattr(file, &attributes), -ENOENT);
}

TEST(a_file_cannot_have_too_many_links)
{
    uint32_t file;

    start();
    file = new_file(root, "file");
    tmpfs_tables->inode[file].nlink = TMPFS_LINK_MAX;
    {
        struct fs_link_request request = { .directory = root, .name_length = 1, .name = grant_text("x"), .inode = file };
        struct message message = { .type = FS_LINK }, reply;
        struct call call;

        fs_link_request_put(&message, &request);
        call = fake_call(ENDPOINT_VFS, 0, &message, &reply);
        CHECK_EQ(fs_dispatch(&tmpfs, &call), -EMLINK);
    }
    tmpfs_tables->inode[file].nlink = 1;
    check_state();
}

TEST(directories_count_their_children_and_must_be_empty_to_go)
{
    struct fs_attributes attributes;
    uint32_t outer, inner;

    start();
    outer = new_directory(root, "outer");
    inner = new_directory(outer, "inner");
    CHECK_EQ(do_getattr(outer, &attributes), 0);
    CHECK_EQ(attributes.nlink, 3);
    CHECK_EQ(number_of(inner, ".."), outer);
    CHECK_EQ(number_of(outer, ".."), root);
    CHECK_EQ(number_of(root, ".."), root);
    CHECK_EQ(number_of(inner, "."), inner);
    CHECK_EQ(do_remove(root, "outer", true), -ENOTEMPTY);
    CHECK_EQ(do_remove(root, "outer", false), -EISDIR);
    new_file(outer, "file");
    CHECK_EQ(do_remove(outer, "file", true), -ENOTDIR);
    CHECK_EQ(do_remove(outer, "nothing", true), -ENOENT);
    CHECK_EQ(do_remove(outer, "file", false), 0);
    CHECK_EQ(do_remove(outer, "inner", true), 0);
    CHECK_EQ(do_remove(root, "outer", true), 0);
    CHECK_EQ(do_getattr(root, &attributes), 0);
    CHECK_EQ(attributes.nlink, 2);
}

TEST(a_removed_directory_that_is_in_use_keeps_its_parent)
{
    struct fs_lookup_reply node, parent;
    uint32_t outer, inner, made;

    start();
    outer = new_directory(root, "outer");
    inner = new_directory(outer, "inner");
    CHECK_EQ(do_lookup(outer, "inner", &node), 0);
    CHECK_EQ(do_remove(outer, "inner", true), 0);
    CHECK_EQ(do_remove(root, "outer", true), 0);
    CHECK_EQ(do_create(inner, "file", FILE_MODE, &made), -ENOENT);
    CHECK_EQ(do_mkdir(root, "other", &made), 0);
    CHECK(made != outer);
    CHECK_EQ(do_lookup(inner, "..", &parent), 0);
    CHECK_EQ(parent.inode, outer);
    CHECK_EQ(do_put(inner, 1), 0);
    CHECK_EQ(do_put(outer, 1), 0);
    CHECK_EQ(do_put(made, 1), 0);
    CHECK_EQ(do_remove(root, "other", true), 0);
    CHECK_EQ(tmpfs.inodes_free, TMPFS_INODES - 2);
}

TEST(rename_moves_replaces_and_refuses_as_linux_does)
{
    struct fs_attributes attributes;
    uint32_t file, other, directory, inner;

    start();
    file = new_file(root, "file");
    other = new_file(root, "other");
    directory = new_directory(root, "directory");
    inner = new_directory(directory, "inner");
    CHECK_EQ(do_rename(root, "file", directory, "moved"), 0);
    CHECK_EQ(number_of(directory, "moved"), file);
    CHECK_EQ(do_rename(root, "file", root, "x"), -ENOENT);
    CHECK_EQ(do_rename(directory, "moved", root, "other"), 0);
    CHECK_EQ(number_of(root, "other"), file);
    CHECK_EQ(do_getattr(other, &attributes), -ENOENT);
    CHECK_EQ(do_rename(root, "other", root, "directory"), -EISDIR);
    CHECK_EQ(do_rename(root, "directory", root, "other"), -ENOTDIR);
    CHECK_EQ(do_rename(root, "directory", inner, "below"), -EINVAL);
    CHECK_EQ(do_rename(root, "directory", directory, "below"), -EINVAL);
    new_directory(root, "target");
    new_file(number_of(root, "target"), "in the way");
    CHECK_EQ(do_rename(directory, "inner", root, "target"), -ENOTEMPTY);
    CHECK_EQ(do_remove(number_of(root, "target"), "in the way", false), 0);
    CHECK_EQ(do_rename(directory, "inner", root, "target"), 0);
    CHECK_EQ(number_of(root, "target"), inner);
    CHECK_EQ(number_of(inner, ".."), root);
    CHECK_EQ(do_getattr(root, &attributes), 0);
    CHECK_EQ(attributes.nlink, 4);
    CHECK_EQ(do_getattr(directory, &attributes), 0);
    CHECK_EQ(attributes.nlink, 2);
}

TEST(rename_onto_another_name_of_the_same_file_does_nothing)
{
    uint32_t file;

    start();
    file = new_file(root, "a");
    CHECK_EQ(do_link(root, "b", file), 0);
    CHECK_EQ(do_rename(root, "a", root, "b"), 0);
    CHECK_EQ(number_of(root, "a"), file);
    CHECK_EQ(number_of(root, "b"), file);
    CHECK_EQ(do_rename(root, "a", root, "a"), 0);
}

TEST(symbolic_links_of_every_length_keep_their_text)
{
    static char target[4200], read_back[4200];
    struct fs_readlink_request request;
    struct fs_readlink_reply answer;
    struct message message = { .type = FS_READLINK }, reply;
    uint32_t inode;

    start();
    for (uint32_t length = 1; length <= 4095; length += length < 200 ? 1 : 61) {
        memset(target, 'a' + (int)(length % 26), sizeof(target));
        target[length] = '\0';
        CHECK_EQ(do_symlink(root, "link", target, &inode), 0);
        request = (struct fs_readlink_request){ .inode = inode,
                                                .text = fake_grant(read_back, sizeof(read_back)),
                                                .room = sizeof(read_back) };
        fs_readlink_request_put(&message, &request);
        CHECK_EQ(ask(&message, &reply), 0);
        fs_readlink_reply_get(&reply, &answer);
        CHECK_EQ(answer.length, length);
        CHECK_MEM(read_back, target, length);
        CHECK_EQ(do_put(inode, 1), 0);
        CHECK_EQ(do_remove(root, "link", false), 0);
        fake_reset();
        fake_sendrec = fake_vm_sendrec;
    }
    memset(target, 'x', 4096);
    target[4096] = '\0';
    CHECK_EQ(do_symlink(root, "link", target, &inode), -EINVAL);
    CHECK_EQ(do_symlink(root, "link", "", &inode), -EINVAL);
    CHECK_EQ(tmpfs.records_free, TMPFS_RECORDS - 1);
}

/* ---- listing ---- */

enum { LISTED = 300 };

struct listed {
    int times[LISTED]; /* how often the file with this number was seen */
    int dots;
    int others;
};

static void note_names(struct listed *listed, const char *buffer, int length)
{
    for (int at = 0; at < length;) {
        const struct linux_dirent64 *record = (const struct linux_dirent64 *)(buffer + at);
        const char *name = buffer + at + LINUX_DIRENT64_NAME_OFFSET;
        int number;

        CHECK(record->d_reclen > 0 && at + record->d_reclen <= length);
        if (name[0] == '.')
            listed->dots++;
        else if (sscanf(name, "file%d", &number) == 1 && number >= 0 && number < LISTED)
            listed->times[number]++;
        else
            listed->others++;
        at += record->d_reclen;
    }
}

static const char *file_name(int number)
{
    snprintf(text_a, sizeof(text_a), "file%d", number);
    return text_a;
}

static void make_files(int count)
{
    for (int i = 0; i < count; i++)
        new_file(root, file_name(i));
}

TEST(a_listing_in_small_steps_shows_each_name_once)
{
    static _Alignas(8) char buffer[4096];
    static const uint32_t rooms[] = { 32, 40, 100, 333, 4096 };

    start();
    make_files(LISTED);
    for (size_t i = 0; i < sizeof(rooms) / sizeof(rooms[0]); i++) {
        struct listed listed = { 0 };
        uint64_t cookie = 0;
        int length;

        fake_reset();
        fake_sendrec = fake_vm_sendrec;
        while ((length = do_getdents(root, cookie, buffer, rooms[i], &cookie)) > 0)
            note_names(&listed, buffer, length);
        CHECK_EQ(length, 0);
        CHECK_EQ(listed.dots, 2);
        CHECK_EQ(listed.others, 0);
        for (int number = 0; number < LISTED; number++)
            CHECK_EQ(listed.times[number], 1);
    }
    CHECK_EQ(do_getdents(root, 0, buffer, 8, &(uint64_t){ 0 }), -EINVAL);
    CHECK_EQ(do_getdents(number_of(root, "file7"), 0, buffer, 4096, &(uint64_t){ 0 }), -ENOTDIR);
}

TEST(a_listing_goes_on_rightly_while_entries_come_and_go)
{
    static _Alignas(8) char buffer[4096];
    struct listed listed = { 0 };
    uint64_t cookie = 0;
    int length, step = 0;

    start();
    make_files(200);
    while ((length = do_getdents(root, cookie, buffer, 128, &cookie)) > 0) {
        note_names(&listed, buffer, length);
        if (step < 90)
            CHECK_EQ(do_remove(root, file_name(step), false), 0); /* the oldest: come last, not listed yet or already */
        if (step < 100)
            new_file(root, file_name(200 + step)); /* newer than the cookie: need not be seen */
        step++;
    }
    for (int number = 0; number < LISTED; number++)
        CHECK(listed.times[number] <= 1);
    for (int number = 90; number < 200; number++)
        CHECK_EQ(listed.times[number], 1);
}

TEST(two_listings_of_one_directory_do_not_disturb_each_other)
{
    static _Alignas(8) char buffer[4096];
    struct listed listed[2] = { 0 };
    uint64_t cookie[2] = { 0, 0 };
    bool more = true;

    start();
    make_files(100);
    while (more) {
        more = false;
        for (int i = 0; i < 2; i++) {
            int length = do_getdents(root, cookie[i], buffer, i == 0 ? 64 : 200, &cookie[i]);

            note_names(&listed[i], buffer, length);
            more |= length > 0;
        }
    }
    for (int number = 0; number < 100; number++) {
        CHECK_EQ(listed[0].times[number], 1);
        CHECK_EQ(listed[1].times[number], 1);
    }
}

TEST(a_cookie_of_a_name_that_is_gone_still_works)
{
    static _Alignas(8) char buffer[4096];
    struct listed listed = { 0 };
    uint64_t cookie = 0;
    int length;

    start();
    make_files(10);
    length = do_getdents(root, 0, buffer, 24 + 24 + 32 * 3, &cookie); /* ".", "..", file9, file8, file7 */
    note_names(&listed, buffer, length);
    CHECK_EQ(listed.times[7], 1);
    CHECK_EQ(listed.times[6], 0);
    CHECK_EQ(do_remove(root, "file7", false), 0);
    CHECK_EQ(do_remove(root, "file6", false), 0);
    while ((length = do_getdents(root, cookie, buffer, 64, &cookie)) > 0)
        note_names(&listed, buffer, length);
    for (int number = 0; number < 6; number++)
        CHECK_EQ(listed.times[number], 1);
    CHECK_EQ(listed.times[6], 0);
    CHECK_EQ(do_getdents(root, 1ull << 63, buffer, 4096, &cookie) > 0, true);
}

/* ---- trees ---- */

TEST(a_mounted_tree_is_apart_and_goes_away_whole)
{
    uint32_t other, again, directory, file, object;
    uint32_t inodes, records;

    start();
    inodes = tmpfs.inodes_free;
    records = tmpfs.records_free;
    CHECK_EQ(do_mount(2, "size=8k,mode=0700,uid=5,gid=6", &other), 0);
    CHECK_EQ(do_mount(2, "size=8k", &again), 0);
    CHECK_EQ(again, other);
    CHECK_EQ(fake_vm.limit[1], 2);
    CHECK_EQ(tmpfs_tables->inode[other].mode, 040700);
    CHECK_EQ(tmpfs_tables->inode[other].uid, 5);
    directory = new_directory(other, "directory");
    new_directory(directory, "inner");
    new_file(directory, long_name(text_a, 200, 'z'));
    CHECK_EQ(do_create(other, "file", FILE_MODE, &file), 0);
    CHECK_EQ(do_object(file, &object), 0);
    CHECK_EQ(do_link(directory, "hard", file), 0);
    CHECK_EQ(number_of(root, "directory"), 0);
    CHECK_EQ(do_unmount(2), -EBUSY);
    CHECK_EQ(do_put(file, 1), 0);
    CHECK_EQ(do_unmount(2), 0);
    CHECK_EQ(do_unmount(2), -EINVAL);
    CHECK_EQ(tmpfs.inodes_free, inodes);
    CHECK_EQ(tmpfs.records_free, records);
    CHECK_EQ(objects_in_use(), 0);
    CHECK_EQ(do_unmount(ROOT_MOUNT), -EBUSY);
}

/* covers: RS-54 */
TEST(a_new_vfs_finds_the_first_tree_and_holds_nothing)
{
    uint32_t gone, other, kept, object, inodes, records, inner;
    struct fs_lookup_reply open;

    start();
    kept = new_file(root, "kept");
    inodes = tmpfs.inodes_free;
    records = tmpfs.records_free;
    CHECK_EQ(do_object(kept, &object), 0);
    CHECK_EQ(do_lookup(root, "kept", &open), 0);
    CHECK_EQ(do_create(root, "gone", FILE_MODE, &gone), 0);
    CHECK_EQ(do_object(gone, &object), 0);
    CHECK_EQ(do_remove(root, "gone", false), 0);
    CHECK_EQ(do_mkdir(root, "removed", &gone), 0);
    CHECK_EQ(do_mkdir(gone, "inner", &inner), 0);
    CHECK_EQ(do_remove(gone, "inner", true), 0); /* holds its parent */
    CHECK_EQ(do_remove(root, "removed", true), 0);
    CHECK_EQ(do_mount(2, "", &other), 0);
    for (char name[] = "a"; name[0] <= 'z'; name[0]++)
        CHECK_EQ(do_object(new_file(other, name), &object), 0);
    CHECK_EQ(objects_in_use(), 28);
    CHECK_EQ(do_mount_afresh(1, &root), 0);
    CHECK_EQ(objects_in_use(), 1);
    CHECK_EQ(tmpfs.inodes_free, inodes);
    CHECK_EQ(tmpfs.records_free, records);
    CHECK_EQ(number_of(root, "kept"), kept);
    CHECK_EQ(tmpfs_tables->inode[kept].references, 0);
    CHECK_EQ(do_mount(2, "", &other), 0);
    CHECK_EQ(do_remove(root, "kept", false), 0);
    CHECK_EQ(objects_in_use(), 0);
}

TEST(mount_options_are_checked)
{
    static const char *const wrong[] = { "size=", "size=12q", "mode=9", "color=red", "uid=,", "size=1m;mode=1" };
    static const struct {
        const char *text;
        uint64_t pages;
    } good[] = { { "size=1m", 256 }, { "size=1g", 262144 },          { "size=1", 1 }, { "size=0", 1 }, { "size=50%", 8192 },
                 { "", 8192 },       { "nr_inodes=10,size=4096", 1 } };
    uint32_t node;

    start();
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        CHECK_EQ(do_mount(9, wrong[i], &node), -EINVAL);
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        CHECK_EQ(do_mount(9, good[i].text, &node), 0);
        CHECK_EQ(fake_vm.limit[1], good[i].pages);
        CHECK_EQ(do_unmount(9), 0);
    }
}

TEST(more_trees_than_the_table_holds_are_refused)
{
    uint32_t node;

    start();
    for (uint32_t id = 2; id < 1 + TMPFS_MOUNTS; id++)
        CHECK_EQ(do_mount(id, "", &node), 0);
    CHECK_EQ(do_mount(100, "", &node), -ENOMEM);
    CHECK_EQ(do_unmount(5), 0);
    CHECK_EQ(do_mount(100, "", &node), 0);
}

/* ---- limits ---- */

TEST(when_the_inodes_are_used_up_creating_fails_and_the_rest_goes_on)
{
    uint32_t kept = 0, node;

    start();
    while (tmpfs.inodes_free > 3) { /* not each through the dispatcher: its state check takes its time */
        struct tmpfs_name name = { .text = text_a, .length = (uint32_t)snprintf(text_a, sizeof(text_a), "f%u", kept++) };
        uint32_t number = inode_create(&tmpfs, 0, FILE_MODE, 0, 0, 0);

        tmpfs_tables->inode[number].nlink = 1;
        directory_add(&tmpfs, root, name, number, 0);
    }
    new_file(root, "a");
    new_directory(root, "b");
    CHECK_EQ(do_symlink(root, "c", "x", &node), 0);
    CHECK_EQ(do_create(root, "d", FILE_MODE, &node), -ENOSPC);
    CHECK_EQ(do_mkdir(root, "d", &node), -ENOSPC);
    CHECK_EQ(do_symlink(root, "d", "x", &node), -ENOSPC);
    CHECK_EQ(do_mount(3, "", &node), -ENOMEM);
    CHECK_EQ(do_link(root, "d", number_of(root, "a")), 0);
    CHECK_EQ(do_rename(root, "a", root, "e"), 0);
    CHECK_EQ(do_remove(root, "f0", false), 0);
    new_file(root, "f0");
}

TEST(when_the_records_are_used_up_names_are_refused_and_nothing_is_lost)
{
    uint32_t node, file, last = 0;

    start();
    file = new_file(root, "file");
    while (tmpfs.records_free > 12) {
        struct tmpfs_name name = { .text = long_name(text_a, 250, 'x'), .length = 250 };
        uint32_t pieces = 1 + text_pieces(250 - TMPFS_INLINE_NAME);

        text_a[snprintf(text_a, 20, "f%u_", last++)] = '_';
        if (tmpfs.records_free < pieces)
            break;
        directory_add(&tmpfs, root, name, file, 0);
        tmpfs_tables->inode[file].nlink++;
    }
    check_state();
    for (int i = 0; tmpfs.records_free > 0; i++)
        CHECK_EQ(do_link(root, file_name(i), file), 0);
    CHECK_EQ(do_link(root, "one more", file), -ENOSPC);
    CHECK_EQ(do_create(root, "one more", FILE_MODE, &node), -ENOSPC);
    CHECK_EQ(do_symlink(root, "one more", "x", &node), -ENOSPC);
    CHECK_EQ(do_remove(root, "file0", false), 0);
    CHECK_EQ(do_symlink(root, "one more", "x", &node), -ENOSPC);
    CHECK_EQ(do_create(root, "file0", FILE_MODE, &node), 0);
}

TEST(sizes_and_pools_follow_setattr_and_put_node)
{
    struct fs_attributes attributes = { .size = 3 * TMPFS_PAGE };
    struct fs_setattr_request set = { .mask = FS_SETATTR_MASK_SIZE };
    struct fs_put_node_request put = { .count = 1, .mask = FS_SETATTR_MASK_SIZE | FS_SETATTR_MASK_MTIME, .size = 5000, .mtime_ns = 77 };
    struct fs_statistics statistics;
    struct fs_statfs_request statfs = { .mount_id = ROOT_MOUNT, .statistics = fake_grant(&statistics, sizeof(statistics)) };
    struct vm_object_reserve_request reserve = { .length = 4 * TMPFS_PAGE };
    struct message message = { .type = FS_SETATTR }, reply;
    uint32_t file;

    start();
    statfs.statistics = fake_grant(&statistics, sizeof(statistics));
    CHECK_EQ(do_create(root, "file", FILE_MODE, &file), 0);
    CHECK_EQ(do_object(file, &reserve.object), 0);
    CHECK_EQ(fake_reserve(&reserve), 0);
    set.inode = put.inode = file;
    set.attributes = fake_grant(&attributes, sizeof(attributes));
    fs_setattr_request_put(&message, &set);
    tmpfs_tables->inode[file].size = 4 * TMPFS_PAGE;
    CHECK_EQ(ask(&message, &reply), 0);
    CHECK_EQ(fake_vm.pages[reserve.object], 3);
    message.type = FS_STATFS;
    fs_statfs_request_put(&message, &statfs);
    CHECK_EQ(ask(&message, &reply), 0);
    CHECK_EQ(statistics.blocks, 1000);
    CHECK_EQ(statistics.blocks_free, 997);
    message.type = FS_PUT_NODE;
    fs_put_node_request_put(&message, &put);
    CHECK_EQ(ask(&message, &reply), -EDONTREPLY);
    CHECK_EQ(do_getattr(file, &attributes), 0);
    CHECK_EQ(attributes.size, 5000);
    CHECK_EQ(attributes.mtime_ns, 77);
    CHECK_EQ(attributes.blocks, 3 * 8);
}

TEST(a_refusal_of_vm_is_passed_on_and_changes_nothing)
{
    uint32_t file, object, node;

    start();
    CHECK_EQ(do_create(root, "file", FILE_MODE, &file), 0);
    fake_vm.fail = -ENOSPC;
    CHECK_EQ(do_object(file, &object), -ENOSPC);
    CHECK_EQ(do_object(file, &object), 0);
    fake_vm.fail = -EPERM; /* the size of memory is not told: a default of one page */
    CHECK_EQ(do_mount(4, "", &node), 0);
    CHECK_EQ(fake_vm.limit[1], 1);
    CHECK_EQ(do_object(root, &object), -EINVAL);
}
