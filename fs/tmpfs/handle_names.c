/* SPDX-License-Identifier: MIT */
/*
 * The calls of fs.idl that change or walk names. VFS has checked permissions; here the tree is kept right.
 */
#include "base/string.h"
#include "directory.h"
#include "errors.h"
#include "inode.h"
#include "linux/stat.h"
#include "protocols/tmpfs_fs_server.h"
#include "sys/call.h"
#include "sys/grant.h"
#include "sys/syscalls.h"

enum { PATH_TEXT_MAX = 4095 };

struct named {
    struct tmpfs_inode *directory;
    struct tmpfs_name name;
    char text[FS_NAME_MAX];
};

/* Fetch the name and check the directory: the first lines of every call here. */
CALLERS_OWN(1)
static int named_get(struct named *named, uint32_t directory, grant_t grant, uint32_t length)
{
    if (length == 0 || length > FS_NAME_MAX) {
        return -EINVAL;
    }
    named->directory = inode_find(directory);
    if (named->directory == NULL) {
        return -ENOENT;
    }
    if (!inode_is_directory(named->directory)) {
        return -ENOTDIR;
    }
    named->name = (struct tmpfs_name){ .text = named->text, .length = length };
    return sys_safecopyfrom(ENDPOINT_VFS, grant, 0, named->text, length);
}

static bool name_is(struct tmpfs_name name, const char *text)
{
    return strlen(text) == name.length && memcmp(text, name.text, name.length) == 0;
}

int fs_handle_lookup(struct tmpfs_state *state, struct call *call, const struct fs_lookup_request *request, struct fs_lookup_reply *reply)
{
    (void)state;
    (void)call;
    struct named at;
    int result = named_get(&at, request->directory, request->name, request->name_length);
    if (result != 0) {
        return result;
    }
    uint32_t number;
    if (name_is(at.name, ".")) {
        number = request->directory;
    } else if (name_is(at.name, "..")) {
        number = at.directory->parent;
    } else {
        uint32_t entry = directory_find(request->directory, at.name);
        if (entry == 0) {
            return -ENOENT;
        }
        number = tmpfs_tables->record[entry].entry.inode;
    }
    struct tmpfs_inode *inode = &tmpfs_tables->inode[number];
    inode->references++;
    *reply = (struct fs_lookup_reply){
        .inode = number,
        .mode = inode->mode,
        .uid = inode->uid,
        .gid = inode->gid,
        .size = inode->size,
        .nlink = inode->nlink,
        .device = inode->device,
        .mtime_ns = inode->mtime_ns,
        .flags = (inode->mode & LINUX_S_IFMT) == LINUX_S_IFREG ? FS_NODE_FLAGS_OBJECT : 0,
    };
    return 0;
}

/* May a new name be made there? */
CALLERS_OWN(2)
static int named_new(const struct tmpfs_state *state, struct named *at, uint32_t directory, grant_t grant, uint32_t length)
{
    int result = named_get(at, directory, grant, length);
    if (result != 0) {
        return result;
    }
    if (name_is(at->name, ".") || name_is(at->name, "..") || directory_find(directory, at->name) != 0) {
        return -EEXIST;
    }
    if (at->directory->nlink == 0) {
        return -ENOENT; /* removed, but VFS still holds it */
    }
    return directory_has_room(state, at->name) ? 0 : -ENOSPC;
}

static uint32_t add_node(struct tmpfs_state *state, struct named *at, uint32_t directory, uint32_t mode, uint32_t uid, uint32_t gid)
{
    uint64_t now = sys_realtime();
    uint32_t number = inode_create(state, at->directory->mount, mode, uid, gid, now);
    if (number != 0) {
        tmpfs_tables->inode[number].nlink = 1;
        directory_add(state, directory, at->name, number, now);
    }
    return number;
}

int fs_handle_create(struct tmpfs_state *state, struct call *call, const struct fs_create_request *request, struct fs_create_reply *reply)
{
    (void)call;
    struct named at;
    int result = named_new(state, &at, request->directory, request->name, request->name_length);
    if (result != 0) {
        return result;
    }
    uint32_t number = add_node(state, &at, request->directory, request->mode, request->uid, request->gid);
    if (number == 0) {
        return -ENOSPC;
    }
    struct tmpfs_inode *inode = &tmpfs_tables->inode[number];
    inode->device = request->device;
    inode->references = 1;
    reply->inode = number;
    reply->flags = (inode->mode & LINUX_S_IFMT) == LINUX_S_IFREG ? FS_NODE_FLAGS_OBJECT : 0;
    reply->mtime_ns = inode->mtime_ns;
    return 0;
}

