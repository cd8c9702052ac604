/* SPDX-License-Identifier: MIT */
/*
 * service up, run, edit: a service with its settings.
 */
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "command.h"
#include "rs.h"

enum { PERIOD_MAX_MS = 3600000, MS_PER_SECOND = 1000, ARGUMENTS_MAX = 10 };

struct settings {
    struct rs_start start;
    uint32_t flags;
    const char *config;
};

static const char single_script[] = "/etc/rs.single";

/* ---- values ---- */

/* N: milliseconds; NHZ: N seconds. */
static uint32_t period_argument(const char *text)
{
    char *end;
    unsigned long value = strtoul(text, &end, 10);

    if (end != text && strcmp(end, "HZ") == 0 && value <= PERIOD_MAX_MS / MS_PER_SECOND)
        return (uint32_t)value * MS_PER_SECOND;
    if (end == text || *end != '\0' || value > PERIOD_MAX_MS)
        wrong("'%s': the period is a number of milliseconds, or seconds as NHZ, at most %d ms", text, PERIOD_MAX_MS);
    return (uint32_t)value;
}

void *read_whole(const char *path, size_t *length, size_t limit, const char *rule)
{
    int file = open(path, O_RDONLY);
    struct stat status;
    char *data;
    size_t have = 0;

    if (file < 0 || fstat(file, &status) != 0)
        cannot_read(path);
    if ((size_t)status.st_size > limit)
        wrong("'%s': %s", path, rule);
    data = malloc((size_t)status.st_size + 1);
    while (data != NULL && have < (size_t)status.st_size) {
        ssize_t got = read(file, data + have, (size_t)status.st_size - have);

        if (got < 0)
            cannot_read(path);
        if (got == 0)
            break;
        have += (size_t)got;
    }
    close(file);
    *length = have;
    return data;
}

void default_label(const char *path, char label[RS_LABEL_MAX])
{
    const char *base = strrchr(path, '/') + 1;

    if (base[0] == '\0' || strlen(base) >= RS_LABEL_MAX || strspn(base, RS_LABEL_CHARACTERS) != strlen(base))
        wrong("'%s': its last part is no label (1 to %d letters, digits, '.', '_' and '-'); give one with -label", path, RS_LABEL_MAX - 1);
    memset(label, 0, RS_LABEL_MAX);
    memcpy(label, base, strlen(base));
}

static const char *absolute(const char *path, size_t room, const char *what)
{
    if (path[0] != '/')
        wrong("'%s': %s must be absolute", path, what);
    if (strlen(path) >= room)
        wrong("%s is longer than %zu characters", what, room - 1);
    return path;
}

static void take_arguments(struct rs_start *start, const char *text)
{
    size_t have = strlen(start->command);
    int words = 0;

    for (const char *at = text; *at != '\0';) {
        size_t spaces = strspn(at, " ");
        size_t word = strcspn(at + spaces, " ");

        words += word > 0;
        at += spaces + word;
    }
    if (words > ARGUMENTS_MAX)
        wrong("-args: at most %d arguments, not %d", ARGUMENTS_MAX, words);
    if (have + 1 + strlen(text) >= sizeof(start->command))
        wrong("-args: path and arguments together have at most %zu characters", sizeof(start->command) - 1);
    start->command[have] = ' ';
    memcpy(start->command + have + 1, text, strlen(text) + 1);
}

static void take_device(struct rs_start *start, const char *path)
{
    struct stat status;

    if (stat(path, &status) != 0)
        cannot_read(path);
    if (!S_ISCHR(status.st_mode) && !S_ISBLK(status.st_mode))
        wrong("-dev '%s': a device is needed", path);
    start->device_major = major(status.st_rdev);
    start->has_device = 1;
}

/* ---- options ---- */

static bool flag_option(struct settings *settings, const char *name)
{
    static const struct {
        const char *name;
        uint32_t flag;
    } flags[] = {
        { "-c", RS_UP_FLAGS_COPY },
        { "-r", RS_UP_FLAGS_REUSE },
        { "-n", RS_UP_FLAGS_NOBLOCK },
        { "-p", RS_UP_FLAGS_REPLICA },
    };

    for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
        if (strcmp(name, flags[i].name) == 0) {
            settings->flags |= flags[i].flag;
            return true;
        }
    }
    return false;
}

