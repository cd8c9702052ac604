/* SPDX-License-Identifier: MIT */
/*
 * The device as VFS sees it.
 */
#include "protocols/sample_char_server.h"
#include "testing/fake_kernel.h"
#include "testing/testing.h"

#include "../state.h"

static struct sample_state state;
static struct message request, reply;

static uint64_t write_text(char *text)
{
    struct char_write_request write = { .buffer = fake_grant(text, strlen(text)), .length = strlen(text) };
    struct char_write_reply answer = { 0 };
    struct call call = fake_call(ENDPOINT_VFS, IPC_SENDA, &request, &reply);

    CHECK_EQ(char_handle_write(&state, &call, &write, &answer), 0);
    return answer.length;
}

TEST(lines_are_counted)
{
    char text[] = "one\ntwo\nthr", rest[] = "ee\n";

    fake_reset();
    CHECK_EQ(write_text(text), 11);
    CHECK_EQ(state.lines, 2);
    CHECK_EQ(write_text(rest), 3);
    CHECK_EQ(state.lines, 3);
    CHECK(sample_state_check(&state) == NULL);
}
