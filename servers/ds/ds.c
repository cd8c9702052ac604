/* SPDX-License-Identifier: MIT */
/*
 * The handlers of DS (behaviour.md section 19).
 */
#include <stddef.h>

#include "base/string.h"
#include "errors.h"
#include "match.h"
#include "protocols/ds_server.h"
#include "state.h"
#include "sys/call.h"
#include "sys/grant.h"
#include "sys/outbox.h"

enum { KEY_MIN = 2 };

/* ---- finding things ---- */

static struct ds_entry *find(struct ds_state *state, const char *key, uint32_t type)
{
    for (uint32_t i = 0; i < DS_ENTRIES; i++) {
        struct ds_entry *entry = &state->entry[i];

        if (entry->used && (entry->flags & type) != 0 && strcmp(entry->key, key) == 0)
            return entry;
    }
    return NULL;
}

static struct ds_entry *find_label_of(struct ds_state *state, endpoint_t service)
{
    for (uint32_t i = 0; i < DS_ENTRIES; i++) {
        struct ds_entry *entry = &state->entry[i];

        if (entry->used && (entry->flags & DS_FLAGS_LABEL) != 0 && (endpoint_t)entry->value == service)
            return entry;
    }
    return NULL;
}

static struct ds_entry *find_free(struct ds_state *state)
{
    for (uint32_t i = 0; i < DS_ENTRIES; i++) {
        if (!state->entry[i].used)
            return &state->entry[i];
    }
    return NULL;
}

static struct ds_subscription *find_subscription(struct ds_state *state, const char *owner)
{
    for (uint32_t i = 0; i < DS_SUBSCRIPTIONS; i++) {
        if (state->subscription[i].used && strcmp(state->subscription[i].owner, owner) == 0)
            return &state->subscription[i];
    }
    return NULL;
}

static int copy_key(const struct call *call, grant_t grant, uint32_t length, char key[DS_KEY_MAX])
{
    int result;

    if (length < KEY_MIN || length > DS_KEY_MAX)
        return -EINVAL;
    result = sys_safecopyfrom(call->caller, grant, 0, key, length);
    if (result != 0)
        return result;
    if (key[length - 1] != '\0' || strlen(key) != length - 1)
        return -EINVAL;
    return 0;
}

/* ---- data blocks ---- */

static bool block_is_used(const struct ds_state *state, uint32_t block)
{
    return (state->block_used[block / 64] >> (block % 64) & 1) != 0;
}

static void mark_blocks(struct ds_state *state, uint32_t first, uint32_t count, bool used)
{
    for (uint32_t block = first; block < first + count; block++) {
        uint64_t bit = 1ull << (block % 64);

        if (used)
            state->block_used[block / 64] |= bit;
        else
            state->block_used[block / 64] &= ~bit;
    }
}

/* First of `count` free blocks in a row, or DS_BLOCKS. */
static uint32_t find_blocks(const struct ds_state *state, uint32_t count)
{
    uint32_t run = 0;

    for (uint32_t block = 0; block < DS_BLOCKS; block++) {
        run = block_is_used(state, block) ? 0 : run + 1;
        if (run == count)
            return block + 1 - count;
    }
    return DS_BLOCKS;
}

static void release_entry(struct ds_state *state, struct ds_entry *entry)
{
    mark_blocks(state, entry->block, entry->block_count, false);
    entry->used = false;
    entry->block_count = 0;
}

/* Give the entry room for `length` bytes; what it had is given back only if that works. */
static int resize(struct ds_state *state, struct ds_entry *entry, uint32_t length)
{
    uint32_t count = (length + DS_BLOCK_BYTES - 1) / DS_BLOCK_BYTES;
    uint32_t first;

    mark_blocks(state, entry->block, entry->block_count, false);
    first = count == 0 ? 0 : find_blocks(state, count);
    if (first == DS_BLOCKS) {
        mark_blocks(state, entry->block, entry->block_count, true);
        return -ENOMEM;
    }
    mark_blocks(state, first, count, true);
    entry->block = first;
    entry->block_count = count;
    entry->length = length;
    return 0;
}

/* ---- telling subscribers ---- */

static bool is_interested(const struct ds_subscription *subscription, const struct ds_entry *entry)
{
    if (!subscription->used || (subscription->types & entry->flags) == 0)
        return false;
    if ((entry->flags & DS_FLAGS_PRIV_SUBSCRIBE) != 0 && strcmp(entry->owner, subscription->owner) != 0)
        return false;
    return match_text(subscription->pattern, entry->key);
}

static void notify_owner(struct ds_state *state, const struct ds_subscription *subscription, struct outbox *outbox)
{
    const struct ds_entry *label = find(state, subscription->owner, DS_FLAGS_LABEL);

    if (label != NULL)
        outbox_notify(outbox, (endpoint_t)label->value);
}

