/* SPDX-License-Identifier: MIT */
/*
 * Mounting and unmounting trees of tmpfs; mount options as in tmpfs(5).
 */
#include "mount.h"

#include "base/string.h"
#include "directory.h"
#include "errors.h"
#include "inode.h"
#include "linux/stat.h"
#include "protocols/vm_client.h"
#include "sys/syscalls.h"

enum { PERCENT = 100, DEFAULT_SHARE_PERCENT = 50, DEFAULT_ROOT_MODE = 01777 };

struct options {
    uint64_t pages;
    uint32_t mode;
    uint32_t uid;
    uint32_t gid;
};

static uint64_t share_of_memory(uint64_t percent)
{
    struct vm_info_reply info;
    if (vm_call_info(ENDPOINT_VM, &info) != 0) {
        return 0;
    }
    return info.total_bytes / TMPFS_PAGE * percent / PERCENT;
}

static bool read_number(const char **text, uint64_t base, uint64_t *number)
{
    const char *start = *text;
    *number = 0;
    while (**text >= '0' && **text < (char)('0' + base) && *number < UINT64_MAX / 16) {
        *number = *number * base + (uint64_t)(**text - '0');
        (*text)++;
    }
    return *text > start;
}

static bool read_size(const char **text, uint64_t *pages)
{
    uint64_t number;
    if (!read_number(text, 10, &number)) {
        return false;
    }
    unsigned shift = 0;
    switch (**text) {
    case '%':
        (*text)++;
        *pages = share_of_memory(number);
        return true;
    case 'k':
    case 'K':
        shift = 10;
        break;
    case 'm':
    case 'M':
        shift = 20;
        break;
    case 'g':
    case 'G':
        shift = 30;
        break;
    default:
        break;
    }
    *text += shift != 0;
    *pages = ((number << shift) + TMPFS_PAGE - 1) / TMPFS_PAGE;
    return true;
}

static bool starts_with(const char **text, const char *key)
{
    size_t length = strlen(key);
    if (strncmp(*text, key, length) != 0) {
        return false;
    }
    *text += length;
    return true;
}

static bool read_option(const char **text, struct options *options)
{
    uint64_t number = 0;
    if (starts_with(text, "size=")) {
        return read_size(text, &options->pages);
    }
    if (starts_with(text, "mode=")) {
        bool good = read_number(text, 8, &number);
        options->mode = (uint32_t)number & 07777;
        return good;
    }
    if (starts_with(text, "uid=")) {
        bool good = read_number(text, 10, &number);
        options->uid = (uint32_t)number;
        return good;
    }
    if (starts_with(text, "gid=")) {
        bool good = read_number(text, 10, &number);
        options->gid = (uint32_t)number;
        return good;
    }
    return starts_with(text, "nr_inodes=") && read_number(text, 10, &number);
}

static int read_options(const char *text, struct options *options)
{
    while (*text != '\0') {
        if (!read_option(&text, options)) {
            return -EINVAL;
        }
        if (*text == ',') {
            text++;
        } else if (*text != '\0') {
            return -EINVAL;
        }
    }
    return 0;
}

uint64_t mount_default_limit(void)
{
    return share_of_memory(DEFAULT_SHARE_PERCENT);
}

int mount_set_limit(uint32_t index, uint64_t pages)
{
    struct vm_pool_request request = { .pool = index, .limit_pages = pages > 0 ? pages : 1 };
    struct vm_pool_reply reply;
    return vm_call_pool(ENDPOINT_VM, &request, &reply);
}

uint32_t mount_make_root(struct tmpfs_state *state, uint32_t index, uint32_t mode)
{
    uint32_t root = inode_create(state, index, LINUX_S_IFDIR | mode, 0, 0, sys_realtime());
    if (root != 0) {
        struct tmpfs_inode *inode = &tmpfs_tables->inode[root];
        inode->nlink = 2;
        inode->size = 2 * TMPFS_DIRENT_SIZE;
        inode->parent = root;
        state->mount[index].root = root;
    }
    return root;
}

static uint32_t mount_find(const struct tmpfs_state *state, uint32_t mount_id)
{
    uint32_t index = 0;
    while (index < TMPFS_MOUNTS && (state->mount[index].root == 0 || state->mount[index].mount_id != mount_id)) {
        index++;
    }
    return index;
}

static int mount_first(struct tmpfs_state *state, uint32_t mount_id, uint32_t *root)
{
    state->mount[0].mount_id = mount_id;
    *root = state->mount[0].root;
    tmpfs_tables->inode[*root].references++;
    return 0;
}