static void value_option(struct settings *settings, const char *name, const char *value)
{
    struct rs_start *start = &settings->start;
    char *one[] = { (char *)value };
    size_t length;

    if (strcmp(name, "-label") == 0) {
        label_argument(1, one);
        memset(start->label, 0, sizeof(start->label));
        memcpy(start->label, value, strlen(value));
    } else if (strcmp(name, "-config") == 0) {
        start->manifest = (uint64_t)(uintptr_t)read_whole(value, &length, RS_MANIFEST_MAX, "a manifest has at most 4096 bytes");
        start->manifest_length = length;
        settings->config = value;
        if (length == 0)
            wrong("-config '%s': the file is empty", value);
    } else if (strcmp(name, "-period") == 0) {
        start->period_ms = period_argument(value);
        start->has_period = 1;
    } else if (strcmp(name, "-script") == 0) {
        memcpy(start->script, absolute(value, sizeof(start->script), "the path of the script"), strlen(value) + 1);
    } else if (strcmp(name, "-args") == 0) {
        take_arguments(start, value);
    } else if (strcmp(name, "-dev") == 0) {
        take_device(start, value);
    } else if (strcmp(name, "-devstyle") == 0) {
        wrong("-devstyle: all drivers are of one style, there is nothing to choose");
    } else {
        wrong("'%s': no such option (-label, -config, -args, -period, -script, -dev, -c, -r, -p, -n)", name);
    }
}

static void take_options(struct settings *settings, int count, char **arguments)
{
    for (int i = 1; i < count; i++) {
        if (flag_option(settings, arguments[i]))
            continue;
        if (i + 1 == count)
            wrong("'%s': its value is missing, or there is no such option", arguments[i]);
        value_option(settings, arguments[i], arguments[i + 1]);
        i++;
    }
}

/* ---- commands ---- */

/* What RS says about a manifest: FILE:LINE:COLUMN: the rule. */
static int perform(struct settings *settings, const char *command, int (*ask)(const struct rs_start *start, uint32_t flags))
{
    static char error[RS_ERROR_MAX];
    int result;

    settings->start.error = (uint64_t)(uintptr_t)error;
    result = ask(&settings->start, settings->flags);
    if (error[0] == '\0')
        return report(settings->start.label, result);
    fprintf(stderr, "service %s: %s: %s:%s\n", command, settings->start.label, settings->config, error);
    return EXIT_REFUSED;
}

static int start_service(struct settings *settings, const char *command, int count, char **arguments)
{
    const char *path;
    size_t length;

    if (count < 1)
        wrong("the path of the service is missing");
    path = absolute(arguments[0], sizeof(settings->start.command), "the path");
    memcpy(settings->start.command, path, strlen(path) + 1);
    default_label(path, settings->start.label);
    take_options(settings, count, arguments);
    settings->start.image = (uint64_t)(uintptr_t)read_whole(path, &length, IMAGE_BYTES_MAX, "a service has at most 4 MiB");
    settings->start.image_length = length;
    return perform(settings, command, rs_up);
}

int command_up(int count, char **arguments)
{
    static struct settings settings = { .config = "system.conf" };

    return start_service(&settings, "up", count, arguments);
}

/* Once: when it ends, its script takes it down. */
int command_run(int count, char **arguments)
{
    static struct settings settings = { .config = "system.conf" };

    memcpy(settings.start.script, single_script, sizeof(single_script));
    return start_service(&settings, "run", count, arguments);
}

int command_edit(int count, char **arguments)
{
    static struct settings settings = { .config = "system.conf" };
    const char *label = label_argument(count, arguments);

    if (count == 1)
        wrong("what is to change? (-config, -period, -script, -dev, -c, -p)");
    memcpy(settings.start.label, label, strlen(label));
    take_options(&settings, count, arguments);
    if (strcmp(settings.start.label, label) != 0 || settings.start.command[0] != '\0' ||
        (settings.flags & (RS_UP_FLAGS_REUSE | RS_UP_FLAGS_NOBLOCK)) != 0)
        wrong("-label, -args, -r and -n are for up and run");
    return perform(&settings, "edit", rs_edit);
}