/* The entry changed, or is about to go (then check says ENOENT). */
static void tell_subscribers(struct ds_state *state, const struct ds_entry *entry, bool gone, struct outbox *outbox)
{
    uint32_t index = (uint32_t)(entry - state->entry);
    uint64_t bit = 1ull << (index % 64);

    for (uint32_t i = 0; i < DS_SUBSCRIPTIONS; i++) {
        struct ds_subscription *subscription = &state->subscription[i];

        if (!is_interested(subscription, entry))
            continue;
        if (gone)
            subscription->changed[index / 64] &= ~bit;
        else
            subscription->changed[index / 64] |= bit;
        notify_owner(state, subscription, outbox);
    }
}

/* ---- publish, retrieve, delete ---- */

static bool is_one_value_type(uint32_t type)
{
    return type == DS_FLAGS_U32 || type == DS_FLAGS_STR || type == DS_FLAGS_MEM;
}

static int store_data(struct ds_state *state, struct call *call, struct ds_entry *entry, const struct ds_publish_request *request)
{
    uint32_t room = request->data_length + ((entry->flags & DS_FLAGS_STR) != 0 ? 1 : 0);
    int result;

    if (request->data_length > DS_DATA_MAX)
        return -E2BIG;
    result = resize(state, entry, room);
    if (result != 0 || room == 0)
        return result;
    if (request->data_length != 0)
        result = sys_safecopyfrom(call->caller, request->data, 0, state->block[entry->block], request->data_length);
    if (result == 0 && (entry->flags & DS_FLAGS_STR) != 0) {
        char *text = (char *)state->block[entry->block];

        text[request->data_length] = '\0';
        entry->length = (uint32_t)strlen(text) + 1;
    }
    return result;
}

/* May `owner` put its value where `entry` is? */
static int may_replace(const struct ds_entry *entry, const char *owner, uint32_t flags)
{
    if ((flags & DS_FLAGS_OVERWRITE) == 0)
        return -EEXIST;
    if ((entry->flags & DS_FLAGS_PRIV_OVERWRITE) != 0 && strcmp(entry->owner, owner) != 0)
        return -EPERM;
    return 0;
}

int ds_handle_publish(struct ds_state *state, struct call *call, const struct ds_publish_request *request)
{
    const struct ds_entry *owner = find_label_of(state, call->caller);
    uint32_t type = request->flags & DS_TYPES;
    struct ds_entry *entry;
    char key[DS_KEY_MAX];
    int result;

    if (owner == NULL || type == DS_FLAGS_LABEL)
        return -EPERM;
    if (type == DS_FLAGS_MAP)
        return (request->flags & DS_FLAGS_OVERWRITE) != 0 ? -EINVAL : -ENOSYS;
    if (!is_one_value_type(type))
        return -EINVAL;
    result = copy_key(call, request->key, request->key_length, key);
    if (result != 0)
        return result;
    entry = find(state, key, type);
    if (entry != NULL) {
        result = may_replace(entry, owner->key, request->flags);
        if (result != 0)
            return result;
    } else {
        entry = find_free(state);
        if (entry == NULL)
            return -ENOMEM;
        memset(entry, 0, sizeof(*entry));
    }
    entry->flags = request->flags & ~(uint32_t)(DS_FLAGS_OVERWRITE | DS_FLAGS_INITIAL);
    if (type != DS_FLAGS_U32)
        result = store_data(state, call, entry, request);
    if (result != 0) {
        if (!entry->used)
            release_entry(state, entry);
        return result;
    }
    string_copy(entry->key, sizeof(entry->key), key);
    string_copy(entry->owner, sizeof(entry->owner), owner->key);
    entry->value = request->value;
    entry->used = true;
    tell_subscribers(state, entry, false, call->outbox);
    return 0;
}

static bool owns(struct ds_state *state, endpoint_t caller, const struct ds_entry *entry)
{
    const struct ds_entry *label = find_label_of(state, caller);

    return label != NULL && strcmp(label->key, entry->owner) == 0;
}

int ds_handle_retrieve(struct ds_state *state, struct call *call, const struct ds_retrieve_request *request,
                       struct ds_retrieve_reply *reply)
{
    uint32_t type = request->flags & DS_TYPES;
    const struct ds_entry *entry;
    char key[DS_KEY_MAX];
    uint32_t length;
    int result;

