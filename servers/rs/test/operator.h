/* SPDX-License-Identifier: MIT */
/*
 * RS with a scripted kernel, VM and PM, and an operator who asks. Included by one test file each.
 */
#pragma once

#include "../state.h"

#include "errors.h"
#include "privilege.h"
#include "protocols/ds.h"
#include "protocols/kernel.h"
#include "protocols/pm.h"
#include "protocols/protocol_trace.h"
#include "protocols/rs_server.h"
#include "protocols/service.h"
#include "protocols/vfs.h"
#include "protocols/vm.h"
#include "sys/syscalls.h"
#include "testing/fake_kernel.h"
#include "testing/testing.h"

enum { PM_SLOT = 0, HELLO = 12, OPERATOR = 300, IMAGE_BYTES = 5000, AREA_PAGES = 64 };

static __attribute__((unused)) struct rs_state state;
static __attribute__((unused)) struct rs_start start;
static __attribute__((unused)) struct message request, reply;
static __attribute__((unused)) struct privilege privileges[SERVICE_SLOTS];
static __attribute__((unused)) uint8_t area[AREA_PAGES * RS_PAGE_BYTES], image[IMAGE_BYTES];
static __attribute__((unused)) char told[RS_ERROR_MAX];
static __attribute__((unused)) uint32_t generation[SERVICE_SLOTS];
static __attribute__((unused)) endpoint_t cleared, killed;
static __attribute__((unused)) int create_answer, load_answer, update_answer;
static __attribute__((unused)) struct kernel_schedctl_request scheduled;
static __attribute__((unused)) uint64_t vm_masks[SERVICE_SLOTS];

int sys_kill(endpoint_t process, int signo)
{
    (void)signo;
    killed = process;
    return 0;
}

static __attribute__((unused)) void privctl(struct message *message)
{
    struct kernel_privctl_request control;

    kernel_privctl_request_get(message, &control);
    if (control.request != KERNEL_PRIVILEGE_REQUEST_SET_SYS && control.request != KERNEL_PRIVILEGE_REQUEST_UPDATE_SYS)
        return;
    if (control.request == KERNEL_PRIVILEGE_REQUEST_UPDATE_SYS && update_answer != 0) {
        message->status = update_answer;
        return;
    }
    memcpy(&privileges[endpoint_slot(control.process) % SERVICE_SLOTS], (void *)(uintptr_t)control.privileges, sizeof(struct privilege));
}

static __attribute__((unused)) int world(endpoint_t destination, struct message *message)
{
    struct kernel_create_request create;
    struct kernel_create_reply created;
    struct kernel_clear_request clear;
    struct kernel_getpriv_request get;
    struct vm_set_mask_request mask;

    (void)destination;
    message->status = 0;
    switch (message->type) {
    case KERNEL_CREATE:
        kernel_create_request_get(message, &create);
        message->status = create_answer;
        created.process = endpoint_make((int)++generation[create.slot], create.slot);
        kernel_create_reply_put(message, &created);
        break;
    case KERNEL_CLEAR:
        kernel_clear_request_get(message, &clear);
        cleared = clear.process;
        break;
    case KERNEL_PRIVCTL:
        privctl(message);
        break;
    case KERNEL_GETPRIV:
        kernel_getpriv_request_get(message, &get);
        memcpy((void *)(uintptr_t)get.privileges, &privileges[endpoint_slot(get.process) % SERVICE_SLOTS], sizeof(struct privilege));
        break;
    case KERNEL_SCHEDCTL:
        kernel_schedctl_request_get(message, &scheduled);
        break;
    case VM_SET_MASK:
        vm_set_mask_request_get(message, &mask);
        vm_masks[mask.slot % SERVICE_SLOTS] = mask.mask;
        break;
    case VM_LOAD_SERVICE:
        message->status = load_answer;
        break;
    default:
        break;
    }
    return 0;
}

static __attribute__((unused)) struct rs_slot *add(uint32_t index, const char *label)
{
    struct rs_slot *slot = &state.slot[index];

    *slot = (struct rs_slot){
        .flags = RS_IN_USE | RS_ACTIVE | RS_PUBLISHED, .endpoint = (endpoint_t)index, .other = RS_NO_SLOT, .late = RS_NO_SLOT
    };
    memcpy(slot->manifest.label, label, strlen(label) + 1);
    slot->manifest.sys_flags = RS_SYS_USE_COPY;
    slot->manifest.quantum_ms = 10;
    slot->manifest.priority = 4;
    slot->image = (uint64_t)(uintptr_t)image;
    slot->image_length = IMAGE_BYTES;
    memcpy(slot->command, "/service/hello", sizeof("/service/hello"));
    return slot;
}

