/* SPDX-License-Identifier: MIT */
/*
 * The predefined SEF callbacks (behaviour.md SEF-24, SEF-30, SEF-63); resume: taking over the state of the dead instance; and salvage: starting over
 * without it, for a service that can derive its state from the world.
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
#include "sys/mirror.h"
#include "sys/outbox_table.h"
#include "sys/sef.h"
#include "sys/sef_update.h"
#include "sys/syscalls.h"

/* How often, and how soon again, VM is asked for the tables: longer than it takes to replace a VM, shorter than RS waits for an init. */
enum { TAKES = 10, TAKE_AGAIN_NS = 30000000 };

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

extern char __state_start[], __state_end[], __outbox_start[], __outbox_end[], __mirror_start[], __mirror_end[];
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

/* Where and how large the arenas are, and the pointers to them, is as this program has it: what the dead instance says of that may be damaged. */
static int attach(void)
{
    arena_restart(true);
    journal.arena_count = 0;
    return running_service->attach != NULL ? running_service->attach() : 0;
}

/* Memory for an arena of the old instance. If there is none, its own: then what is left of it for a report is what we make of it. */
static int make_or_adopt(uint32_t number, uint64_t bytes)
{
    int result = arena_make(number, bytes);

    if (result != -ENOMEM)
        return result;
    log_warn("no memory for a copy of the old instance's arena %u: it becomes ours", number);
    return arena_adopt(number, ARENA_ADDRESS + number * ARENA_STRIDE, bytes, true);
}

static int take_arenas(void)
{
    int result = 0;

    for (uint32_t i = 0; i < journal.arena_count && result == 0; i++) {
        result = make_or_adopt(i, journal.arena[i].bytes);
        if (result == 0)
            result = take(journal.arena[i].address, journal.arena[i].bytes);
    }
    return result;
}

static bool is_log_lost;

/* What the last handler did to the state cannot be taken back. If the state stands all the same, the service goes on, and the caller gets an error (loop.c); who
 * can derive a state does that. */
static int give_log_up(void)
{
    if (running_service->salvage != NULL)
        return -EGENERIC;
    log_error("the undo log of the old instance makes no sense: what its last handler did stays");
    is_log_lost = true;
    journal.attempts = 1;
    return 0;
}

/* The entries that are in use. */
static int take_undo(void)
{
    uint64_t bytes = journal.top - journal.undo;
    int result = 0;

    if (journal.phase != JOURNAL_HANDLING || running_service->derives)
        return 0;
    if (!journal_log_is_sound())
        return give_log_up();
    if (journal_has_grown())
        result = make_or_adopt(ARENA_SPILL, journal.spill_room * sizeof(uint64_t));
    if (result == 0 && bytes > 0)
        result = take(journal.undo, bytes);
    if (result == 0 && journal.spill_words > 0)
        result = take(journal.spill, journal.spill_words * sizeof(uint64_t));
    return result;
}

/* What the library itself keeps with the state may be damaged as the state may. Who can derive another state does so; else messages are lost, no more. */
static int mend_library(void)
{
    bool has_journal = journal_is_sound(), has_outbox = outbox_is_sound(outbox_default());

    if (running_service->salvage != NULL)
        return has_journal && has_outbox ? 0 : -EGENERIC;
    if (!has_journal) {
        log_error("the journal of the old instance makes no sense: no message is in hand");
        journal_forget();
    }
    if (!has_outbox) {
        log_error("the outbox of the old instance makes no sense: it is empty now");
        outbox_forget(outbox_default());
    }
    return 0;
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
        result = mend_library();
    return result == 0 ? take_undo() : result;
}

int resume_take_mirror(void)
{
    return take_section(__mirror_start, __mirror_end);
}

/* VM may be out of its mind, or of memory, for a moment; the dead instance waits. */
static int take_tables(void)
{
    struct message message;
    int result = 0;

    for (int i = 0; i < TAKES; i++) {
        result = attach();
        if (result == 0)
            result = take_arenas();
        if (result == 0)
            break;
        log_warn("the tables of the old instance: error %d; once more", result);
        (void)sys_setalarm(sys_uptime() + TAKE_AGAIN_NS);
        (void)ipc_await(ENDPOINT_CLOCK, &message);
    }
    return result;
}

