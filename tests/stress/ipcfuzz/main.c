/* SPDX-License-Identifier: MIT */
/*
 * Reads count and seed from its label and sends a batch at each alarm, so that between two batches the loop hears heartbeat and late answers.
 */
#include "base/string.h"
#include "state.h"
#include "sys/log.h"
#include "sys/sef.h"
#include "sys/service.h"
#include "sys/syscalls.h"

enum { DEFAULT_COUNT = 1000, PAUSE_NS = 1000 };

static struct ipcfuzz_state ipcfuzz_state SERVICE_STATE;

/* The number behind the next dot of a label such as fuzz.5000.1. */
static uint64_t number_after_dot(const char **text, uint64_t otherwise)
{
    uint64_t value = 0;

    *text = strchr(*text, '.');
    if (*text == NULL) {
        *text = "";
        return otherwise;
    }
    for ((*text)++; **text >= '0' && **text <= '9'; (*text)++)
        value = value * 10 + (uint64_t)(**text - '0');
    return value;
}

static int init(int type, struct sef_init_info *info)
{
    const char *label = service_name();

    (void)type;
    (void)info;
    ipcfuzz_state.left = (uint32_t)number_after_dot(&label, DEFAULT_COUNT);
    ipcfuzz_state.random = number_after_dot(&label, 1) * 0x9e3779b97f4a7c15ull | 1;
    fuzz_make_grants(&ipcfuzz_state);
    return sys_setalarm(sys_uptime() + PAUSE_NS);
}

static void handle_notify(void *opaque, endpoint_t source, const struct message *message, struct outbox *outbox)
{
    struct ipcfuzz_state *state = opaque;

    (void)message;
    (void)outbox;
    if (source != ENDPOINT_CLOCK || state->left == 0)
        return;
    fuzz_batch(state);
    if (state->left > 0)
        (void)sys_setalarm(sys_uptime() + PAUSE_NS);
    else
        log_info("fuzz: %u messages, %u answered, %u refused", state->sent, state->answered, state->refused);
}

int main(void)
{
    static const struct service service = {
        .name = "ipcfuzz",
        .state = &ipcfuzz_state,
        .state_bytes = sizeof(ipcfuzz_state),
        .handle_notify = handle_notify,
    };

    sef_setcb_init_fresh(init);
    sef_setcb_init_restart(init);
    sef_setcb_signal_handler(sef_cb_signal_handler_term);
    service_run(&service);
}
