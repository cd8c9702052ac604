/* SPDX-License-Identifier: MIT */
/*
 * Each directory is a list of records, newest first, and every entry hangs in one global hash table. The cookie of getdents64 is the sequence number
 * of the entry that was given last: entries that come or go meanwhile disturb nobody.
 */
#include "directory.h"

#include "base/string.h"
#include "errors.h"
#include "inode.h"
#include "linux/stat.h"
#include "sys/journal_debug.h"

enum {
    COOKIE_START = 0,
    COOKIE_AFTER_DOT = 1,
    COOKIE_AFTER_DOT_DOT = 2,
};

static const uint32_t hash_seed = 2166136261u, hash_prime = 16777619u; /* FNV-1a */

static uint32_t name_hash(uint32_t directory, struct tmpfs_name name)
{
    uint32_t hash = hash_seed ^ (directory * hash_prime);
    for (uint32_t i = 0; i < name.length; i++) {
        hash = (hash ^ (uint8_t)name.text[i]) * hash_prime;
    }
    return hash ^ hash >> 15;
}

static struct tmpfs_entry *entry_at(uint32_t index)
{
    return &tmpfs_tables->record[index].entry;
}

static bool entry_matches(const struct tmpfs_entry *entry, uint32_t directory, uint32_t hash, struct tmpfs_name name)
{
    if (entry->hash != hash || entry->directory != directory || entry->name_length != name.length) {
        return false;
    }
    uint32_t head = name.length < TMPFS_INLINE_NAME ? name.length : TMPFS_INLINE_NAME;
    return memcmp(entry->name, name.text, head) == 0 && text_equals(entry->more, name.text + head, name.length - head);
}

uint32_t directory_find(uint32_t directory, struct tmpfs_name name)
{
    uint32_t hash = name_hash(directory, name);
    uint32_t index = tmpfs_tables->hash_head[hash % TMPFS_HASH_HEADS];
    while (index != 0 && !entry_matches(entry_at(index), directory, hash, name)) {
        index = entry_at(index)->hash_next;
    }
    return index;
}

bool directory_has_room(const struct tmpfs_state *state, struct tmpfs_name name)
{
    uint32_t tail = name.length > TMPFS_INLINE_NAME ? name.length - TMPFS_INLINE_NAME : 0;
    return state->records_free >= 1 + text_pieces(tail);
}

static void link_entry(struct tmpfs_entry *entry, uint32_t index)
{
    struct tmpfs_inode *directory = &tmpfs_tables->inode[entry->directory];
    uint32_t *head = &tmpfs_tables->hash_head[entry->hash % TMPFS_HASH_HEADS];
    entry->hash_next = *head;
    *head = index;
    entry->previous = 0;
    entry->next = directory->first_entry;
    if (entry->next != 0) {
        entry_at(entry->next)->previous = index;
    }
    directory->first_entry = index;
}

void directory_add(struct tmpfs_state *state, uint32_t directory, struct tmpfs_name name, uint32_t inode, uint64_t now_ns)
{
    struct tmpfs_inode *parent = &tmpfs_tables->inode[directory];
    uint32_t index = record_allocate(state);
    struct tmpfs_entry *entry = entry_at(index);
    uint32_t head = name.length < TMPFS_INLINE_NAME ? name.length : TMPFS_INLINE_NAME;
    record_forgo(entry);
    entry->inode = inode;
    entry->directory = directory;
    entry->sequence = parent->next_sequence++;
    entry->hash = name_hash(directory, name);
    entry->name_length = (uint8_t)name.length;
    journal_copy_anew(entry->name, name.text, head);
    entry->more = text_create(state, name.text + head, name.length - head);
    link_entry(entry, index);
    parent->entry_count++;
    parent->size += TMPFS_DIRENT_SIZE;
    parent->mtime_ns = parent->ctime_ns = now_ns;
    struct tmpfs_inode *node = &tmpfs_tables->inode[inode];
    if (inode_is_directory(node)) {
        node->parent = directory;
        node->own_entry = index;
    }
}

static void unlink_from_hash(uint32_t index)
{
    struct tmpfs_entry *entry = entry_at(index);
    uint32_t *at = &tmpfs_tables->hash_head[entry->hash % TMPFS_HASH_HEADS];
    while (*at != index) {
        at = &entry_at(*at)->hash_next;
    }
    *at = entry->hash_next;
}

