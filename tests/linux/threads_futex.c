/* SPDX-License-Identifier: MIT */
/*
 * Threads: create, join, thread-local storage, mutexes and conditions, signals to threads; futex; exec and exit with threads.
 */
#include "tap.h"

#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

enum {
    FUTEX_WAIT = 0,
    FUTEX_WAKE = 1,
    FUTEX_WAIT_BITSET = 9,
    FUTEX_WAIT_PRIVATE = 128,
    FUTEX_WAKE_PRIVATE = 129,
    FUTEX_CMP_REQUEUE_PRIVATE = 132,
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
static volatile long counter;
static __thread int local = 7;

static void *add_many(void *argument)
{
    (void)argument;
    for (int i = 0; i < 2000; i++) {
        pthread_mutex_lock(&mutex);
        counter++;
        pthread_mutex_unlock(&mutex);
    }
    local++;
    return (void *)(long)local;
}

TEST(threads_share_memory_and_join)
{
    pthread_t thread[4];
    void *result;

    counter = 0;
    for (int i = 0; i < 4; i++)
        CHECK_EQ(pthread_create(&thread[i], NULL, add_many, NULL), 0);
    for (int i = 0; i < 4; i++) {
        CHECK_EQ(pthread_join(thread[i], &result), 0);
        CHECK_EQ((long)result, 8);
    }
    CHECK_EQ(counter, 8000);
    CHECK_EQ(local, 7);
}

static void *ids(void *argument)
{
    pid_t *out = argument;

    out[0] = getpid();
    out[1] = (pid_t)syscall(SYS_gettid);
    return NULL;
}

TEST(threads_have_the_pid_and_their_own_tid)
{
    pid_t seen[2];
    pthread_t thread;

    CHECK_EQ(pthread_create(&thread, NULL, ids, seen), 0);
    CHECK_EQ(pthread_join(thread, NULL), 0);
    CHECK_EQ(seen[0], getpid());
    CHECK(seen[1] != getpid());
    CHECK_EQ(syscall(SYS_gettid), getpid());
}

static volatile int ready;

static void *wait_for_condition(void *argument)
{
    (void)argument;
    pthread_mutex_lock(&mutex);
    ready = 1;
    while (ready != 2)
        pthread_cond_wait(&condition, &mutex);
    ready = 3;
    pthread_mutex_unlock(&mutex);
    return NULL;
}

TEST(condition_variables_wake)
{
    pthread_t thread;

    ready = 0;
    CHECK_EQ(pthread_create(&thread, NULL, wait_for_condition, NULL), 0);
    while (ready == 0)
        usleep(1000);
    pthread_mutex_lock(&mutex);
    ready = 2;
    pthread_cond_signal(&condition);
    pthread_mutex_unlock(&mutex);
    CHECK_EQ(pthread_join(thread, NULL), 0);
    CHECK_EQ(ready, 3);
}

TEST(timed_wait_on_a_condition_ends)
{
    struct timespec time;

    clock_gettime(CLOCK_REALTIME, &time);
    time.tv_nsec += 30000000;
    if (time.tv_nsec >= 1000000000) {
        time.tv_nsec -= 1000000000;
        time.tv_sec++;
    }
    pthread_mutex_lock(&mutex);
    CHECK_EQ(pthread_cond_timedwait(&condition, &mutex, &time), ETIMEDOUT);
    pthread_mutex_unlock(&mutex);
}

static long futex(volatile int *word, int operation, int value, const struct timespec *timeout, volatile int *word2, int value3)
{
    return syscall(SYS_futex, word, operation, value, timeout, word2, value3);
}

TEST(futex_compares_and_times_out)
{
    volatile int word = 1;
    struct timespec time = { 0, 20000000 };

    CHECK_ERROR(futex(&word, FUTEX_WAIT, 2, NULL, NULL, 0), EAGAIN);
    CHECK_ERROR(futex(&word, FUTEX_WAIT, 1, &time, NULL, 0), ETIMEDOUT);
    CHECK_ERROR(futex((void *)((char *)&word + 1), FUTEX_WAIT, 1, &time, NULL, 0), EINVAL);
    CHECK_ERROR(futex((void *)8, FUTEX_WAIT, 1, &time, NULL, 0), EFAULT);
    CHECK_EQ(futex(&word, FUTEX_WAKE, 1, NULL, NULL, 0), 0);
    CHECK_ERROR(futex(&word, FUTEX_WAIT_BITSET, 1, &time, NULL, 0), EINVAL);
}

static volatile int words[2];

static void *wait_on_word(void *argument)
{
    (void)argument;
    __sync_fetch_and_add(&ready, 1);
    return (void *)futex(&words[0], FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0);
}

TEST(requeued_waiters_wake_on_the_other_word)
{
    pthread_t thread[3];
    long moved = 0;

    ready = 0;
    for (int i = 0; i < 3; i++)
        CHECK_EQ(pthread_create(&thread[i], NULL, wait_on_word, NULL), 0);
    while (ready != 3)
        usleep(1000);
    usleep(100000);
    CHECK_ERROR(futex(&words[0], FUTEX_CMP_REQUEUE_PRIVATE, 1, (void *)10L, &words[1], 5), EAGAIN);
    moved = futex(&words[0], FUTEX_CMP_REQUEUE_PRIVATE, 1, (void *)10L, &words[1], 0);
    CHECK_EQ(moved, 3);
    CHECK_EQ(futex(&words[0], FUTEX_WAKE_PRIVATE, 10, NULL, NULL, 0), 0);
    CHECK_EQ(futex(&words[1], FUTEX_WAKE_PRIVATE, 10, NULL, NULL, 0), 2);
    for (int i = 0; i < 3; i++)
        CHECK_EQ(pthread_join(thread[i], NULL), 0);
}

TEST(shared_futex_works_between_processes)
{
    volatile int *word = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int status;
    pid_t child = fork();

    if (child == 0)
        _exit(futex(word, FUTEX_WAIT, 0, NULL, NULL, 0) == 0 || errno == EAGAIN ? 0 : 1);
    usleep(100000);
    *word = 1;
    futex(word, FUTEX_WAKE, 1, NULL, NULL, 0);
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 0);
    munmap((void *)word, 4096);
}

