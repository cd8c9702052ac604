/* SPDX-License-Identifier: MIT */
/*
 * service: the operator's command. A wrong argument is named together with the rule it breaks, exit status 2; what RS refuses is told as its
 * error text, exit status 1; an update that was not ready in time: 4.
 */
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "errors.h"
#include "linux_syscall_names.h"
#include "protocols/protocol_trace.h"
#include "protocols/rs.h"
#include "rs.h"

enum { EXIT_REFUSED = 1, EXIT_USAGE = 2, EXIT_INTERRUPTED = 4, LINUX_CALLS = 512, PATH_BYTES = 4096 };

const char *error_text(int error);

struct command {
    const char *name;
    int (*run)(int count, char **arguments);
    const char *usage;
};

static const char *command_name;

__attribute__((noreturn, format(printf, 1, 2))) static void wrong(const char *format, ...)
{
    va_list arguments;

    fprintf(stderr, "service %s: ", command_name);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fprintf(stderr, "\n");
    exit(EXIT_USAGE);
}

static int report(const char *what, int result)
{
    if (result == 0)
        return 0;
    fprintf(stderr, "service %s: %s: %s\n", command_name, what, error_text(result));
    return EXIT_REFUSED;
}

/* ---- arguments ---- */

static const char *label_argument(int count, char **arguments)
{
    const char *label = arguments[0];

    if (count < 1)
        wrong("the label of a service is missing");
    if (label[0] == '\0' || strlen(label) >= RS_LABEL_MAX)
        wrong("'%s': a label has 1 to %d characters", label, RS_LABEL_MAX - 1);
    return label;
}

static void no_more(int count, char **arguments)
{
    if (count > 0)
        wrong("'%s': one argument too many", arguments[0]);
}

static uint32_t period_argument(const char *text)
{
    char *end;
    unsigned long value = strtoul(text, &end, 10);

    if (end == text || *end != '\0' || value > 3600000)
        wrong("'%s': the period is a number of milliseconds, at most 3600000", text);
    return (uint32_t)value;
}

static void *read_whole(const char *path, size_t *length, size_t limit, const char *rule)
{
    int file = open(path, O_RDONLY);
    struct stat status;
    char *data;
    size_t have = 0;

    if (file < 0 || fstat(file, &status) != 0) {
        fprintf(stderr, "service %s: ", command_name);
        perror(path);
        exit(EXIT_REFUSED);
    }
    if ((size_t)status.st_size > limit)
        wrong("'%s': %s", path, rule);
    data = malloc((size_t)status.st_size + 1);
    while (data != NULL && have < (size_t)status.st_size) {
        ssize_t got = read(file, data + have, (size_t)status.st_size - have);

        if (got <= 0)
            break;
        have += (size_t)got;
    }
    close(file);
    *length = have;
    return data;
}

/* ---- commands ---- */

static void default_label(const char *path, char label[RS_LABEL_MAX])
{
    const char *base = strrchr(path, '/') + 1;

    if (base[0] == '\0' || strlen(base) >= RS_LABEL_MAX)
        wrong("'%s': its last part is no label (1 to %d characters); give one with -label", path, RS_LABEL_MAX - 1);
    memcpy(label, base, strlen(base) + 1);
}

/* What RS says about the manifest that it was given, as FILE:LINE:COLUMN: text. */
static const char *config_path = "system.conf";

static void up_option(struct rs_start *start, uint32_t *flags, const char *name, const char *value)
{
    size_t length;

    if (strcmp(name, "-label") == 0) {
        char *one[] = { (char *)value };

        label_argument(1, one);
        memcpy(start->label, value, strlen(value) + 1);
    } else if (strcmp(name, "-config") == 0) {
        start->manifest = (uint64_t)(uintptr_t)read_whole(value, &length, RS_MANIFEST_MAX, "a manifest has at most 4096 bytes");
        start->manifest_length = length;
        config_path = value;
    } else if (strcmp(name, "-period") == 0) {
        start->period_ms = period_argument(value);
    } else {
        wrong("'%s': no such option (-label, -config, -period, -c, -n)", name);
    }
    (void)flags;
}

static int command_up(int count, char **arguments)
{
    static struct rs_start start;
    static char error[RS_ERROR_MAX];
    uint32_t flags = 0;
    const char *path;
    size_t length;
    int result;

    if (count < 1)
        wrong("the path of the service is missing");
    path = arguments[0];
    if (path[0] != '/')
        wrong("'%s': the path must be absolute", path);
    if (strlen(path) >= PATH_BYTES)
        wrong("the path is longer than %d characters", PATH_BYTES - 1);
    default_label(path, start.label);
    for (int i = 1; i < count; i++) {
        if (strcmp(arguments[i], "-c") == 0) {
            flags |= RS_UP_FLAGS_COPY;
        } else if (strcmp(arguments[i], "-n") == 0) {
            flags |= RS_UP_FLAGS_NOBLOCK;
        } else {
            if (i + 1 == count)
                wrong("'%s': its value is missing, or there is no such option", arguments[i]);
            up_option(&start, &flags, arguments[i], arguments[i + 1]);
            i++;
        }
    }
    start.image = (uint64_t)(uintptr_t)read_whole(path, &length, 4 << 20, "a service has at most 4 MiB");
    start.image_length = length;
    start.error = (uint64_t)(uintptr_t)error;
    result = rs_up(&start, flags);
    if (error[0] == '\0')
        return report(start.label, result);
    fprintf(stderr, "service up: %s: %s:%s\n", start.label, config_path, error);
    return EXIT_REFUSED;
}

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

