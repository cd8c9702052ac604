/* SPDX-License-Identifier: MIT */
/*
 * What the `service` command and RS exchange by address: a service to start, and the public table.
 */
#pragma once

#include "message.h"
#include "protocols/rs.h"
#include "protocols/service.h"

enum { RS_COMMAND_MAX = 512, RS_SCRIPT_MAX = 256, RS_MANIFEST_MAX = 4096, RS_ERROR_MAX = 192 };

/* How RS treats a service (behaviour.md RS-41). Those of RS_SYS_IMMUTABLE are the boot image's to say: no request changes them. */
enum rs_sys_flags {
    RS_SYS_CORE = 0x1,       /* cannot be taken down; a boot without it stops */
    RS_SYS_SYNCH_BOOT = 0x2, /* the boot waits for it before the next one runs */
    RS_SYS_NEED_COPY = 0x4,  /* does not start without its image in memory */
    RS_SYS_USE_COPY = 0x8,   /* the image stays in memory */
    RS_SYS_NEED_REPLICA = 0x10,
    RS_SYS_USE_REPLICA = 0x20, /* a second instance waits */
    RS_SYS_IMMUTABLE = RS_SYS_CORE | RS_SYS_SYNCH_BOOT | RS_SYS_NEED_COPY | RS_SYS_NEED_REPLICA,
};

/* Labels are file names in /proc/service and words of manifests and lists. */
#define RS_LABEL_CHARACTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-"

struct rs_start {
    char label[RS_LABEL_MAX];
    uint64_t image; /* ELF file in the caller's memory */
    uint64_t image_length;
    uint64_t manifest; /* text in service.conf syntax */
    uint64_t manifest_length;
    uint64_t error;     /* room for RS_ERROR_MAX bytes in the caller's memory: why the manifest was refused; 0: not wanted */
    uint32_t period_ms; /* heartbeat, 0 none; only if has_period */
    uint32_t has_period;
    uint32_t device_major; /* only if has_device */
    uint32_t has_device;
    char command[RS_COMMAND_MAX]; /* absolute path of the program, then its arguments */
    char script[RS_SCRIPT_MAX];   /* recovery script; "": the manifest's */
};

/* BACK: to the image that was kept. CHECK, KEEP, FORGET are no updates: compare the layouts only; keep the image that runs now; forget the kept one. */
enum rs_update_flags {
    RS_UPDATE_SELF = 1,
    RS_UPDATE_NOBLOCK = 2,
    RS_UPDATE_CHECK = 4,
    RS_UPDATE_KEEP = 8,
    RS_UPDATE_BACK = 16,
    RS_UPDATE_FORGET = 32,
};

struct rs_update {
    char label[RS_LABEL_MAX];
    uint32_t flags;
    uint32_t state;     /* SEF_LU_STATE_* */
    int32_t maxtime_ms; /* 0: 2 s; at most 20 s */
    uint32_t fault;     /* enum update_fault: what is to go wrong, so that the way back is seen */
    uint64_t image;     /* ELF file in the caller's memory; not with SELF */
    uint64_t image_length;
    char problem[SERVICE_PROBLEM_BYTES]; /* written by RS when it fails: why, for the operator; empty if it has nothing to say */
};

enum rs_public_state {
    RS_STATE_RUNNING = 1,
    RS_STATE_STARTING = 2,
    RS_STATE_WAITING = 3,
    RS_STATE_STOPPING = 4,
    RS_STATE_UPDATING = 5,
    RS_STATE_REPLICA = 6, /* waits beside the active instance */
    RS_STATE_SCRIPT = 7,  /* dead; its recovery script decides */
};

struct rs_public {
    char label[RS_LABEL_MAX];
    endpoint_t endpoint;
    uint32_t pid;
    uint32_t state;
    uint32_t flags;
    uint32_t restarts;
    uint32_t last_signal; /* cause of the last death, 0 none */
    uint32_t period_ms;
    uint32_t updates;
    uint64_t started_ns;
};
