/* SPDX-License-Identifier: MIT */
/* Sessions, controlling terminals, foreground and background. */
#include "terminal.h"

#define REQUIRE(condition)                                                     \
    do {                                                                       \
        if (!(condition)) {                                                    \
            printf("# line %d: %s (errno %d)\n", __LINE__, #condition, errno); \
            fflush(stdout);                                                    \
            return 1;                                                          \
        }                                                                      \
    } while (0)

static volatile sig_atomic_t caught;

static void note(int number)
{
    caught = number;
}

static void catch (int number)
{
    struct sigaction action = { .sa_handler = note };

    sigaction(number, &action, NULL);
}

static int wait_caught(int number)
{
    for (int i = 0; i < 100 && caught != number; i++)
        pause_ms(20);
    return caught == number;
}

static void run_session(int (*leader)(struct pair *))
{
    struct pair pair;
    pid_t child;

    pair_open_master(&pair);
    child = start_session(&pair, leader);
    CHECK_EQ(exit_status(child), 0);
    pair_close(&pair);
}

static int leader_has_terminal(struct pair *pair)
{
    pid_t session = 0;
    int fd;

    REQUIRE(tcgetpgrp(pair->slave) == getpid());
    REQUIRE(ioctl(pair->slave, TIOCGSID, &session) == 0);
    REQUIRE(session == getpid());
    fd = open("/dev/tty", O_RDWR);
    REQUIRE(fd >= 0);
    REQUIRE(tcgetpgrp(fd) == getpid());
    return 0;
}

TEST(the_first_terminal_a_leader_opens_is_its_own)
{
    run_session(leader_has_terminal);
}

static int leader_without_terminal(struct pair *pair)
{
    int fd;

    /* start_session has opened it with the terminal: give it up first */
    signal(SIGHUP, SIG_IGN);
    REQUIRE(ioctl(pair->slave, TIOCNOTTY) == 0);
    REQUIRE(open("/dev/tty", O_RDWR) == -1 && errno == ENXIO);
    REQUIRE(tcgetpgrp(pair->slave) == -1 && errno == ENOTTY);
    fd = open(pair->name, O_RDWR | O_NOCTTY);
    REQUIRE(fd >= 0);
    REQUIRE(open("/dev/tty", O_RDWR) == -1 && errno == ENXIO);
    REQUIRE(ioctl(fd, TIOCSCTTY, 0) == 0);
    REQUIRE(tcgetpgrp(fd) == getpid());
    fd = open("/dev/tty", O_RDWR);
    REQUIRE(fd >= 0);
    return 0;
}

TEST(a_terminal_is_given_up_and_taken_by_request)
{
    run_session(leader_without_terminal);
}

TEST(only_a_leader_takes_a_terminal)
{
    struct pair pair;
    pid_t child;

    pair_open(&pair);
    fflush(stdout);
    child = fork();
    if (child == 0) {
        setsid();
        child = fork();
        if (child == 0)
            _exit(ioctl(pair.slave, TIOCSCTTY, 0) == -1 && errno == EPERM ? 0 : 1);
        _exit(exit_status(child));
    }
    CHECK_EQ(exit_status(child), 0);
    pair_close(&pair);
}

static int leader_gets_interrupt(struct pair *pair)
{
    catch (SIGINT);
    put(pair->master, "\003");
    REQUIRE(wait_caught(SIGINT));
    catch (SIGQUIT);
    put(pair->master, "\034");
    REQUIRE(wait_caught(SIGQUIT));
    catch (SIGTSTP);
    put(pair->master, "\032");
    REQUIRE(wait_caught(SIGTSTP));
    return 0;
}

TEST(keys_signal_the_foreground_group)
{
    run_session(leader_gets_interrupt);
}

static int leader_interrupts_child_only(struct pair *pair)
{
    int status;
    pid_t child = fork();

    if (child == 0) {
        setpgid(0, 0);
        pause_ms(5000);
        _exit(0);
    }
    setpgid(child, child);
    signal(SIGTTOU, SIG_IGN);
    REQUIRE(tcsetpgrp(pair->slave, child) == 0);
    REQUIRE(tcgetpgrp(pair->slave) == child);
    catch (SIGINT);
    put(pair->master, "\003");
    REQUIRE(waitpid(child, &status, 0) == child);
    REQUIRE(WIFSIGNALED(status) && WTERMSIG(status) == SIGINT);
    REQUIRE(caught == 0);
    REQUIRE(tcsetpgrp(pair->slave, getpid()) == 0);
    return 0;
}

TEST(a_background_leader_is_left_alone_by_keys)
{
    run_session(leader_interrupts_child_only);
}

static int leader_stops_child(struct pair *pair)
{
    int status;
    pid_t child = fork();

    if (child == 0) {
        char byte;

        setpgid(0, 0);
        _exit(read(pair->slave, &byte, 1) == 1 && byte == 'k' ? 0 : 1);
    }
    setpgid(child, child);
    REQUIRE(waitpid(child, &status, WUNTRACED) == child);
    REQUIRE(WIFSTOPPED(status) && WSTOPSIG(status) == SIGTTIN);
    REQUIRE(tcsetpgrp(pair->slave, child) == 0);
    kill(child, SIGCONT);
    put(pair->master, "k\n");
    REQUIRE(waitpid(child, &status, 0) == child);
    REQUIRE(status == 0);
    return 0;
}

TEST(a_background_reader_is_stopped_until_it_is_in_the_foreground)
{
    run_session(leader_stops_child);
}

static int leader_with_ignoring_child(struct pair *pair)
{
    int status;
    pid_t child = fork();

    if (child == 0) {
        char byte;

        setpgid(0, 0);
        signal(SIGTTIN, SIG_IGN);
        _exit(read(pair->slave, &byte, 1) == -1 && errno == EIO ? 0 : 1);
    }
    setpgid(child, child);
    REQUIRE(waitpid(child, &status, 0) == child);
    REQUIRE(status == 0);
    return 0;
}

TEST(a_background_reader_that_ignores_the_signal_gets_eio)
{
    run_session(leader_with_ignoring_child);
}

static int leader_with_writing_child(struct pair *pair)
{
    int status;
    pid_t child;

    set_local_flags(pair->slave, TOSTOP, 0);
    child = fork();
    if (child == 0) {
        setpgid(0, 0);
        _exit(write(pair->slave, "x", 1) == 1 ? 0 : 1);
    }
    setpgid(child, child);
    REQUIRE(waitpid(child, &status, WUNTRACED) == child);
    REQUIRE(WIFSTOPPED(status) && WSTOPSIG(status) == SIGTTOU);
    set_local_flags(pair->slave, 0, TOSTOP);
    kill(child, SIGCONT);
    REQUIRE(waitpid(child, &status, 0) == child);
    REQUIRE(status == 0);
    return 0;
}

TEST(tostop_stops_background_writers)
{
    run_session(leader_with_writing_child);
}

static int leader_with_changing_child(struct pair *pair)
{
    struct termios settings;
    int status;
    pid_t child;

    REQUIRE(tcgetattr(pair->slave, &settings) == 0);
    child = fork();
    if (child == 0) {
        setpgid(0, 0);
        _exit(tcsetattr(pair->slave, TCSANOW, &settings) == 0 ? 0 : 1);
    }
    setpgid(child, child);
    REQUIRE(waitpid(child, &status, WUNTRACED) == child);
    REQUIRE(WIFSTOPPED(status) && WSTOPSIG(status) == SIGTTOU);
    kill(child, SIGKILL);
    REQUIRE(waitpid(child, &status, 0) == child);
    return 0;
}

TEST(settings_are_not_changed_from_the_background)
{
    run_session(leader_with_changing_child);
}

static int leader_with_wrong_groups(struct pair *pair)
{
    REQUIRE(tcsetpgrp(pair->slave, getppid()) == -1 && errno == EPERM);
    REQUIRE(tcsetpgrp(pair->slave, -5) == -1 && errno == EINVAL);
    REQUIRE(tcgetpgrp(pair->slave) == getpid());
    return 0;
}

TEST(the_foreground_group_is_one_of_the_session)
{
    run_session(leader_with_wrong_groups);
}

static int leader_gets_window_change(struct pair *pair)
{
    struct winsize size = { .ws_row = 30, .ws_col = 90 };

    catch (SIGWINCH);
    REQUIRE(ioctl(pair->master, TIOCSWINSZ, &size) == 0);
    REQUIRE(wait_caught(SIGWINCH));
    caught = 0;
    REQUIRE(ioctl(pair->master, TIOCSWINSZ, &size) == 0);
    pause_ms(50);
    REQUIRE(caught == 0);
    return 0;
}

TEST(a_new_window_size_is_a_signal)
{
    run_session(leader_gets_window_change);
}

static int leader_waits_for_hangup(struct pair *pair)
{
    catch (SIGHUP);
    close(pair->master);
    put(pair->slave, "ready");
    REQUIRE(wait_caught(SIGHUP));
    REQUIRE(write(pair->slave, "x", 1) == -1 && errno == EIO);
    return 0;
}

TEST(closing_the_master_hangs_up)
{
    struct pair pair;
    pid_t child;

    pair_open_master(&pair);
    child = start_session(&pair, leader_waits_for_hangup);
    expect(pair.master, "ready");
    close(pair.master);
    CHECK_EQ(exit_status(child), 0);
}

static int leader_leaves(struct pair *pair)
{
    pid_t child = fork();

    if (child == 0) {
        catch (SIGHUP);
        close(pair->master);
        put(pair->slave, "ready");
        if (!wait_caught(SIGHUP))
            _exit(1);
        _exit(write(pair->slave, "x", 1) == -1 && errno == EIO ? 0 : 2);
    }
    pause_ms(200);
    return 0;
}

TEST(the_end_of_the_leader_hangs_up)
{
    struct pair pair;
    pid_t child;
    char byte;

    pair_open_master(&pair);
    child = start_session(&pair, leader_leaves);
    expect(pair.master, "ready");
    CHECK_EQ(exit_status(child), 0);
    for (int i = 0; i < 50; i++) {
        if (read(pair.master, &byte, 1) == -1)
            break;
        pause_ms(20);
    }
    CHECK_EQ(errno, EIO);
    pair_close(&pair);
}

TAP_MAIN
