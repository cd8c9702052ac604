/* SPDX-License-Identifier: MIT */
/*
 * The sequence of questions, as the init callback: init fails if one answer is wrong, and the log says which.
 */
#include "base/string.h"
#include "errors.h"
#include "protocols/devfs_client.h"
#include "protocols/ds_client.h"
#include "sys/ds.h"
#include "sys/grant.h"
#include "sys/log.h"
#include "sys/sef.h"
#include "sys/service.h"

enum { VALUE = 4711 };

struct probe_state {
    uint32_t asked;
};

static struct probe_state probe_state SERVICE_STATE;

/* Returns whether it is as it must be. */
static bool is(const char *question, int64_t answer, int64_t right)
{
    probe_state.asked++;
    if (answer != right)
        log_error("%s: %lld, must be %lld", question, (long long)answer, (long long)right);
    return answer == right;
}

static bool ask_values(void)
{
    static const char text[] = "a text that outlives its reader", bytes[] = { 0, 1, 2, 3 };
    char text_back[64] = "", bytes_back[8] = { 0 };
    size_t length = sizeof(bytes_back);
    uint32_t value = 0;

    return is("publish u32", ds_publish_u32("probe.number", VALUE, 0), 0) &&
           is("publish twice", ds_publish_u32("probe.number", 1, 0), -EEXIST) &&
           is("publish str", ds_publish_str("probe.text", text, DS_FLAGS_OVERWRITE), 0) &&
           is("publish mem", ds_publish_mem("probe.bytes", bytes, sizeof(bytes), DS_FLAGS_OVERWRITE), 0) &&
           is("retrieve u32", ds_retrieve_u32("probe.number", &value), 0) && is("the number", value, VALUE) &&
           is("retrieve str", ds_retrieve_str("probe.text", text_back, sizeof(text_back)), 0) &&
           is("the text", strcmp(text, text_back), 0) && is("retrieve mem", ds_retrieve_mem("probe.bytes", bytes_back, &length), 0) &&
           is("the bytes", length == sizeof(bytes) && memcmp(bytes, bytes_back, sizeof(bytes)) == 0, true);
}

static bool ask_subscription(void)
{
    struct ds_snapshot_reply snapshot;
    struct ds_snapshot_request request = { .key = GRANT_INVALID };
    char key[DS_KEY_MAX];
    uint32_t type;
    endpoint_t owner;
    int result, changed = 0;

    if (!is("subscribe", ds_subscribe("probe\\..*", DS_FLAGS_INITIAL | DS_FLAGS_OVERWRITE), 0))
        return false;
    while ((result = ds_check(key, sizeof(key), &type, &owner)) == 0)
        changed++;
    return is("check", result, -ENOENT) && is("keys that changed", changed, 3) && is("unsubscribe", ds_call_unsubscribe(ENDPOINT_DS), 0) &&
           is("check without subscription", ds_check(key, sizeof(key), &type, &owner), -ESRCH) &&
           is("snapshot", ds_call_snapshot(ENDPOINT_DS, &request, &snapshot), -ENOSYS);
}

static bool ask_deletion(void)
{
    uint32_t value;

    return is("delete u32", ds_delete_u32("probe.number"), 0) && is("delete str", ds_delete_str("probe.text"), 0) &&
           is("delete mem", ds_delete_mem("probe.bytes"), 0) &&
           is("retrieve what is gone", ds_retrieve_u32("probe.number", &value), -ESRCH);
}

static bool ask_labels(void)
{
    char label[DS_LABEL_MAX] = "";
    endpoint_t endpoint = ENDPOINT_NONE;

    return is("name of an endpoint", ds_retrieve_label_name(service_endpoint(), label), 0) &&
           is("endpoint of a label", ds_retrieve_label_endpt(label, &endpoint), 0) && is("that endpoint", endpoint, service_endpoint());
}

static bool ask_devfs(void)
{
    struct devfs_make_node_request node = { .name = "probe", .mode = 0600, .major = 240, .minor = 7 };
    struct devfs_remove_node_request gone = { .name = "probe" };

    return is("make node", devfs_call_make_node(ENDPOINT_DEVFS, &node), 0) &&
           is("remove node", devfs_call_remove_node(ENDPOINT_DEVFS, &gone), 0) &&
           is("remove it again", devfs_call_remove_node(ENDPOINT_DEVFS, &gone), -ENOENT);
}

static int init(int type, struct sef_init_info *info)
{
    (void)type;
    (void)info;
    if (!ask_values() || !ask_subscription() || !ask_deletion() || !ask_labels() || !ask_devfs())
        return -EIO;
    log_info("%u answers were right", probe_state.asked);
    return 0;
}

/* The label says what the command line of the test gives. */
static int init_arguments(int type, struct sef_init_info *info)
{
    char text[64], longer[4];

    (void)type;
    (void)info;
    return is("no room", service_arguments(longer, sizeof(longer)), -EINVAL) && is("arguments", service_arguments(text, sizeof(text)), 0) &&
                   is("their text", strcmp(text, "one two"), 0)
               ? 0
               : -EIO;
}

/* Under some labels it behaves badly in one way. */
static void take_role(const char *label)
{
    if (strcmp(label, "init-fail") == 0)
        sef_setcb_init_fresh(sef_cb_init_fail);
    else if (strcmp(label, "init-crash") == 0)
        sef_setcb_init_fresh(sef_cb_init_crash);
    else if (strcmp(label, "args") == 0)
        sef_setcb_init_fresh(init_arguments);
    else if (strcmp(label, "reset") == 0)
        sef_setcb_init_restart(sef_cb_init_reset);
    else if (strcmp(label, "mute") == 0)
        sef_setcb_ping_reply(sef_cb_ping_reply_null);
    else if (strcmp(label, "stubborn") == 0)
        sef_setcb_signal_handler(sef_cb_signal_handler_null);
    else if (strcmp(label, "never-ready") == 0)
        sef_setcb_lu_prepare(sef_cb_lu_prepare_never_ready);
    else if (strcmp(label, "prepare-crash") == 0)
        sef_setcb_lu_prepare(sef_cb_lu_prepare_crash);
    else if (strcmp(label, "no-update") == 0)
        sef_setcb_lu_state_isvalid(sef_cb_lu_state_isvalid_null);
    else if (strcmp(label, "lu-crash") == 0)
        sef_setcb_init_lu(sef_cb_init_crash);
}

int main(void)
{
    static const struct service service = { .name = "probe", .state = &probe_state, .state_bytes = sizeof(probe_state) };

    sef_setcb_init_fresh(init);
    sef_setcb_init_restart(init);
    sef_setcb_signal_handler(sef_cb_signal_handler_term);
    take_role(service_name());
    service_run(&service);
}
