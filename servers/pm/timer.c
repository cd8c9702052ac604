/* SPDX-License-Identifier: MIT */
/*
 * A binary heap of timer ids. The alarm is only moved forward: an alarm that comes too early costs less than a kernel call for each cancel.
 */
#include "timer.h"

#include "sys/syscalls.h"

static void place(uint32_t position, uint16_t id)
{
    tables.timer_heap[position] = id;
    tables.timer_position[id] = (uint16_t)position;
}

static void sift_up(uint32_t position, uint16_t id)
{
    while (position > 0) {
        uint32_t parent = (position - 1) / 2;
        if (tables.timer_deadline[tables.timer_heap[parent]] <= tables.timer_deadline[id])
            break;
        place(position, tables.timer_heap[parent]);
        position = parent;
    }
    place(position, id);
}

static void sift_down(const struct pm_state *pm, uint32_t position, uint16_t id)
{
    for (;;) {
        uint32_t child = 2 * position + 1;
        if (child >= pm->timer_count)
            break;
        if (child + 1 < pm->timer_count &&
            tables.timer_deadline[tables.timer_heap[child + 1]] < tables.timer_deadline[tables.timer_heap[child]]) {
            child++;
        }
        if (tables.timer_deadline[tables.timer_heap[child]] >= tables.timer_deadline[id])
            break;
        place(position, tables.timer_heap[child]);
        position = child;
    }
    place(position, id);
}

void timer_cancel(struct pm_state *pm, uint32_t id)
{
    uint32_t position;
    uint16_t last;

    if (tables.timer_deadline[id] == 0)
        return;
    tables.timer_deadline[id] = 0;
    position = tables.timer_position[id];
    pm->timer_count--;
    if (position == pm->timer_count)
        return;
    last = tables.timer_heap[pm->timer_count];
    if (position > 0 && tables.timer_deadline[tables.timer_heap[(position - 1) / 2]] > tables.timer_deadline[last]) {
        sift_up(position, last);
    } else {
        sift_down(pm, position, last);
    }
}

void timer_set(struct pm_state *pm, uint32_t id, uint64_t deadline_ns)
{
    timer_cancel(pm, id);
    tables.timer_deadline[id] = deadline_ns == 0 ? 1 : deadline_ns;
    sift_up(pm->timer_count++, (uint16_t)id);
    if (tables.timer_heap[0] == id && (pm->alarm_ns == 0 || deadline_ns < pm->alarm_ns)) {
        timer_rearm(pm);
    }
}

uint64_t timer_deadline(uint32_t id)
{
    return tables.timer_deadline[id];
}

uint32_t timer_take_due(struct pm_state *pm, uint64_t now_ns)
{
    uint32_t id;

    if (pm->timer_count == 0)
        return TIMERS;
    id = tables.timer_heap[0];
    if (tables.timer_deadline[id] > now_ns)
        return TIMERS;
    timer_cancel(pm, id);
    return id;
}

void timer_rearm(struct pm_state *pm)
{
    pm->alarm_ns = pm->timer_count == 0 ? 0 : tables.timer_deadline[tables.timer_heap[0]];
    if (pm->alarm_ns != 0) {
        sys_setalarm(pm->alarm_ns);
    }
}
