/* SPDX-License-Identifier: MIT */
/*
 * The walk without records: it reads the caches only.
 */
#include "fast.h"

#include "base/string.h"
#include "errors.h"
#include "sys/syscalls.h"

#include "process.h"
#include "vnode.h"
#include "walk.h"

enum { GENERAL = 0 };

/* Root passes everywhere; others where everybody may search. */
static inline __attribute__((always_inline, no_sanitize_address)) bool may_search(const struct process *process, const struct vnode *node)
{
    return (node->mode & S_IFMT) == S_IFDIR && (process->euid == 0 || (node->mode & 0111) == 0111);
}

/* The child, 0 for a name that does not exist, UINT32_MAX if that is not known. */
static inline __attribute__((always_inline, no_sanitize_address)) uint32_t find_child(uint32_t directory, const struct name_key *key)
{
    uint32_t hash = key->hash ^ directory * NAME_DIRECTORY_FACTOR;
    const struct name_entry *entry = &tables.names[hash % NAME_SETS * NAME_WAYS];

    for (int i = 0; i < NAME_WAYS; i++, entry++) {
        if (entry->hash != hash || entry->directory != directory || entry->key[0] != key->word[0] || entry->key[1] != key->word[1] ||
            entry->key[2] != key->word[2] || entry->key[3] != key->word[3])
            continue;
        if (entry->directory_generation != tables.vnodes[directory].generation)
            continue;
        if (entry->child != 0 && entry->child_generation != tables.vnodes[entry->child].generation)
            return UINT32_MAX;
        return entry->child;
    }
    return UINT32_MAX;
}

LOCAL_STORES int64_t fast_walk(struct vfs_state *vfs, const struct process *process, const char *text, uint32_t length, bool follow)
{
    const struct fs_info *info = &tables.infos[process->info];
    uint32_t at = text[0] == '/' ? info->root : info->cwd;
    uint32_t offset = 0;

    if (length == 0 || at == 0 || text[length - 1] == '/')
        return length == 1 && text[0] == '/' ? at : GENERAL;
    while (offset < length) {
        struct name_key key;
        uint32_t child;

        if (text[offset] == '/') {
            offset++;
            continue;
        }
        offset = name_key_make(text, offset, length, &key);
        if (offset == 0 || !may_search(process, &tables.vnodes[at]))
            return GENERAL;
        child = find_child(at, &key);
        if (child == UINT32_MAX)
            return GENERAL;
        if (child == 0)
            return -ENOENT;
        while (tables.vnodes[child].covering != 0)
            child = vfs->mounts[tables.vnodes[child].covering].root;
        if ((tables.vnodes[child].mode & S_IFMT) == S_IFLNK && (offset != length || follow))
            return GENERAL;
        at = child;
    }
    return at;
}

int64_t fast_path(struct vfs_state *vfs, const struct process *process, endpoint_t caller, uint64_t address, bool follow)
{
    char *text = operation_scratch();
    int length = sys_copy_string(caller, address, text, PATH_MAX);

    return length < 0 ? length : fast_walk(vfs, process, text, (uint32_t)length, follow);
}
