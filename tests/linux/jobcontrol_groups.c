/* SPDX-License-Identifier: MIT */
/*
 * Process groups, sessions, stopping and continuing whole jobs, orphaned groups; with a pseudo-terminal: foreground and background.
 */
#include "tap.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>

static pid_t child_waits(void)
{
    pid_t child = fork();

    if (child == 0) {
        for (;;)
            pause();
    }
    return child;
}

TEST(setpgid_makes_and_joins_groups)
{
    pid_t a = child_waits();
    pid_t b = child_waits();

    CHECK_EQ(setpgid(a, 0), 0);
    CHECK_EQ(getpgid(a), a);
    CHECK_EQ(setpgid(b, a), 0);
    CHECK_EQ(getpgid(b), a);
    CHECK_ERROR(setpgid(a, 999999), EPERM);
    CHECK_ERROR(setpgid(1, 1), ESRCH);
    CHECK_ERROR(setpgid(a, -1), EINVAL);
    CHECK_EQ(kill(-a, SIGKILL), 0);
    CHECK_EQ(waitpid(a, NULL, 0), a);
    CHECK_EQ(waitpid(b, NULL, 0), b);
    CHECK_ERROR(kill(-a, 0), ESRCH);
}

TEST(setsid_makes_a_session)
{
    int status;
    pid_t child = fork();

    if (child == 0) {
        if (setsid() != getpid() || getsid(0) != getpid() || getpgrp() != getpid())
            _exit(1);
        if (setsid() != -1 || errno != EPERM)
            _exit(2);
        if (setpgid(0, 0) != -1 || errno != EPERM)
            _exit(3);
        if (open("/dev/tty", O_RDWR) != -1 || errno != ENXIO)
            _exit(4);
        _exit(0);
    }
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 0);
}

TEST(a_job_stops_and_continues_as_a_whole)
{
    int status;
    pid_t a = child_waits();
    pid_t b = child_waits();

    setpgid(a, a);
    setpgid(b, a);
    CHECK_EQ(kill(-a, SIGTSTP), 0);
    CHECK_EQ(waitpid(a, &status, WUNTRACED), a);
    CHECK_EQ(WSTOPSIG(status), SIGTSTP);
    CHECK_EQ(waitpid(b, &status, WUNTRACED), b);
    CHECK_EQ(WSTOPSIG(status), SIGTSTP);
    CHECK_EQ(kill(-a, SIGTERM), 0);
    CHECK_EQ(waitpid(a, &status, WNOHANG), 0);
    CHECK_EQ(kill(-a, SIGCONT), 0);
    CHECK_EQ(waitpid(a, &status, 0), a);
    CHECK_EQ(WTERMSIG(status), SIGTERM);
    CHECK_EQ(waitpid(b, &status, 0), b);
}

TEST(continue_takes_back_a_pending_stop)
{
    int status;
    sigset_t set;
    pid_t child;

    sigemptyset(&set);
    sigaddset(&set, SIGTSTP);
    sigprocmask(SIG_BLOCK, &set, NULL);
    child = fork();
    if (child == 0) {
        sigset_t pending;
        kill(getpid(), SIGTSTP);
        kill(getpid(), SIGCONT);
        sigpending(&pending);
        _exit(sigismember(&pending, SIGTSTP));
    }
    CHECK_EQ(waitpid(child, &status, WUNTRACED), child);
    CHECK_EQ(status, 0);
    sigprocmask(SIG_UNBLOCK, &set, NULL);
}

