/* SPDX-License-Identifier: MIT */
/*
 * Pseudo-terminals for tests: a pair, settings, and a session that has the slave as its terminal.
 */
#pragma once

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>

#include "tap.h"

struct pair {
    int master;
    int slave;
    char name[32];
};

static inline void pair_open_master(struct pair *pair)
{
    int number, unlocked = 0;

    pair->slave = -1;
    pair->master = open("/dev/ptmx", O_RDWR | O_NOCTTY);
    CHECK(pair->master >= 0);
    CHECK_EQ(ioctl(pair->master, TIOCSPTLCK, &unlocked), 0);
    CHECK_EQ(ioctl(pair->master, TIOCGPTN, &number), 0);
    snprintf(pair->name, sizeof(pair->name), "/dev/pts/%d", number);
}

static inline void pair_open(struct pair *pair)
{
    pair_open_master(pair);
    pair->slave = open(pair->name, O_RDWR | O_NOCTTY);
    CHECK(pair->slave >= 0);
}

static inline void pair_close(struct pair *pair)
{
    if (pair->slave >= 0)
        close(pair->slave);
    if (pair->master >= 0)
        close(pair->master);
}

static inline void set_local_flags(int fd, tcflag_t set, tcflag_t clear)
{
    struct termios settings;

    CHECK_EQ(tcgetattr(fd, &settings), 0);
    settings.c_lflag = (settings.c_lflag & ~clear) | set;
    CHECK_EQ(tcsetattr(fd, TCSANOW, &settings), 0);
}

static inline void set_raw(int fd, int minimum, int tenths)
{
    struct termios settings;

    CHECK_EQ(tcgetattr(fd, &settings), 0);
    settings.c_iflag = 0;
    settings.c_oflag = 0;
    settings.c_lflag = 0;
    settings.c_cc[VMIN] = (cc_t)minimum;
    settings.c_cc[VTIME] = (cc_t)tenths;
    CHECK_EQ(tcsetattr(fd, TCSANOW, &settings), 0);
}

static inline void put(int fd, const char *text)
{
    CHECK_EQ(write(fd, text, strlen(text)), strlen(text));
}

/* Readable within a second? Linux moves bytes between the sides in the background. */
static inline int is_readable(int fd, int timeout)
{
    struct pollfd wait = { .fd = fd, .events = POLLIN };

    return poll(&wait, 1, timeout) == 1 && (wait.revents & POLLIN) != 0;
}

/* Exactly this text comes next, in as many pieces as it likes. */
static inline void expect(int fd, const char *text)
{
    char got[1024];
    size_t length = 0;

    while (length < strlen(text)) {
        ssize_t count;

        if (!is_readable(fd, 2000))
            break;
        count = read(fd, got + length, strlen(text) - length);
        if (count <= 0)
            break;
        length += (size_t)count;
    }
    if (length != strlen(text) || memcmp(got, text, length) != 0) {
        printf("# expected ");
        for (const char *c = text; *c != '\0'; c++)
            printf(" %02x", (unsigned char)*c);
        printf(", got");
        for (size_t i = 0; i < length; i++)
            printf(" %02x", (unsigned char)got[i]);
        printf("\n");
    }
    CHECK_EQ(length, strlen(text));
    CHECK_EQ(memcmp(got, text, length), 0);
}

static inline long milliseconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static inline void pause_ms(int ms)
{
    struct timespec time = { ms / 1000, ms % 1000 * 1000000L };

    while (nanosleep(&time, &time) != 0 && errno == EINTR)
        continue;
}

/* A session leader with the slave of `pair` as its terminal; pair->slave is opened by it and its return value is its exit status. */
static inline pid_t start_session(struct pair *pair, int (*leader)(struct pair *))
{
    pid_t child;

    fflush(stdout);
    child = fork();
    if (child == 0) {
        if (pair->slave >= 0)
            close(pair->slave);
        setsid();
        pair->slave = open(pair->name, O_RDWR);
        if (pair->slave < 0)
            _exit(98);
        _exit(leader(pair));
    }
    CHECK(child > 0);
    return child;
}

static inline int exit_status(pid_t child)
{
    int status;

    CHECK_EQ(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
