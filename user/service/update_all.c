/* SPDX-License-Identifier: MIT */
/*
 * service update --all DIRECTORY: a new build of the whole system, one file per label. First all layouts are compared, and nothing is touched if
 * one does not fit; then the services are replaced by level (those that others rely on first, rs last). If one fails, those before it go back to
 * the version that they had, with the state that they have now.
 */
#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "command.h"
#include "errors.h"
#include "rs.h"

enum { SERVICES_MAX = 64, BUSY_MS = 10000, WAIT_MS = 20, MANIFESTS_MAX = 1 << 20, LEVEL_LAST = 1000 };

struct replacement {
    struct rs_update update;
    unsigned level;
    bool is_done;
};

static struct replacement replacements[SERVICES_MAX];
static int replacement_count;

/* `level N;` of a service in the text of all manifests; those that say nothing come late. */
static unsigned level_of(const char *manifests, const char *label)
{
    char head[RS_LABEL_MAX + 16];
    const char *at, *end;
    unsigned level = LEVEL_LAST - 1;

    if (strcmp(label, "rs") == 0)
        return LEVEL_LAST;
    snprintf(head, sizeof(head), "service %.*s {", RS_LABEL_MAX - 1, label);
    at = manifests != NULL ? strstr(manifests, head) : NULL;
    end = at != NULL ? strchr(at, '}') : NULL;
    at = at != NULL ? strstr(at, "level ") : NULL;
    if (at != NULL && end != NULL && at < end)
        sscanf(at, "level %u;", &level);
    return level;
}

static int compare_levels(const void *a, const void *b)
{
    const struct replacement *x = a, *y = b;

    return (x->level > y->level) - (x->level < y->level);
}

static bool is_file(const char *path)
{
    struct stat status;

    return stat(path, &status) == 0 && S_ISREG(status.st_mode);
}

/* Of each running service the file with its name; all are read before anything is replaced. */
static void collect(const char *directory, const char *manifests)
{
    static struct rs_public table[SERVICE_SLOTS];
    int rows = rs_list(table, SERVICE_SLOTS);

    for (int i = 0; i < rows && replacement_count < SERVICES_MAX; i++) {
        struct replacement *replacement = &replacements[replacement_count];
        char path[4096];
        size_t length;

        if (table[i].state == RS_STATE_REPLICA)
            continue;
        snprintf(path, sizeof(path), "%s/%.*s", directory, RS_LABEL_MAX - 1, table[i].label);
        if (!is_file(path)) {
            fprintf(stderr, "service update: %s: no new version in %s, it stays as it is\n", table[i].label, directory);
            continue;
        }
        memcpy(replacement->update.label, table[i].label, sizeof(replacement->update.label));
        replacement->update.image = (uint64_t)(uintptr_t)read_whole(path, &length, IMAGE_BYTES_MAX, "a service has at most 4 MiB");
        replacement->update.image_length = length;
        replacement->level = level_of(manifests, table[i].label);
        replacement_count++;
    }
    qsort(replacements, (size_t)replacement_count, sizeof(replacements[0]), compare_levels);
}

/* A service that is just being replaced for another reason is waited for. */
static int ask(struct rs_update *update, uint32_t flags)
{
    int result;

    update->flags = flags;
    update->state = 1;
    update->problem[0] = '\0';
    for (int waited = 0;; waited += WAIT_MS) {
        result = rs_update(update);
        if ((result != -EBUSY && result != -EAGAIN) || waited >= BUSY_MS)
            return result;
        usleep(WAIT_MS * 1000);
    }
}

static int explain(const struct rs_update *update, const char *what, int result)
{
    const char *why = result == -ERESTART ? "the new version failed" : error_text(result);

    fprintf(stderr, "service update: %s: %s: %s\n", update->label, what, update->problem[0] != '\0' ? update->problem : why);
    return EXIT_REFUSED;
}

static int check_all(void)
{
    int status = 0;

    for (int i = 0; i < replacement_count; i++) {
        int result = ask(&replacements[i].update, RS_UPDATE_CHECK);

        if (result != 0)
            status = explain(&replacements[i].update, "does not fit", result);
    }
    return status;
}

static void go_back(int from)
{
    for (int i = from; i >= 0; i--) {
        struct rs_update *update = &replacements[i].update;
        int result = replacements[i].is_done ? ask(update, RS_UPDATE_BACK) : 0;

        if (result != 0)
            (void)explain(update, "cannot go back, the new version stays", result);
        else if (replacements[i].is_done)
            fprintf(stderr, "service update: %s: back at the old version\n", update->label);
    }
}

static int replace_all(void)
{
    for (int i = 0; i < replacement_count; i++) {
        struct rs_update *update = &replacements[i].update;
        int result = ask(update, RS_UPDATE_KEEP);

        if (result == 0)
            result = ask(update, 0);
        if (result != 0) {
            (void)explain(update, "not replaced", result);
            go_back(i);
            return EXIT_REFUSED;
        }
        replacements[i].is_done = true;
    }
    return 0;
}

int command_update_all(const char *directory)
{
    size_t length;
    DIR *folder = opendir(directory);
    char *manifests;
    int status, done = 0;

    if (folder == NULL) {
        fprintf(stderr, "service update: --all %s: %s\n", directory, strerror(errno));
        return EXIT_REFUSED;
    }
    closedir(folder);
    manifests = is_file("/etc/system.conf") ? read_whole("/etc/system.conf", &length, MANIFESTS_MAX, "too long") : NULL;
    if (manifests != NULL)
        manifests[length] = '\0';
    collect(directory, manifests);
    if (replacement_count == 0) {
        fprintf(stderr, "service update: no new version of any service in %s\n", directory);
        return EXIT_REFUSED;
    }
    status = check_all();
    if (status != 0) {
        fprintf(stderr, "service update: nothing was replaced\n");
        return status;
    }
    status = replace_all();
    for (int i = 0; i < replacement_count; i++)
        (void)ask(&replacements[i].update, RS_UPDATE_FORGET);
    for (int i = 0; i < replacement_count; i++)
        done += replacements[i].is_done ? 1 : 0;
    if (status == 0)
        printf("%d services replaced\n", done);
    return status;
}
