/* SPDX-License-Identifier: MIT */
/*
 * service update: a new version for a running service.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "errors.h"
#include "rs.h"

static int32_t number_argument(const char *option, const char *text)
{
    char *end;
    long value = strtol(text, &end, 0);

    if (end == text || *end != '\0' || value > INT32_MAX || value < INT32_MIN)
        wrong("%s '%s': a number is missing", option, text);
    return (int32_t)value;
}

/* N: milliseconds; NHZ: N seconds. */
static int32_t time_argument(const char *option, const char *text)
{
    char *end;
    long seconds = strtol(text, &end, 10);

    if (end == text || strcmp(end, "HZ") != 0)
        return number_argument(option, text);
    if (seconds < 0 || seconds > INT32_MAX / 1000)
        wrong("%s '%s': so many seconds are too many", option, text);
    return (int32_t)seconds * 1000;
}

static void update_image(struct rs_update *update, const char *path)
{
    size_t length;

    update->image = (uint64_t)(uintptr_t)read_whole(path, &length, IMAGE_BYTES_MAX, "a service has at most 4 MiB");
    update->image_length = length;
    update->flags &= ~(uint32_t)RS_UPDATE_SELF;
}

/* What is to go wrong, to see the way back. */
static uint32_t fault_argument(const char *text)
{
    static const char *const names[] = { "none", "prepare-crash", "never-ready", "init-crash", "init-fail", "bad-state" };

    for (uint32_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(text, names[i]) == 0)
            return i;
    }
    wrong("-fault '%s': there are prepare-crash, never-ready, init-crash, init-fail, bad-state", text);
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
        update->maxtime_ms = time_argument(name, value);
    } else if (strcmp(name, "-fault") == 0) {
        update->fault = fault_argument(value);
    } else {
        wrong("'%s': no such option (-label, -binary, -state, -maxtime, -fault, -n)", name);
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
int command_update(int count, char **arguments)
{
    static struct rs_update update = { .flags = RS_UPDATE_SELF, .state = 1 };

    if (count < 1)
        wrong("the label of a service, or 'self', is missing");
    if (strcmp(arguments[0], "--all") == 0) {
        if (count < 2)
            wrong("--all: the directory with the new versions is missing");
        no_more(count - 2, arguments + 2);
        return command_update_all(arguments[1]);
    }
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
