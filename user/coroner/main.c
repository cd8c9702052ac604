/* SPDX-License-Identifier: MIT */
/*
 * The coroner: writes the report of each dead instance to /var/crash/LABEL.N, and to the fourth serial line, where the host collects it. It is a program like
 * others: the services do not need it to recover.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "report.h"
#include "rs.h"

#define FOLDER "/var/crash"

enum {
    FILES_MAX = 24,
    FOLDER_BYTES = 4 << 20,
    REPORT_BYTES = 1 << 20,
    MEMORY_BYTES = 3 << 20, /* text that may be spent on memory at once, */
    MEMORY_RATE = 64 << 10, /* and how much more each second */
    RETRY_US = 100000,
};

struct entry {
    char path[300];
    long number;
    time_t time;
    long bytes;
};

static int by_age(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;

    if (x->time != y->time)
        return x->time < y->time ? -1 : 1;
    return (x->number > y->number) - (x->number < y->number);
}

/* The reports that are there, oldest first. */
static int list(struct entry *entries, int room)
{
    DIR *folder = opendir(FOLDER);
    const struct dirent *found;
    int count = 0;

    while (folder != NULL && count < room && (found = readdir(folder)) != NULL) {
        const char *dot = strrchr(found->d_name, '.');
        struct entry *entry = &entries[count];
        struct stat status;

        snprintf(entry->path, sizeof(entry->path), FOLDER "/%s", found->d_name);
        if (dot == NULL || dot == found->d_name || dot[1] == '\0' || stat(entry->path, &status) != 0 || !S_ISREG(status.st_mode))
            continue;
        entry->number = strtol(dot + 1, NULL, 10);
        entry->time = status.st_mtime;
        entry->bytes = status.st_size;
        count++;
    }
    if (folder != NULL)
        closedir(folder);
    qsort(entries, (size_t)count, sizeof(entries[0]), by_age);
    return count;
}

/* Make room for one more of `bytes`: the newest are kept. Returns the number of the next one. */
static long make_room(long bytes)
{
    static struct entry entries[4 * FILES_MAX];
    int count = list(entries, 4 * FILES_MAX), first = 0;
    long total = bytes, next = 1;

    for (int i = 0; i < count; i++) {
        total += entries[i].bytes;
        if (entries[i].number >= next)
            next = entries[i].number + 1;
    }
    while (first < count && (count - first >= FILES_MAX || total > FOLDER_BYTES)) {
        total -= entries[first].bytes;
        unlink(entries[first].path);
        first++;
    }
    return next;
}

static void write_all(int fd, const char *text, size_t length)
{
    while (length > 0) {
        ssize_t done = write(fd, text, length);

        if (done < 0 && errno != EINTR)
            return;
        if (done > 0) {
            text += done;
            length -= (size_t)done;
        }
    }
}

static void store(const char *label, const char *text, size_t length)
{
    char path[64], hidden[80];
    long number = make_room((long)length);
    int fd;

    snprintf(path, sizeof(path), FOLDER "/%s.%ld", label, number);
    snprintf(hidden, sizeof(hidden), FOLDER "/.new");
    fd = open(hidden, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (fd < 0)
        return;
    write_all(fd, text, length);
    close(fd);
    rename(hidden, path);
}

/* Raw, so that nothing is translated; -1: there is no such line. */
static int open_line(void)
{
    int fd = open("/dev/ttyS3", O_WRONLY | O_NOCTTY);
    struct termios settings;

    if (fd < 0 || tcgetattr(fd, &settings) != 0)
        return -1;
    settings.c_oflag &= ~(tcflag_t)OPOST;
    tcsetattr(fd, TCSANOW, &settings);
    return fd;
}

/* How much text this report may spend on memory. */
static size_t memory_allowance(size_t spent)
{
    static double left = MEMORY_BYTES;
    static struct timespec last;
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    left += ((double)(now.tv_sec - last.tv_sec) + (double)(now.tv_nsec - last.tv_nsec) / 1e9) * MEMORY_RATE - (double)spent;
    last = now;
    if (left > MEMORY_BYTES)
        left = MEMORY_BYTES;
    return left < 0 ? 0 : left < REPORT_BYTES ? (size_t)left : REPORT_BYTES;
}

static void examine(int line)
{
    static size_t spent;
    struct rs_corpse corpse;

    while (corpse_take(&corpse) == 0) {
        char *text = NULL;
        size_t length = 0;
        FILE *file = open_memstream(&text, &length);

        if (file == NULL)
            return;
        report_write(file, &corpse, memory_allowance(spent));
        fclose(file);
        spent = length;
        store(corpse.label, text, length);
        if (line >= 0) { /* to its end: with our next call RS forgets this one */
            write_all(line, text, length);
            tcdrain(line);
        }
        free(text);
    }
}

int main(void)
{
    int line = open_line();

    mkdir(FOLDER, 0700);
    report_prepare();
    for (;;) {
        int result = corpse_wait();

        if (result == -ENOSYS) { /* another kernel: nothing dies here */
            for (;;)
                pause();
        }
        if (result != 0) {
            usleep(RETRY_US);
            continue;
        }
        examine(line);
    }
}
