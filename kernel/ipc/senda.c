/* SPDX-License-Identifier: MIT */
/*
 * Asynchronous sends (IPC-4): the sender owns a table; the kernel reads entries and stores results in it, now or when a receiver is ready.
 * The table is the sender's memory and may be absent: the trap then asks VM and is repeated, which is harmless since done entries are skipped.
 */
#include "errors.h"
#include "ipc/ipc.h"
#include "process/privileges.h"

enum {
    ENTRY_BYTES = sizeof(struct asynsend_entry),
    ENTRY_HEAD_BYTES = 16,
    ENTRY_MAX = 4096,
    FLAGS_KNOWN = ASYN_VALID | ASYN_DONE | ASYN_NOTIFY | ASYN_NOREPLY | ASYN_NOTIFY_ERROR,
};

static int read_entry(const struct thread *sender, uint64_t address, struct asynsend_entry *entry, size_t bytes, struct copy_fault *fault)
{
    return copy_spaces(sender->space, address, SPACE_NONE, (uint64_t)entry, bytes, fault);
}

/* Store the result; writes flags, destination and result. */
static int finish_entry(struct thread *sender, uint64_t address, struct asynsend_entry *entry, int result, struct copy_fault *fault)
{
    entry->flags |= ASYN_DONE;
    entry->result = result;
    int error = copy_spaces(SPACE_NONE, (uint64_t)entry, sender->space, address, 12, fault);
    if (!error && (entry->flags & ASYN_NOTIFY || (result && entry->flags & ASYN_NOTIFY_ERROR)))
        ipc_notify(sender, sender);
    return error;
}

static bool takes_async(const struct thread *to, const struct thread *sender, const struct asynsend_entry *entry)
{
    return ipc_will_receive(to, sender->endpoint, &entry->message) && !(entry->flags & ASYN_NOREPLY && to->misc_flags & MF_REPLY_PENDING);
}

static void mark_pending(struct thread *to, const struct thread *sender)
{
    struct privilege_slot *p = thread_privilege(to);
    uint32_t id = sender->privilege_id;

    p->async_pending[id >> 6] |= 1ull << (id & 63);
    p->has_pending = true;
}

/* One valid entry that is not done: deliver, leave pending, or finish with an error. */
static int try_entry(struct thread *sender, uint64_t address, struct copy_fault *fault)
{
    struct asynsend_entry entry;
    int error = read_entry(sender, address, &entry, ENTRY_BYTES, fault);

    if (error)
        return error;
    if (entry.flags == ASYN_EMPTY || entry.flags & ASYN_DONE)
        return 0;
    if (entry.flags & ~(uint32_t)FLAGS_KNOWN || !(entry.flags & ASYN_VALID))
        return -EINVAL;
    struct thread *to = thread_find(entry.destination);
    if (!to)
        return finish_entry(sender, address, &entry, -EDEADSRCDST, fault);
    error = ipc_type_is_forged(entry.message.type) ? -EBADREQUEST : ipc_check_send(sender, to);
    if (error)
        return finish_entry(sender, address, &entry, error, fault);
    if (!takes_async(to, sender, &entry)) {
        if (!thread_is_service(to))
            return finish_entry(sender, address, &entry, -ENOTREADY, fault);
        mark_pending(to, sender);
        return 0;
    }
    /* The result is stored first: a fault here repeats the trap, and the message must not go out twice. */
    error = finish_entry(sender, address, &entry, 0, fault);
    if (error)
        return error;
    entry.message.source = sender->endpoint;
    sender->messages_sent++;
    ipc_deliver(to, &entry.message, IPC_SENDA);
    return 0;
}

int ipc_senda(struct thread *sender, uint64_t table, uint64_t count, struct copy_fault *fault)
{
    struct privilege_slot *p = thread_privilege(sender);

    if (!thread_is_service(sender))
        return -EPERM;
    if (count > ENTRY_MAX)
        return -EDOM;
    p->asyn_table = table;
    p->asyn_count = (uint32_t)count;
    for (uint64_t i = 0; i < count; i++) {
        int error = try_entry(sender, table + i * ENTRY_BYTES, fault);
        if (error)
            return error;
    }
    return 0;
}

enum search_result { SEARCH_NONE, SEARCH_HELD_BACK, SEARCH_TAKEN };

/* First entry of the sender's table that `to` may take. HELD_BACK: there is one, but not for the receive half of a SENDREC. */
static enum search_result take_from(struct thread *sender, struct thread *to)
{
    struct privilege_slot *p = thread_privilege(sender);
    struct asynsend_entry entry;
    struct copy_fault fault;
    enum search_result result = SEARCH_NONE;

    for (uint32_t i = 0; i < p->asyn_count; i++) {
        uint64_t address = p->asyn_table + (uint64_t)i * ENTRY_BYTES;
        if (read_entry(sender, address, &entry, ENTRY_HEAD_BYTES, &fault))
            return SEARCH_HELD_BACK; /* absent: tried again at the next receive */
        if (!(entry.flags & ASYN_VALID) || entry.flags & ASYN_DONE || entry.destination != to->endpoint)
            continue;
        if (entry.flags & ASYN_NOREPLY && to->misc_flags & MF_REPLY_PENDING) {
            result = SEARCH_HELD_BACK;
            continue;
        }
        if (read_entry(sender, address, &entry, ENTRY_BYTES, &fault) || finish_entry(sender, address, &entry, 0, &fault))
            return SEARCH_HELD_BACK;
        to->inbox = entry.message;
        to->inbox.source = sender->endpoint;
        return SEARCH_TAKEN;
    }
    return result;
}

bool ipc_receive_async(struct thread *to, endpoint_t from)
{
    struct privilege_slot *p = thread_privilege(to);

    for (uint32_t i = 0; i < PRIVILEGE_MASK_WORDS; i++) {
        for (uint64_t bits = p->async_pending[i]; bits; bits &= bits - 1) {
            uint32_t id = i * 64 + (uint32_t)__builtin_ctzll(bits);
            struct thread *sender = thread_find(privileges[id].owner);
            if (sender && from != ENDPOINT_ANY && from != sender->endpoint)
                continue;
            enum search_result result = sender ? take_from(sender, to) : SEARCH_NONE;
            if (result == SEARCH_NONE)
                p->async_pending[i] &= ~(1ull << (id & 63));
            if (result != SEARCH_TAKEN)
                continue;
            to->frame.rax = 0;
            to->frame.rdx = to->misc_flags & MF_REPLY_PENDING ? 0 : IPC_SENDA;
            to->misc_flags = (to->misc_flags & ~MF_REPLY_PENDING) | MF_DELIVER_MESSAGE;
            sender->messages_sent++;
            return true;
        }
    }
    return false;
}