/* pm, which is core, and hello run; an operator has a service.conf and a program in its hands. */
static __attribute__((unused)) struct rs_slot *begin(void)
{
    fake_reset();
    fake_sendrec = world;
    create_answer = load_answer = update_answer = 0;
    cleared = killed = ENDPOINT_NONE;
    memset(generation, 0, sizeof(generation));
    memset(privileges, 0, sizeof(privileges));
    memset(&state, 0, sizeof(state));
    memset(&start, 0, sizeof(start));
    for (int i = 0; i < SERVICE_SLOTS; i++) {
        state.slot[i].other = state.slot[i].late = RS_NO_SLOT;
        state.slot[i].endpoint = ENDPOINT_NONE;
    }
    state.boot_step = RS_BOOT_DONE;
    state.image_area = (uint64_t)(uintptr_t)area;
    memset(state.image_used, 0xff, sizeof(state.image_used));
    state.image_used[0] = 0; /* AREA_PAGES are free */
    memcpy(start.label, "probe", sizeof("probe"));
    memcpy(start.command, "/service/probe one two", sizeof("/service/probe one two"));
    start.image = (uint64_t)(uintptr_t)image;
    start.image_length = IMAGE_BYTES;
    start.error = (uint64_t)(uintptr_t)told;
    add(PM_SLOT, "pm")->manifest.sys_flags |= RS_SYS_CORE;
    return add(HELLO, "hello");
}

static __attribute__((unused)) void set_manifest(const char *text)
{
    start.manifest = (uint64_t)(uintptr_t)text;
    start.manifest_length = strlen(text);
}

/* PM's word about who the operator is. */
static __attribute__((unused)) void identify(uint32_t uid, int status)
{
    struct pm_identify_reply who = { .euid = uid };
    struct message answer = { .type = PM_IDENTIFY | MESSAGE_REPLY, .status = status };

    answer.transaction = fake_sent_to(ENDPOINT_PM)->message.transaction;
    pm_identify_reply_put(&answer, &who);
    fake_sent_clear();
    rs_identified(&state, &answer, outbox_default());
    CHECK(rs_state_check(&state) == NULL);
}

enum { NO_ANSWER_YET = 1 };

/* The request in `request`, asked by a user with this uid. */
static __attribute__((unused)) int ask_as(uint32_t uid)
{
    struct call call = fake_call(OPERATOR, IPC_SENDREC | IPC_STATUS_FROM_USER, &request, &reply);
    int result = rs_dispatch(&state, &call);

    if (result != CALL_PARKED)
        return result;
    identify(uid, 0);
    return fake_sent_to(OPERATOR) == NULL ? NO_ANSWER_YET : fake_sent_to(OPERATOR)->message.status;
}

static __attribute__((unused)) int ask_label(uint32_t type, const char *label)
{
    struct rs_down_request down = { 0 }; /* down, refresh, restart, clone: the same layout */

    memcpy(down.label, label, strlen(label) + 1);
    request = (struct message){ .type = type };
    rs_down_request_put(&request, &down);
    return ask_as(0);
}

static __attribute__((unused)) int ask_up(uint32_t flags)
{
    struct rs_up_request up = { .start = (uint64_t)(uintptr_t)&start, .flags = flags };

    request = (struct message){ .type = RS_UP };
    rs_up_request_put(&request, &up);
    return ask_as(0);
}

static __attribute__((unused)) int ask_edit(uint32_t flags)
{
    struct rs_edit_request edit = { .start = (uint64_t)(uintptr_t)&start, .flags = flags };

    request = (struct message){ .type = RS_EDIT };
    rs_edit_request_put(&request, &edit);
    return ask_as(0);
}

static __attribute__((unused)) int ready(endpoint_t service, int result)
{
    struct rs_init_ready_request init = { .result = result };
    struct call call;

    request = (struct message){ .type = RS_INIT_READY };
    rs_init_ready_request_put(&request, &init);
    call = fake_call(service, IPC_SENDREC, &request, &reply);
    fake_sent_clear();
    return rs_dispatch(&state, &call);
}

static __attribute__((unused)) void die(struct rs_slot *slot, int signo)
{
    const char *problem;

    fake_sent_clear();
    CHECK_EQ(rs_signal(&state, slot->endpoint, signo, outbox_default()), -EDEADEPT);
    problem = rs_state_check(&state);
    CHECK_STR(problem == NULL ? "good" : problem, "good");
}

static __attribute__((unused)) int sent_count(uint32_t type)
{
    int count = 0;

    for (uint32_t i = 0; i < fake_sent_count(); i++)
        count += fake_sent(i)->message.type == type;
    return count;
}
