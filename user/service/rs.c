/* SPDX-License-Identifier: MIT */
/*
 * The native side of the command: SENDREC to RS. On another system (a Linux kernel) the trap does not exist and answers ENOSYS.
 */
#include "rs.h"

#include <string.h>

#include "errors.h"
#include "protocols/rs.h"

static int ask(struct message *message)
{
    long result = TRAP_BASE + IPC_SENDREC;
    long destination = ENDPOINT_RS;

    __asm__ volatile("syscall" : "+a"(result) : "D"(destination), "S"(message) : "rcx", "rdx", "r11", "memory");
    return result != 0 ? (int)result : message->status;
}

int rs_up(const struct rs_start *start, uint32_t flags)
{
    struct message message = { .type = RS_UP };
    struct rs_up_request request = { .start = (uint64_t)(uintptr_t)start, .flags = flags };

    rs_up_request_put(&message, &request);
    return ask(&message);
}

int rs_edit(const struct rs_start *start, uint32_t flags)
{
    struct message message = { .type = RS_EDIT };
    struct rs_edit_request request = { .start = (uint64_t)(uintptr_t)start, .flags = flags };

    rs_edit_request_put(&message, &request);
    return ask(&message);
}

int rs_simple(uint32_t type, const char *label)
{
    struct message message = { .type = type };
    struct rs_down_request request = { 0 };

    if (strlen(label) >= sizeof(request.label))
        return -ESRCH;
    memcpy(request.label, label, strlen(label) + 1);
    rs_down_request_put(&message, &request);
    return ask(&message);
}

int rs_shutdown(void)
{
    struct message message = { .type = RS_SHUTDOWN };

    return ask(&message);
}

int rs_lookup(const char *label, endpoint_t *service)
{
    struct message message = { .type = RS_LOOKUP };
    struct rs_lookup_request request = { 0 };
    struct rs_lookup_reply reply;
    int result;

    if (strlen(label) >= sizeof(request.label))
        return -ESRCH;
    memcpy(request.label, label, strlen(label) + 1);
    rs_lookup_request_put(&message, &request);
    result = ask(&message);
    if (result != 0)
        return result;
    rs_lookup_reply_get(&message, &reply);
    *service = reply.service;
    return 0;
}

int rs_list(struct rs_public *table, uint32_t room)
{
    struct message message = { .type = RS_LIST };
    struct rs_list_request request = { .table = (uint64_t)(uintptr_t)table, .room = room };
    struct rs_list_reply reply;
    int result;

    rs_list_request_put(&message, &request);
    result = ask(&message);
    if (result != 0)
        return result;
    rs_list_reply_get(&message, &reply);
    return (int)(reply.count < room ? reply.count : room);
}

int rs_crash(const char *label, const struct rs_crash_request *fault)
{
    struct message message = { .type = RS_CRASH };
    struct rs_crash_request request = *fault;

    if (strlen(label) >= sizeof(request.label))
        return -ESRCH;
    memcpy(request.label, label, strlen(label) + 1);
    rs_crash_request_put(&message, &request);
    return ask(&message);
}

int rs_update(const struct rs_update *update)
{
    struct message message = { .type = RS_UPDATE };
    struct rs_update_request request = { .update = (uint64_t)(uintptr_t)update };

    rs_update_request_put(&message, &request);
    return ask(&message);
}
