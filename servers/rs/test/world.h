/* SPDX-License-Identifier: MIT */
/*
 * A world for a successor of RS: the kernel's slots with what is in them, and VM. It can stop to answer at a call, as if RS died there. The including
 * test defines what a process has in its memory, if it matters.
 */
#pragma once

#include <string.h>

#include "../state.h"
#include "errors.h"
#include "kernel_info.h"
#include "privilege.h"
#include "protocols/kernel.h"
#include "protocols/vm.h"
#include "testing/fake_kernel.h"
#include "testing/testing.h"

enum { WORLD_SLOTS = SERVICE_SLOTS + 64, FIRST_SPACE = 100 };

/* Contents are told apart by their space; endpoints stay with the slot. */
static struct {
    endpoint_t endpoint; /* NONE: free */
    uint32_t space;
    uint32_t flags;
    uint32_t misc;
    endpoint_t waits_for;
    endpoint_t backup;
    const uint8_t *image;
    char name[PROCESS_NAME_BYTES];
} world[WORLD_SLOTS];

static uint32_t next_space, calls_left;
static bool is_dead;
static uint64_t archive; /* its address, as VM maps it */

static void world_reset(void)
{
    fake_reset();
    fake_uptime_ns = 1000000000;
    calls_left = 0;
    is_dead = false;
    next_space = 1000;
    memset(world, 0, sizeof(world));
    for (uint32_t i = 0; i < WORLD_SLOTS; i++)
        world[i].endpoint = world[i].backup = world[i].waits_for = ENDPOINT_NONE;
}

static void world_add(uint32_t index, endpoint_t endpoint, const char *name)
{
    world[index].endpoint = endpoint;
    world[index].space = FIRST_SPACE + index;
    memcpy(world[index].name, name, strlen(name) + 1);
}

/* What stays is the endpoint. */
static void exchange(endpoint_t a, endpoint_t b)
{
    uint32_t x = endpoint_slot(a), y = endpoint_slot(b);

    CHECK(world[x].endpoint == a && world[y].endpoint == b);
    world[WORLD_SLOTS - 1] = world[x];
    world[x] = world[y];
    world[y] = world[WORLD_SLOTS - 1];
    world[x].endpoint = a;
    world[y].endpoint = b;
    world[WORLD_SLOTS - 1].endpoint = ENDPOINT_NONE;
}

static size_t world_list(uint64_t first, struct process_info *info, size_t room)
{
    size_t count = 0;

    for (uint64_t i = first; i < WORLD_SLOTS; i++) {
        if (world[i].endpoint == ENDPOINT_NONE)
            continue;
        if (count < room)
            info[count] = (struct process_info){ .endpoint = world[i].endpoint,
                                                 .slot = (uint32_t)i,
                                                 .space = world[i].space,
                                                 .rts_flags = world[i].flags,
                                                 .misc_flags = world[i].misc,
                                                 .waits_for = world[i].waits_for };
        if (count < room)
            memcpy(info[count].name, world[i].name, PROCESS_NAME_BYTES);
        count++;
    }
    return count * sizeof(*info);
}

static void do_create(const struct message *request, struct message *reply)
{
    struct kernel_create_request create;
    struct kernel_create_reply created;

    kernel_create_request_get(request, &create);
    if (world[create.slot].endpoint != ENDPOINT_NONE && world[create.slot].space != 0) {
        reply->status = -EBUSY; /* it has a program already */
        return;
    }
    world_add(create.slot, endpoint_make(1, create.slot), create.name);
    world[create.slot].space = 0;
    world[create.slot].flags = PROCESS_NO_PRIV;
    world[create.slot].misc = 0;
    world[create.slot].backup = ENDPOINT_NONE;
    created.process = world[create.slot].endpoint;
    kernel_create_reply_put(reply, &created);
}

