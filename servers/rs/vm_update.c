/* SPDX-License-Identifier: MIT */
/*
 * Live update of VM (behaviour.md LU-13). RS can do next to nothing without VM, so it goes through the steps of an update (update.c) in one go:
 * the old version gets ready between two messages and waits; the two change places; the new one takes the state, looks at the tables without
 * the right to write them, checks them, says so and waits for our word. Until then the old one is whole and comes back if anything fails.
 */
#include "errors.h"
#include "privilege.h"
#include "protocols/rs.h"
#include "protocols/service_client.h"
#include "standby.h"
#include "sys/ipc.h"
#include "sys/log.h"
#include "sys/syscalls.h"

/* Both are so short that those who stand by for us do not take us for dead. */
enum { TIME_MOST_MS = 800, INIT_MS = 800, NS_PER_MS = 1000000, SIGNAL_KILL = 9 };

static const uint32_t new_flags = PRIVILEGE_LU_SYS_PROC | PRIVILEGE_VM_SYS_PROC;

/* LU-5, LU-6: `ready` is the message with which the old version waits. */
static int make_ready(struct rs_state *state, const struct rs_update *request, struct message *ready)
{
    bool is_soon = request->maxtime_ms != 0 && request->maxtime_ms < TIME_MOST_MS; /* VM is ready at once, or it hangs */
    uint64_t deadline = sys_uptime() + (uint64_t)(is_soon ? request->maxtime_ms : TIME_MOST_MS) * NS_PER_MS;
    struct service_lu_prepare_request prepare = { .state = request->state, .fault = request->fault }, cancel = { .state = 0 };
    struct message message = { .type = SERVICE_LU_PREPARE };
    struct rs_lu_ready_request answer;
    int result;

    service_lu_prepare_request_put(&message, &prepare);
    (void)sys_setalarm(deadline);
    do {
        result = ipc_send(ENDPOINT_VM, &message);
    } while (result == -EINTR && sys_uptime() < deadline && !vm_instance_has_died());
    if (result == 0)
        result = vm_instance_receive(state, RS_LU_READY, ready, deadline);
    if (result == -EINTR) {
        log_warn("vm is not ready for its update in time");
        service_send_lu_prepare(outbox_default(), ENDPOINT_VM, 0, &cancel);
    }
    if (result != 0)
        return result;
    rs_lu_ready_request_get(ready, &answer);
    if (answer.result != 0)
        vm_instance_answer(ready, answer.result);
    return answer.result;
}

/* LU-7 to LU-10. 0: the new version serves, and the old one is at `new`. */
static int take_over(struct rs_state *state, const struct rs_slot *new, const struct message *ready)
{
    const struct message up = { .type = RS_INIT_READY };
    int result = vm_instance_swap(new->endpoint);

    if (result != 0) {
        vm_instance_answer(ready, -EINTR);
        return result;
    }
    result = vm_instance_start(state, sys_uptime() + (uint64_t)INIT_MS * NS_PER_MS);
    if (result == 0) {
        vm_instance_answer(&up, 0);
        return 0;
    }
    log_warn("vm: the new version failed (error %d), the old one goes on", result);
    vm_instance_note_death(state, result);
    if (!vm_instance_has_died())
        (void)sys_kill(ENDPOINT_VM, SIGNAL_KILL);
    result = vm_instance_swap(new->endpoint);
    if (result != 0)
        log_error("vm: the old version cannot come back: error %d", result);
    vm_instance_answer(ready, -ERESTART);
    return -ERESTART;
}

static void has_succeeded(struct rs_state *state, uint64_t quiet_ns)
{
    struct rs_slot *vm = &state->slot[ENDPOINT_VM];

    vm->updates++;
    vm->pinged = false;
    rs_look_later(state, vm);
    rs_publish_row(state, vm);
    log_info("vm: update succeeded (update %u, %llu us without vm)", vm->updates, (unsigned long long)(quiet_ns / 1000));
}

static int run_update(struct rs_state *state, const struct rs_slot *new, const struct rs_update *request)
{
    struct message ready;
    uint64_t quiet;
    int result = make_ready(state, request, &ready);

    if (result != 0)
        return result;
    quiet = sys_uptime();
    result = take_over(state, new, &ready);
    if (result == 0)
        has_succeeded(state, sys_uptime() - quiet);
    return result;
}

/* The standby is of the same version: it becomes VM, and the old one the next standby. */
static int update_to_self(struct rs_state *state, const struct rs_update *request)
{
    struct rs_slot *standby = &state->slot[state->vm_standby];
    int result;

    if (state->vm_standby == 0)
        return -EAGAIN;
    result = rs_prepare(state, &state->slot[ENDPOINT_VM].manifest, standby->endpoint, new_flags);
    if (result == 0)
        result = run_update(state, standby, request);
    rs_bury_vm(state, &state->slot[ENDPOINT_VM], standby->endpoint, state->slot[ENDPOINT_VM].restarts, false);
    /* Whichever is there now: the old version, the new one that failed, or the standby with the wrong privileges. */
    rs_standby_renew(state, standby);
    return result;
}

static void swap_images(struct rs_slot *a, struct rs_slot *b)
{
    struct rs_slot old = *a;

    a->image_first = b->image_first;
    a->image_pages = b->image_pages;
    a->image = b->image;
    a->image_length = b->image_length;
    b->image_first = old.image_first;
    b->image_pages = old.image_pages;
    b->image = old.image;
    b->image_length = old.image_length;
}

/* Another version: a standby of it is ready before it begins, so that it never stands alone. */
static int update_to_binary(struct rs_state *state, const struct rs_operation *operation, const struct rs_update *request)
{
    struct rs_slot *vm = &state->slot[ENDPOINT_VM], *new, *next = NULL;
    struct rs_slot model = { .manifest = vm->manifest };
    char problem[SERVICE_PROBLEM_BYTES] = "";
    int result = rs_update_image(state, &model, operation, request);

    if (result == 0)
        result = rs_check_layouts(vm, &model, problem);
    if (problem[0] != '\0')
        rs_explain(operation, vm->manifest.label, problem);
    if (result != 0) {
        rs_release_image(state, &model);
        return result;
    }
    new = vm_instance_make(state, &model, new_flags, &result);
    if (result == 0)
        next = vm_instance_make(state, &model, PRIVILEGE_RST_SYS_PROC | PRIVILEGE_VM_SYS_PROC, &result);
    if (result == 0)
        result = run_update(state, new, request);
    if (result == 0) {
        swap_images(vm, &model);
        vm_instance_drop(state, &state->slot[state->vm_standby]);
        state->vm_standby = rs_index(state, next);
    } else if (next != NULL) {
        vm_instance_drop(state, next);
    }
    if (new != NULL) {
        rs_bury_vm(state, &model, new->endpoint, vm->restarts, false);
        vm_instance_drop(state, new);
    }
    rs_release_image(state, &model);
    return result;
}

int rs_update_vm(struct rs_state *state, const struct rs_operation *operation, const struct rs_update *request)
{
    int result;

    /* Whom a new version's problem is told. */
    state->update.slot = ENDPOINT_VM;
    state->update.operation = (uint32_t)(operation - state->operation);
    state->update.phase = RS_UPDATE_INIT;
    result = (request->flags & RS_UPDATE_SELF) != 0 ? update_to_self(state, request) : update_to_binary(state, operation, request);
    state->update.phase = RS_UPDATE_NONE;
    rs_arm_first(state);
    return result == -EDEADEPT ? -ERESTART : result;
}