TEST(semaphores_between_processes)
{
    sem_t *semaphore = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int status;
    pid_t child;

    CHECK_EQ(sem_init(semaphore, 1, 0), 0);
    child = fork();
    if (child == 0)
        _exit(sem_wait(semaphore) == 0 ? 0 : 1);
    usleep(20000);
    CHECK_EQ(sem_post(semaphore), 0);
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 0);
    munmap(semaphore, 4096);
}

static volatile pid_t handled_by;

static void note_thread(int signal)
{
    (void)signal;
    handled_by = (pid_t)syscall(SYS_gettid);
}

static volatile pid_t helper_tid;

static void *sleep_until_handled(void *argument)
{
    (void)argument;
    helper_tid = (pid_t)syscall(SYS_gettid);
    while (handled_by == 0)
        usleep(1000);
    return NULL;
}

TEST(signal_goes_to_the_thread_it_is_sent_to)
{
    struct sigaction action = { .sa_handler = note_thread };
    pthread_t thread;

    sigaction(SIGUSR1, &action, NULL);
    handled_by = 0;
    CHECK_EQ(pthread_create(&thread, NULL, sleep_until_handled, NULL), 0);
    while (helper_tid == 0)
        usleep(1000);
    CHECK_EQ(pthread_kill(thread, SIGUSR1), 0);
    CHECK_EQ(pthread_join(thread, NULL), 0);
    CHECK_EQ(handled_by, helper_tid);
}

TEST(process_signal_goes_to_a_thread_that_does_not_block_it)
{
    pthread_t thread;
    sigset_t set;

    handled_by = 0;
    helper_tid = 0;
    CHECK_EQ(pthread_create(&thread, NULL, sleep_until_handled, NULL), 0);
    while (helper_tid == 0)
        usleep(1000);
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    kill(getpid(), SIGUSR1);
    CHECK_EQ(pthread_join(thread, NULL), 0);
    CHECK_EQ(handled_by, helper_tid);
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

static void *spin(void *argument)
{
    (void)argument;
    for (;;)
        usleep(1000);
    return NULL;
}

TEST(exit_group_takes_all_threads_along)
{
    int status;
    pid_t child = fork();

    if (child == 0) {
        pthread_t thread;
        for (int i = 0; i < 3; i++)
            pthread_create(&thread, NULL, spin, NULL);
        _exit(5);
    }
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(WEXITSTATUS(status), 5);
}

TEST(process_lives_until_its_last_thread_ends)
{
    int status;
    pid_t child = fork();

    if (child == 0) {
        pthread_t thread;
        pthread_create(&thread, NULL, add_many, NULL);
        syscall(SYS_exit, 0); /* pthread_exit would run into a lock of musl that is not released after fork */
    }
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 0);
}

static void *exec_from_thread(void *argument)
{
    const char *arguments[] = { "sh", "-c", "exit 6", NULL };

    (void)argument;
    execv("/bin/sh", (char *const *)arguments);
    _exit(1);
}

TEST(exec_from_a_thread_replaces_the_process)
{
    int status;
    pid_t child = fork();

    if (child == 0) {
        pthread_t thread;
        pthread_create(&thread, NULL, exec_from_thread, NULL);
        for (;;)
            pause();
    }
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(WEXITSTATUS(status), 6);
}

TAP_MAIN
