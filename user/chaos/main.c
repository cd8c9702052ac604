/* SPDX-License-Identifier: MIT */
/*
 * chaos-driver: places faults in services, one every so many milliseconds, by SENDREC to RS. Same seed, same choices.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "errors.h"
#include "protocols/rs.h"
#include "protocols/service.h"
#include "rs_start.h"

enum { LIST_MAX = 32, LINE_BYTES = 128, EXIT_USAGE = 2, PLACERS_MAX = 16, NUMBERS = 1000000 };

/* As tools/chaos/options.py names them. */
static const char *const kinds[] = { "crash",     "in-handler", "middle",    "loop",       "wild-store", "kernel-error",
                                     "no-memory", "mutation",   "bad-state", "lost-state", "bad-log" };

enum { KINDS = sizeof(kinds) / sizeof(kinds[0]) };

struct list {
    char *item[LIST_MAX];
    uint32_t count;
};

struct plan {
    struct list services;
    struct list faults;
    uint32_t every_ms;
    uint32_t update_every_ms;
    uint32_t seed;
    uint32_t count;
    uint32_t placers;
    uint32_t call;    /* message type, 0: any */
    uint32_t handler; /* the n-th of that type, 0: by the seed */
    bool settle;
};

static int log_device = -1;
static uint32_t state;

static uint32_t next_random(void)
{
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    return state;
}

static int kernel_sendrec(endpoint_t to, struct message *message)
{
    long result = TRAP_BASE + IPC_SENDREC;
    long destination = to;

    __asm__ volatile("syscall" : "+a"(result) : "D"(destination), "S"(message) : "rcx", "rdx", "r11", "memory");
    return result != 0 ? (int)result : message->status;
}

/* KIND as the word in the log and on the command line; "crash" and "in-handler" are one fault with two places. */
static int place(const struct plan *plan, const char *label, uint32_t kind, uint32_t number)
{
    static const uint32_t fault[KINDS] = {
        SERVICE_FAULT_CRASH,      SERVICE_FAULT_CRASH,        SERVICE_FAULT_MIDDLE,    SERVICE_FAULT_LOOP,
        SERVICE_FAULT_WILD_STORE, SERVICE_FAULT_KERNEL_ERROR, SERVICE_FAULT_NO_MEMORY, SERVICE_FAULT_MUTATION,
        SERVICE_FAULT_BAD_STATE,  SERVICE_FAULT_LOST_STATE,   SERVICE_FAULT_BAD_LOG,
    };
    struct rs_crash_request request = {
        .fault = fault[kind], .seed = next_random() | 1, .number = number & 0xffffff, .handler = plan->handler
    };
    struct message message = { .type = RS_CRASH };

    request.call = kind == 0 ? 0 : plan->call != 0 ? plan->call : SERVICE_CALL_ANY;
    snprintf(request.label, sizeof(request.label), "%s", label);
    rs_crash_request_put(&message, &request);
    return kernel_sendrec(ENDPOINT_RS, &message);
}

/* The service forgets what waits for a handler, looks itself over, and says in the log what it holds. */
static int settle(const char *label, uint32_t number)
{
    struct rs_crash_request request = { .fault = SERVICE_FAULT_NONE, .call = SERVICE_CALL_ANY, .number = number };
    struct message message = { .type = RS_CRASH };

    snprintf(request.label, sizeof(request.label), "%s", label);
    rs_crash_request_put(&message, &request);
    return kernel_sendrec(ENDPOINT_RS, &message);
}

/* A live update of the service to itself. */
static int update(const char *label)
{
    struct rs_update what = { .flags = RS_UPDATE_SELF, .state = 1 };
    struct rs_update_request request = { .update = (uint64_t)(uintptr_t)&what };
    struct message message = { .type = RS_UPDATE };

    snprintf(what.label, sizeof(what.label), "%s", label);
    rs_update_request_put(&message, &request);
    return kernel_sendrec(ENDPOINT_RS, &message);
}

static void note(const char *what, uint32_t number, const char *label, const char *kind, int result)
{
    char line[LINE_BYTES];
    int length = snprintf(line, sizeof(line), "chaos: %s %u %s %s %d\n", what, number, label, kind, result);
    ssize_t written = 0;

    for (int attempt = 0; attempt < 20 && written <= 0; attempt++) {
        if (log_device < 0)
            log_device = open("/dev/kmsg", O_WRONLY | O_CLOEXEC);
        written = write(log_device, line, (size_t)length);
        if (written <= 0)
            usleep(10000);
    }
}

static uint64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void sleep_until(uint64_t when)
{
    uint64_t now = now_ms();

    if (now < when)
        usleep((useconds_t)(when - now) * 1000);
}

static void one_fault(const struct plan *plan, uint32_t number)
{
    const char *label = plan->services.item[next_random() % plan->services.count];
    const char *name = plan->faults.item[next_random() % plan->faults.count];
    uint32_t kind = 0;
    int result;

    while (strcmp(kinds[kind], name) != 0)
        kind++;
    result = place(plan, label, kind, number);
    note(result == 0 ? "placed" : "refused", number, label, name, result);
}

