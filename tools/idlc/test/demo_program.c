/* SPDX-License-Identifier: MIT */
/*
 * Client and server of accepted/demo.idl in one process, for test_code.py. The fake ipc_sendrec below hands each message to the dispatcher,
 * as lib/sys would, and can fail first; the fake outbox keeps the last message.
 */
#include "demo_client.h"

#include "demo_server.h"
#include "demo_test.h"
#include "errors.h"
#include "protocol_trace.h"

#include <stdio.h>
#include <string.h>

#include "sys/call.h"
#include "sys/ipc.h"
#include "sys/outbox.h"

enum { TRANSACTION = 77, SERVER = 4, CLIENT = 12 };

static struct demo_state state;
static struct message last;
static endpoint_t last_destination;
static int failures_left;
static int failure;
static int exchanges;
static const char *denied;
static int problems;

static void check(int is_good, const char *what)
{
    if (is_good)
        return;
    printf("failed: %s\n", what);
    problems++;
}

bool call_is_allowed(const struct call *call, enum call_allow kind, const char *const *labels)
{
    (void)call;
    if (kind == CALL_ALLOW_LABELS)
        denied = labels[2] == NULL ? labels[1] : "list without an end";
    return denied == NULL || kind == CALL_ALLOW_ANY;
}

static int serve(struct message *message)
{
    struct message reply = { .type = message->type | MESSAGE_REPLY, .transaction = TRANSACTION };
    struct call call = { .request = message, .reply = &reply, .caller = CLIENT, .transaction = TRANSACTION };
    int status = demo_dispatch(&state, &call);

    reply.status = status;
    *message = reply;
    return 0;
}

int ipc_sendrec(endpoint_t destination, struct message *message)
{
    check(destination == SERVER, "destination");
    exchanges++;
    if (failures_left > 0) {
        failures_left--;
        memset(message, 0xaa, sizeof(*message));
        message->status = -ESRVRESTART;
        return failure;
    }
    return serve(message);
}

void outbox_add(struct outbox *outbox, endpoint_t destination, const struct message *message)
{
    check(outbox == NULL, "outbox");
    last = *message;
    last_destination = destination;
}

static void fail_next(int count, int error)
{
    failures_left = count;
    failure = error;
    exchanges = 0;
}

static void check_calls(void)
{
    struct demo_lookup_endpoint_request request = { .label = "tty", .cookie = 5 };
    struct demo_lookup_endpoint_reply reply = { 0 };
    struct demo_small_request small = { .flags = DEMO_WIDE_FLAGS_TOP, .a = -1, .c = -2, .d = -3, .g = 7, .h = INT64_MIN };
    struct demo_small_reply one = { 0 };
    struct demo_all_out_reply all = { 0 };

    check(demo_call_lookup_endpoint(SERVER, &request, &reply) == 0, "lookup");
    check(reply.service == 9 && reply.restarts == 5, "lookup reply");
    request.label[0] = 'T';
    check(demo_call_lookup_endpoint(SERVER, &request, &reply) == -ENOENT, "error of the handler");
    memset(request.label, 'x', sizeof(request.label));
    check(demo_call_lookup_endpoint(SERVER, &request, &reply) == -EBADREQUEST, "text without end");
    check(demo_call_small(SERVER, &small, &one) == 0 && one.one == 1, "small");
    check(demo_call_all_out(SERVER, &all) == 0 && all.words[0] == 0 && all.words[5] == UINT64_MAX, "all out");
    check(demo_call_copy(SERVER, &(struct demo_copy_request){ .zero = 0 }) == -ENOSYS, "optional handler");
}

