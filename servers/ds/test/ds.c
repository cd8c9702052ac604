/* SPDX-License-Identifier: MIT */
/*
 * DS: labels, values, subscriptions, and the subset of regular expressions.
 */
#include "../state.h"

#include "../match.h"
#include "errors.h"
#include "protocols/ds_server.h"
#include "testing/fake_kernel.h"
#include "testing/testing.h"

#include <stdio.h>

enum { DRIVER = 12, READER = 1 };

static struct ds_state state;
static struct message request, reply;

static struct call call_from(endpoint_t caller)
{
    return fake_call(caller, IPC_SENDREC, &request, &reply);
}

static void add_label(const char *label, endpoint_t service)
{
    struct ds_publish_label_request label_request = { .service = service, .flags = DS_FLAGS_OVERWRITE };
    struct call call = call_from(ENDPOINT_RS);

    memcpy(label_request.label, label, strlen(label) + 1);
    CHECK_EQ(ds_handle_publish_label(&state, &call, &label_request), 0);
}

static void start(void)
{
    fake_reset();
    ds_start(&state);
    add_label("hello", DRIVER);
    add_label("vfs", READER);
    fake_sent_clear();
}

static int publish(endpoint_t caller, const char *key, uint32_t flags, uint32_t value, const char *data)
{
    struct ds_publish_request publish_request = {
        .key = fake_grant((void *)key, strlen(key) + 1),
        .key_length = (uint32_t)strlen(key) + 1,
        .flags = flags,
        .value = value,
    };
    struct call call = call_from(caller);

    if (data != NULL) {
        publish_request.data = fake_grant((void *)data, strlen(data));
        publish_request.data_length = (uint32_t)strlen(data);
    }
    return ds_handle_publish(&state, &call, &publish_request);
}

static int retrieve(endpoint_t caller, const char *key, uint32_t flags, struct ds_retrieve_reply *value, char *data, uint32_t room)
{
    struct ds_retrieve_request retrieve_request = {
        .key = fake_grant((void *)key, strlen(key) + 1),
        .key_length = (uint32_t)strlen(key) + 1,
        .flags = flags,
        .data = fake_grant(data, room),
        .data_room = room,
    };
    struct call call = call_from(caller);

    return ds_handle_retrieve(&state, &call, &retrieve_request, value);
}

static int subscribe(endpoint_t caller, const char *regex, uint32_t flags)
{
    struct ds_subscribe_request subscribe_request = {
        .regex = fake_grant((void *)regex, strlen(regex) + 1),
        .regex_length = (uint32_t)strlen(regex) + 1,
        .flags = flags,
    };
    struct call call = call_from(caller);

    return ds_handle_subscribe(&state, &call, &subscribe_request);
}

static int check(endpoint_t caller, char *key, uint32_t room, struct ds_check_reply *found)
{
    struct ds_check_request check_request = { .key = fake_grant(key, room), .key_room = room };
    struct call call = call_from(caller);

    return ds_handle_check(&state, &call, &check_request, found);
}

static int delete (endpoint_t caller, const char *key, uint32_t flags)
{
    struct ds_delete_request delete_request = {
        .key = fake_grant((void *)key, strlen(key) + 1),
        .key_length = (uint32_t)strlen(key) + 1,
        .flags = flags,
    };
    struct call call = call_from(caller);

    return ds_handle_delete(&state, &call, &delete_request);
}

/* covers DS-1, DS-2, DS-3 */
TEST(values_are_stored_by_key_and_type)
{
    struct ds_retrieve_reply value = { 0 };
    char text[32];

    start();
    CHECK_EQ(publish(DRIVER, "answer", DS_FLAGS_U32, 42, NULL), 0);
    CHECK_EQ(publish(DRIVER, "answer", DS_FLAGS_STR, 0, "forty-two"), 0);
    CHECK_EQ(retrieve(READER, "answer", DS_FLAGS_U32, &value, text, 0), 0);
    CHECK_EQ(value.value, 42);
    CHECK_EQ(retrieve(READER, "answer", DS_FLAGS_STR, &value, text, sizeof(text)), 0);
    CHECK_STR(text, "forty-two");
    CHECK_EQ(value.length, 10);
    CHECK_EQ(retrieve(READER, "answer", DS_FLAGS_STR, &value, text, 5), 0);
    CHECK_MEM(text, "forty", 5);
    CHECK_EQ(value.length, 10);
    CHECK_EQ(retrieve(READER, "question", DS_FLAGS_U32, &value, text, 0), -ESRCH);
    CHECK(ds_state_check(&state) == NULL);
}

/* covers DS-2 */
TEST(publishing_has_rules)
{
    start();
    CHECK_EQ(publish(99, "key", DS_FLAGS_U32, 1, NULL), -EPERM);
    CHECK_EQ(publish(DRIVER, "key", DS_FLAGS_LABEL, 1, NULL), -EPERM);
    CHECK_EQ(publish(DRIVER, "", DS_FLAGS_U32, 1, NULL), -EINVAL);
    CHECK_EQ(publish(DRIVER, "key", DS_FLAGS_U32 | DS_FLAGS_STR, 1, NULL), -EINVAL);
    CHECK_EQ(publish(DRIVER, "key", DS_FLAGS_U32 | DS_FLAGS_PRIV_OVERWRITE | DS_FLAGS_PRIV_RETRIEVE, 1, NULL), 0);
    CHECK_EQ(publish(DRIVER, "key", DS_FLAGS_U32, 2, NULL), -EEXIST);
    CHECK_EQ(publish(READER, "key", DS_FLAGS_U32 | DS_FLAGS_OVERWRITE, 2, NULL), -EPERM);
    CHECK_EQ(publish(DRIVER, "key", DS_FLAGS_MAP | DS_FLAGS_OVERWRITE, 2, NULL), -EINVAL);
}

