/* SPDX-License-Identifier: MIT */
/*
 * What PM tells procfs about each process (pm.idl process_table). Times in ns.
 */
#pragma once

#include "message.h"

struct pm_process_info {
    endpoint_t endpoint;
    uint32_t pid;
    uint32_t parent;
    uint32_t group;
    uint32_t session;
    uint32_t uid, euid, gid, egid;
    uint32_t threads;
    int32_t nice;
    uint32_t tty; /* device number or 0 */
    char state;   /* R S D T Z as in ps */
    char name[16];
    uint8_t is_service;
    uint8_t reserved[2];
    uint32_t exit_status;
    uint32_t reserved_word;
    uint64_t start_ns; /* uptime at start */
    uint64_t user_ns, system_ns;
    uint64_t children_user_ns, children_system_ns;
    uint64_t arguments_start, arguments_end; /* in the process's memory */
    uint64_t environment_start, environment_end;
    uint64_t signals_pending, signals_blocked, signals_ignored, signals_caught;
};

enum { PM_NAME_BYTES = 65 }; /* with the NUL, as in Linux's struct utsname */

struct pm_names {
    char host[PM_NAME_BYTES];
    char domain[PM_NAME_BYTES];
};
