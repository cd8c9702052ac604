/* SPDX-License-Identifier: MIT */
/*
 * The sequence of attempts, as the init callback: init fails if one answer is wrong, and the log says which.
 */
#include "base/string.h"
#include "errors.h"
#include "protocols/kernel_client.h"
#include "protocols/rs_client.h"
#include "protocols/vm.h"
#include "rs_info.h"
#include "rs_start.h"
#include "sys/grant.h"
#include "sys/ipc.h"
#include "sys/log.h"
#include "sys/sef.h"
#include "sys/service.h"
#include "sys/syscalls.h"

enum { HELLO = 12, ARENA_BYTES = 4096 };

struct warden_state {
    uint32_t tried;
};

static struct warden_state warden_state SERVICE_STATE;
static struct rs_public table[SERVICE_SLOTS] SERVICE_DERIVED;

static bool is(const char *attempt, int64_t answer, int64_t right)
{
    warden_state.tried++;
    if (answer != right)
        log_error("%s: %lld, must be %lld", attempt, (long long)answer, (long long)right);
    return answer == right;
}

/* `control` names hello, and ghost, which is not there. */
static bool ask_rs(void)
{
    struct rs_down_request tty = { .label = "tty" }, ghost = { .label = "ghost" };
    struct rs_restart_request restart = { .label = "hello" };
    struct rs_refresh_request refresh = { .label = "hello" };
    struct rs_getsysinfo_request info = { .what = RS_SYSINFO_PUBLIC, .address = (uint64_t)(uintptr_t)table, .length = sizeof(table) };

    return is("down tty", rs_call_down(ENDPOINT_RS, &tty), -EPERM) && is("down ghost", rs_call_down(ENDPOINT_RS, &ghost), -ESRCH) &&
           is("shutdown", rs_call_shutdown(ENDPOINT_RS), -EPERM) && is("getsysinfo", rs_call_getsysinfo(ENDPOINT_RS, &info), -EPERM) &&
           is("restart hello, which lives", rs_call_restart(ENDPOINT_RS, &restart), -EBUSY) &&
           is("refresh hello", rs_call_refresh(ENDPOINT_RS, &refresh), 0);
}

/* By hand: the image build refuses a service whose stubs call what its manifest forbids. */
static int attempt(endpoint_t server, uint32_t type)
{
    struct message message = { .type = type };
    int result = ipc_sendrec(server, &message);

    return result != 0 ? result : message.status;
}

static bool ask_kernel(void)
{
    struct kernel_times_request times = { .process = ENDPOINT_SELF };
    struct kernel_times_reply answer;

    return is("unknown kernel call", attempt(ENDPOINT_SYSTEM, PROTOCOL_KERNEL << 16 | 127), -EBADREQUEST) &&
           is("kill", attempt(ENDPOINT_SYSTEM, KERNEL_KILL), -ECALLDENIED) &&
           is("getpriv", attempt(ENDPOINT_SYSTEM, KERNEL_GETPRIV), -ECALLDENIED) &&
           is("times", kernel_call_times(ENDPOINT_SYSTEM, &times, &answer), 0);
}

static bool ask_vm(void)
{
    return is("vm.info", attempt(ENDPOINT_VM, VM_INFO), -EPERM) && is("vm.exit", attempt(ENDPOINT_VM, VM_EXIT), -EPERM) &&
           is("arena", service_arena("scratch", ARENA_BYTES) != NULL, true);
}

static bool ask_peers(void)
{
    struct message message = { .type = 1 };

    return is("message to hello", ipc_sendrec(HELLO, &message), -ECALLDENIED) && is("notify hello", ipc_notify(HELLO), -ECALLDENIED);
}

/* SEF-21: everybody may read the public table, and finds itself. */
static bool read_table(const struct sef_init_info *info)
{
    uint32_t slot = endpoint_slot(service_endpoint());

    return is("read the public table", sys_safecopyfrom(ENDPOINT_RS, info->rproctab_gid, 0, table, sizeof(table)), 0) &&
           is("write to it", sys_safecopyto(ENDPOINT_RS, info->rproctab_gid, 0, table, sizeof(table)), -EPERM) &&
           is("own label", strcmp(table[slot].label, service_name()), 0) && is("own endpoint", table[slot].endpoint, service_endpoint()) &&
           is("own endpoint, told by init", info->endpoint, service_endpoint());
}

static int init(int type, struct sef_init_info *info)
{
    (void)type;
    if (!read_table(info) || !ask_kernel() || !ask_vm() || !ask_peers() || !ask_rs())
        return -EIO;
    log_info("%u answers were right", warden_state.tried);
    return 0;
}

int main(void)
{
    static const struct service service = { .name = "warden", .state = &warden_state, .state_bytes = sizeof(warden_state) };

    sef_setcb_init_fresh(init);
    sef_setcb_init_restart(init);
    sef_setcb_signal_handler(sef_cb_signal_handler_term);
    service_run(&service);
}