int fs_handle_mkdir(struct tmpfs_state *state, struct call *call, const struct fs_mkdir_request *request, struct fs_mkdir_reply *reply)
{
    (void)call;
    struct named at;
    int result = named_new(state, &at, request->directory, request->name, request->name_length);
    if (result != 0) {
        return result;
    }
    if (at.directory->nlink >= TMPFS_LINK_MAX) {
        return -EMLINK;
    }
    uint32_t mode = LINUX_S_IFDIR | (request->mode & ~LINUX_S_IFMT);
    uint32_t number = add_node(state, &at, request->directory, mode, request->uid, request->gid);
    if (number == 0) {
        return -ENOSPC;
    }
    struct tmpfs_inode *inode = &tmpfs_tables->inode[number];
    inode->nlink = 2;
    inode->size = 2 * TMPFS_DIRENT_SIZE;
    inode->references = 1;
    at.directory->nlink++;
    reply->inode = number;
    reply->mtime_ns = inode->mtime_ns;
    return 0;
}

int fs_handle_symlink(struct tmpfs_state *state, struct call *call, const struct fs_symlink_request *request,
                      struct fs_symlink_reply *reply)
{
    (void)call;
    struct named at;
    char target[PATH_TEXT_MAX];
    int result = named_new(state, &at, request->directory, request->name, request->name_length);
    if (result != 0) {
        return result;
    }
    if (request->target_length == 0 || request->target_length > PATH_TEXT_MAX) {
        return -EINVAL;
    }
    result = sys_safecopyfrom(ENDPOINT_VFS, request->target, 0, target, request->target_length);
    if (result != 0) {
        return result;
    }
    /* One entry, its name's tail and the text must fit together. */
    if (state->records_free < 2 + text_pieces(FS_NAME_MAX) + text_pieces(request->target_length)) {
        return -ENOSPC;
    }
    uint32_t number = add_node(state, &at, request->directory, LINUX_S_IFLNK | 0777, request->uid, request->gid);
    if (number == 0) {
        return -ENOSPC;
    }
    tmpfs_tables->inode[number].text = text_create(state, target, request->target_length);
    tmpfs_tables->inode[number].size = request->target_length;
    tmpfs_tables->inode[number].references = 1;
    reply->inode = number;
    return 0;
}

int fs_handle_link(struct tmpfs_state *state, struct call *call, const struct fs_link_request *request)
{
    (void)call;
    struct named at;
    int result = named_new(state, &at, request->directory, request->name, request->name_length);
    if (result != 0) {
        return result;
    }
    struct tmpfs_inode *inode = inode_find(request->inode);
    if (inode == NULL || inode->nlink == 0) {
        return -ENOENT;
    }
    if (inode_is_directory(inode)) {
        return -EPERM;
    }
    if (inode->nlink >= TMPFS_LINK_MAX) {
        return -EMLINK;
    }
    uint64_t now = sys_realtime();
    inode->nlink++;
    inode->ctime_ns = now;
    directory_add(state, request->directory, at.name, request->inode, now);
    return 0;
}

/* The rules of unlink and rmdir for the node that is to lose its name. */
static int check_removable(const struct tmpfs_inode *inode, bool as_directory)
{
    if (!as_directory) {
        return inode_is_directory(inode) ? -EISDIR : 0;
    }
    if (!inode_is_directory(inode)) {
        return -ENOTDIR;
    }
    return inode->entry_count > 0 ? -ENOTEMPTY : 0;
}

/* An entry goes away, and with it a link of its inode. Returns the links that are left. */
static uint32_t drop_entry(struct tmpfs_state *state, uint32_t entry, uint64_t now)
{
    uint32_t number = tmpfs_tables->record[entry].entry.inode;
    struct tmpfs_inode *inode = &tmpfs_tables->inode[number];
    struct tmpfs_inode *parent = &tmpfs_tables->inode[tmpfs_tables->record[entry].entry.directory];
    directory_remove(state, entry, now);
    if (inode_is_directory(inode)) {
        inode->nlink = 0;
        parent->nlink--;
        inode->own_entry = 0;
        if (inode->references > 0) { /* who is in there may still ask for `..` */
            inode->holds_parent = 1;
            parent->references++;
        }
    } else {
        inode->nlink--;
    }
    inode->ctime_ns = now;
    uint32_t left = inode->nlink;
    inode_release(state, number);
    return left;
}

