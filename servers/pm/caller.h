/* SPDX-License-Identifier: MIT */
/*
 * Helpers of the handlers of Linux calls. pm_linux_entry has checked that the caller is a thread that PM knows.
 */
#pragma once

#include "errors.h"
#include "process.h"
#include "sys/call.h"
#include "sys/syscalls.h"

static inline struct pm_thread *caller_thread(const struct call *call)
{
    return thread_at(endpoint_slot(call->caller) - SERVICE_SLOTS);
}

static inline struct pm_process *caller_process(const struct call *call)
{
    return process_of(caller_thread(call));
}

/* A handler's result from a number that may be a negative error. */
static inline int answer(struct call *call, int64_t result)
{
    if (result < 0)
        return (int)result;
    call_result(call, result);
    return 0;
}

/* Copies between the caller and PM; 0 or -EFAULT. */
static inline int caller_read(const struct call *call, uint64_t address, void *to, size_t length)
{
    if (sys_copy_from(call->caller, address, to, length) == 0)
        return 0;
    return sys_copy_from(call->caller, address, to, length) == 0 ? 0 : -EFAULT; /* a passing fault is not the caller's */
}

static inline int caller_write(const struct call *call, uint64_t address, const void *from, size_t length)
{
    if (sys_copy_to(call->caller, address, from, length) == 0)
        return 0;
    return sys_copy_to(call->caller, address, from, length) == 0 ? 0 : -EFAULT;
}

static inline bool is_root(const struct pm_process *process)
{
    return process->euid == 0;
}

struct linux_timespec {
    int64_t seconds;
    int64_t nanoseconds;
};

struct linux_timeval {
    int64_t seconds;
    int64_t microseconds;
};

/* Longest time that is counted; more is for ever. */
#define TIME_MAX_NS (1ull << 62)

static inline bool timespec_is_valid(const struct linux_timespec *time)
{
    return time->seconds >= 0 && time->nanoseconds >= 0 && time->nanoseconds < (int64_t)NS_PER_SECOND;
}

static inline uint64_t timespec_to_ns(const struct linux_timespec *time)
{
    if ((uint64_t)time->seconds >= TIME_MAX_NS / NS_PER_SECOND)
        return TIME_MAX_NS;
    return (uint64_t)time->seconds * NS_PER_SECOND + (uint64_t)time->nanoseconds;
}

static inline struct linux_timespec timespec_from_ns(uint64_t ns)
{
    return (struct linux_timespec){ (int64_t)(ns / NS_PER_SECOND), (int64_t)(ns % NS_PER_SECOND) };
}

static inline struct linux_timeval timeval_from_ns(uint64_t ns)
{
    return (struct linux_timeval){ (int64_t)(ns / NS_PER_SECOND), (int64_t)(ns % NS_PER_SECOND / 1000) };
}
