/* SPDX-License-Identifier: MIT */
/*
 * service: the operator's command. A wrong argument is named together with the rule it breaks, exit status 2; what RS refuses is told as its
 * error text, exit status 1; an update that was not ready in time: 4.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "errors.h"
#include "linux_syscall_names.h"
#include "protocols/protocol_trace.h"
#include "protocols/rs.h"
#include "rs.h"

enum { LINUX_CALLS = 512 };

struct command {
    const char *name;
    int (*run)(int count, char **arguments);
    const char *usage;
};

static const char *command_name;

void wrong(const char *format, ...)
{
    va_list arguments;

    fprintf(stderr, "service %s: ", command_name);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fprintf(stderr, "\n");
    exit(EXIT_USAGE);
}

void cannot_read(const char *path)
{
    fprintf(stderr, "service %s: %s: %s\n", command_name, path, strerror(errno));
    exit(EXIT_REFUSED);
}

int report(const char *what, int result)
{
    if (result == 0)
        return 0;
    fprintf(stderr, "service %s: %s: %s\n", command_name, what, error_text(result));
    return EXIT_REFUSED;
}

/* ---- arguments ---- */

const char *label_argument(int count, char **arguments)
{
    const char *label = arguments[0];

    if (count < 1)
        wrong("the label of a service is missing");
    if (label[0] == '\0' || strlen(label) >= RS_LABEL_MAX)
        wrong("'%s': a label has 1 to %d characters", label, RS_LABEL_MAX - 1);
    if (strspn(label, RS_LABEL_CHARACTERS) != strlen(label))
        wrong("'%s': a label consists of letters, digits, '.', '_' and '-'", label);
    return label;
}

void no_more(int count, char **arguments)
{
    if (count > 0)
        wrong("'%s': one argument too many", arguments[0]);
}

/* ---- commands ---- */

static int simple(uint32_t type, int count, char **arguments)
{
    const char *label = label_argument(count, arguments);

    no_more(count - 1, arguments + 1);
    return report(label, rs_simple(type, label));
}

static int command_down(int count, char **arguments)
{
    return simple(RS_DOWN, count, arguments);
}

static int command_refresh(int count, char **arguments)
{
    return simple(RS_REFRESH, count, arguments);
}

static int command_restart(int count, char **arguments)
{
    return simple(RS_RESTART, count, arguments);
}

static int command_dump(int count, char **arguments)
{
    return simple(RS_DUMP, count, arguments);
}

static int command_clone(int count, char **arguments)
{
    return simple(RS_CLONE, count, arguments);
}

static int command_lookup(int count, char **arguments)
{
    const char *label = label_argument(count, arguments);
    endpoint_t service;
    int result;

    no_more(count - 1, arguments + 1);
    result = rs_lookup(label, &service);
    if (result == 0)
        printf("%d\n", service);
    return report(label, result);
}

static const char *state_text(uint32_t state)
{
    static const char *const texts[] = { "?", "running", "starting", "waiting", "stopping", "updating", "replica", "script" };

    return state < sizeof(texts) / sizeof(texts[0]) ? texts[state] : "?";
}

static int command_list(int count, char **arguments)
{
    static struct rs_public table[SERVICE_SLOTS];
    int rows;

    no_more(count, arguments);
    rows = rs_list(table, SERVICE_SLOTS);
    if (rows < 0)
        return report("list", rows);
    printf("%-15s %8s %5s %-8s %8s %-10s %s\n", "LABEL", "ENDPOINT", "PID", "STATE", "RESTARTS", "LAST-CAUSE", "UPDATES");
    for (int i = 0; i < rows; i++) {
        char cause[24] = "-";

        if (table[i].last_signal != 0)
            snprintf(cause, sizeof(cause), "signal %u", table[i].last_signal);
        printf("%-15s %8d %5u %-8s %8u %-10s %u\n", table[i].label, table[i].endpoint, table[i].pid, state_text(table[i].state),
               table[i].restarts, cause, table[i].updates);
    }
    return 0;
}

