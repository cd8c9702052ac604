/* SPDX-License-Identifier: MIT */
/*
 * cpio entries become nodes: parents that are missing are made, a later entry replaces an earlier one of the same name (overlays).
 * File contents are written through a window onto the node's VM object.
 */
#include "unpack.h"

#include "base/cpio.h"
#include "base/string.h"
#include "directory.h"
#include "errors.h"
#include "inode.h"
#include "linux/stat.h"
#include "protocols/vm_client.h"
#include "sys/log.h"

enum { NS_PER_SECOND = 1000000000, DIRECTORY_MODE = 0755, DEVICE_MAJOR_SHIFT = 20, LINK_TEXT_MAX = 4095 };

static const char boot_prefix[] = "boot/";

static uint32_t make_node(struct tmpfs_state *state, uint32_t directory, struct tmpfs_name name, const struct cpio_entry *entry)
{
    uint64_t time = (uint64_t)entry->mtime * NS_PER_SECOND;
    if (!directory_has_room(state, name)) {
        return 0;
    }
    uint32_t number = inode_create(state, 0, entry->mode, entry->uid, entry->gid, time);
    if (number == 0) {
        return 0;
    }
    struct tmpfs_inode *inode = &tmpfs_tables->inode[number];
    inode->nlink = 1;
    inode->device = entry->device_major << DEVICE_MAJOR_SHIFT | entry->device_minor;
    if (inode_is_directory(inode)) {
        inode->nlink = 2;
        inode->size = 2 * TMPFS_DIRENT_SIZE;
        tmpfs_tables->inode[directory].nlink++;
    }
    directory_add(state, directory, name, number, time);
    return number;
}

static int fill_file(uint32_t number, const struct cpio_entry *entry)
{
    uint32_t object;
    uint64_t pages = (entry->data_length + TMPFS_PAGE - 1) / TMPFS_PAGE * TMPFS_PAGE;
    if (entry->data_length == 0) {
        return 0;
    }
    int result = inode_object(number, &object);
    if (result != 0) {
        return result;
    }
    struct vm_object_reserve_request reserve = { .object = object, .length = entry->data_length };
    result = vm_call_object_reserve(ENDPOINT_VM, &reserve);
    if (result != 0) {
        return result;
    }
    struct vm_object_map_request map = { .object = object, .writable = 1, .address = (uintptr_t)unpack_window(), .length = pages };
    result = vm_call_object_map(ENDPOINT_VM, &map);
    if (result != 0) {
        return result;
    }
    memcpy(unpack_window(), entry->data, entry->data_length);
    tmpfs_tables->inode[number].size = entry->data_length;
    struct vm_object_unmap_request unmap = { .address = (uintptr_t)unpack_window(), .length = pages };
    return vm_call_object_unmap(ENDPOINT_VM, &unmap);
}

/* A node of this name that is in the way of a new one (not a directory that stays). */
static void remove_old(struct tmpfs_state *state, uint32_t entry)
{
    uint32_t number = tmpfs_tables->record[entry].entry.inode;
    directory_remove(state, entry, 0);
    tmpfs_tables->inode[number].nlink = 0;
    inode_release(state, number);
}

static int add_last(struct tmpfs_state *state, uint32_t directory, struct tmpfs_name name, const struct cpio_entry *entry)
{
    uint32_t old = directory_find(directory, name);
    if (old != 0) {
        struct tmpfs_inode *inode = &tmpfs_tables->inode[tmpfs_tables->record[old].entry.inode];
        if (inode_is_directory(inode)) {
            if ((entry->mode & LINUX_S_IFMT) != LINUX_S_IFDIR) {
                return -EISDIR;
            }
            inode->mode = entry->mode;
            inode->uid = entry->uid;
            inode->gid = entry->gid;
            return 0;
        }
        remove_old(state, old);
    }
    uint32_t number = make_node(state, directory, name, entry);
    if (number == 0) {
        return -ENOSPC;
    }
    switch (entry->mode & LINUX_S_IFMT) {
    case LINUX_S_IFREG:
        return fill_file(number, entry);
    case LINUX_S_IFLNK:
        tmpfs_tables->inode[number].text = text_create(state, (const char *)entry->data, (uint32_t)entry->data_length);
        tmpfs_tables->inode[number].size = entry->data_length;
        return entry->data_length > 0 && tmpfs_tables->inode[number].text == 0 ? -ENOSPC : 0;
    default:
        return 0;
    }
}

