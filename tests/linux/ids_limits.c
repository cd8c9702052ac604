/* SPDX-License-Identifier: MIT */
/*
 * User ids, limits, names, priorities, small facts about the process and the machine. Parts that need root run in children.
 */
#include "tap.h"

#include <grp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <sys/wait.h>

static int in_child(int (*body)(void))
{
    int status;
    pid_t child = fork();

    if (child == 0)
        _exit(body());
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static int drop_root(void)
{
    uid_t real;
    uid_t effective;
    uid_t saved;

    if (getuid() != 0)
        return 0;
    if (setgid(50) != 0 || setuid(1000) != 0)
        return 1;
    if (getresuid(&real, &effective, &saved) != 0 || real != 1000 || effective != 1000 || saved != 1000)
        return 2;
    if (setuid(0) != -1 || errno != EPERM)
        return 3;
    if (setgid(0) != -1 || errno != EPERM)
        return 4;
    return kill(getppid(), 0) == -1 && errno == EPERM ? 0 : 5;
}

TEST(root_can_be_given_up_for_good)
{
    CHECK_EQ(in_child(drop_root), 0);
}

static int switch_effective(void)
{
    uid_t real;
    uid_t effective;
    uid_t saved;

    if (getuid() != 0)
        return 0;
    if (setresuid(1000, 1001, 0) != 0)
        return 1;
    getresuid(&real, &effective, &saved);
    if (real != 1000 || effective != 1001 || saved != 0)
        return 2;
    if (seteuid(0) != 0 || geteuid() != 0)
        return 3;
    return setreuid((uid_t)-1, 1000) == 0 && geteuid() == 1000 ? 0 : 4;
}

TEST(effective_id_can_come_back_from_the_saved_one)
{
    CHECK_EQ(in_child(switch_effective), 0);
}

static int supplementary(void)
{
    gid_t groups[3] = { 5, 6, 7 };
    gid_t seen[8];

    if (getuid() != 0)
        return 0;
    if (setgroups(3, groups) != 0)
        return 1;
    if (getgroups(0, NULL) != 3 || getgroups(8, seen) != 3 || seen[2] != 7)
        return 2;
    return getgroups(1, seen) == -1 && errno == EINVAL ? 0 : 3;
}

TEST(supplementary_groups)
{
    CHECK_EQ(in_child(supplementary), 0);
}

TEST(limits_can_be_read_and_lowered)
{
    struct rlimit limit;
    struct rlimit bad = { 10, 5 };

    CHECK_EQ(getrlimit(RLIMIT_STACK, &limit), 0);
    CHECK(limit.rlim_cur >= 1 << 20);
    CHECK_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = 100;
    CHECK_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
    CHECK_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
    CHECK_EQ(limit.rlim_cur, 100);
    CHECK_ERROR(setrlimit(RLIMIT_NOFILE, &bad), EINVAL);
    CHECK_ERROR(getrlimit(77, &limit), EINVAL);
}

static int open_files_limit(void)
{
    struct rlimit limit = { 20, 20 };
    int last = 0;

    setrlimit(RLIMIT_NOFILE, &limit);
    while (last >= 0 && last < 30)
        last = dup(0);
    return last == -1 && errno == EMFILE ? 0 : 1;
}

TEST(limit_of_open_files_holds)
{
    CHECK_EQ(in_child(open_files_limit), 0);
}

TEST(uname_says_linux)
{
    struct utsname names;

    CHECK_EQ(uname(&names), 0);
    CHECK_EQ(strcmp(names.sysname, "Linux"), 0);
    CHECK_EQ(strcmp(names.machine, "x86_64"), 0);
    CHECK(names.release[0] >= '3' && names.release[0] <= '9');
    CHECK(names.nodename[0] != '\0');
}

TEST(process_names)
{
    char name[17] = { 0 };

    CHECK_EQ(prctl(PR_SET_NAME, "a-very-long-name-indeed"), 0);
    CHECK_EQ(prctl(PR_GET_NAME, name), 0);
    CHECK_EQ(strcmp(name, "a-very-long-nam"), 0);
    CHECK_ERROR(prctl(12345), EINVAL);
}

static volatile int got;

static void note(int signal)
{
    got = signal;
}

static int watch_parent(void)
{
    int ends[2];
    char c = 0;

    if (pipe(ends) != 0)
        return 1;
    if (fork() == 0) {
        if (fork() == 0) {
            signal(SIGUSR1, note);
            prctl(PR_SET_PDEATHSIG, SIGUSR1);
            if (write(ends[1], "r", 1) != 1)
                _exit(1);
            while (got == 0)
                usleep(1000);
            _exit(write(ends[1], "s", 1) == 1 ? 0 : 1);
        }
        if (read(ends[0], &c, 1) != 1)
            _exit(1);
        _exit(0);
    }
    wait(NULL);
    return read(ends[0], &c, 1) == 1 && c == 's' ? 0 : 2;
}

TEST(parent_death_signal)
{
    CHECK_EQ(in_child(watch_parent), 0);
}

static int adopt(void)
{
    int status;
    int sum = 0;

    if (prctl(PR_SET_CHILD_SUBREAPER, 1) != 0)
        return 1;
    if (fork() == 0) {
        if (fork() == 0) {
            usleep(30000);
            _exit(2);
        }
        _exit(1);
    }
    for (int i = 0; i < 2; i++) {
        if (wait(&status) < 0)
            return 2;
        sum += WEXITSTATUS(status);
    }
    return sum == 3 && wait(&status) == -1 && errno == ECHILD ? 0 : 3;
}

TEST(subreaper_adopts_orphans)
{
    CHECK_EQ(in_child(adopt), 0);
}

static int be_nice(void)
{
    errno = 0;
    if (getpriority(PRIO_PROCESS, 0) != 0 || errno != 0)
        return 1;
    if (setpriority(PRIO_PROCESS, 0, 5) != 0 || getpriority(PRIO_PROCESS, 0) != 5)
        return 2;
    if (setpriority(PRIO_PROCESS, 0, 100) != 0 || getpriority(PRIO_PROCESS, 0) != 19)
        return 3;
    if (setpriority(99, 0, 0) != -1 || errno != EINVAL)
        return 4;
    return setpriority(PRIO_PROCESS, 999999, 0) == -1 && errno == ESRCH ? 0 : 5;
}

TEST(priorities)
{
    CHECK_EQ(in_child(be_nice), 0);
}

TEST(random_bytes_differ)
{
    unsigned char a[16];
    unsigned char b[16];

    CHECK_EQ(getrandom(a, sizeof(a), 0), sizeof(a));
    CHECK_EQ(getrandom(b, sizeof(b), GRND_NONBLOCK), sizeof(b));
    CHECK(memcmp(a, b, sizeof(a)) != 0);
    CHECK_ERROR(getrandom(a, sizeof(a), 0x100), EINVAL);
    CHECK_ERROR(getrandom((void *)8, 16, 0), EFAULT);
}

TEST(sysinfo_knows_memory)
{
    struct sysinfo info;

    CHECK_EQ(sysinfo(&info), 0);
    CHECK(info.totalram > 0);
    CHECK(info.procs > 0);
    CHECK(info.mem_unit > 0);
}

TEST(affinity_has_a_processor)
{
    unsigned long set[16] = { 0 };

    CHECK(syscall(SYS_sched_getaffinity, 0, sizeof(set), set) >= 8);
    CHECK(set[0] != 0);
    CHECK_EQ(syscall(SYS_sched_getscheduler, 0), 0 /* SCHED_OTHER; musl's function answers ENOSYS itself */);
    CHECK_EQ(syscall(SYS_sched_get_priority_max, 1 /* SCHED_FIFO */), 99);
}

TAP_MAIN