    if (type == DS_FLAGS_MAP)
        return -ENOSYS;
    if (!is_one_value_type(type) && type != DS_FLAGS_LABEL)
        return -EINVAL;
    result = copy_key(call, request->key, request->key_length, key);
    if (result != 0)
        return result;
    entry = find(state, key, type);
    if (entry == NULL)
        return -ESRCH;
    if ((entry->flags & DS_FLAGS_PRIV_RETRIEVE) != 0 && !owns(state, call->caller, entry))
        return -EPERM;
    reply->value = entry->value;
    reply->length = entry->length;
    length = entry->length < request->data_room ? entry->length : request->data_room;
    if ((type & (DS_FLAGS_STR | DS_FLAGS_MEM)) == 0 || length == 0)
        return 0;
    return sys_safecopyto(call->caller, request->data, 0, state->block[entry->block], length);
}

int ds_handle_delete(struct ds_state *state, struct call *call, const struct ds_delete_request *request)
{
    const struct ds_entry *owner = find_label_of(state, call->caller);
    uint32_t type = request->flags & DS_TYPES;
    struct ds_entry *entry;
    char key[DS_KEY_MAX];
    int result;

    if (owner == NULL)
        return -EPERM;
    if (!is_one_value_type(type))
        return -EINVAL;
    result = copy_key(call, request->key, request->key_length, key);
    if (result != 0)
        return result;
    entry = find(state, key, type);
    if (entry == NULL)
        return -ESRCH;
    if (strcmp(entry->owner, owner->key) != 0)
        return -EPERM;
    tell_subscribers(state, entry, true, call->outbox);
    release_entry(state, entry);
    return 0;
}

/* ---- subscriptions ---- */

static struct ds_subscription *free_subscription(struct ds_state *state)
{
    for (uint32_t i = 0; i < DS_SUBSCRIPTIONS; i++) {
        if (!state->subscription[i].used)
            return &state->subscription[i];
    }
    return NULL;
}

static void mark_existing(struct ds_state *state, struct ds_subscription *subscription, struct outbox *outbox)
{
    bool any = false;

    for (uint32_t i = 0; i < DS_ENTRIES; i++) {
        if (!state->entry[i].used || !is_interested(subscription, &state->entry[i]))
            continue;
        subscription->changed[i / 64] |= 1ull << (i % 64);
        any = true;
    }
    if (any)
        notify_owner(state, subscription, outbox);
}

int ds_handle_subscribe(struct ds_state *state, struct call *call, const struct ds_subscribe_request *request)
{
    const struct ds_entry *owner = find_label_of(state, call->caller);
    struct ds_subscription *subscription;
    char pattern[DS_KEY_MAX];
    int result;

    if (owner == NULL)
        return -ESRCH;
    result = copy_key(call, request->regex, request->regex_length, pattern);
    if (result != 0)
        return result;
    if (!match_is_valid(pattern))
        return -EINVAL;
    subscription = find_subscription(state, owner->key);
    if (subscription != NULL && (request->flags & DS_FLAGS_OVERWRITE) == 0)
        return -EEXIST;
    if (subscription == NULL)
        subscription = free_subscription(state);
    if (subscription == NULL)
        return -EAGAIN;
    memset(subscription, 0, sizeof(*subscription));
    subscription->used = true;
    string_copy(subscription->owner, sizeof(subscription->owner), owner->key);
    string_copy(subscription->pattern, sizeof(subscription->pattern), pattern);
    subscription->types = (request->flags & DS_TYPES) != 0 ? request->flags & DS_TYPES : DS_TYPES;
    if ((request->flags & DS_FLAGS_INITIAL) != 0)
        mark_existing(state, subscription, call->outbox);
    return 0;
}

int ds_handle_unsubscribe(struct ds_state *state, struct call *call)
{
    const struct ds_entry *owner = find_label_of(state, call->caller);
    struct ds_subscription *subscription = owner != NULL ? find_subscription(state, owner->key) : NULL;

    if (subscription == NULL)
        return -ESRCH;
    subscription->used = false;
    return 0;
}

/* Index of the next entry that changed, or DS_ENTRIES; its mark is taken away. */
static uint32_t take_changed(struct ds_subscription *subscription)
{
    for (uint32_t word = 0; word < DS_MARK_WORDS; word++) {
        if (subscription->changed[word] != 0) {
            uint32_t bit = (uint32_t)__builtin_ctzll(subscription->changed[word]);

            subscription->changed[word] &= subscription->changed[word] - 1;
            return word * 64 + bit;
        }
    }
    return DS_ENTRIES;
}