/* "read": a Linux call; "char.read": an operation of a protocol. */
static uint32_t call_argument(const char *name)
{
    const char *dot = strchr(name, '.');

    for (uint32_t number = 0; dot == NULL && number < LINUX_CALLS; number++) {
        if (strcmp(linux_syscall_name(number), name) == 0)
            return PROTOCOL_LINUX << 16 | number;
    }
    for (uint32_t i = 0; dot != NULL && i < protocol_trace_count; i++) {
        const struct protocol_trace *protocol = protocol_traces[i];

        if (strlen(protocol->name) != (size_t)(dot - name) || strncmp(protocol->name, name, (size_t)(dot - name)) != 0)
            continue;
        for (uint32_t k = 0; k < protocol->operation_count; k++) {
            if (strcmp(protocol->operations[k].name, dot + 1) == 0)
                return protocol->operations[k].type;
        }
    }
    wrong("'%s': a call is a Linux call (read) or protocol.operation (char.read)", name);
}

static uint32_t fault_argument(const char *name)
{
    static const struct {
        const char *name;
        uint32_t fault;
    } faults[] = {
        { "crash", SERVICE_FAULT_CRASH },         { "middle", SERVICE_FAULT_MIDDLE },         { "loop", SERVICE_FAULT_LOOP },
        { "bad-state", SERVICE_FAULT_BAD_STATE }, { "lost-state", SERVICE_FAULT_LOST_STATE }, { "bad-log", SERVICE_FAULT_BAD_LOG },
    };

    for (uint32_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
        if (strcmp(faults[i].name, name) == 0)
            return faults[i].fault;
    }
    wrong("--fault: '%s' is none of crash, middle, loop, bad-state, lost-state, bad-log", name);
}

static int command_crash(int count, char **arguments)
{
    const char *label = label_argument(count, arguments);
    struct rs_crash_request request = { .call = 0 };

    for (int i = 1; i < count; i += 2) {
        bool is_call = strcmp(arguments[i], "--in") == 0;

        if (!is_call && strcmp(arguments[i], "--fault") != 0)
            wrong("'%s': only --in CALL and --fault KIND may follow the label", arguments[i]);
        if (i + 1 == count)
            wrong("%s: the %s is missing", arguments[i], is_call ? "name of a call" : "kind");
        if (is_call)
            request.call = call_argument(arguments[i + 1]);
        else
            request.fault = fault_argument(arguments[i + 1]);
    }
    if (request.fault != 0 && request.call == 0)
        wrong("--fault needs --in CALL");
    return report(label, rs_crash(label, &request));
}

static int command_shutdown(int count, char **arguments)
{
    no_more(count, arguments);
    return report("shutdown", rs_shutdown());
}

static const struct command commands[] = {
    { "up", command_up, "up PATH " UP_OPTIONS },
    { "run", command_run, "run PATH [the options of up]" },
    { "edit", command_edit, "edit LABEL [-config FILE] [-period MS|NHZ] [-script PATH] [-dev PATH] [-c] [-p]" },
    { "clone", command_clone, "clone LABEL" },
    { "down", command_down, "down LABEL" },
    { "refresh", command_refresh, "refresh LABEL" },
    { "restart", command_restart, "restart LABEL" },
    { "list", command_list, "list" },
    { "lookup", command_lookup, "lookup LABEL" },
    { "update", command_update,
      "update LABEL|PATH|self [-label LABEL] [-binary FILE] [-state N] [-maxtime MS|NHZ] [-fault FAULT] [-n] | --all DIRECTORY" },
    { "crash", command_crash, "crash LABEL [--in CALL [--fault crash|middle|loop|bad-state|lost-state|bad-log]]" },
    { "dump", command_dump, "dump LABEL" },
    { "shutdown", command_shutdown, "shutdown" },
};

enum { COMMANDS = sizeof(commands) / sizeof(commands[0]) };

static int usage(FILE *to)
{
    for (int i = 0; i < COMMANDS; i++)
        fprintf(to, "%s service %s\n", i == 0 ? "usage:" : "      ", commands[i].usage);
    return EXIT_USAGE;
}

int main(int count, char **arguments)
{
    if (count < 2)
        return usage(stderr);
    command_name = arguments[1];
    if (strcmp(command_name, "help") == 0 || strcmp(command_name, "--help") == 0) {
        (void)usage(stdout);
        return 0;
    }
    for (int i = 0; i < COMMANDS; i++) {
        if (strcmp(commands[i].name, command_name) == 0)
            return commands[i].run(count - 2, arguments + 2);
    }
    fprintf(stderr, "service: '%s' is no command\n", command_name);
    return usage(stderr);
}