static void do_load(const struct message *request, struct message *reply)
{
    struct vm_load_service_request load;
    struct vm_load_service_reply loaded = { .space = ++next_space };

    vm_load_service_request_get(request, &load);
    world[load.slot].space = next_space;
    world[load.slot].image = (const uint8_t *)(uintptr_t)load.image;
    vm_load_service_reply_put(reply, &loaded);
}

static void do_privctl(const struct message *request)
{
    struct kernel_privctl_request privctl;
    uint32_t slot;

    kernel_privctl_request_get(request, &privctl);
    slot = endpoint_slot(privctl.process);
    if (privctl.request == KERNEL_PRIVILEGE_REQUEST_ALLOW)
        world[slot].flags &= ~(uint32_t)PROCESS_NO_PRIV;
    else if (privctl.request == KERNEL_PRIVILEGE_REQUEST_DISALLOW)
        world[slot].flags |= PROCESS_NO_PRIV;
    else if (privctl.request == KERNEL_PRIVILEGE_REQUEST_UPDATE_SYS)
        world[slot].backup = ((const struct privilege *)(uintptr_t)privctl.privileges)->backup_signal_manager;
}

static void do_getpriv(const struct message *request)
{
    struct kernel_getpriv_request getpriv;

    kernel_getpriv_request_get(request, &getpriv);
    ((struct privilege *)(uintptr_t)getpriv.privileges)->backup_signal_manager = world[endpoint_slot(getpriv.process)].backup;
}

static void do_clear(const struct message *request)
{
    struct kernel_clear_request clear;

    kernel_clear_request_get(request, &clear);
    world[endpoint_slot(clear.process)].endpoint = ENDPOINT_NONE;
}

static void do_getinfo(const struct message *request, struct message *reply)
{
    struct kernel_getinfo_request getinfo;
    struct kernel_getinfo_reply answer = { 0 };

    kernel_getinfo_request_get(request, &getinfo);
    CHECK_EQ(getinfo.what, KERNEL_INFO_PROCESSES);
    answer.length_bytes = world_list(getinfo.argument, (struct process_info *)(uintptr_t)getinfo.address,
                                     getinfo.length / sizeof(struct process_info));
    kernel_getinfo_reply_put(reply, &answer);
}

static void do_vm_update(const struct message *request)
{
    struct vm_update_request update;

    vm_update_request_get(request, &update);
    if (update.swapped == 0)
        exchange(update.source, update.destination);
}

static void do_update(const struct message *request)
{
    struct kernel_update_request update;

    kernel_update_request_get(request, &update);
    exchange(update.source, update.destination);
}

static void do_call(struct message *message)
{
    const struct message request = *message;
    struct vm_map_physical_reply mapped = { .address = archive };

    switch (request.type) {
    case KERNEL_CREATE:
        do_create(&request, message);
        break;
    case VM_LOAD_SERVICE:
        do_load(&request, message);
        break;
    case KERNEL_PRIVCTL:
        do_privctl(&request);
        break;
    case KERNEL_GETPRIV:
        do_getpriv(&request);
        break;
    case KERNEL_CLEAR:
        do_clear(&request);
        break;
    case KERNEL_GETINFO:
        do_getinfo(&request, message);
        break;
    case KERNEL_UPDATE:
        do_update(&request);
        break;
    case VM_UPDATE:
        do_vm_update(&request);
        break;
    case VM_MAP_PHYSICAL:
        vm_map_physical_reply_put(message, &mapped);
        break;
    default:
        break;
    }
}

/* RS dies after a call, before it learns the answer: whatever it does then does not happen. */
static int world_call(endpoint_t destination, struct message *message)
{
    (void)destination;
    message->status = 0;
    if (is_dead)
        message->status = -EDEADSRCDST;
    else
        do_call(message);
    is_dead |= calls_left > 0 && --calls_left == 0;
    return 0;
}

static uint32_t processes(void)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < SERVICE_SLOTS; i++)
        count += world[i].endpoint != ENDPOINT_NONE;
    return count;
}
