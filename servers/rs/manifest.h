/* SPDX-License-Identifier: MIT */
/*
 * A manifest: what a service is allowed to do and how RS treats it. Syntax (service.conf): `service LABEL { key value...; ... }`, `#` to the end of
 * the line is a comment.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "privilege.h"
#include "rs_start.h"

enum {
    MANIFEST_PEERS = 24,
    MANIFEST_DEVICES = 8,
    MANIFEST_IO = 16,
    MANIFEST_MEMORY = 8,
    MANIFEST_ERROR_BYTES = 96,
};

struct manifest_device {
    uint32_t major;
    uint32_t first;
    uint32_t last;
};

struct manifest {
    char label[RS_LABEL_MAX];
    uint32_t uid;
    uint32_t level;
    uint32_t heartbeat_ms;
    uint32_t priority;
    uint32_t quantum_ms;
    uint8_t resume;    /* a restart takes the old state over */
    uint8_t keep_copy; /* the image stays in memory */
    uint8_t all_peers;
    uint8_t boot_image; /* may map the boot archive */
    uint32_t peer_count;
    uint32_t device_count;
    uint32_t io_count;
    uint32_t irq_count;
    uint32_t memory_count;
    uint64_t call_mask[PRIVILEGE_CALL_WORDS];
    char peer[MANIFEST_PEERS][RS_LABEL_MAX];
    struct manifest_device device[MANIFEST_DEVICES];
    struct privilege_io_range io[MANIFEST_IO];
    struct privilege_memory_range memory[MANIFEST_MEMORY];
    uint32_t irq[PRIVILEGE_IRQS];
};

/* Find `service label` in a text and read it. label NULL: the first one. -ESRCH: not there; -EINVAL: error says what is wrong. */
int manifest_read(const char *text, size_t length, const char *label, struct manifest *manifest, char error[MANIFEST_ERROR_BYTES]);