static void one_update(const struct plan *plan, uint32_t number)
{
    const char *label = plan->services.item[next_random() % plan->services.count];
    int result = update(label);

    note(result == 0 ? "placed" : "refused", number, label, "update", result);
}

static void run(const struct plan *plan, uint32_t placer)
{
    uint64_t fault_at = now_ms() + plan->every_ms, update_at = now_ms() + plan->update_every_ms;

    for (uint32_t number = 1; plan->count == 0 || number <= plan->count; number++) {
        bool update = plan->update_every_ms != 0 && (plan->every_ms == 0 || update_at < fault_at);

        sleep_until(update ? update_at : fault_at);
        if (update) {
            one_update(plan, placer * NUMBERS + number);
            update_at += plan->update_every_ms;
        } else {
            one_fault(plan, placer * NUMBERS + number);
            fault_at += plan->every_ms;
        }
    }
}

__attribute__((noreturn)) static void wrong(const char *name, const char *rule)
{
    fprintf(stderr, "chaos-driver: %s: %s\n", name, rule);
    exit(EXIT_USAGE);
}

static void split(struct list *list, char *text, const char *option)
{
    for (char *word = strtok(text, ","); word != NULL; word = strtok(NULL, ",")) {
        if (list->count == LIST_MAX)
            wrong(option, "at most 32 words");
        list->item[list->count++] = word;
    }
}

static uint32_t number_of(const char *option, const char *text)
{
    char *end;
    unsigned long value = strtoul(text, &end, 10);

    if (end == text || *end != '\0' || value > 0xffffffff)
        wrong(option, "takes a number");
    return (uint32_t)value;
}

/* Every service in turn, until each has answered. */
static void settle_all(const struct plan *plan)
{
    for (uint32_t i = 0; i < plan->services.count; i++) {
        const char *label = plan->services.item[i];
        int result = -EBUSY;

        for (int attempt = 0; attempt < 100 && result != 0; attempt++) {
            result = settle(label, i);
            if (result != 0)
                usleep(100000);
        }
        note(result == 0 ? "settled" : "unsettled", i, label, "none", result);
    }
}

static void take_option(struct plan *plan, const char *option, char *value)
{
    if (strcmp(option, "--call") == 0)
        plan->call = number_of(option, value);
    else if (strcmp(option, "--handler") == 0)
        plan->handler = number_of(option, value);
    else if (strcmp(option, "--services") == 0)
        split(&plan->services, value, option);
    else if (strcmp(option, "--faults") == 0)
        split(&plan->faults, value, option);
    else if (strcmp(option, "--every") == 0)
        plan->every_ms = number_of(option, value);
    else if (strcmp(option, "--update-every") == 0)
        plan->update_every_ms = number_of(option, value);
    else if (strcmp(option, "--seed") == 0)
        plan->seed = number_of(option, value);
    else if (strcmp(option, "--count") == 0)
        plan->count = number_of(option, value);
    else if (strcmp(option, "--placers") == 0)
        plan->placers = number_of(option, value);
    else if (strcmp(option, "--settle") == 0)
        plan->settle = true;
    else
        wrong(
            option,
            "no such option (--services, --faults, --every, --update-every, --seed, --count, --placers, --call, --handler, --settle yes)");
}

static void check(const struct plan *plan)
{
    if (plan->services.count == 0)
        wrong("--services", "at least one service");
    if (plan->placers == 0 || plan->placers > PLACERS_MAX)
        wrong("--placers", "1 to 16");
    if (plan->settle)
        return;
    if (plan->every_ms == 0 && plan->update_every_ms == 0)
        wrong("--every", "or --update-every must be given");
    if (plan->every_ms != 0 && plan->faults.count == 0)
        wrong("--faults", "at least one kind");
    for (uint32_t i = 0; i < plan->faults.count; i++) {
        uint32_t kind = 0;

        while (kind < KINDS && strcmp(kinds[kind], plan->faults.item[i]) != 0)
            kind++;
        if (kind == KINDS)
            wrong(plan->faults.item[i], "no such kind of fault");
    }
}

/* Each placer waits for what it hits itself, so several of them make faults that overlap. */
static void start(struct plan *plan, uint32_t placer)
{
    plan->every_ms *= plan->placers;
    plan->update_every_ms *= plan->placers;
    state = (plan->seed * PLACERS_MAX + placer) * 2654435761u | 1;
    usleep(placer * plan->every_ms / plan->placers * 1000);
    run(plan, placer);
}

int main(int count, char **arguments)
{
    struct plan plan = { .seed = 1, .placers = 1 };

    for (int i = 1; i < count; i += 2) {
        if (i + 1 == count)
            wrong(arguments[i], "its value is missing");
        take_option(&plan, arguments[i], arguments[i + 1]);
    }
    check(&plan);
    if (plan.settle) {
        settle_all(&plan);
        return 0;
    }
    for (uint32_t placer = 1; placer < plan.placers; placer++) {
        pid_t child = fork();

        if (child == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            start(&plan, placer);
            return 0;
        }
    }
    start(&plan, 0);
    return 0;
}
