/* SPDX-License-Identifier: MIT */
/*
 * What a service may do: the structure that RS passes to the kernel (privctl) and reads back (getpriv).
 * Ids 0..SERVICE_SLOTS-1 belong to services (id == home slot); all user threads share PRIVILEGE_ID_USER.
 */
#pragma once

#include "message.h"

enum {
    PRIVILEGE_ID_USER = SERVICE_SLOTS,
    PRIVILEGE_COUNT = SERVICE_SLOTS + 1,
    PRIVILEGE_MASK_WORDS = (PRIVILEGE_COUNT + 63) / 64,
    PRIVILEGE_CALL_WORDS = 2,
    PRIVILEGE_IO_RANGES = 64,
    PRIVILEGE_MEMORY_RANGES = 20,
    PRIVILEGE_IRQS = 16,
};

/* behaviour.md RTS-3 */
enum privilege_flags {
    PRIVILEGE_PREEMPTIBLE = 0x2,
    PRIVILEGE_BILLABLE = 0x4,
    PRIVILEGE_DYNAMIC_ID = 0x8,
    PRIVILEGE_SYS_PROC = 0x10, /* is a service */
    PRIVILEGE_CHECK_IO_PORT = 0x20,
    PRIVILEGE_CHECK_IRQ = 0x40,
    PRIVILEGE_CHECK_MEM = 0x80,
    PRIVILEGE_ROOT_SYS_PROC = 0x100, /* RS */
    PRIVILEGE_VM_SYS_PROC = 0x200,   /* VM */
    PRIVILEGE_LU_SYS_PROC = 0x400,   /* a new version, made by live update */
    PRIVILEGE_RST_SYS_PROC = 0x800,  /* a replacement after a crash */
};

struct privilege_io_range {
    uint16_t base;
    uint16_t count;
};

struct privilege_memory_range {
    uint64_t base;
    uint64_t length;
};

struct privilege {
    int32_t id;
    uint32_t flags;
    uint32_t trap_mask; /* 1 << IPC_verb */
    endpoint_t signal_manager;
    endpoint_t backup_signal_manager;
    uint32_t io_count;
    uint32_t memory_count;
    uint32_t irq_count;
    uint64_t send_mask[PRIVILEGE_MASK_WORDS]; /* bit = privilege id of the destination */
    uint64_t call_mask[PRIVILEGE_CALL_WORDS]; /* bit = operation of abi/protocols/kernel.idl */
    struct privilege_io_range io[PRIVILEGE_IO_RANGES];
    struct privilege_memory_range memory[PRIVILEGE_MEMORY_RANGES];
    uint32_t irq[PRIVILEGE_IRQS];
};