TEST(orphaned_stopped_group_gets_hangup)
{
    int ends[2];
    char c = 0;
    pid_t middle;

    CHECK_EQ(pipe(ends), 0);
    middle = fork();
    if (middle == 0) {
        pid_t job;
        setpgid(0, 0);
        job = fork();
        if (job == 0) {
            int status;
            pid_t inner;
            setpgid(0, 0);
            inner = fork(); /* watches from outside the group */
            if (inner == 0) {
                setpgid(0, getppid());
                kill(getpid(), SIGSTOP);
                _exit(write(ends[1], "c", 1) == 1 ? 0 : 1);
            }
            waitpid(inner, &status, 0);
            if (WIFSIGNALED(status) && WTERMSIG(status) == SIGHUP)
                _exit(write(ends[1], "h", 1) == 1 ? 0 : 1);
            _exit(0);
        }
        usleep(100000);
        _exit(0);
    }
    CHECK_EQ(waitpid(middle, NULL, 0), middle);
    close(ends[1]);
    /* The group of job lost its guard while one of it was stopped: SIGHUP kills all of it, so nobody writes. */
    CHECK_EQ(read(ends[0], &c, 1), 0);
    close(ends[0]);
}

/* ---- with a terminal ---- */

static int master;

/* Run in a new session with a pseudo-terminal as standard input. */
static int in_terminal(int (*body)(void))
{
    char name[32];
    int number;
    int unlock = 0;
    int status;
    pid_t child;

    master = open("/dev/ptmx", O_RDWR | O_NOCTTY);
    CHECK(master >= 0);
    CHECK_EQ(ioctl(master, TIOCSPTLCK, &unlock), 0);
    CHECK_EQ(ioctl(master, TIOCGPTN, &number), 0);
    snprintf(name, sizeof(name), "/dev/pts/%d", number);
    child = fork();
    if (child == 0) {
        int fd;
        setsid();
        fd = open(name, O_RDWR);
        if (fd < 0)
            _exit(90);
        ioctl(fd, TIOCSCTTY, 0);
        dup2(fd, 0);
        signal(SIGTTOU, SIG_IGN);
        _exit(body());
    }
    CHECK_EQ(waitpid(child, &status, 0), child);
    close(master);
    CHECK(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static int foreground_body(void)
{
    pid_t job;

    if (tcgetpgrp(0) != getpid())
        return 1;
    job = child_waits();
    setpgid(job, job);
    if (tcsetpgrp(0, job) != 0 || tcgetpgrp(0) != job)
        return 2;
    kill(job, SIGKILL);
    waitpid(job, NULL, 0);
    return tcsetpgrp(0, getpid()) == 0 ? 0 : 3;
}

TEST(foreground_group_can_be_set)
{
    CHECK_EQ(in_terminal(foreground_body), 0);
}

static int background_read_body(void)
{
    int status;
    pid_t job = fork();

    if (job == 0) {
        char c;
        setpgid(0, 0);
        _exit(read(0, &c, 1) == 1 ? 0 : 1);
    }
    setpgid(job, job);
    if (waitpid(job, &status, WUNTRACED) != job || !WIFSTOPPED(status) || WSTOPSIG(status) != SIGTTIN)
        return 1;
    kill(job, SIGKILL);
    waitpid(job, NULL, 0);
    return 0;
}

TEST(background_read_stops_the_job)
{
    CHECK_EQ(in_terminal(background_read_body), 0);
}

static int interrupt_body(void)
{
    int status;
    pid_t job = child_waits();

    setpgid(job, job);
    tcsetpgrp(0, job);
    if (write(master, "\003", 1) != 1)
        return 1;
    if (waitpid(job, &status, 0) != job || !WIFSIGNALED(status) || WTERMSIG(status) != SIGINT)
        return 2;
    job = child_waits();
    setpgid(job, job);
    tcsetpgrp(0, job);
    if (write(master, "\032", 1) != 1)
        return 3;
    if (waitpid(job, &status, WUNTRACED) != job || !WIFSTOPPED(status) || WSTOPSIG(status) != SIGTSTP)
        return 4;
    kill(job, SIGKILL);
    waitpid(job, NULL, 0);
    return 0;
}

TEST(keys_signal_the_foreground_group)
{
    CHECK_EQ(in_terminal(interrupt_body), 0);
}

TAP_MAIN
