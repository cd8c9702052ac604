/* SPDX-License-Identifier: MIT */
/*
 * The name cache: sets of four ways. An entry names its directory and child with generations, so a node that is recycled takes its
 * names along without a search. Also the texts of short symbolic links.
 */
#include "base/string.h"

#include "vnode.h"

static uint32_t key_of(uint32_t directory, const char *name, uint32_t length, struct name_key *key)
{
    uint64_t words[4] = { 0 };

    memcpy(words, name, length);
    words[3] |= (uint64_t)length << 56;
    memcpy(key->word, words, sizeof(words));
    key->hash = name_hash(words[0], words[1], words[2], words[3]);
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

static struct name_entry *entry_find(uint32_t directory, const char *name, uint32_t length)
{
    struct name_key key;
    uint32_t hash = key_of(directory, name, length, &key);
    struct name_entry *set = set_of(hash);

    for (int i = 0; i < NAME_WAYS; i++) {
        struct name_entry *entry = &set[i];

        if (entry->hash == hash && entry->directory == directory && same_key(entry, &key) &&
            entry->directory_generation == tables.vnodes[directory].generation)
            return entry;
    }
    return NULL;
}

bool name_find(uint32_t directory, const char *name, uint32_t length, uint32_t *child)
{
    struct name_entry *entry;

    if (length > NAME_INLINE)
        return false;
    entry = entry_find(directory, name, length);
    if (entry == NULL)
        return false;
    if (entry->child != 0 && entry->child_generation != tables.vnodes[entry->child].generation)
        return false;
    *child = entry->child;
    return true;
}

/* How `child` was found last: the way back from a node to its path. */
static void remember_own_name(uint32_t directory, const char *name, uint32_t length, uint32_t child)
{
    struct name_entry *entry = &tables.own_names[child % OWN_NAMES];
    struct name_key key;

    if (length == 2 && name[0] == '.' && name[1] == '.')
        return;
    entry->directory = directory;
    entry->directory_generation = tables.vnodes[directory].generation;
    entry->child = child;
    entry->child_generation = tables.vnodes[child].generation;
    key_of(directory, name, length, &key);
    memcpy(entry->key, key.word, sizeof(entry->key));
}

void name_enter(struct vfs_state *vfs, uint32_t directory, const char *name, uint32_t length, uint32_t child)
{
    struct name_entry *entry;
    struct name_key key;
    uint32_t hash;

    if (length > NAME_INLINE)
        return;
    if (child != 0)
        remember_own_name(directory, name, length, child);
    if (!mount_is_cacheable(vfs, tables.vnodes[directory].mount))
        return;
    entry = entry_find(directory, name, length);
    hash = key_of(directory, name, length, &key);
    if (entry == NULL)
        entry = &set_of(hash)[vfs->name_hand++ % NAME_WAYS];
    entry->directory = directory;
    entry->directory_generation = tables.vnodes[directory].generation;
    entry->child = child;
    entry->child_generation = child != 0 ? tables.vnodes[child].generation : 0;
    entry->hash = hash;
    memcpy(entry->key, key.word, sizeof(entry->key));
}

void name_forget(uint32_t directory, const char *name, uint32_t length)
{
    struct name_entry *entry = length <= NAME_INLINE ? entry_find(directory, name, length) : NULL;

    if (entry == NULL)
        return;
    if (entry->child != 0 && tables.own_names[entry->child % OWN_NAMES].child == entry->child)
        tables.own_names[entry->child % OWN_NAMES].child = 0;
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