int mount_add(struct tmpfs_state *state, uint32_t mount_id, const char *data, uint32_t *root)
{
    uint32_t index = mount_find(state, mount_id);
    if (index < TMPFS_MOUNTS) { /* asked once more after a restart */
        *root = state->mount[index].root;
        return 0;
    }
    if (state->mount[0].mount_id == 0) {
        return mount_first(state, mount_id, root);
    }
    index = 0;
    while (index < TMPFS_MOUNTS && state->mount[index].root != 0) {
        index++;
    }
    struct options options = { .pages = mount_default_limit(), .mode = DEFAULT_ROOT_MODE };
    int result = index == TMPFS_MOUNTS ? -ENOMEM : read_options(data, &options);
    if (result == 0) {
        result = mount_set_limit(index, options.pages);
    }
    if (result != 0) {
        return result;
    }
    *root = mount_make_root(state, index, options.mode);
    if (*root == 0) {
        return -ENOMEM;
    }
    struct tmpfs_inode *inode = &tmpfs_tables->inode[*root];
    inode->uid = options.uid;
    inode->gid = options.gid;
    inode->references = 1;
    state->mount[index].mount_id = mount_id;
    return 0;
}

static void free_tree(struct tmpfs_state *state, uint32_t root)
{
    uint32_t directory = root;
    for (;;) {
        struct tmpfs_inode *inode = &tmpfs_tables->inode[directory];
        uint32_t entry = inode->first_entry;
        if (entry == 0) {
            if (directory == root) {
                return;
            }
            uint32_t parent = inode->parent;
            directory_remove(state, inode->own_entry, 0);
            inode->nlink = 0;
            inode_release(state, directory);
            directory = parent;
            continue;
        }
        uint32_t child = tmpfs_tables->record[entry].entry.inode;
        struct tmpfs_inode *node = &tmpfs_tables->inode[child];
        if (inode_is_directory(node)) {
            directory = child;
            continue;
        }
        directory_remove(state, entry, 0);
        node->nlink--;
        inode_release(state, child);
    }
}

static bool tree_is_held(uint32_t index, uint32_t root)
{
    for (uint32_t i = 1; i < TMPFS_INODES; i++) {
        const struct tmpfs_inode *inode = &tmpfs_tables->inode[i];
        if (inode->mode != 0 && inode->mount == index && inode->references > (i == root ? 1u : 0u)) {
            return true;
        }
    }
    return false;
}

/* All of a tree's at once: a message for each might not find room. */
static int forget_objects(uint32_t index)
{
    struct vm_object_forget_request request = { .pool = index };
    int result = vm_call_object_forget(ENDPOINT_VM, &request);
    for (uint32_t i = 1; i < TMPFS_INODES && result == 0; i++) {
        struct tmpfs_inode *inode = &tmpfs_tables->inode[i];
        if (inode->mode != 0 && inode->mount == index) {
            inode->object = 0;
        }
    }
    return result;
}

int mount_remove(struct tmpfs_state *state, uint32_t mount_id)
{
    uint32_t index = mount_find(state, mount_id);
    if (index == TMPFS_MOUNTS) {
        return -EINVAL;
    }
    uint32_t root = state->mount[index].root;
    if (index == 0 || tree_is_held(index, root)) {
        return -EBUSY;
    }
    int result = forget_objects(index);
    if (result != 0) {
        return result;
    }
    free_tree(state, root);
    tmpfs_tables->inode[root].nlink = 0;
    tmpfs_tables->inode[root].references = 0;
    inode_release(state, root);
    state->mount[index] = (struct tmpfs_mount){ 0 };
    return 0;
}

int mount_forget(struct tmpfs_state *state)
{
    int result = 0;
    for (uint32_t i = 1; i < TMPFS_INODES; i++) {
        struct tmpfs_inode *inode = &tmpfs_tables->inode[i];
        if (inode->mode != 0) {
            inode->references = 0;
            inode->holds_parent = 0;
        }
    }
    for (uint32_t i = 1; i < TMPFS_MOUNTS && result == 0; i++) {
        if (state->mount[i].root != 0) {
            result = mount_remove(state, state->mount[i].mount_id);
        }
    }
    if (result != 0) {
        return result; /* asked again, it goes on here */
    }
    for (uint32_t i = 1; i < TMPFS_INODES; i++) {
        if (tmpfs_tables->inode[i].mode != 0) {
            inode_release(state, i);
        }
    }
    state->mount[0].mount_id = 0;
    return 0;
}

int mount_statistics(const struct tmpfs_state *state, uint32_t mount_id, struct fs_statistics *statistics)
{
    uint32_t index = mount_find(state, mount_id);
    if (index == TMPFS_MOUNTS) {
        return -EINVAL;
    }
    struct vm_pool_request request = { .pool = index };
    struct vm_pool_reply reply;
    int result = vm_call_pool(ENDPOINT_VM, &request, &reply);
    if (result != 0) {
        return result;
    }
    statistics->blocks = reply.limit_pages_now;
    statistics->blocks_free = reply.limit_pages_now > reply.used_pages ? reply.limit_pages_now - reply.used_pages : 0;
    statistics->files = TMPFS_INODES - 1;
    statistics->files_free = state->inodes_free;
    return 0;
}
