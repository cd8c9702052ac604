/* SPDX-License-Identifier: MIT */
/*
 * The native side: SENDREC to RS. On another system (a Linux kernel) the trap does not exist and answers ENOSYS.
 */
#include "rs.h"

enum { READ_MAX = 65536 };

static int ask(struct message *message)
{
    long result = TRAP_BASE + IPC_SENDREC;
    long destination = ENDPOINT_RS;

    __asm__ volatile("syscall" : "+a"(result) : "D"(destination), "S"(message) : "rcx", "rdx", "r11", "memory");
    return result != 0 ? (int)result : message->status;
}

int corpse_wait(void)
{
    struct message message = { .type = RS_CORPSE_WAIT };

    return ask(&message);
}

int corpse_take(struct rs_corpse *corpse)
{
    struct message message = { .type = RS_CORPSE_TAKE };
    struct rs_corpse_take_request request = { .corpse = (uint64_t)(uintptr_t)corpse };

    rs_corpse_take_request_put(&message, &request);
    return ask(&message);
}

int corpse_read(uint64_t from, void *to, size_t length)
{
    for (size_t done = 0; done < length;) {
        size_t part = length - done < READ_MAX ? length - done : READ_MAX;
        struct message message = { .type = RS_CORPSE_READ };
        struct rs_corpse_read_request request = { .from = from + done, .to = (uint64_t)(uintptr_t)to + done, .length = part };
        int result;

        rs_corpse_read_request_put(&message, &request);
        result = ask(&message);
        if (result != 0)
            return result;
        done += part;
    }
    return 0;
}
