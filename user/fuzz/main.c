/* SPDX-License-Identifier: MIT */
/*
 * fuzz-calls COUNT [SEED]: makes COUNT random system calls with random arguments as an unprivileged user, in children that may die of it.
 * Two children run at a time. Prints how many calls were made and how the children ended. For machines that nobody needs, such as a test's guest.
 */
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    NOBODY = 65534,
    CHILDREN = 2,
    BATCH = 250,
    CALL_NUMBERS = 460,
    SCRATCH_BYTES = 65536,
    CHILD_SECONDS = 5,
    TICK_US = 5000,
    PROCESS_LIMIT = 24,
    MEMORY_LIMIT = 64 << 20,
    FILE_LIMIT = 1 << 20,
};

/* Of children that reached their end; those that died made some too. */
static uint64_t calls;
static uint64_t exited;
static uint64_t killed;
static unsigned char *scratch;

static uint64_t next_random(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

static uint64_t random_argument(uint64_t *seed)
{
    static const uint64_t special[] = {
        0,    1,    UINT64_MAX, 0x7fffffff, 0x80000000, 0xffffffff, 0x7fffffffffff, 0x800000000000, 0xffff800000000000, 0xffffffff80000000,
        4096, 4095, INT64_MAX,  1ull << 63
    };
    uint64_t choice = next_random(seed);
    switch (choice % 8) {
    case 0:
        return next_random(seed);
    case 1:
        return special[(choice >> 8) % (sizeof(special) / sizeof(special[0]))];
    case 2:
    case 3:
        return (uint64_t)(uintptr_t)(scratch + (choice >> 8) % SCRATCH_BYTES);
    case 4:
        return (choice >> 8) % 16;
    case 5:
        return (choice >> 8) % 4096;
    case 6:
        return 1ull << ((choice >> 8) % 64);
    default:
        return (uint64_t) - ((int64_t)(choice >> 8) % 128);
    }
}

/* Calls that would end or freeze the child at once teach nothing. */
static int is_left_out(long number)
{
    return number == SYS_exit || number == SYS_exit_group || number == SYS_pause || number == SYS_rt_sigreturn || number == SYS_vfork ||
           number == SYS_rt_sigsuspend || number == SYS_reboot;
}

static void ignore_tick(int number)
{
    (void)number;
}

static void limit(int resource, rlim_t value)
{
    struct rlimit both = { value, value };
    setrlimit(resource, &both);
}

static void become_unprivileged(void)
{
    limit(RLIMIT_NPROC, PROCESS_LIMIT);
    limit(RLIMIT_AS, MEMORY_LIMIT);
    limit(RLIMIT_FSIZE, FILE_LIMIT);
    limit(RLIMIT_CPU, CHILD_SECONDS);
    if (setgroups(0, NULL) != 0 || setgid(NOBODY) != 0 || setuid(NOBODY) != 0) {
        perror("fuzz-calls: cannot become nobody");
        _exit(2);
    }
}

static void start_ticks(void)
{
    struct sigaction action = { .sa_handler = ignore_tick };
    struct itimerval timer = { .it_interval = { 0, TICK_US }, .it_value = { 0, TICK_US } };
    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, &timer, NULL);
}

static void child(uint64_t seed)
{
    int null = open("/dev/null", O_RDWR);
    for (int i = 0; i <= STDERR_FILENO; i++) {
        dup2(null, i);
    }
    become_unprivileged();
    start_ticks();
    pid_t self = getpid();
    for (int i = 0; i < BATCH; i++) {
        long number = (long)(next_random(&seed) % CALL_NUMBERS);
        uint64_t argument[6];
        for (int j = 0; j < 6; j++) {
            argument[j] = random_argument(&seed);
        }
        if (is_left_out(number)) {
            continue;
        }
        syscall(number, argument[0], argument[1], argument[2], argument[3], argument[4], argument[5]);
        if (syscall(SYS_getpid) != self) {
            _exit(0); /* a child of ours, made by a random fork or clone */
        }
    }
    _exit(0);
}

static void end_child(pid_t pid)
{
    int status = 0;
    time_t end = time(NULL) + CHILD_SECONDS;
    while (waitpid(pid, &status, WNOHANG) == 0) {
        if (time(NULL) > end) {
            kill(pid, SIGKILL);
            waitpid(pid, &status, 0);
            break;
        }
        usleep(2000);
    }
    if (WIFEXITED(status)) {
        exited++;
        calls += BATCH;
    } else {
        killed++;
    }
}

/* Whatever the children left running as nobody. */
static void sweep(void)
{
    pid_t pid = fork();
    if (pid == 0) {
        become_unprivileged();
        kill(-1, SIGKILL);
        _exit(0);
    }
    waitpid(pid, NULL, 0);
    while (waitpid(-1, NULL, WNOHANG) > 0) {
    }
}

static void round_of_children(uint64_t *seed)
{
    pid_t pids[CHILDREN];
    for (int i = 0; i < CHILDREN; i++) {
        uint64_t own = next_random(seed) | 1;
        pids[i] = fork();
        if (pids[i] == 0) {
            child(own);
        }
    }
    for (int i = 0; i < CHILDREN; i++) {
        if (pids[i] > 0) {
            end_child(pids[i]);
        }
    }
    sweep();
}

int main(int count, char **arguments)
{
    uint64_t wanted = count > 1 ? strtoull(arguments[1], NULL, 10) : 0;
    uint64_t seed = count > 2 ? strtoull(arguments[2], NULL, 10) | 1 : 0x9e3779b97f4a7c15;
    if (wanted == 0) {
        fprintf(stderr, "usage: fuzz-calls COUNT [SEED]; COUNT is how many system calls to make, at least 1\n");
        return 2;
    }
    scratch = mmap(NULL, SCRATCH_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (scratch == MAP_FAILED) {
        perror("fuzz-calls: mmap");
        return 1;
    }
    for (int i = 0; i < SCRATCH_BYTES; i++) {
        scratch[i] = (unsigned char)next_random(&seed);
    }
    memcpy(scratch, "/tmp/fuzz", sizeof("/tmp/fuzz"));
    while (calls < wanted) {
        round_of_children(&seed);
    }
    printf("%lu calls, %lu children exited, %lu were killed\n", (unsigned long)calls, (unsigned long)exited, (unsigned long)killed);
    return 0;
}