/* The directory `name` in `directory`, made if it is missing. 0: no room, or something else has that name. */
static uint32_t enter_directory(struct tmpfs_state *state, uint32_t directory, struct tmpfs_name name, const struct cpio_entry *entry)
{
    uint32_t found = directory_find(directory, name);
    if (found != 0) {
        uint32_t number = tmpfs_tables->record[found].entry.inode;
        return inode_is_directory(&tmpfs_tables->inode[number]) ? number : 0;
    }
    struct cpio_entry parent = { .mode = LINUX_S_IFDIR | DIRECTORY_MODE, .mtime = entry->mtime };
    return make_node(state, directory, name, &parent);
}

static bool is_dots(struct tmpfs_name name)
{
    return name.length > 0 && name.length <= 2 && name.text[0] == '.' && name.text[name.length - 1] == '.';
}

/* What the tree cannot hold, whoever made the archive. */
static int check_entry(const struct cpio_entry *entry)
{
    switch (entry->mode & LINUX_S_IFMT) {
    case LINUX_S_IFLNK:
        return entry->data_length > 0 && entry->data_length <= LINK_TEXT_MAX ? 0 : -EINVAL;
    case LINUX_S_IFREG:
    case LINUX_S_IFDIR:
    case LINUX_S_IFCHR:
    case LINUX_S_IFBLK:
    case LINUX_S_IFIFO:
    case LINUX_S_IFSOCK:
        return memchr(entry->name, '\0', entry->name_length) == NULL ? 0 : -EINVAL;
    default:
        return -EINVAL;
    }
}

static int add_entry(struct tmpfs_state *state, const struct cpio_entry *entry)
{
    uint32_t directory = state->mount[0].root;
    const char *at = entry->name;
    const char *end = entry->name + entry->name_length;
    while (at < end) {
        const char *slash = at;
        while (slash < end && *slash != '/') {
            slash++;
        }
        struct tmpfs_name name = { .text = at, .length = (uint32_t)(slash - at) };
        if (name.length > FS_NAME_MAX) {
            return -ENAMETOOLONG;
        }
        if (is_dots(name)) {
            return -EINVAL;
        }
        if (slash == end) {
            return add_last(state, directory, name, entry);
        }
        if (name.length > 0) {
            directory = enter_directory(state, directory, name, entry);
            if (directory == 0) {
                return -ENOTDIR;
            }
        }
        at = slash + 1;
    }
    return 0;
}

static bool is_boot_file(const struct cpio_entry *entry)
{
    size_t length = sizeof(boot_prefix) - 1;
    return entry->name_length >= length - 1 && memcmp(entry->name, boot_prefix, length - 1) == 0 &&
           (entry->name[length - 1] == '/' || entry->name[length - 1] == '\0');
}

int unpack_archive(struct tmpfs_state *state, const uint8_t *archive, size_t length)
{
    struct cpio_entry entry;
    size_t offset = 0;
    int more;
    while ((more = cpio_next(archive, length, &offset, &entry)) == 1) {
        bool is_dot = entry.name_length == 0 || (entry.name_length == 1 && entry.name[0] == '.');
        if (is_dot || is_boot_file(&entry)) {
            continue;
        }
        int result = check_entry(&entry);
        if (result == 0) {
            result = add_entry(state, &entry);
        }
        if (result != 0) {
            const char *why = result == -ENOSPC || result == -ENOMEM ? "too little memory" : "damaged";
            log_error("boot archive: cannot add %s: %s (error %d)", entry.name, why, result);
            return result;
        }
    }
    if (more < 0) {
        log_error("boot archive is damaged at byte %lu: the rest is left out", (unsigned long)offset);
    }
    return more;
}
