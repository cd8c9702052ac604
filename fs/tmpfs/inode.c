/* SPDX-License-Identifier: MIT */
/*
 * Inode table and record pool of tmpfs. Free ones are linked through the tables themselves, so that a restart needs nothing but the bytes.
 */
#include "inode.h"

#include "base/string.h"
#include "errors.h"
#include "linux/stat.h"
#include "protocols/vm_client.h"
#include "sys/journal_debug.h"
#include "sys/outbox.h"

struct tmpfs_inode *inode_find(uint32_t number)
{
    if (number == 0 || number >= TMPFS_INODES || tmpfs_tables->inode[number].mode == 0) {
        return NULL;
    }
    return &tmpfs_tables->inode[number];
}

bool inode_is_directory(const struct tmpfs_inode *inode)
{
    return (inode->mode & LINUX_S_IFMT) == LINUX_S_IFDIR;
}

uint32_t record_allocate(struct tmpfs_state *state)
{
    uint32_t index = state->free_record;
    if (index != 0) {
        union tmpfs_record *record = &tmpfs_tables->record[index];
        state->free_record = record->entry.next;
        state->records_free--;
        record_forgo(&record->entry);
        memset(record, 0, sizeof(*record));
    }
    return index;
}

void record_free(struct tmpfs_state *state, uint32_t index)
{
    journal_release(&tmpfs_tables->record[index], sizeof(tmpfs_tables->record[index]));
    tmpfs_tables->record[index].entry.next = state->free_record;
    tmpfs_tables->record[index].entry.inode = 0;
    state->free_record = index;
    state->records_free++;
}

uint32_t inode_create(struct tmpfs_state *state, uint32_t mount, uint32_t mode, uint32_t uid, uint32_t gid, uint64_t now_ns)
{
    uint32_t number = state->free_inode;
    if (number == 0) {
        return 0;
    }
    struct tmpfs_inode *inode = &tmpfs_tables->inode[number];
    state->free_inode = inode->next_free;
    /* What makes it a free one is left: mode and link. */
    journal_forgo(&inode->uid, offsetof(struct tmpfs_inode, next_free) - offsetof(struct tmpfs_inode, uid));
    state->inodes_free--;
    state->mount[mount].inode_count++;
    *inode = (struct tmpfs_inode){
        .mode = mode,
        .uid = uid,
        .gid = gid,
        .atime_ns = now_ns,
        .mtime_ns = now_ns,
        .ctime_ns = now_ns,
        .next_sequence = TMPFS_FIRST_SEQUENCE,
        .mount = mount,
    };
    return number;
}

static void inode_free(struct tmpfs_state *state, uint32_t number)
{
    struct tmpfs_inode *inode = &tmpfs_tables->inode[number];
    if (inode->object != 0) {
        struct vm_object_destroy_request request = { .object = inode->object };
        vm_send_object_destroy(outbox_default(), ENDPOINT_VM, 0, &request);
    }
    text_destroy(state, inode->text);
    state->mount[inode->mount].inode_count--;
    journal_release(inode, sizeof(*inode));
    inode->mode = 0;
    inode->next_free = state->free_inode;
    state->free_inode = number;
    state->inodes_free++;
}

void inode_release(struct tmpfs_state *state, uint32_t number)
{
    while (number != 0) {
        struct tmpfs_inode *inode = &tmpfs_tables->inode[number];
        uint32_t parent = inode->holds_parent ? inode->parent : 0;
        if (inode->nlink > 0 || inode->references > 0) {
            return;
        }
        inode_free(state, number);
        if (parent != 0) {
            tmpfs_tables->inode[parent].references--;
        }
        number = parent;
    }
}

int inode_object(uint32_t number, uint32_t *object)
{
    struct tmpfs_inode *inode = &tmpfs_tables->inode[number];
    if (inode->object == 0) {
        struct vm_object_create_request request = { .pool = inode->mount };
        struct vm_object_create_reply reply;
        int result = vm_call_object_create(ENDPOINT_VM, &request, &reply);
        if (result != 0) {
            return result;
        }
        inode->object = reply.object;
    }
    *object = inode->object;
    return 0;
}

int inode_truncate(uint32_t number, uint64_t size)
{
    struct tmpfs_inode *inode = &tmpfs_tables->inode[number];
    if (size < inode->size && inode->object != 0) {
        struct vm_object_truncate_request request = { .object = inode->object, .length = size };
        int result = vm_call_object_truncate(ENDPOINT_VM, &request);
        if (result != 0) {
            return result;
        }
    }
    inode->size = size;
    return 0;
}

uint32_t text_pieces(uint32_t length)
{
    return (length + TMPFS_PIECE_BYTES - 1) / TMPFS_PIECE_BYTES;
}

uint32_t text_create(struct tmpfs_state *state, const char *text, uint32_t length)
{
    if (length == 0 || text_pieces(length) > state->records_free) {
        return 0;
    }
    uint32_t first = 0;
    for (uint32_t piece = text_pieces(length); piece-- > 0;) {
        uint32_t start = piece * TMPFS_PIECE_BYTES;
        uint32_t bytes = length - start < TMPFS_PIECE_BYTES ? length - start : TMPFS_PIECE_BYTES;
        uint32_t index = record_allocate(state);
        journal_copy_anew(tmpfs_tables->record[index].piece.bytes, text + start, bytes);
        tmpfs_tables->record[index].piece.next = first;
        first = index;
    }
    return first;
}

void text_destroy(struct tmpfs_state *state, uint32_t first)
{
    while (first != 0) {
        uint32_t next = tmpfs_tables->record[first].piece.next;
        record_free(state, first);
        first = next;
    }
}

void text_read(uint32_t first, char *to, uint32_t length)
{
    while (length > 0) {
        const struct tmpfs_piece *piece = &tmpfs_tables->record[first].piece;
        uint32_t bytes = length < TMPFS_PIECE_BYTES ? length : TMPFS_PIECE_BYTES;
        memcpy(to, piece->bytes, bytes);
        to += bytes;
        length -= bytes;
        first = piece->next;
    }
}

bool text_equals(uint32_t first, const char *text, uint32_t length)
{
    while (length > 0) {
        const struct tmpfs_piece *piece = &tmpfs_tables->record[first].piece;
        uint32_t bytes = length < TMPFS_PIECE_BYTES ? length : TMPFS_PIECE_BYTES;
        if (memcmp(piece->bytes, text, bytes) != 0) {
            return false;
        }
        text += bytes;
        length -= bytes;
        first = piece->next;
    }
    return true;
}