void directory_remove(struct tmpfs_state *state, uint32_t index, uint64_t now_ns)
{
    struct tmpfs_entry *entry = entry_at(index);
    struct tmpfs_inode *parent = &tmpfs_tables->inode[entry->directory];
    unlink_from_hash(index);
    if (entry->previous != 0) {
        entry_at(entry->previous)->next = entry->next;
    } else {
        parent->first_entry = entry->next;
    }
    if (entry->next != 0) {
        entry_at(entry->next)->previous = entry->previous;
    }
    if (parent->scan_entry == index) {
        parent->scan_entry = 0;
    }
    parent->entry_count--;
    parent->size -= TMPFS_DIRENT_SIZE;
    parent->mtime_ns = parent->ctime_ns = now_ns;
    text_destroy(state, entry->more);
    record_free(state, index);
}

uint32_t entry_name(uint32_t index, char *to)
{
    const struct tmpfs_entry *entry = entry_at(index);
    uint32_t head = entry->name_length < TMPFS_INLINE_NAME ? entry->name_length : TMPFS_INLINE_NAME;
    memcpy(to, entry->name, head);
    text_read(entry->more, to + head, entry->name_length - head);
    return entry->name_length;
}

/* The newest entry older than the cookie. */
static uint32_t entry_after(struct tmpfs_inode *directory, uint64_t cookie)
{
    if (cookie <= COOKIE_AFTER_DOT_DOT) {
        return directory->first_entry;
    }
    if (directory->scan_entry != 0 && directory->scan_cookie == cookie) {
        return directory->scan_entry;
    }
    uint32_t index = directory->first_entry;
    while (index != 0 && entry_at(index)->sequence >= cookie) {
        index = entry_at(index)->next;
    }
    return index;
}

struct listing {
    char *buffer;
    uint32_t room;
    uint32_t used;
};

static bool listing_add(struct listing *listing, uint32_t inode, uint64_t next, const char *name, uint32_t length)
{
    uint32_t size = (LINUX_DIRENT64_NAME_OFFSET + length + 1 + 7) & ~7u;
    if (listing->room - listing->used < size) {
        return false;
    }
    char *at = listing->buffer + listing->used;
    struct linux_dirent64 *record = (struct linux_dirent64 *)at;
    memset(at, 0, size);
    record->d_ino = inode;
    record->d_off = (int64_t)next;
    record->d_reclen = (uint16_t)size;
    record->d_type = linux_dirent_type(tmpfs_tables->inode[inode].mode);
    memcpy(at + LINUX_DIRENT64_NAME_OFFSET, name, length);
    listing->used += size;
    return true;
}

static bool list_dots(struct listing *listing, uint32_t number, uint64_t *cookie)
{
    const struct tmpfs_inode *directory = &tmpfs_tables->inode[number];
    if (*cookie == COOKIE_START) {
        if (!listing_add(listing, number, COOKIE_AFTER_DOT, ".", 1)) {
            return false;
        }
        *cookie = COOKIE_AFTER_DOT;
    }
    if (*cookie == COOKIE_AFTER_DOT) {
        if (!listing_add(listing, directory->parent, COOKIE_AFTER_DOT_DOT, "..", 2)) {
            return false;
        }
        *cookie = COOKIE_AFTER_DOT_DOT;
    }
    return true;
}

int directory_list(uint32_t number, uint64_t cookie, char *buffer, uint32_t room, uint64_t *next)
{
    struct tmpfs_inode *directory = &tmpfs_tables->inode[number];
    struct listing listing = { .buffer = buffer, .room = room };
    char name[FS_NAME_MAX];
    bool all = list_dots(&listing, number, &cookie);
    uint32_t index = all ? entry_after(directory, cookie) : 0;
    while (index != 0) {
        const struct tmpfs_entry *entry = entry_at(index);
        uint32_t length = entry_name(index, name);
        if (!listing_add(&listing, entry->inode, entry->sequence, name, length)) {
            all = false;
            break;
        }
        cookie = entry->sequence;
        index = entry->next;
    }
    directory->scan_cookie = cookie;
    directory->scan_entry = index;
    *next = cookie;
    return listing.used == 0 && !all ? -EINVAL : (int)listing.used;
}