TEST(private_values_are_for_their_owner)
{
    struct ds_retrieve_reply value = { 0 };
    char none[1];

    start();
    CHECK_EQ(publish(DRIVER, "key", DS_FLAGS_U32 | DS_FLAGS_PRIV_RETRIEVE, 1, NULL), 0);
    CHECK_EQ(retrieve(READER, "key", DS_FLAGS_U32, &value, none, 0), -EPERM);
    CHECK_EQ(retrieve(DRIVER, "key", DS_FLAGS_U32, &value, none, 0), 0);
}

/* covers DS-5, DS-6 */
TEST(subscribers_are_notified_and_check_what_changed)
{
    struct ds_check_reply found = { 0 };
    char key[DS_KEY_MAX];

    start();
    CHECK_EQ(publish(DRIVER, "drv.vfs.hello", DS_FLAGS_U32, 1, NULL), 0);
    CHECK_EQ(fake_sent_count(), 0);
    CHECK_EQ(subscribe(READER, "drv\\.vfs\\..*", DS_FLAGS_INITIAL), 0);
    CHECK_EQ(fake_sent_count(), 1);
    CHECK_EQ(fake_sent(0)->destination, READER);
    CHECK_EQ(check(READER, key, sizeof(key), &found), 0);
    CHECK_STR(key, "drv.vfs.hello");
    CHECK_EQ(found.owner, DRIVER);
    CHECK_EQ(found.type, DS_FLAGS_U32);
    CHECK_EQ(check(READER, key, sizeof(key), &found), -ENOENT);
    CHECK_EQ(publish(DRIVER, "drv.net.hello", DS_FLAGS_U32, 1, NULL), 0);
    CHECK_EQ(check(READER, key, sizeof(key), &found), -ENOENT);
    CHECK_EQ(publish(DRIVER, "drv.vfs.hello", DS_FLAGS_U32 | DS_FLAGS_OVERWRITE, 1, NULL), 0);
    CHECK_EQ(check(READER, key, sizeof(key), &found), 0);
    CHECK_EQ(check(DRIVER, key, sizeof(key), &found), -ESRCH);
    CHECK_EQ(subscribe(READER, "x.*", 0), -EEXIST);
    CHECK_EQ(subscribe(DRIVER, "[x", 0), -EINVAL);
}

/* covers DS-4 */
TEST(deleting_notifies_and_a_label_takes_everything_with_it)
{
    struct ds_delete_label_request gone = { .label = "hello" };
    struct ds_retrieve_reply value = { 0 };
    struct ds_check_reply found = { 0 };
    struct call call;
    char key[DS_KEY_MAX];

    start();
    CHECK_EQ(subscribe(READER, "k.*", 0), 0);
    CHECK_EQ(publish(DRIVER, "k1", DS_FLAGS_MEM, 0, "data"), 0);
    CHECK_EQ(publish(DRIVER, "k2", DS_FLAGS_U32, 0, NULL), 0);
    fake_sent_clear();
    CHECK_EQ(delete (READER, "k1", DS_FLAGS_MEM), -EPERM);
    CHECK_EQ(delete (DRIVER, "k1", DS_FLAGS_MEM), 0);
    CHECK_EQ(fake_sent_count(), 1);
    call = call_from(ENDPOINT_RS);
    CHECK_EQ(ds_handle_delete_label(&state, &call, &gone), 0);
    CHECK_EQ(retrieve(READER, "k2", DS_FLAGS_U32, &value, key, 0), -ESRCH);
    CHECK_EQ(check(READER, key, sizeof(key), &found), -ENOENT);
    CHECK(ds_state_check(&state) == NULL);
}

/* covers DS-8 */
TEST(labels_and_endpoints_are_found_both_ways)
{
    struct ds_retrieve_label_request by_label = { .label = "vfs" };
    struct ds_retrieve_label_reply service;
    struct ds_retrieve_name_request by_endpoint = { .service = DRIVER };
    struct ds_retrieve_name_reply name = { 0 };
    struct call call;

    start();
    call = call_from(READER);
    CHECK_EQ(ds_handle_retrieve_label(&state, &call, &by_label, &service), 0);
    CHECK_EQ(service.service, READER);
    CHECK_EQ(ds_handle_retrieve_name(&state, &call, &by_endpoint, &name), 0);
    CHECK_STR(name.label, "hello");
}

TEST(a_full_store_says_so)
{
    char key[16];
    int result = 0;

    start();
    for (int i = 0; i < DS_ENTRIES && result == 0; i++) {
        snprintf(key, sizeof(key), "k%d", i);
        result = publish(DRIVER, key, DS_FLAGS_U32, 0, NULL);
    }
    CHECK_EQ(result, -ENOMEM);
    CHECK(ds_state_check(&state) == NULL);
}

TEST(patterns_are_anchored)
{
    CHECK(match_text("drv\\.vfs\\..*", "drv.vfs.hello"));
    CHECK(!match_text("drv\\.vfs\\..*", "xdrv.vfs.hello"));
    CHECK(!match_text("drv\\.vfs", "drvxvfs"));
    CHECK(match_text("a+b?c*", "aac"));
    CHECK(!match_text("a+", ""));
    CHECK(match_text("x|y[0-9]+|z", "y42"));
    CHECK(!match_text("[^a-c]", "b"));
    CHECK(match_text("", ""));
    CHECK(!match_is_valid("(a)"));
    CHECK(!match_is_valid("*a"));
    CHECK(!match_is_valid("a\\"));
}

TEST(an_evil_pattern_ends)
{
    CHECK(!match_text("a*a*a*a*a*a*a*a*a*a*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"));
}