static int resume_take(void)
{
    int result = resume_take_sections();

    if (result != 0 || running_service->derives)
        return result;
    if (journal.phase != JOURNAL_HANDLING || is_log_lost)
        journal_start(); /* from here on stores of the service are recorded */
    return take_tables();
}

/* Memory and journal as a fresh instance has them. The journal first: afterwards nothing is recorded. */
static void start_over(void)
{
    memset(__journal_start, 0, (size_t)(__journal_end - __journal_start));
    journal_start();
    journal.reply_to = ENDPOINT_NONE;
    memset(__state_start, 0, (size_t)(__state_end - __state_start));
    memset(__outbox_start, 0, (size_t)(__outbox_end - __outbox_start));
    memset(__derived_start, 0, (size_t)(__derived_end - __derived_start));
    grant_register();
    (void)arena_make(ARENA_SPILL, 0);
}

int sef_cb_init_salvage(int type, struct sef_init_info *info)
{
    int result;

    (void)type;
    (void)info;
    start_over();
    result = attach();
    if (result == 0 && take_arenas() != 0)
        log_warn("the arenas of the old instance cannot be taken");
    return result == 0 ? running_service->salvage(running_service->state) : result;
}

static int cannot_resume(int type, struct sef_init_info *info, const char *problem)
{
    if (type == SEF_INIT_RESTART && running_service->salvage != NULL) {
        log_warn("state of the old instance: %s; deriving a new one from the world", problem);
        return sef_cb_init_salvage(type, info);
    }
    sef_problem("state of the old instance: %s", problem);
    string_copy(crash_notes.text, sizeof(crash_notes.text), "the state of the instance before is not good");
    string_copy(crash_notes.check, sizeof(crash_notes.check), problem);
    return -EGENERIC;
}

/* What is broken goes rather than all. NULL, or why that does not help. */
static const char *mend_state(const char *problem)
{
    if (running_service->mend == NULL)
        return problem;
    running_service->mend(running_service->state);
    if (running_service->state_check(running_service->state) != NULL)
        return problem;
    log_warn("state: %s; what makes no sense is dropped", problem);
    return NULL;
}

/* What was not committed is taken back. NULL, or why the state cannot be used. */
static const char *settle_state(int type, const struct sef_init_info *info)
{
    const char *problem = NULL;

    grant_register();
    if (journal.phase == JOURNAL_HANDLING) {
        outbox_rollback(outbox_default());
        if (!running_service->derives && !is_log_lost && !journal_rollback() && give_log_up() != 0)
            return "the undo log makes no sense";
        if (type == SEF_INIT_RESTART && !running_service->derives && !is_log_lost)
            mirror_compare();
    }
    journal_start();
    if (running_service->state_check != NULL && !running_service->derives)
        problem = running_service->state_check(running_service->state);
    if (problem != NULL && type == SEF_INIT_RESTART)
        problem = mirror_repair(problem);
    if (problem != NULL && type == SEF_INIT_RESTART)
        problem = mend_state(problem);
    return info->fault == SERVICE_UPDATE_FAULT_BAD_STATE ? "broken, as asked" : problem;
}

int sef_cb_init_resume(int type, struct sef_init_info *info)
{
    const char *problem;
    int result;

    if (info->old_endpoint == ENDPOINT_NONE)
        return sef_init_fresh(type, info);
    result = type == SEF_INIT_LU ? update_take() : resume_take();
    if (result != 0)
        return type == SEF_INIT_LU ? result : cannot_resume(type, info, "it cannot be taken");
    problem = settle_state(type, info);
    if (problem != NULL)
        return cannot_resume(type, info, problem);
    if (running_service->rebuild != NULL)
        result = running_service->rebuild(running_service->state);
    if (result != 0 && type == SEF_INIT_RESTART && running_service->salvage != NULL)
        return cannot_resume(type, info, "what follows from it cannot be made");
    resume_pending = result == 0;
    return result;
}