int fs_handle_unlink(struct tmpfs_state *state, struct call *call, const struct fs_unlink_request *request, struct fs_unlink_reply *reply)
{
    (void)call;
    struct named at;
    int result = named_get(&at, request->directory, request->name, request->name_length);
    if (result != 0) {
        return result;
    }
    uint32_t entry = directory_find(request->directory, at.name);
    if (entry == 0) {
        return -ENOENT;
    }
    uint32_t number = tmpfs_tables->record[entry].entry.inode;
    result = check_removable(&tmpfs_tables->inode[number], request->is_directory != 0);
    if (result != 0) {
        return result;
    }
    reply->inode = number;
    reply->nlink = drop_entry(state, entry, sys_realtime());
    return 0;
}

static bool is_ancestor(uint32_t ancestor, uint32_t directory)
{
    for (;;) {
        if (directory == ancestor) {
            return true;
        }
        uint32_t parent = tmpfs_tables->inode[directory].parent;
        if (parent == directory) {
            return false;
        }
        directory = parent;
    }
}

/* May the node `moved` replace the node of entry `target` (0: nothing is there)? */
static int check_replace(const struct tmpfs_inode *moved, uint32_t target)
{
    if (target == 0) {
        return 0;
    }
    const struct tmpfs_inode *victim = &tmpfs_tables->inode[tmpfs_tables->record[target].entry.inode];
    if (inode_is_directory(moved)) {
        return check_removable(victim, true);
    }
    return inode_is_directory(victim) ? -EISDIR : 0;
}

static void move_entry(struct tmpfs_state *state, uint32_t entry, uint32_t to, struct tmpfs_name name, uint64_t now)
{
    uint32_t from = tmpfs_tables->record[entry].entry.directory;
    uint32_t number = tmpfs_tables->record[entry].entry.inode;
    directory_remove(state, entry, now);
    directory_add(state, to, name, number, now);
    if (inode_is_directory(&tmpfs_tables->inode[number])) {
        tmpfs_tables->inode[from].nlink--;
        tmpfs_tables->inode[to].nlink++;
    }
    tmpfs_tables->inode[number].ctime_ns = now;
}

int fs_handle_rename(struct tmpfs_state *state, struct call *call, const struct fs_rename_request *request, struct fs_rename_reply *reply)
{
    (void)call;
    struct named from;
    struct named to;
    int result = named_get(&from, request->old_directory, request->old_name, request->old_length);
    if (result == 0) {
        result = named_get(&to, request->new_directory, request->new_name, request->new_length);
    }
    if (result != 0) {
        return result;
    }
    uint32_t entry = directory_find(request->old_directory, from.name);
    if (entry == 0 || to.directory->nlink == 0) {
        return -ENOENT;
    }
    uint32_t number = tmpfs_tables->record[entry].entry.inode;
    const struct tmpfs_inode *moved = &tmpfs_tables->inode[number];
    uint32_t target = directory_find(request->new_directory, to.name);
    if (target != 0 && tmpfs_tables->record[target].entry.inode == number) {
        return 0; /* rename(2): two names of one file: nothing happens */
    }
    if (inode_is_directory(moved) && is_ancestor(number, request->new_directory)) {
        return -EINVAL;
    }
    result = check_replace(moved, target);
    if (result != 0) {
        return result;
    }
    if (!directory_has_room(state, to.name)) {
        return -ENOSPC;
    }
    /* Cannot fail from here on. */
    uint64_t now = sys_realtime();
    if (target != 0) {
        reply->replaced = tmpfs_tables->record[target].entry.inode;
        reply->replaced_nlink = drop_entry(state, target, now);
    }
    move_entry(state, entry, request->new_directory, to.name, now);
    return 0;
}

int fs_handle_name_of(struct tmpfs_state *state, struct call *call, const struct fs_name_of_request *request,
                      struct fs_name_of_reply *reply)
{
    (void)state;
    (void)call;
    char name[FS_NAME_MAX];
    struct tmpfs_inode *directory = inode_find(request->directory);
    if (directory == NULL || !inode_is_directory(directory) || directory->nlink == 0 || directory->parent == request->directory) {
        return -ENOENT;
    }
    uint32_t length = entry_name(directory->own_entry, name);
    if (length > request->room) {
        return -ENAMETOOLONG;
    }
    int result = sys_safecopyto(ENDPOINT_VFS, request->name, 0, name, length);
    if (result == 0) {
        tmpfs_tables->inode[directory->parent].references++;
        reply->parent = directory->parent;
        reply->length = length;
    }
    return result;
}
