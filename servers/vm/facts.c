/* SPDX-License-Identifier: MIT */
/*
 * Asks the kernel for its tables.
 */
#include "facts.h"

#include "base/string.h"
#include "protocols/kernel.h"
#include "sys/service.h"
#include "sys/syscalls.h"

static struct facts facts SERVICE_INSTANCE;

const struct facts *facts_ask(void)
{
    memset(facts.services, 0, sizeof(facts.services));
    if (sys_getinfo(KERNEL_INFO_BOOT, &facts.boot, sizeof(facts.boot), NULL) != 0 ||
        sys_getinfo(KERNEL_INFO_MACHINE, &facts.machine, sizeof(facts.machine), NULL) != 0 ||
        sys_getinfo(KERNEL_INFO_PROCESSES, facts.services, sizeof(facts.services), NULL) != 0 ||
        sys_getinfo(KERNEL_INFO_SPACES, facts.space, sizeof(facts.space), NULL) != 0) {
        return NULL;
    }
    return &facts;
}

bool facts_is_instance(const struct process_info *service)
{
    return service->name[0] == 'v' && service->name[1] == 'm' && service->name[2] == '\0' && service->slot < SERVICE_SLOTS;
}