int ds_handle_check(struct ds_state *state, struct call *call, const struct ds_check_request *request, struct ds_check_reply *reply)
{
    const struct ds_entry *owner = find_label_of(state, call->caller);
    struct ds_subscription *subscription = owner != NULL ? find_subscription(state, owner->key) : NULL;
    const struct ds_entry *entry, *publisher;
    uint32_t index, length;

    if (subscription == NULL)
        return -ESRCH;
    do {
        index = take_changed(subscription);
        if (index == DS_ENTRIES)
            return -ENOENT;
    } while (!state->entry[index].used);
    entry = &state->entry[index];
    publisher = find(state, entry->owner, DS_FLAGS_LABEL);
    length = (uint32_t)strlen(entry->key) + 1;
    reply->key_length = length;
    reply->type = entry->flags & DS_TYPES;
    reply->owner = publisher != NULL ? (endpoint_t)publisher->value : ENDPOINT_NONE;
    return sys_safecopyto(call->caller, request->key, 0, entry->key, length < request->key_room ? length : request->key_room);
}

int ds_handle_snapshot(struct ds_state *state, struct call *call, const struct ds_snapshot_request *request,
                       struct ds_snapshot_reply *reply)
{
    (void)state;
    (void)call;
    (void)request;
    (void)reply;
    return -ENOSYS;
}

/* ---- labels ---- */

int ds_handle_publish_label(struct ds_state *state, struct call *call, const struct ds_publish_label_request *request)
{
    struct ds_entry *entry = find(state, request->label, DS_FLAGS_LABEL);
    struct ds_entry *same_service = find_label_of(state, request->service);

    if ((request->flags & DS_FLAGS_OVERWRITE) == 0 && (entry != NULL || same_service != NULL))
        return -EEXIST;
    if (same_service != NULL && same_service != entry)
        same_service->used = false;
    if (entry == NULL)
        entry = find_free(state);
    if (entry == NULL)
        return -ENOMEM;
    if (!entry->used)
        memset(entry, 0, sizeof(*entry));
    entry->used = true;
    entry->flags = DS_FLAGS_LABEL;
    string_copy(entry->key, sizeof(entry->key), request->label);
    string_copy(entry->owner, sizeof(entry->owner), "rs");
    entry->value = (uint32_t)request->service;
    tell_subscribers(state, entry, false, call->outbox);
    return 0;
}

int ds_handle_delete_label(struct ds_state *state, struct call *call, const struct ds_delete_label_request *request)
{
    struct ds_entry *label = find(state, request->label, DS_FLAGS_LABEL);
    struct ds_subscription *subscription = find_subscription(state, request->label);

    if (label == NULL)
        return -ESRCH;
    if (subscription != NULL)
        subscription->used = false;
    for (uint32_t i = 0; i < DS_ENTRIES; i++) {
        struct ds_entry *entry = &state->entry[i];

        if (!entry->used || entry == label || (entry->flags & DS_FLAGS_LABEL) != 0 || strcmp(entry->owner, request->label) != 0)
            continue;
        tell_subscribers(state, entry, true, call->outbox);
        release_entry(state, entry);
    }
    tell_subscribers(state, label, true, call->outbox);
    release_entry(state, label);
    return 0;
}

int ds_handle_retrieve_label(struct ds_state *state, struct call *call, const struct ds_retrieve_label_request *request,
                             struct ds_retrieve_label_reply *reply)
{
    const struct ds_entry *entry = find(state, request->label, DS_FLAGS_LABEL);

    (void)call;
    if (entry == NULL)
        return -ESRCH;
    reply->service = (endpoint_t)entry->value;
    return 0;
}

int ds_handle_retrieve_name(struct ds_state *state, struct call *call, const struct ds_retrieve_name_request *request,
                            struct ds_retrieve_name_reply *reply)
{
    const struct ds_entry *entry = find_label_of(state, request->service);

    (void)call;
    if (entry == NULL)
        return -ESRCH;
    string_copy(reply->label, sizeof(reply->label), entry->key);
    return 0;
}

/* ---- the state as a whole ---- */

void ds_start(struct ds_state *state)
{
    memset(state, 0, sizeof(*state));
}

const char *ds_state_check(const void *opaque)
{
    const struct ds_state *state = opaque;
    uint32_t used = 0, owned = 0;

    for (uint32_t i = 0; i < DS_ENTRIES; i++) {
        const struct ds_entry *entry = &state->entry[i];

        if (!entry->used)
            continue;
        if (memchr(entry->key, '\0', DS_KEY_MAX) == NULL || memchr(entry->owner, '\0', DS_LABEL_MAX) == NULL)
            return "an entry's key or owner has no end";
        if (entry->block_count > DS_BLOCKS || entry->block > DS_BLOCKS - entry->block_count)
            return "an entry's data lies outside of the blocks";
        if (entry->length > entry->block_count * DS_BLOCK_BYTES)
            return "an entry is longer than its blocks";
        owned += entry->block_count;
    }
    for (uint32_t block = 0; block < DS_BLOCKS; block++)
        used += block_is_used(state, block);
    return used == owned ? NULL : "blocks used and blocks owned differ";
}
