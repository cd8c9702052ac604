/* SPDX-License-Identifier: MIT */
/*
 * times, getrusage. The kernel counts per thread; PM adds what ended threads and waited-for children left behind.
 */
#include "usage.h"

#include "base/string.h"
#include "caller.h"
#include "kernel_calls.h"
#include "linux_pm_dispatch.h"

enum { RUSAGE_SELF = 0, RUSAGE_CHILDREN = -1, RUSAGE_THREAD = 1 };

struct linux_rusage {
    struct linux_timeval user;
    struct linux_timeval system;
    int64_t counters[14];
};

void usage_of(const struct pm_process *process, uint64_t *user_ns, uint64_t *system_ns)
{
    *user_ns = process->user_ns;
    *system_ns = process->system_ns;
    for (uint32_t i = process->first_thread; i != NONE; i = thread_at(i)->next) {
        uint64_t user = 0;
        uint64_t system = 0;
        if (kernel_times(thread_at(i)->endpoint, &user, &system) == 0) {
            *user_ns += user;
            *system_ns += system;
        }
    }
}

static void fill(struct linux_rusage *usage, uint64_t user_ns, uint64_t system_ns)
{
    memset(usage, 0, sizeof(*usage));
    usage->user = timeval_from_ns(user_ns);
    usage->system = timeval_from_ns(system_ns);
}

int usage_write_child(const struct pm_thread *thread, const struct pm_process *child)
{
    struct linux_rusage usage;
    uint64_t user;
    uint64_t system;

    usage_of(child, &user, &system);
    fill(&usage, user + child->children_user_ns, system + child->children_system_ns);
    return sys_copy_to(thread->endpoint, thread->call.wait.usage_address, &usage, sizeof(usage)) == 0 ? 0 : -EFAULT;
}

int pm_linux_getrusage(struct pm_state *pm, struct call *call)
{
    const struct pm_process *process = caller_process(call);
    struct linux_rusage usage;
    uint64_t user = 0;
    uint64_t system = 0;

    (void)pm;
    switch ((int32_t)linux_argument(call, 0)) {
    case RUSAGE_SELF:
        usage_of(process, &user, &system);
        break;
    case RUSAGE_CHILDREN:
        user = process->children_user_ns;
        system = process->children_system_ns;
        break;
    case RUSAGE_THREAD:
        kernel_times(call->caller, &user, &system);
        break;
    default:
        return -EINVAL;
    }
    fill(&usage, user, system);
    return caller_write(call, linux_argument(call, 1), &usage, sizeof(usage));
}

int pm_linux_times(struct pm_state *pm, struct call *call)
{
    const struct pm_process *process = caller_process(call);
    uint64_t user;
    uint64_t system;
    int64_t ticks[4];

    (void)pm;
    if (linux_argument(call, 0) != 0) {
        usage_of(process, &user, &system);
        ticks[0] = (int64_t)(user / NS_PER_TICK);
        ticks[1] = (int64_t)(system / NS_PER_TICK);
        ticks[2] = (int64_t)(process->children_user_ns / NS_PER_TICK);
        ticks[3] = (int64_t)(process->children_system_ns / NS_PER_TICK);
        if (caller_write(call, linux_argument(call, 0), ticks, sizeof(ticks)) != 0)
            return -EFAULT;
    }
    return answer(call, (int64_t)(sys_uptime() / NS_PER_TICK));
}
