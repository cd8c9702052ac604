/* SPDX-License-Identifier: MIT */
/*
 * The tree: fixed files from a table, one directory for each process that PM knows.
 */
#include "node.h"

#include "base/format.h"
#include "base/string.h"
#include "errors.h"
#include "inode.h"
#include "linux/stat.h"
#include "protocols/pm_client.h"
#include "sys/grant.h"
#include "sys/service.h"
#include "sys/syscalls.h"
#include "text.h"

enum {
    LIST_BYTES = 4096,
    PROCESSES_MAX = USER_SLOTS + SERVICE_SLOTS,
    COOKIE_PROCESSES = 1 << 16, /* root: cookies above are pids */
    COOKIE_DOTS = 2,
};

/* Scratch for the process table: made new at each use. */
SERVICE_DERIVED static struct pm_process_info processes[PROCESSES_MAX];

static bool parse_number(const char *text, uint32_t *number)
{
    unsigned long long value;
    if (text[0] < '0' || text[0] > '9' || !string_to_number(text, &value) || value > INT32_MAX) {
        return false;
    }
    *number = (uint32_t)value;
    return true;
}

static int lookup_in_table(const struct procfs_file *files, uint32_t parent, const char *name)
{
    for (; files->name != NULL; files++) {
        if (files->parent == parent && strcmp(files->name, name) == 0 && name[0] != '\0') {
            return (int)files->number;
        }
    }
    return -ENOENT;
}

static int lookup_fixed(uint32_t directory, const char *name, uint32_t *inode)
{
    const struct procfs_file *row = file_of_inode(directory);
    if (strcmp(name, "..") == 0) {
        *inode = row->parent;
        return 0;
    }
    int number = lookup_in_table(fixed_files, directory, name);
    if (number > 0) {
        *inode = (uint32_t)number;
        return 0;
    }
    struct pm_process_info info;
    uint32_t pid;
    if (directory != FIXED_ROOT || !parse_number(name, &pid) || process_info_get(pid, &info) != 0) {
        return -ENOENT;
    }
    *inode = inode_of_process(pid, PROCESS_DIRECTORY);
    return 0;
}

static int lookup_process(uint32_t directory, const char *name, uint32_t *inode)
{
    uint32_t pid = inode_pid(directory);
    bool is_fd = inode_file(directory) == PROCESS_FD;
    if (strcmp(name, "..") == 0) {
        *inode = is_fd ? inode_of_process(pid, PROCESS_DIRECTORY) : FIXED_ROOT;
        return 0;
    }
    if (is_fd) {
        uint32_t descriptor;
        if (!parse_number(name, &descriptor) || descriptor >= DESCRIPTOR_MAX) {
            return -ENOENT;
        }
        *inode = inode_of_descriptor(pid, descriptor);
        return 0;
    }
    int number = lookup_in_table(process_files, 0, name);
    if (number < 0) {
        return number;
    }
    *inode = inode_of_process(pid, (uint32_t)number);
    return 0;
}

int node_lookup(uint32_t directory, const char *name, uint32_t *inode)
{
    const struct procfs_file *row = file_of_inode(directory);
    if (row == NULL || (row->mode & LINUX_S_IFMT) != LINUX_S_IFDIR) {
        return row == NULL ? -ENOENT : -ENOTDIR;
    }
    if (strcmp(name, ".") == 0) {
        *inode = directory;
        return 0;
    }
    return inode_is_process(directory) ? lookup_process(directory, name, inode) : lookup_fixed(directory, name, inode);
}

