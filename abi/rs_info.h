/* SPDX-License-Identifier: MIT */
/*
 * What RS tells about its services (rs.getsysinfo, rs.service_info): one row each, with the policy that holds for it now.
 */
#pragma once

#include "message.h"
#include "privilege.h"
#include "protocols/rs.h"

enum { RS_INFO_PEERS = 24, RS_INFO_CONTROL = 8, RS_INFO_SCRIPT = 256 };

/* Why the last instance ended. */
enum rs_cause {
    RS_CAUSE_NONE = 0,
    RS_CAUSE_SIGNAL = 1,    /* by itself, or somebody killed it: last_signal says how */
    RS_CAUSE_HEARTBEAT = 2, /* it did not answer */
    RS_CAUSE_INIT = 3,      /* it could not initialise, or not in time */
    RS_CAUSE_STOPPED = 4,   /* an operator wanted it */
    RS_CAUSE_DEPENDS = 5,   /* a service on whose state its own depends starts afresh */
};

struct rs_process {
    char label[RS_LABEL_MAX];
    endpoint_t endpoint; /* NONE: this slot is free, all else is 0 */
    endpoint_t other;    /* second instance: the replica, or the old version while it is replaced; NONE */
    uint32_t pid;
    uint32_t state; /* enum rs_public_state */
    uint32_t flags; /* behaviour.md RS-40 */
    uint32_t sys_flags;
    uint32_t restarts;
    uint32_t recent; /* restarts in a row after which it hardly served */
    uint32_t updates;
    uint32_t cause; /* enum rs_cause */
    uint32_t last_signal;
    uint32_t uid;
    uint32_t level;
    uint32_t heartbeat_ms;
    uint32_t priority;
    uint32_t quantum_ms;
    int32_t cpu;
    uint32_t resume;
    uint32_t all_peers;
    uint32_t user_peers;
    uint32_t peer_count;
    uint32_t control_count;
    uint32_t device_count;
    uint32_t io_count;
    uint32_t irq_count;
    uint32_t memory_count;
    uint32_t pci_count;
    uint32_t reports; /* dead instances of it that wait for the coroner */
    uint64_t started_ns;
    uint64_t image_bytes;
    uint64_t call_mask[PRIVILEGE_CALL_WORDS];
    uint64_t vm_mask;
    char signal_manager[RS_LABEL_MAX];
    char scheduler[RS_LABEL_MAX];
    char peer[RS_INFO_PEERS][RS_LABEL_MAX];
    char control[RS_INFO_CONTROL][RS_LABEL_MAX];
    char script[RS_INFO_SCRIPT];
};
