/* SPDX-License-Identifier: MIT */
/*
 * Marks instead of a queue: they are looked for only while late_count says that there are any.
 */
#include "late.h"

#include "protocols/event_client.h"
#include "protocols/vfs_client.h"
#include "sys/outbox.h"
#include "timer.h"

enum { LATE_NOTHING, LATE_ANSWER, LATE_READY, LATE_CANCEL };
enum { SPARE_ENTRIES = 96 };

static bool has_room(void)
{
    return outbox_room(outbox_default()) > SPARE_ENTRIES;
}

static void say(struct pm_thread *thread, uint8_t what, int64_t result, uint32_t restart)
{
    struct message answer = { .type = PROTOCOL_LINUX << 16 | MESSAGE_REPLY, .transaction = thread->transaction };
    struct event_signal_ready_reply ready = { .result = result, .restart = restart };
    struct vfs_cancel_request cancel = { .process = thread->endpoint };

    switch (what) {
    case LATE_ANSWER:
        answer.status = result < 0 ? (int32_t)result : 0;
        answer.word[0] = (uint64_t)result;
        outbox_add(outbox_default(), thread->endpoint, &answer);
        break;
    case LATE_READY:
        event_reply_signal_ready(outbox_default(), thread->endpoint, thread->ready_transaction, 0, &ready);
        break;
    default:
        vfs_send_cancel(outbox_default(), ENDPOINT_VFS, 0, &cancel);
        break;
    }
}

static void say_or_mark(struct pm_state *pm, struct pm_thread *thread, uint8_t what, int64_t result, uint32_t restart)
{
    if (has_room()) {
        say(thread, what, result, restart);
        return;
    }
    if (thread->late == LATE_NOTHING) {
        pm->late_count++;
    }
    thread->late = what;
    thread->late_result = result;
    thread->late_restart = restart;
    if (what != LATE_CANCEL) {
        thread->step = STEP_LATE;
    }
    timer_set(pm, TIMER_OF_WORK, 1);
}

void late_answer(struct pm_state *pm, struct pm_thread *thread, int64_t result)
{
    say_or_mark(pm, thread, LATE_ANSWER, result, 0);
}

void late_ready(struct pm_state *pm, struct pm_thread *thread, int64_t result, bool restart)
{
    say_or_mark(pm, thread, LATE_READY, result, restart);
}

void late_cancel(struct pm_state *pm, struct pm_thread *thread)
{
    say_or_mark(pm, thread, LATE_CANCEL, 0, 0);
}

void late_forget(struct pm_state *pm, struct pm_thread *thread)
{
    if (thread->late != LATE_NOTHING) {
        thread->late = LATE_NOTHING;
        pm->late_count--;
    }
}

void late_flush(struct pm_state *pm)
{
    for (uint32_t i = 0; i < THREADS && pm->late_count > 0 && has_room(); i++) {
        struct pm_thread *thread = thread_at(i);
        uint8_t what = thread->late;
        if (what == LATE_NOTHING)
            continue;
        late_forget(pm, thread);
        if (what == LATE_CANCEL) {
            if (thread->step != STEP_NONE)
                continue; /* the call has ended meanwhile */
        } else {
            thread->step = STEP_NONE;
        }
        say(thread, what, thread->late_result, thread->late_restart);
    }
    if (pm->late_count > 0) {
        timer_set(pm, TIMER_OF_WORK, 1);
    }
}
