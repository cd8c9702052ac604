/* SPDX-License-Identifier: MIT */
/*
 * Who may ask for what, and when (behaviour.md ISO-1, RS-22): root, or a service whose `control` list names the target. Afterwards the state
 * of the target counts. One table; test/permission.c goes through all of it.
 */
#include "base/string.h"
#include "errors.h"
#include "protocols/rs.h"
#include "state.h"

enum { BUSY = RS_LATEREPLY | RS_INITIALIZING | RS_UPDATING | RS_EXITING };

struct rule {
    uint32_t type;
    uint32_t busy;      /* flags of the target with which the answer is EBUSY */
    bool on_terminated; /* also for a target that is dead and waits */
    bool on_core;
};

static const struct rule rules[] = {
    { RS_DOWN, BUSY, true, false },
    { RS_RESTART, BUSY, true, true },
    { RS_EDIT, BUSY, true, true },
    { RS_CRASH, RS_INITIALIZING, false, true }, /* tests crash services in the middle of all that */
};

static const struct rule usual = { .busy = BUSY, .on_core = true };

static const struct rule *rule_of(uint32_t type)
{
    for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
        if (rules[i].type == type)
            return &rules[i];
    }
    return &usual;
}

bool rs_controls(const struct manifest *controller, const char *label)
{
    for (uint32_t i = 0; i < controller->control_count; i++) {
        if (strcmp(controller->control[i], label) == 0)
            return true;
    }
    return false;
}

static bool may_ask(struct rs_state *state, const struct rs_operation *operation, const char *label)
{
    const struct rs_slot *controller = rs_find_endpoint(state, operation->caller);

    return operation->is_root || (controller != NULL && label != NULL && rs_controls(&controller->manifest, label));
}

int rs_permission(struct rs_state *state, const struct rs_operation *operation, const char *label, const struct rs_slot *target)
{
    const struct rule *rule = rule_of(operation->type);

    if (!may_ask(state, operation, label))
        return -EPERM;
    if (target == NULL)
        return 0;
    if ((target->flags & rule->busy) != 0)
        return -EBUSY;
    if ((target->flags & RS_TERMINATED) != 0 && !rule->on_terminated)
        return -EPERM;
    return (target->manifest.sys_flags & RS_SYS_CORE) != 0 && !rule->on_core ? -EPERM : 0;
}