static void check_restarts(void)
{
    struct demo_lookup_endpoint_request request = { .label = "tty", .cookie = 6 };
    struct demo_lookup_endpoint_reply reply = { 0 };
    struct demo_publish_reply published = { 0 };

    fail_next(3, -EDEADSRCDST);
    check(demo_call_lookup_endpoint(SERVER, &request, &reply) == 0 && reply.restarts == 6, "retry after death");
    check(exchanges == 4, "three retries");
    fail_next(2, 0);
    check(demo_call_lookup_endpoint(SERVER, &request, &reply) == 0 && exchanges == 3, "retry after status");
    fail_next(100, -EDEADSRCDST);
    check(demo_call_lookup_endpoint(SERVER, &request, &reply) == -ESRVRESTART && exchanges == 8, "retries end");
    fail_next(1, -EDEADSRCDST);
    check(demo_call_publish(SERVER, &(struct demo_publish_request){ .value = 1 }, &published) == -ESRVRESTART, "no retry");
    check(exchanges == 1, "one exchange");
    fail_next(1, -ELOCKED);
    check(demo_call_lookup_endpoint(SERVER, &request, &reply) == -ELOCKED && exchanges == 1, "other errors stand");
    fail_next(0, 0);
}

static void check_callers(void)
{
    struct demo_publish_reply reply = { 0 };

    state.calls = 0;
    check(demo_call_touch(SERVER) == -ECALLDENIED && state.calls == 0, "labels denied");
    check(denied != NULL && strcmp(denied, "pm") == 0, "list of labels");
    check(demo_call_publish(SERVER, &(struct demo_publish_request){ .value = 1 }, &reply) == -ECALLDENIED, "system denied");
    denied = NULL;
}

static void check_outbox(void)
{
    struct demo_publish_request request = { .value = 3, .kind = DEMO_KIND_STR, .flags = DEMO_PUBLISH_FLAGS_INITIAL };
    struct demo_publish_reply reply = { .sequence = 11 };
    struct demo_publish_reply read = { 0 };

    demo_send_publish(NULL, SERVER, 42, &request);
    check(last_destination == SERVER && last.type == DEMO_PUBLISH && last.transaction == 42, "sent request");
    serve(&last);
    check(last.status == CALL_PARKED && state.caller == CLIENT && state.transaction == TRANSACTION, "parked");
    demo_reply_publish(NULL, CLIENT, 42, 0, &reply);
    check(last_destination == CLIENT && last.type == (DEMO_PUBLISH | MESSAGE_REPLY) && last.status == 0, "late reply");
    demo_publish_reply_get(&last, &read);
    check(read.sequence == 11, "payload of the late reply");
    demo_reply_publish(NULL, CLIENT, 42, -EEXIST, NULL);
    check(last.status == -EEXIST, "late error");
    demo_send_driver_up(NULL, SERVER, 0, &(struct demo_driver_up_request){ .major = 240 });
    serve(&last);
    check(state.major == 240, "event");
    demo_send_tick(NULL, SERVER);
    state.calls = 0;
    serve(&last);
    check(state.calls == 100, "notify");
}

static void check_unknown(void)
{
    struct message message = { .type = DEMO_PROTOCOL << 16 | 99 };

    serve(&message);
    check(message.status == -ENOSYS, "unknown operation");
    message.type = DEMO_TOUCH | MESSAGE_REPLY;
    serve(&message);
    check(message.status == -ENOSYS, "a reply is not a request");
}

static void check_trace(void)
{
    const struct trace_operation *publish = trace_operation_find(DEMO_PUBLISH | MESSAGE_REPLY);

    check(protocol_trace_count == 1 && protocol_trace_find(DEMO_PROTOCOL) != NULL, "protocol table");
    check(publish != NULL && publish->request_count == 3 && publish->reply_count == 2, "operation table");
    check(publish != NULL && publish->request[2].offset == 8 && publish->request[2].kind == TRACE_FLAGS, "field table");
    check(publish != NULL && strcmp(publish->request[1].values[1].name, "str") == 0, "value table");
    check(strcmp(operation_name(DEMO_TICK), "tick") == 0 && strcmp(operation_name(1), "?") == 0, "operation names");
    check(strcmp(protocol_name(DEMO_TICK), "demo") == 0 && strcmp(protocol_name(1), "?") == 0, "protocol names");
    check(DEMO_ABI_HASH != 0 && DEMO_WIDE == 0xffffffff, "constants");
}

int main(void)
{
    check_calls();
    check_restarts();
    check_callers();
    check_outbox();
    check_unknown();
    check_trace();
    if (problems == 0)
        puts("all checks passed");
    return problems != 0;
}