static int32_t number_argument(const char *option, const char *text)
{
    char *end;
    long value = strtol(text, &end, 0);

    if (end == text || *end != '\0' || value > INT32_MAX || value < INT32_MIN)
        wrong("%s '%s': a number is missing", option, text);
    return (int32_t)value;
}

static void update_image(struct rs_update *update, const char *path)
{
    size_t length;

    update->image = (uint64_t)(uintptr_t)read_whole(path, &length, 4 << 20, "a service has at most 4 MiB");
    update->image_length = length;
    update->flags &= ~(uint32_t)RS_UPDATE_SELF;
}

static void update_option(struct rs_update *update, const char *name, const char *value)
{
    char *one[] = { (char *)value };

    if (strcmp(name, "-label") == 0) {
        label_argument(1, one);
        memset(update->label, 0, sizeof(update->label));
        memcpy(update->label, value, strlen(value));
    } else if (strcmp(name, "-binary") == 0) {
        update_image(update, value);
    } else if (strcmp(name, "-state") == 0) {
        update->state = (uint32_t)number_argument(name, value);
    } else if (strcmp(name, "-maxtime") == 0) {
        update->maxtime_ms = number_argument(name, value);
    } else {
        wrong("'%s': no such option (-label, -binary, -state, -maxtime, -n)", name);
    }
}

static int report_update(const struct rs_update *update, int result)
{
    static const struct {
        int error;
        const char *text;
    } texts[] = {
        { -ENOSYS, "the service does not support live update" },
        { -EINVAL, "invalid argument, or the service does not support the required state" },
        { -EINTR, "the service was not ready in time; the old version goes on" },
        { -ERESTART, "the new version failed; the old one goes on" },
    };

    if (result != 0 && update->problem[0] != '\0')
        fprintf(stderr, "service update: %s: %s\n", update->label, update->problem);
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        if (result != texts[i].error || (result == -EINVAL && update->problem[0] != '\0'))
            continue;
        fprintf(stderr, "service update: %s: %s\n", update->label, texts[i].text);
        return result == -EINTR ? EXIT_INTERRUPTED : EXIT_REFUSED;
    }
    return report(update->label, result);
}

/* The first argument: a label (this image again), a path (a new version), or `self` with -label. */
static int command_update(int count, char **arguments)
{
    static struct rs_update update = { .flags = RS_UPDATE_SELF, .state = 1 };

    if (count < 1)
        wrong("the label of a service, or 'self', is missing");
    if (arguments[0][0] == '/') {
        update_image(&update, arguments[0]);
        default_label(arguments[0], update.label);
    } else if (strcmp(arguments[0], "self") != 0) {
        update_option(&update, "-label", arguments[0]);
    }
    for (int i = 1; i < count; i++) {
        if (strcmp(arguments[i], "-n") == 0) {
            update.flags |= RS_UPDATE_NOBLOCK;
            continue;
        }
        if (i + 1 == count)
            wrong("'%s': its value is missing, or there is no such option", arguments[i]);
        update_option(&update, arguments[i], arguments[i + 1]);
        i++;
    }
    if (update.label[0] == '\0')
        wrong("which service? -label is missing");
    return report_update(&update, rs_update(&update));
}

static const char *state_text(uint32_t state)
{
    static const char *const texts[] = { "?", "running", "starting", "waiting", "stopping", "updating" };

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

static int command_crash(int count, char **arguments)
{
    const char *label = label_argument(count, arguments);
    uint32_t call = 0;

    if (count > 1) {
        if (strcmp(arguments[1], "--in") != 0)
            wrong("'%s': only --in CALL may follow the label", arguments[1]);
        if (count < 3)
            wrong("--in: the name of a call is missing");
        call = call_argument(arguments[2]);
        no_more(count - 3, arguments + 3);
    }
    return report(label, rs_crash(label, call));
}

static int command_shutdown(int count, char **arguments)
{
    no_more(count, arguments);
    return report("shutdown", rs_shutdown());
}

static const struct command commands[] = {
    { "up", command_up, "up PATH [-label LABEL] [-config FILE] [-period MS] [-c] [-n]" },
    { "down", command_down, "down LABEL" },
    { "refresh", command_refresh, "refresh LABEL" },
    { "restart", command_restart, "restart LABEL" },
    { "list", command_list, "list" },
    { "lookup", command_lookup, "lookup LABEL" },
    { "update", command_update, "update LABEL|PATH|self [-label LABEL] [-binary FILE] [-state N] [-maxtime MS] [-n]" },
    { "crash", command_crash, "crash LABEL [--in CALL]" },
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
