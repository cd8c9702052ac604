/* SPDX-License-Identifier: MIT */
/*
 * The envelope of every message, endpoints, and the native traps.
 * One idea: 64 bytes, one cache line; type and status are different fields, so a reply names its request.
 * Shared by the kernel, all services and native user programs; contains no policy.
 */
#pragma once

#include <stdint.h>

typedef int32_t endpoint_t;
typedef int32_t grant_t;

/* Slots 0..SERVICE_SLOTS-1 are services, the rest are threads of user programs. */
enum {
    SERVICE_SLOTS = 256,
    USER_SLOTS = 4096,
    PROCESS_SLOTS = SERVICE_SLOTS + USER_SLOTS,
    ENDPOINT_SLOT_BITS = 13,
    ENDPOINT_SLOT_MASK = (1 << ENDPOINT_SLOT_BITS) - 1,
    ENDPOINT_GENERATION_MAX = (1 << (31 - ENDPOINT_SLOT_BITS)) - 1,
};

/* Endpoints below zero are kernel tasks and wildcards. */
enum {
    ENDPOINT_SYSTEM = -2,   /* destination of kernel calls; source of signal notifications */
    ENDPOINT_CLOCK = -3,    /* source of alarm notifications */
    ENDPOINT_HARDWARE = -1, /* source of interrupt notifications */
    ENDPOINT_IDLE = -4,
    ENDPOINT_ANY = -0x7ffe,  /* receive from anybody */
    ENDPOINT_NONE = -0x7fff, /* nobody */
    ENDPOINT_SELF = -0x7ffd, /* the caller */
};

/* Boot services have generation 0, so endpoint == slot, for ever. */
enum {
    ENDPOINT_PM = 0,
    ENDPOINT_VFS = 1,
    ENDPOINT_RS = 2,
    ENDPOINT_VM = 3,
    ENDPOINT_DS = 4,
    ENDPOINT_SCHED = 5,
    ENDPOINT_TMPFS = 6, /* the root file system */
    ENDPOINT_DEVFS = 7,
    ENDPOINT_PROCFS = 8,
    ENDPOINT_TTY = 9,
    ENDPOINT_MEMORY = 10,
    ENDPOINT_RANDOM = 11,
    ENDPOINT_HELLO = 12,
    ENDPOINT_INIT = SERVICE_SLOTS, /* slot 256: pid 1 */
};

static inline uint32_t endpoint_slot(endpoint_t endpoint)
{
    return (uint32_t)endpoint & ENDPOINT_SLOT_MASK;
}

static inline uint32_t endpoint_generation(endpoint_t endpoint)
{
    return (uint32_t)endpoint >> ENDPOINT_SLOT_BITS;
}

static inline endpoint_t endpoint_make(uint32_t generation, uint32_t slot)
{
    return (endpoint_t)(generation << ENDPOINT_SLOT_BITS | slot);
}

/* source: written by the kernel. status: 0 or a negative error, replies only. transaction: chosen by the caller, echoed. */
struct message {
    endpoint_t source;
    uint32_t type; /* protocol << 16 | MESSAGE_REPLY | operation */
    int32_t status;
    uint32_t transaction;
    union {
        uint8_t payload[48];
        uint64_t word[6]; /* the six arguments of a Linux system call; word[0] of a reply is its result */
    };
} __attribute__((aligned(64)));

_Static_assert(sizeof(struct message) == 64, "a message is one cache line");

enum {
    MESSAGE_PAYLOAD_BYTES = 48,
    MESSAGE_REPLY = 0x8000,
    MESSAGE_OPERATION_MASK = 0x7fff,
};

/* Protocols whose numbers the kernel knows; services' own numbers stand in abi/protocols. */
enum {
    PROTOCOL_NOTIFY = 0, /* type of a notification: operation 0; word[0]: pending bits (signals, interrupts), word[1]: time in ns */
    PROTOCOL_KERNEL = 1, /* kernel calls, to ENDPOINT_SYSTEM */
    PROTOCOL_EVENT = 30, /* calls that the kernel makes for a thread (faults, signal delivery); cannot be sent by anybody else */
    PROTOCOL_LINUX = 31, /* a Linux system call made into a message; cannot be sent by anybody else */
};

static inline uint32_t message_protocol(uint32_t type)
{
    return type >> 16;
}

static inline uint32_t message_operation(uint32_t type)
{
    return type & MESSAGE_OPERATION_MASK;
}

/*
 * Native traps: the `syscall` instruction with rax = TRAP_BASE + verb. Numbers below TRAP_BASE are Linux system calls.
 *   rdi  destination, source, or for SENDA the table
 *   rsi  struct message * (aligned 64), or for SENDA the number of entries
 *   rdx  RECEIVE, SENDREC, REPLY_RECEIVE: nothing. REPLY_RECEIVE receives from ANY.
 * Returns rax = 0 or a negative error; after a successful receive rdx = receive status (enum ipc_status).
 * rcx and r11 are clobbered (by the instruction), all other registers are kept.
 */
enum {
    TRAP_BASE = 0x1000,
    IPC_SEND = 1,
    IPC_RECEIVE = 2,
    IPC_SENDREC = 3,
    IPC_NOTIFY = 4,
    IPC_SENDNB = 5,
    IPC_SENDA = 6,
    IPC_REPLY_RECEIVE =
        7, /* SENDNB the message in *rsi to rdi (its error is ignored: a dead caller wants no reply), then RECEIVE from ANY into *rsi */
};

/* Receive status: low byte is the verb that the sender used. */
enum ipc_status {
    IPC_STATUS_VERB_MASK = 0xff,
    IPC_STATUS_FROM_KERNEL = 0x100, /* the kernel made the message: Linux call, fault, signal, notification */
    IPC_STATUS_FROM_USER = 0x200,   /* the sender is a thread of a user program */
};

/* One entry of a SENDA table (behaviour.md IPC-4). */
enum asynsend_flags {
    ASYN_EMPTY = 0,
    ASYN_VALID = 1,
    ASYN_DONE = 2,    /* set by the kernel: result is stored */
    ASYN_NOTIFY = 4,  /* notify the sender when the entry is done */
    ASYN_NOREPLY = 8, /* never satisfies the receive half of a SENDREC */
    ASYN_NOTIFY_ERROR = 16,
};

struct asynsend_entry {
    uint32_t flags;
    endpoint_t destination;
    int32_t result;
    uint32_t reserved;
    uint64_t reserved_line[6];
    struct message message;
} __attribute__((aligned(64)));