int node_attributes(uint32_t inode, struct fs_lookup_reply *attributes)
{
    const struct procfs_file *row = file_of_inode(inode);
    uint32_t pid = inode_pid(inode);
    *attributes = (struct fs_lookup_reply){ .inode = inode, .nlink = 1, .mtime_ns = sys_realtime() };
    if (row == NULL && !inode_is_descriptor(inode)) {
        return -ENOENT;
    }
    attributes->mode = row != NULL ? row->mode : LINUX_S_IFLNK | 0700;
    attributes->nlink = (attributes->mode & LINUX_S_IFMT) == LINUX_S_IFDIR ? 2 : 1;
    if (pid != 0) {
        struct pm_process_info info;
        if (process_info_get(pid, &info) != 0) {
            return -ENOENT;
        }
        attributes->uid = info.euid;
        attributes->gid = info.egid;
    }
    return 0;
}

struct listing {
    _Alignas(8) char bytes[LIST_BYTES];
    uint32_t used;
    uint32_t room;
};

static bool listing_add(struct listing *listing, const char *name, uint32_t inode, uint32_t mode, uint64_t next)
{
    uint32_t length = (uint32_t)strlen(name);
    uint32_t size = (LINUX_DIRENT64_NAME_OFFSET + length + 1 + 7) & ~7u;
    if (listing->room - listing->used < size) {
        return false;
    }
    char *at = listing->bytes + listing->used;
    struct linux_dirent64 *record = (struct linux_dirent64 *)at;
    memset(at, 0, size);
    record->d_ino = inode;
    record->d_off = (int64_t)next;
    record->d_reclen = (uint16_t)size;
    record->d_type = linux_dirent_type(mode);
    memcpy(at + LINUX_DIRENT64_NAME_OFFSET, name, length);
    listing->used += size;
    return true;
}

static bool list_dots(struct listing *listing, uint32_t directory, uint64_t *cookie)
{
    static const char *const dots[COOKIE_DOTS] = { ".", ".." };
    while (*cookie < COOKIE_DOTS) {
        uint32_t inode = directory;
        node_lookup(directory, dots[*cookie], &inode);
        if (!listing_add(listing, dots[*cookie], inode, LINUX_S_IFDIR, *cookie + 1)) {
            return false;
        }
        (*cookie)++;
    }
    return true;
}

/* Cookies: the row index + 2. */
static bool list_table(struct listing *listing, uint32_t directory, uint64_t *cookie)
{
    bool of_process = inode_is_process(directory);
    const struct procfs_file *files = of_process ? process_files : fixed_files;
    uint32_t parent = of_process ? 0 : directory;
    for (uint64_t row = 0; files[row].name != NULL; row++) {
        uint32_t inode = of_process ? inode_of_process(inode_pid(directory), files[row].number) : files[row].number;
        if (row + COOKIE_DOTS < *cookie || files[row].parent != parent || files[row].name[0] == '\0') {
            continue;
        }
        if (!listing_add(listing, files[row].name, inode, files[row].mode, row + COOKIE_DOTS + 1)) {
            return false;
        }
        *cookie = row + COOKIE_DOTS + 1;
    }
    return true;
}

static int processes_get(uint32_t *count)
{
    grant_t grant = cpf_grant_direct(ENDPOINT_PM, processes, sizeof(processes), GRANT_WRITE);
    if (grant < 0) {
        return grant;
    }
    struct pm_process_table_request request = { .table = grant, .room = PROCESSES_MAX };
    struct pm_process_table_reply reply;
    int result = pm_call_process_table(ENDPOINT_PM, &request, &reply);
    cpf_revoke(grant);
    *count = reply.count < PROCESSES_MAX ? reply.count : PROCESSES_MAX;
    return result;
}

/* The smallest pid from `least` on, or 0. */
static uint32_t next_pid(uint32_t count, uint32_t least)
{
    uint32_t best = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t pid = processes[i].pid;
        if (pid >= least && (best == 0 || pid < best)) {
            best = pid;
        }
    }
    return best;
}

