/* SPDX-License-Identifier: MIT */
/*
 * The name cache: sets of four ways. An entry names its directory and child with generations, so a node that is recycled takes its
 * names along without a search. Also the texts of short symbolic links.
 */
#include "base/string.h"

#include "fast.h"
#include "vnode.h"

LOCAL_STORES static uint32_t key_of(uint32_t directory, const char *name, uint32_t length, struct name_key *key)
{
    uint64_t w[4] = { 0 };

    for (uint32_t i = 0; i < length; i++)
        w[i / 8] |= (uint64_t)(uint8_t)name[i] << i % 8 * 8;
    w[3] |= (uint64_t)length << 56;
    key->word[0] = w[0];
    key->word[1] = w[1];
    key->word[2] = w[2];
    key->word[3] = w[3];
    key->hash = name_hash(w[0], w[1], w[2], w[3]);
    return key->hash ^ directory * NAME_DIRECTORY_FACTOR;
}

static struct name_entry *set_of(uint32_t hash)
{
    return &tables.names[hash % NAME_SETS * NAME_WAYS];
}

static bool same_key(const struct name_entry *entry, const struct name_key *key)
{
    return entry->key[0] == key->word[0] && entry->key[1] == key->word[1] && entry->key[2] == key->word[2] && entry->key[3] == key->word[3];
}

static struct name_entry *entry_find(uint32_t directory, uint32_t hash, const struct name_key *key)
{
    struct name_entry *set = set_of(hash);

    for (int i = 0; i < NAME_WAYS; i++) {
        struct name_entry *entry = &set[i];

        if (entry->hash == hash && entry->directory == directory && same_key(entry, key) &&
            entry->directory_generation == tables.vnodes[directory].generation)
            return entry;
    }
    return NULL;
}

bool name_find(uint32_t directory, const char *name, uint32_t length, uint32_t *child)
{
    const struct name_entry *entry;
    struct name_key key;
    uint32_t hash;

    if (length > NAME_INLINE)
        return false;
    hash = key_of(directory, name, length, &key);
    entry = entry_find(directory, hash, &key);
    if (entry == NULL)
        return false;
    if (entry->child != 0 && entry->child_generation != tables.vnodes[entry->child].generation)
        return false;
    *child = entry->child;
    return true;
}

static void set_key(struct name_entry *entry, const struct name_key *key)
{
    for (int i = 0; i < 4; i++) {
        if (entry->key[i] != key->word[i])
            entry->key[i] = key->word[i];
    }
}

/* How `child` was found last: the way back from a node to its path. */
static void remember_own_name(uint32_t directory, const struct name_key *key, uint32_t child)
{
    struct name_entry *entry = &tables.own_names[child % OWN_NAMES];

    if (key->word[0] == 0x2e2e && key->word[3] >> 56 == 2)
        return;
    entry->directory = directory;
    entry->directory_generation = tables.vnodes[directory].generation;
    entry->child = child;
    entry->child_generation = tables.vnodes[child].generation;
    set_key(entry, key);
}

/* The child has lost this name. */
static void forget_own_name(uint32_t child, uint32_t directory, const struct name_key *key)
{
    struct name_entry *entry = &tables.own_names[child % OWN_NAMES];

    if (entry->child == child && entry->directory == directory && same_key(entry, key))
        entry->child = 0;
}

void name_enter(struct vfs_state *vfs, uint32_t directory, const char *name, uint32_t length, uint32_t child)
{
    struct name_entry *entry;
    struct name_key key;
    uint32_t hash;

    if (length > NAME_INLINE)
        return;
    hash = key_of(directory, name, length, &key);
    if (child != 0)
        remember_own_name(directory, &key, child);
    if (!mount_is_cacheable(vfs, tables.vnodes[directory].mount))
        return;
    entry = entry_find(directory, hash, &key);
    if (entry == NULL) {
        entry = &set_of(hash)[vfs->name_hand++ % NAME_WAYS];
        entry->directory = directory;
        entry->directory_generation = tables.vnodes[directory].generation;
        entry->hash = hash;
        set_key(entry, &key);
    } else if (entry->child != 0 && entry->child != child) {
        forget_own_name(entry->child, directory, &key);
    }
    entry->child = child;
    entry->child_generation = child != 0 ? tables.vnodes[child].generation : 0;
}

void name_forget(uint32_t directory, const char *name, uint32_t length)
{
    struct name_entry *entry;
    struct name_key key;
    uint32_t hash;

    if (length > NAME_INLINE)
        return;
    hash = key_of(directory, name, length, &key);
    entry = entry_find(directory, hash, &key);
    if (entry == NULL)
        return;
    if (entry->child != 0)
        forget_own_name(entry->child, directory, &key);
    entry->directory = 0;
}

bool name_of_child(uint32_t child, uint32_t *directory, const char **name, uint32_t *length)
{
    const struct name_entry *entry = &tables.own_names[child % OWN_NAMES];

    if (entry->child != child || entry->child_generation != tables.vnodes[child].generation || entry->directory == 0 ||
        entry->directory_generation != tables.vnodes[entry->directory].generation)
        return false;
    *directory = entry->directory;
    *name = (const char *)entry->key;
    *length = (uint32_t)(entry->key[3] >> 56);
    return true;
}

const char *link_text_find(uint32_t vnode, uint32_t *length)
{
    struct link_text *text = &tables.link_texts[vnode % LINK_TEXTS];

    if (text->vnode != vnode || text->generation != tables.vnodes[vnode].generation)
        return NULL;
    *length = text->length;
    return text->text;
}

void link_text_enter(uint32_t vnode, const char *text, uint32_t length)
{
    struct link_text *entry = &tables.link_texts[vnode % LINK_TEXTS];

    if (length > LINK_TEXT_INLINE)
        return;
    entry->vnode = vnode;
    entry->generation = tables.vnodes[vnode].generation;
    entry->length = (uint8_t)length;
    memcpy(entry->text, text, length);
}
