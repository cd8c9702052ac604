/* SPDX-License-Identifier: MIT */
/*
 * RS's second life (behaviour.md RS-70). A second instance of RS waits as backup signal manager. When RS dies the kernel tells it; it swaps itself
 * into RS's endpoint (sef_stand_by), takes the state over, and makes the next one when some ticks have passed.
 */
#include "base/string.h"
#include "errors.h"
#include "protocols/kernel_client.h"
#include "state.h"
#include "sys/fault.h"
#include "sys/log.h"
#include "sys/service.h"
#include "sys/syscalls.h"

enum { SETTLE_MS = 20 };

/* A fault that waits for the next tick: what asks for it must be answered before. The successor finds it taken. */
static struct service_crash_request waiting_fault SERVICE_DERIVED;
static bool fault_waits SERVICE_DERIVED;

void rs_crash_myself(const struct service_crash_request *request)
{
    if (request->call != 0 && request->call != SERVICE_CALL_ANY) {
        fault_take(request);
        return;
    }
    waiting_fault = *request;
    fault_waits = true;
}

static int get_privileges(endpoint_t process, struct privilege *privilege)
{
    struct kernel_getpriv_request request = { .process = process, .privileges = (uint64_t)(uintptr_t)privilege };

    return kernel_call_getpriv(ENDPOINT_SYSTEM, &request);
}

static int set_privileges(endpoint_t process, struct privilege *privilege, uint32_t how)
{
    struct kernel_privctl_request request = { .process = process, .request = how, .privileges = (uint64_t)(uintptr_t)privilege };

    return kernel_call_privctl(ENDPOINT_SYSTEM, &request);
}

/* The same rights as ours; let it run into its wait; then the kernel may call on it. */
static int appoint(endpoint_t successor)
{
    struct privilege privilege;
    int result = get_privileges(ENDPOINT_RS, &privilege);

    if (result != 0)
        return result;
    privilege.flags |= PRIVILEGE_ROOT_SYS_PROC;
    privilege.signal_manager = ENDPOINT_RS;
    privilege.backup_signal_manager = ENDPOINT_NONE;
    result = set_privileges(successor, &privilege, KERNEL_PRIVILEGE_REQUEST_UPDATE_SYS);
    if (result == 0)
        result = rs_allow(successor);
    if (result != 0)
        return result;
    privilege.backup_signal_manager = successor;
    return set_privileges(ENDPOINT_RS, &privilege, KERNEL_PRIVILEGE_REQUEST_UPDATE_SYS);
}

static void make_successor(struct rs_state *state)
{
    const struct rs_slot *rs = &state->slot[ENDPOINT_RS];
    uint32_t index = rs_free_slot(state);
    struct rs_slot *slot = &state->slot[index];
    endpoint_t created;
    int result;

    if (index == RS_NO_SLOT)
        return;
    result = rs_create(state, rs, index, PRIVILEGE_ROOT_SYS_PROC, &created);
    if (result == 0) {
        result = appoint(created);
        if (result != 0)
            rs_destroy(created);
    }
    if (result != 0) {
        log_error("no second rs: error %d", result);
        state->rs_settle_ns = rs_deadline(state, RS_TRY_AGAIN_MS);
        return;
    }
    *slot = (struct rs_slot){ .flags = RS_IN_USE, .endpoint = created, .other = RS_NO_SLOT, .late = RS_NO_SLOT };
    string_copy(slot->manifest.label, sizeof(slot->manifest.label), "rs");
    state->rs_standby = index;
}

void rs_successor_tick(struct rs_state *state)
{
    if (fault_waits) {
        fault_waits = false;
        fault_take(&waiting_fault);
    }
    if (state->boot_step != RS_BOOT_DONE || state->rs_standby != 0 || state->slot[ENDPOINT_RS].image_length == 0)
        return;
    if (state->rs_settle_ns != 0 && !rs_is_due(&state->rs_settle_ns, sys_uptime()))
        return;
    make_successor(state);
}

int rs_succeed(struct rs_state *state, uint32_t signo)
{
    struct rs_slot *rs = &state->slot[ENDPOINT_RS];
    int result = rs_map_archive(state);

    if (result != 0)
        return result;
    if (state->rs_standby != 0) { /* the dead instance is where the standby was */
        rs_destroy(state->slot[state->rs_standby].endpoint);
        rs_release(state, &state->slot[state->rs_standby]);
    }
    state->rs_standby = 0;
    state->rs_settle_ns = rs_deadline(state, SETTLE_MS);
    rs->restarts++;
    rs->last_signal = signo;
    rs_publish_row(state, rs);
    log_info("rs is back (restart %u)", rs->restarts);
    rs_arm_first(state);
    return 0;
}