/* *all: false if one did not fit. */
static int list_processes(struct listing *listing, uint64_t *cookie, bool *all)
{
    uint32_t count = 0;
    int result = processes_get(&count);
    if (result != 0) {
        return result;
    }
    uint32_t pid = *cookie > COOKIE_PROCESSES ? (uint32_t)(*cookie - COOKIE_PROCESSES) : 1;
    while ((pid = next_pid(count, pid)) != 0) {
        char name[12];
        format_string(name, sizeof(name), "%u", pid);
        if (!listing_add(listing, name, inode_of_process(pid, PROCESS_DIRECTORY), LINUX_S_IFDIR, COOKIE_PROCESSES + pid + 1)) {
            *all = false;
            break;
        }
        pid++;
        *cookie = COOKIE_PROCESSES + pid;
    }
    return 0;
}

static int listing_give(const struct listing *listing, grant_t grant, bool all, uint64_t cookie, struct fs_getdents_reply *reply)
{
    if (listing->used == 0) {
        reply->next = cookie;
        return all ? 0 : -EINVAL;
    }
    reply->length = listing->used;
    reply->next = cookie;
    return sys_safecopyto(ENDPOINT_VFS, grant, 0, listing->bytes, listing->used);
}

int node_list(const struct fs_getdents_request *request, struct fs_getdents_reply *reply)
{
    struct listing listing = { .room = request->room < LIST_BYTES ? request->room : LIST_BYTES };
    uint64_t cookie = request->cookie;
    bool all = list_dots(&listing, request->directory, &cookie);
    if (all && cookie < COOKIE_PROCESSES) {
        all = list_table(&listing, request->directory, &cookie);
    }
    if (all && request->directory == FIXED_ROOT) {
        int result = list_processes(&listing, &cookie, &all);
        if (result != 0) {
            return result;
        }
    }
    return listing_give(&listing, request->buffer, all, cookie, reply);
}

/* Cookies: slot + 2. labels: SERVICE_SLOTS of RS_LABEL_MAX bytes, "" where nobody is. */
int node_list_services(const struct parked *parked, const char (*labels)[RS_LABEL_MAX], struct fs_getdents_reply *reply)
{
    uint32_t room = parked->room & 0xffff;
    struct listing listing = { .room = room < LIST_BYTES ? room : LIST_BYTES };
    uint64_t cookie = parked->room >> 16;
    bool all = list_dots(&listing, FIXED_SERVICE, &cookie);
    for (uint32_t slot = (uint32_t)(cookie - COOKIE_DOTS); all && slot < SERVICE_SLOTS; slot++) {
        if (labels[slot][0] != '\0') {
            all = listing_add(&listing, labels[slot], inode_of_service(slot), LINUX_S_IFREG, slot + COOKIE_DOTS + 1);
        }
        cookie = all ? slot + COOKIE_DOTS + 1 : cookie;
    }
    return listing_give(&listing, parked->user_grant, all, cookie, reply);
}

/* Cookies: descriptor + 2. */
int node_list_descriptors(const struct parked *parked, const uint32_t *descriptors, uint32_t count, struct fs_getdents_reply *reply)
{
    uint32_t room = parked->room & 0xffff;
    struct listing listing = { .room = room < LIST_BYTES ? room : LIST_BYTES };
    uint64_t cookie = parked->room >> 16;
    bool all = list_dots(&listing, parked->inode, &cookie);
    for (uint32_t i = 0; all && i < count; i++) {
        char name[12];
        if (descriptors[i] >= DESCRIPTOR_MAX || descriptors[i] + COOKIE_DOTS < cookie) {
            continue;
        }
        format_string(name, sizeof(name), "%u", descriptors[i]);
        uint32_t inode = inode_of_descriptor(inode_pid(parked->inode), descriptors[i]);
        all = listing_add(&listing, name, inode, LINUX_S_IFLNK, descriptors[i] + COOKIE_DOTS + 1);
        cookie = all ? descriptors[i] + COOKIE_DOTS + 1 : cookie;
    }
    return listing_give(&listing, parked->user_grant, all, cookie, reply);
}
