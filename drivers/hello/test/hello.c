/* SPDX-License-Identifier: MIT */
/*
 * The device as VFS sees it.
 */
#include "errors.h"
#include "protocols/hello_char_server.h"
#include "testing/fake_kernel.h"
#include "testing/testing.h"

#include "../state.h"

static struct hello_state state;
static struct message request, reply;

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
