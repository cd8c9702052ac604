/* SPDX-License-Identifier: MIT */
/*
 * The predefined SEF callbacks (behaviour.md SEF-24, SEF-30, SEF-63), and resume: taking over the state of the dead instance.
 */
#include <stddef.h>

#include "arena.h"
#include "base/string.h"
#include "errors.h"
#include "protocols/kernel.h"
#include "sys/crash_notes.h"
#include "sys/grant.h"
#include "sys/ipc.h"
#include "sys/journal.h"
#include "sys/log.h"
#include "sys/loop.h"
#include "sys/outbox_table.h"
#include "sys/sef.h"
#include "sys/sef_update.h"

/* Linux's numbers of the signals that the predefined handlers know. */
enum {
    SIGNAL_TERM = 15,
    SIGNAL_CHLD = 17,
    SIGNAL_CONT = 18,
    SIGNAL_TSTP = 20,
    SIGNAL_TTIN = 21,
    SIGNAL_TTOU = 22,
    SIGNAL_WINCH = 28,
};

int sef_cb_init_null(int type, struct sef_init_info *info)
{
    (void)type;
    (void)info;
    return 0;
}

int sef_cb_init_fail(int type, struct sef_init_info *info)
{
    (void)type;
    (void)info;
    return -ENOSYS;
}

int sef_cb_init_crash(int type, struct sef_init_info *info)
{
    (void)info;
    service_panic("crash in init of type %d, as asked", type);
}

int sef_cb_init_reset(int type, struct sef_init_info *info)
{
    (void)type;
    (void)info;
    return -ERESTART;
}

int sef_cb_init_response_null(struct message *message)
{
    (void)message;
    return -ENOSYS;
}

void sef_cb_ping_reply_pong(endpoint_t source)
{
    (void)ipc_notify(source);
}

void sef_cb_ping_reply_null(endpoint_t source)
{
    (void)source;
}

void sef_cb_signal_handler_null(int signo)
{
    (void)signo;
}

void sef_cb_signal_handler_term(int signo)
{
    if (signo == SIGNAL_TERM)
        sef_exit(1);
}

void sef_cb_signal_handler_posix_default(int signo)
{
    switch (signo) {
    case SIGNAL_CHLD:
    case SIGNAL_CONT:
    case SIGNAL_TSTP:
    case SIGNAL_TTIN:
    case SIGNAL_TTOU:
    case SIGNAL_WINCH:
        return;
    default:
        sef_exit(1);
    }
}

int sef_cb_signal_manager_null(endpoint_t target, int signo)
{
    (void)target;
    (void)signo;
    return 0;
}

extern char __state_start[], __state_end[], __outbox_start[], __outbox_end[];
extern char __derived_start[], __derived_end[], __journal_start[], __journal_end[];

/* Copy a region of the old instance to the same address here. */
static int take(uint64_t address, uint64_t length)
{
    struct kernel_statectl_request request = { .request = KERNEL_STATE_REQUEST_TAKE, .address = address, .length = length };
    struct message message = { .type = KERNEL_STATECTL };

    if (length == 0)
        return 0;
    kernel_statectl_request_put(&message, &request);
    return kernel_request(&message);
}

static int take_section(const char *start, const char *end)
{
    return take((uint64_t)(uintptr_t)start, (uint64_t)(end - start));
}

static int resume_take_arenas(void)
{
    int result = 0;

    for (uint32_t i = 0; i < journal.arena_count && i < JOURNAL_ARENAS && result == 0; i++) {
        result = arena_make(i, journal.arena[i].bytes);
        if (result == 0)
            result = take(journal.arena[i].address, journal.arena[i].bytes);
    }
    return result;
}

/* The entries that are in use. */
static int take_undo(void)
{
    uint64_t bytes = journal.top - journal.undo;
    int result = 0;

    if (journal.phase != JOURNAL_HANDLING || running_service->derives)
        return 0;
    if (bytes > sizeof(journal_undo.chunk) || journal.spill_words > journal.spill_room)
        return -EGENERIC;
    if (journal_has_grown())
        result = arena_make(ARENA_SPILL, journal.spill_room * sizeof(uint64_t));
    if (result == 0 && bytes > 0)
        result = take(journal.undo, bytes);
    if (result == 0 && journal.spill_words > 0)
        result = take(journal.spill, journal.spill_words * sizeof(uint64_t));
    return result;
}

/* What the library itself keeps with the state may be damaged as the state may. Messages are lost then, no more. */
static void mend(void)
{
    if (!journal_is_sound()) {
        log_error("the journal of the old instance makes no sense: no message is in hand");
        journal_forget();
    }
    if (!outbox_is_sound(outbox_default())) {
        log_error("the outbox of the old instance makes no sense: it is empty now");
        outbox_forget(outbox_default());
    }
}

int resume_take_sections(void)
{
    int result = take_section(__state_start, __state_end);

    if (result == 0)
        result = take_section(__outbox_start, __outbox_end);
    if (result == 0)
        result = take_section(__derived_start, __derived_end);
    if (result == 0)
        result = take_section(__journal_start, __journal_end);
    if (result == 0)
        mend();
    return result == 0 ? take_undo() : result;
}

static int resume_take(void)
{
    int result = resume_take_sections();

    return result == 0 && !running_service->derives ? resume_take_arenas() : result;
}

/* The last commit. */
static bool roll_back(void)
{
    outbox_rollback(outbox_default());
    return running_service->derives || journal_rollback();
}

int sef_cb_init_resume(int type, struct sef_init_info *info)
{
    const char *problem = NULL;
    int result;

    if (info->old_endpoint == ENDPOINT_NONE)
        return sef_init_fresh(type, info);
    result = type == SEF_INIT_LU ? update_take() : resume_take();
    if (result != 0)
        return result;
    grant_register();
    if (journal.phase == JOURNAL_HANDLING && !roll_back()) {
        sef_problem("the undo log makes no sense: no resume");
        return -EGENERIC;
    }
    journal_start();
    if (running_service->state_check != NULL && !running_service->derives)
        problem = running_service->state_check(running_service->state);
    if (info->fault == SERVICE_UPDATE_FAULT_BAD_STATE)
        problem = "broken, as asked";
    if (problem != NULL) {
        sef_problem("state of the old instance: %s", problem);
        string_copy(crash_notes.text, sizeof(crash_notes.text), "the state of the instance before is not good");
        string_copy(crash_notes.check, sizeof(crash_notes.check), problem);
        return -EGENERIC;
    }
    if (running_service->rebuild != NULL)
        result = running_service->rebuild(running_service->state);
    resume_pending = result == 0;
    return result;
}
