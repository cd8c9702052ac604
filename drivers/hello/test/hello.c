/* SPDX-License-Identifier: MIT */
/*
 * The device as VFS sees it.
 */
#include "errors.h"
#include "protocols/hello_char_server.h"
#include "sys/ds.h"
#include "testing/fake_kernel.h"
#include "testing/testing.h"

#include "../state.h"

static struct hello_state state;
static struct message request, reply;

/* The data store: one number. */
static struct {
    bool is_there;
    uint32_t value;
} store;

int ds_publish_u32(const char *key, uint32_t value, uint32_t flags)
{
    CHECK_STR(key, "open_counter");
    CHECK_EQ(flags, DS_FLAGS_OVERWRITE);
    store.is_there = true;
    store.value = value;
    return 0;
}

int ds_retrieve_u32(const char *key, uint32_t *value)
{
    CHECK_STR(key, "open_counter");
    *value = store.value;
    return store.is_there ? 0 : -ESRCH;
}

int ds_delete_u32(const char *key)
{
    CHECK_STR(key, "open_counter");
    store.is_there = false;
    return 0;
}

static uint64_t read_at(uint64_t position, char *buffer, size_t room)
{
    struct char_read_request read = { .buffer = fake_grant(buffer, room), .length = room, .position = position };
    struct char_read_reply answer = { 0 };
    struct call call = fake_call(ENDPOINT_VFS, IPC_SENDA, &request, &reply);

    CHECK_EQ(char_handle_read(&state, &call, &read, &answer), 0);
    return answer.length;
}

/* covers DR-9 */
TEST(reads_give_the_greeting_and_then_the_end)
{
    char buffer[64] = { 0 };

    fake_reset();
    CHECK_EQ(read_at(0, buffer, sizeof(buffer)), 14);
    CHECK_STR(buffer, "Hello, World!\n");
    CHECK_EQ(read_at(7, buffer, 5), 5);
    CHECK_MEM(buffer, "World", 5);
    CHECK_EQ(read_at(14, buffer, 5), 0);
}

TEST(opens_are_counted)
{
    struct char_open_request open = { .major = 240 };
    struct char_open_reply answer = { 0 };
    struct call call = fake_call(ENDPOINT_VFS, IPC_SENDA, &request, &reply);

    CHECK_EQ(char_handle_open(&state, &call, &open, &answer), 0);
    open.minor = 1;
    CHECK_EQ(char_handle_open(&state, &call, &open, &answer), -ENXIO);
    CHECK_EQ(state.open_counter, 1);
    CHECK(hello_state_check(&state) == NULL);
}

/* covers: DR-9 */
TEST(the_counter_goes_through_the_data_store_and_leaves_nothing_there)
{
    struct hello_state old = { .open_counter = 42 }, new = { 0 };

    fake_reset();
    store.is_there = false;
    CHECK_EQ(hello_restore(&new), -ESRCH);
    CHECK_EQ(hello_save(&old), 0);
    CHECK(store.is_there);
    CHECK_EQ(hello_restore(&new), 0);
    CHECK_EQ(new.open_counter, 42);
    CHECK(!store.is_there);
}
