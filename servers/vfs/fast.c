/* SPDX-License-Identifier: MIT */
/*
 * The walk without records: it reads the caches only.
 */
#include "fast.h"

#include "base/string.h"
#include "errors.h"
#include "sys/syscalls.h"

#include "process.h"
#include "protocols/kernel_client.h"
#include "vnode.h"
#include "walk.h"

enum { GENERAL = 0 };
#define UNKNOWN UINT32_MAX

/* Root passes everywhere; others where everybody may search. */
static inline __attribute__((always_inline)) bool may_search(const struct process *process, const struct vnode *node)
{
    return (node->mode & S_IFMT) == S_IFDIR && (process->euid == 0 || (node->mode & 0111) == 0111);
}

/* The child, 0 for a name that does not exist, UNKNOWN if that is not known. */
static inline __attribute__((always_inline)) uint32_t find_child(uint32_t directory, uint64_t w0, uint64_t w1, uint64_t w2, uint64_t w3)
{
    uint32_t hash = name_hash(w0, w1, w2, w3) ^ directory * NAME_DIRECTORY_FACTOR;
    const struct name_entry *entry = &tables.names[hash % NAME_SETS * NAME_WAYS];

    for (int i = 0; i < NAME_WAYS; i++, entry++) {
        if (entry->hash != hash || entry->directory != directory || entry->key[0] != w0 || entry->key[3] != w3 || entry->key[1] != w1 ||
            entry->key[2] != w2)
            continue;
        if (entry->directory_generation != tables.vnodes[directory].generation)
            continue;
        if (entry->child != 0 && entry->child_generation != tables.vnodes[entry->child].generation)
            return UNKNOWN;
        return entry->child;
    }
    return UNKNOWN;
}

/* Number of bytes of a word before the first that is a slash or zero; 8: none is. */
static inline __attribute__((always_inline)) uint32_t bytes_of_name(uint64_t word)
{
    uint64_t slash = word ^ 0x2f2f2f2f2f2f2f2full;
    uint64_t ends = ((word - 0x0101010101010101ull) & ~word) | ((slash - 0x0101010101010101ull) & ~slash);

    ends &= 0x8080808080808080ull;
    return ends == 0 ? 8 : (uint32_t)__builtin_ctzll(ends) / 8;
}

static inline __attribute__((always_inline)) uint64_t word_at(const char *text)
{
    uint64_t word;

    __builtin_memcpy(&word, text, sizeof(word));
    return word;
}

static inline __attribute__((always_inline)) uint64_t cut(uint64_t word, uint32_t bytes)
{
    return bytes == 8 ? word : word & ((1ull << bytes * 8) - 1);
}

/* The child with the name at `text`, whose length is stored; GENERAL_CHILD results as find_child. Names up to 24 bytes. */
static inline __attribute__((always_inline)) uint32_t step(uint32_t directory, const char *text, uint32_t *length)
{
    uint64_t w0 = word_at(text), w1 = 0, w2 = 0;
    uint32_t bytes = bytes_of_name(w0);

    *length = bytes;
    w0 = cut(w0, bytes);
    if (bytes == 8) {
        w1 = word_at(text + 8);
        bytes = bytes_of_name(w1);
        *length += bytes;
        w1 = cut(w1, bytes);
        if (bytes == 8) {
            w2 = word_at(text + 16);
            bytes = bytes_of_name(w2);
            *length += bytes;
            w2 = cut(w2, bytes);
            if (bytes == 8)
                return UNKNOWN;
        }
    } else if ((w0 & 0xff) == '.' && (bytes == 1 || w0 == 0x2e2e)) {
        return UNKNOWN;
    }
    return find_child(directory, w0, w1, w2, (uint64_t)*length << 56);
}

/* The text ends with a zero byte and may be read in words. */
LOCAL_STORES int64_t fast_walk(struct vfs_state *vfs, const struct process *process, const char *text, bool follow)
{
    const struct fs_info *info = &tables.infos[process->info];
    uint32_t at = text[0] == '/' ? info->root : info->cwd;

    if (text[0] == '\0' || at == 0)
        return GENERAL;
    for (;;) {
        uint32_t length, child;

        while (*text == '/')
            text++;
        if (*text == '\0')
            return text[-1] == '/' && text - 1 != operation_scratch() ? GENERAL : at;
        if (!may_search(process, &tables.vnodes[at]))
            return GENERAL;
        child = step(at, text, &length);
        if (child == UNKNOWN)
            return GENERAL;
        if (child == 0)
            return -ENOENT;
        text += length;
        while (tables.vnodes[child].covering != 0)
            child = vfs->mounts[tables.vnodes[child].covering].root;
        if ((tables.vnodes[child].mode & S_IFMT) == S_IFLNK && (*text != '\0' || follow))
            return GENERAL;
        at = child;
        if (*text == '\0')
            return at;
    }
}

LOCAL_STORES uint32_t fast_prefix(struct vfs_state *vfs, const struct process *process, const char *text, uint32_t from, uint32_t *offset)
{
    const char *start = text;
    uint32_t at = from;

    for (;;) {
        const char *next;
        uint32_t length, child;

        while (*text == '/')
            text++;
        if (!may_search(process, &tables.vnodes[at]))
            break;
        child = step(at, text, &length);
        if (child == UNKNOWN || child == 0 || text[length] != '/')
            break;
        next = text + length;
        while (*next == '/')
            next++;
        /* Slashes at the end belong to the last name. */
        if (*next == '\0')
            break;
        while (tables.vnodes[child].covering != 0)
            child = vfs->mounts[tables.vnodes[child].covering].root;
        if ((tables.vnodes[child].mode & S_IFMT) != S_IFDIR)
            break;
        at = child;
        text = next;
    }
    *offset = (uint32_t)(text - start);
    return at;
}

/* As sys_copy_string, but without journal: the scratch text is not state. */
static int copy_path(endpoint_t caller, uint64_t address)
{
    struct kernel_copystring_request request = {
        .source = caller, .room = PATH_MAX, .source_address = address, .destination_address = (uint64_t)(uintptr_t)operation_scratch()
    };
    struct kernel_copystring_reply reply;

    return kernel_call_copystring(ENDPOINT_SYSTEM, &request, &reply);
}

int64_t fast_path(struct vfs_state *vfs, const struct process *process, endpoint_t caller, uint64_t address, bool follow)
{
    int result = copy_path(caller, address);

    return result < 0 ? result : fast_walk(vfs, process, operation_scratch(), follow);
}
