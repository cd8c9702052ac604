/* SPDX-License-Identifier: MIT */
/*
 * futex(2): WAIT, WAKE, their BITSET forms, REQUEUE and CMP_REQUEUE. PM handles one message at a time, so that reading the word and beginning
 * to wait cannot be separated by a wake.
 */
#include "futex.h"

#include "base/string.h"
#include "caller.h"
#include "deliver.h"
#include "kernel_calls.h"
#include "linux_pm_dispatch.h"
#include "timer.h"

enum {
    FUTEX_WAIT = 0,
    FUTEX_WAKE = 1,
    FUTEX_REQUEUE = 3,
    FUTEX_CMP_REQUEUE = 4,
    FUTEX_WAIT_BITSET = 9,
    FUTEX_WAKE_BITSET = 10,
    FUTEX_COMMAND_MASK = 0x7f,
    FUTEX_PRIVATE = 128,
    FUTEX_REALTIME = 256,
};

struct futex_key {
    uint32_t space;
    uint64_t address;
    uint64_t physical; /* 0: private */
};

static uint32_t bucket_of(uint64_t address)
{
    return (uint32_t)(address >> 2) % FUTEX_BUCKETS; /* the same for all mappings of a page */
}

static struct futex_key make_key(const struct pm_thread *thread, uint64_t address, bool is_private)
{
    struct futex_key key = { .space = thread->space, .address = address };

    if (!is_private) {
        key.physical = kernel_physical(thread->endpoint, address);
    }
    return key;
}

static bool matches(const struct pm_thread *waiter, const struct futex_key *key)
{
    if (waiter->space == key->space && waiter->call.futex.address == key->address)
        return true;
    return key->physical != 0 && waiter->call.futex.physical == key->physical;
}

void futex_remove(struct pm_state *pm, struct pm_thread *thread)
{
    uint16_t *link = &pm->futex_bucket[bucket_of(thread->call.futex.address)];

    while (*link != NONE && *link != thread_index(thread)) {
        link = &thread_at(*link)->call.futex.next;
    }
    if (*link != NONE) {
        *link = thread->call.futex.next;
    }
}

/* Last in its bucket: the first to wait is the first to be woken. */
static void add(struct pm_state *pm, struct pm_thread *thread)
{
    uint16_t *link = &pm->futex_bucket[bucket_of(thread->call.futex.address)];

    while (*link != NONE) {
        link = &thread_at(*link)->call.futex.next;
    }
    thread->call.futex.next = NONE;
    *link = (uint16_t)thread_index(thread);
}

int64_t futex_interrupted(struct pm_thread *thread)
{
    if (!thread->call.futex.has_timeout)
        return -ERESTARTSYS;
    if (!thread->call.futex.is_absolute) {
        thread->restart_deadline_ns = timer_deadline(TIMER_OF_THREAD + thread_index(thread));
    }
    return -ERESTART_RESTARTBLOCK;
}

static uint32_t wake(struct pm_state *pm, const struct futex_key *key, uint32_t count, uint32_t bitset)
{
    uint32_t woken = 0;
    uint32_t next;

    for (uint32_t i = pm->futex_bucket[bucket_of(key->address)]; i != NONE && woken < count; i = next) {
        struct pm_thread *waiter = thread_at(i);
        next = waiter->call.futex.next;
        if (matches(waiter, key) && (waiter->call.futex.bitset & bitset) != 0) {
            thread_answer(pm, waiter, 0);
            woken++;
        }
    }
    return woken;
}

uint32_t futex_wake_address(struct pm_state *pm, struct pm_thread *thread, uint64_t address, uint32_t count)
{
    struct futex_key key = make_key(thread, address, false);

    return wake(pm, &key, count, ~0u);
}

/* Uptime of the deadline, 0: none; or a negative error. */
static int64_t read_deadline(struct call *call, struct pm_thread *thread, bool is_absolute, bool is_realtime)
{
    struct linux_timespec time;
    uint64_t ns;
    uint64_t offset;

    if (linux_argument(call, 3) == 0)
        return 0;
    if (thread->restarts && !is_absolute)
        return (int64_t)thread->restart_deadline_ns;
    if (caller_read(call, linux_argument(call, 3), &time, sizeof(time)) != 0)
        return -EFAULT;
    if (!timespec_is_valid(&time))
        return -EINVAL;
    ns = timespec_to_ns(&time);
    if (!is_absolute)
        return (int64_t)(ns + sys_uptime());
    offset = is_realtime ? kernel_realtime_offset() : 0;
    return ns > offset ? (int64_t)(ns - offset) : 1;
}

