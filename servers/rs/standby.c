/* SPDX-License-Identifier: MIT */
/*
 * VM's second life. VM cannot load its own successor, so one is kept ready: an instance that has never run. When VM dies the kernel swaps the two
 * and the successor takes over (servers/vm/restart.c). RS asks nothing of VM in between; the next successor is made
 * when the new VM has said that it works, or after two seconds.
 */
#include "base/string.h"
#include "errors.h"
#include "privilege.h"
#include "protocols/kernel_client.h"
#include "state.h"
#include "sys/log.h"
#include "sys/syscalls.h"

enum { SETTLE_MS = 2000 };

static struct rs_slot *standby(struct rs_state *state)
{
    return state->vm_standby == 0 ? NULL : &state->slot[state->vm_standby];
}

static void drop(struct rs_state *state)
{
    struct rs_slot *old = standby(state);

    rs_destroy(old->endpoint);
    rs_release(state, old);
    state->vm_standby = 0;
}

void rs_standby_tick(struct rs_state *state)
{
    const struct rs_slot *vm = &state->slot[ENDPOINT_VM];
    uint32_t index = rs_free_slot(state);
    endpoint_t created;
    int result;

    if (state->boot_step != RS_BOOT_DONE || state->vm_standby_is_fresh || (vm->flags & RS_ACTIVE) == 0 || vm->image_length == 0)
        return;
    if (state->vm_settle_ns != 0 && !rs_is_due(&state->vm_settle_ns, sys_uptime()))
        return;
    if (standby(state) != NULL)
        drop(state);
    if (index == RS_NO_SLOT)
        return;
    result = rs_create(state, vm, index, PRIVILEGE_RST_SYS_PROC | PRIVILEGE_VM_SYS_PROC, &created);
    if (result != 0) {
        log_error("no standby of vm: error %d", result);
        state->vm_settle_ns = rs_deadline(state, RS_TRY_AGAIN_MS);
        return;
    }
    state->slot[index] = (struct rs_slot){ .flags = RS_IN_USE, .endpoint = created, .other = RS_NO_SLOT, .late = RS_NO_SLOT };
    string_copy(state->slot[index].manifest.label, sizeof(state->slot[index].manifest.label), "vm");
    state->vm_standby = index;
    state->vm_standby_is_fresh = true;
}

void rs_standby_is_up(struct rs_state *state)
{
    state->vm_settle_ns = 0;
    rs_standby_tick(state);
}

bool rs_standby_takes_over(struct rs_state *state)
{
    struct rs_slot *vm = &state->slot[ENDPOINT_VM];
    struct kernel_update_request update = { .destination = ENDPOINT_VM };

    if (!state->vm_standby_is_fresh)
        return false;
    update.source = standby(state)->endpoint;
    if (kernel_call_update(ENDPOINT_SYSTEM, &update) != 0 || rs_allow(ENDPOINT_VM) != 0)
        return false;
    state->vm_standby_is_fresh = false;
    state->vm_settle_ns = rs_deadline(state, SETTLE_MS);
    vm->restarts++;
    rs_publish_row(state, vm);
    return true;
}
