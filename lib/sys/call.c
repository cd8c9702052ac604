/* SPDX-License-Identifier: MIT */
/*
 * Who may make a call. The labels of boot services have fixed endpoints, so the usual question is one comparison of two short texts; for
 * others RS's public table is read.
 */
#include "sys/call.h"

#include <stddef.h>

#include "base/string.h"
#include "rs_start.h"
#include "sys/grant.h"
#include "sys/loop.h"

static const char boot_label[][RS_LABEL_MAX] = {
    [ENDPOINT_PM] = "pm",         [ENDPOINT_VFS] = "vfs",     [ENDPOINT_RS] = "rs",         [ENDPOINT_VM] = "vm",
    [ENDPOINT_DS] = "ds",         [ENDPOINT_SCHED] = "sched", [ENDPOINT_TMPFS] = "tmpfs",   [ENDPOINT_DEVFS] = "devfs",
    [ENDPOINT_PROCFS] = "procfs", [ENDPOINT_TTY] = "tty",     [ENDPOINT_MEMORY] = "memory", [ENDPOINT_RANDOM] = "random",
    [ENDPOINT_HELLO] = "hello",
};

enum { BOOT_LABELS = sizeof(boot_label) / sizeof(boot_label[0]) };

static bool is_listed(const char *label, const char *const *labels)
{
    for (; *labels != NULL; labels++) {
        if (strncmp(label, *labels, RS_LABEL_MAX) == 0)
            return true;
    }
    return false;
}

/* The label of a service that was started later: its slot in the public table, if it is the same instance. */
static bool label_of(endpoint_t caller, char label[RS_LABEL_MAX])
{
    struct rs_public row;
    uint64_t offset = endpoint_slot(caller) * sizeof(row);

    if (public_table_grant < 0 || endpoint_slot(caller) >= SERVICE_SLOTS)
        return false;
    if (sys_safecopyfrom(ENDPOINT_RS, public_table_grant, offset, &row, sizeof(row)) != 0 || row.endpoint != caller)
        return false;
    memcpy(label, row.label, RS_LABEL_MAX);
    return true;
}

bool call_is_allowed(const struct call *call, enum call_allow kind, const char *const *labels)
{
    char label[RS_LABEL_MAX];

    if (kind == CALL_ALLOW_ANY)
        return true;
    if ((call->receive_status & IPC_STATUS_FROM_USER) != 0)
        return false;
    if (kind == CALL_ALLOW_SYSTEM)
        return true;
    if (call->caller >= 0 && call->caller < BOOT_LABELS)
        return is_listed(boot_label[call->caller], labels);
    return label_of(call->caller, label) && is_listed(label, labels);
}