static int futex_wait(struct pm_state *pm, struct call *call, const struct futex_key *key, uint32_t operation, uint32_t bitset)
{
    struct pm_thread *thread = caller_thread(call);
    bool is_absolute = (operation & FUTEX_COMMAND_MASK) == FUTEX_WAIT_BITSET;
    int64_t deadline = read_deadline(call, thread, is_absolute, (operation & FUTEX_REALTIME) != 0);

    thread->restarts = false;
    if (deadline < 0)
        return (int)deadline;
    if (bitset == 0)
        return -EINVAL;
    if (!thread_may_wait(thread))
        return -ERESTARTSYS;
    thread->call.futex.address = key->address;
    thread->call.futex.physical = key->physical;
    thread->call.futex.bitset = bitset;
    thread->call.futex.has_timeout = deadline != 0;
    thread->call.futex.is_absolute = is_absolute;
    thread->step = STEP_FUTEX;
    add(pm, thread);
    if (deadline != 0) {
        timer_set(pm, TIMER_OF_THREAD + thread_index(thread), (uint64_t)deadline);
    }
    return CALL_PARKED;
}

static uint32_t requeue(struct pm_state *pm, const struct futex_key *from, const struct futex_key *to, uint32_t count)
{
    uint32_t moved = 0;
    uint32_t next;

    for (uint32_t i = pm->futex_bucket[bucket_of(from->address)]; i != NONE && moved < count; i = next) {
        struct pm_thread *waiter = thread_at(i);
        next = waiter->call.futex.next;
        if (!matches(waiter, from))
            continue;
        futex_remove(pm, waiter);
        waiter->call.futex.address = to->address;
        waiter->call.futex.physical = to->physical;
        add(pm, waiter);
        moved++;
    }
    return moved;
}

static int futex_requeue(struct pm_state *pm, struct call *call, const struct futex_key *from, bool is_private)
{
    struct pm_thread *thread = caller_thread(call);
    uint64_t target = linux_argument(call, 4);
    struct futex_key to;
    uint32_t word;
    uint32_t woken;

    if ((target & 3) != 0)
        return -EINVAL;
    if (caller_read(call, target, &word, sizeof(word)) != 0)
        return -EFAULT;
    if ((int32_t)linux_argument(call, 2) < 0 || (int32_t)linux_argument(call, 3) < 0)
        return -EINVAL;
    to = make_key(thread, target, is_private);
    woken = wake(pm, from, (uint32_t)linux_argument(call, 2), ~0u);
    if (to.address == from->address)
        return answer(call, woken);
    return answer(call, woken + requeue(pm, from, &to, (uint32_t)linux_argument(call, 3)));
}

int pm_linux_futex(struct pm_state *pm, struct call *call)
{
    struct pm_thread *thread = caller_thread(call);
    uint64_t address = linux_argument(call, 0);
    uint32_t operation = (uint32_t)linux_argument(call, 1);
    uint32_t command = operation & FUTEX_COMMAND_MASK;
    bool is_private = (operation & FUTEX_PRIVATE) != 0;
    bool compares = command == FUTEX_WAIT || command == FUTEX_WAIT_BITSET || command == FUTEX_CMP_REQUEUE;
    uint32_t expected = (uint32_t)linux_argument(call, command == FUTEX_CMP_REQUEUE ? 5 : 2);
    struct futex_key key;
    uint32_t word;

    if (command != FUTEX_WAIT && command != FUTEX_WAKE && command != FUTEX_REQUEUE && command != FUTEX_CMP_REQUEUE &&
        command != FUTEX_WAIT_BITSET && command != FUTEX_WAKE_BITSET)
        return -ENOSYS;
    if ((address & 3) != 0)
        return -EINVAL;
    if (compares || !is_private) { /* also makes the page present, so that it has a physical address */
        if (caller_read(call, address, &word, sizeof(word)) != 0)
            return -EFAULT;
        if (compares && word != expected)
            return -EAGAIN;
    }
    key = make_key(thread, address, is_private);
    switch (command) {
    case FUTEX_WAIT:
        return futex_wait(pm, call, &key, operation, ~0u);
    case FUTEX_WAIT_BITSET:
        return futex_wait(pm, call, &key, operation, (uint32_t)linux_argument(call, 5));
    case FUTEX_WAKE:
        return answer(call, wake(pm, &key, (uint32_t)linux_argument(call, 2), ~0u));
    case FUTEX_WAKE_BITSET:
        if ((uint32_t)linux_argument(call, 5) == 0)
            return -EINVAL;
        return answer(call, wake(pm, &key, (uint32_t)linux_argument(call, 2), (uint32_t)linux_argument(call, 5)));
    default:
        return futex_requeue(pm, call, &key, is_private);
    }
}
