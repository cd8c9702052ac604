/* SPDX-License-Identifier: MIT */
/*
 * A driver with mistakes, for tests of crash reports, replay and what lib/sys makes of impossible results: /dev/frail takes numbers and counts how often each
 * came; it forgets to check the number once it has counted three, what it says when it is asked for ODD or FORGOTTEN for the first
 * time is no answer; and it can do nothing with what PM says when it is told to ASK. Who reads it learns of PM's last error.
 */
#include "base/format.h"
#include "base/string.h"
#include "driver/announce.h"
#include "errors.h"
#include "protocols/frail_char_server.h"
#include "protocols/pm_client.h"
#include "sys/grant.h"
#include "sys/sef.h"
#include "sys/service.h"

enum { NUMBERS = 16, TRUSTED_AFTER = 3, DECIMAL = 10, ASK = 13, ODD = 14, FORGOTTEN = 15 };

struct frail_state {
    uint32_t total;
    uint32_t count[NUMBERS];
    int32_t error; /* that PM's answer came with */
};

static struct frail_state frail_state SERVICE_STATE;

/* Not rolled back: the new instance does better. */
static bool has_been_asked[NUMBERS] SERVICE_DERIVED;

int char_handle_open(struct frail_state *state, struct call *call, const struct char_open_request *request, struct char_open_reply *reply)
{
    (void)state;
    (void)call;
    reply->minor = request->minor;
    return 0;
}

static uint64_t number_of(const char *text, size_t length)
{
    uint64_t number = 0;

    for (size_t i = 0; i < length && text[i] >= '0' && text[i] <= '9'; i++)
        number = number * DECIMAL + (uint64_t)(text[i] - '0');
    return number;
}

static void count_number(struct frail_state *state, uint64_t number)
{
    state->total++;
    state->count[number]++; /* the mistake */
}

int char_handle_write(struct frail_state *state, struct call *call, const struct char_write_request *request,
                      struct char_write_reply *reply)
{
    char text[32];
    uint64_t length = request->length < sizeof(text) ? request->length : sizeof(text), number;
    int result = sys_safecopyfrom(call->caller, request->buffer, 0, text, length);

    if (result != 0)
        return result;
    number = number_of(text, length);
    if (state->total < TRUSTED_AFTER && number >= NUMBERS)
        return -EINVAL;
    if ((number == ODD || number == FORGOTTEN) && !has_been_asked[number]) {
        has_been_asked[number] = true;
        return number == ODD ? 1 : CALL_PARKED;
    }
    if (number == ASK)
        pm_send_identify(call->outbox, ENDPOINT_PM, ASK, &(struct pm_identify_request){ .process = request->caller });
    count_number(state, number);
    reply->length = request->length;
    return 0;
}

int char_handle_read(struct frail_state *state, struct call *call, const struct char_read_request *request, struct char_read_reply *reply)
{
    char text[32];

    if (request->position != 0 || state->error == 0)
        return 0;
    reply->length = (uint64_t)format_string(text, sizeof(text), "error %d\n", state->error);
    if (reply->length > request->length)
        reply->length = request->length;
    return sys_safecopyto(call->caller, request->buffer, 0, text, reply->length);
}

static void handle_reply(void *opaque, const struct message *reply, struct outbox *outbox)
{
    struct frail_state *state = opaque;

    (void)outbox;
    if (reply->status == 0)
        __builtin_trap();
    state->error = reply->status;
}

int char_handle_close(struct frail_state *state, struct call *call, const struct char_close_request *request)
{
    (void)state;
    (void)call;
    (void)request;
    return 0;
}

int char_handle_poll(struct frail_state *state, struct call *call, const struct char_poll_request *request, struct char_poll_reply *reply)
{
    (void)state;
    (void)call;
    reply->ready = request->events;
    return 0;
}

static const char *check(const void *opaque)
{
    const struct frail_state *state = opaque;
    uint32_t sum = 0;

    for (int i = 0; i < NUMBERS; i++)
        sum += state->count[i];
    return sum == state->total ? NULL : "the counts do not sum up";
}

static int init(int type, struct sef_init_info *info)
{
    (void)type;
    (void)info;
    driver_announce();
    return 0;
}

int main(void)
{
    static const struct service_protocol protocols[] = { { CHAR_PROTOCOL, char_dispatch } };
    static const struct service service = {
        .name = "frail",
        .state = &frail_state,
        .state_bytes = sizeof(frail_state),
        .protocols = protocols,
        .protocol_count = 1,
        .handle_reply = handle_reply,
        .state_check = check,
    };

    sef_setcb_init_fresh(init);
    sef_setcb_signal_handler(sef_cb_signal_handler_term);
    service_run(&service);
}
