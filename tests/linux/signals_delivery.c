/* SPDX-License-Identifier: MIT */
/*
 * Handlers: arguments, masks, flags, restart of calls, alternate stack, exceptions.
 */
#include "tap.h"

#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <ucontext.h>

static volatile sig_atomic_t count;
static volatile sig_atomic_t last;
static volatile int seen_code;
static volatile int seen_pid;
static volatile void *seen_address;
static volatile int seen_blocked;

static void plain(int signal)
{
    count++;
    last = signal;
}

static void informed(int signal, siginfo_t *info, void *context)
{
    sigset_t set;

    (void)context;
    count++;
    last = signal;
    seen_code = info->si_code;
    seen_pid = info->si_pid;
    seen_address = info->si_addr;
    sigprocmask(SIG_SETMASK, NULL, &set);
    seen_blocked = sigismember(&set, signal);
}

static void on(int signal, void (*handler)(int), int flags)
{
    struct sigaction action = { .sa_handler = handler, .sa_flags = flags };

    CHECK_EQ(sigaction(signal, &action, NULL), 0);
    count = 0;
    last = 0;
}

static void on_info(int signal, int flags)
{
    struct sigaction action = { .sa_sigaction = informed, .sa_flags = flags | SA_SIGINFO };

    CHECK_EQ(sigaction(signal, &action, NULL), 0);
    count = 0;
    last = 0;
}

TEST(raise_runs_the_handler_before_it_returns)
{
    on(SIGUSR1, plain, 0);
    CHECK_EQ(raise(SIGUSR1), 0);
    CHECK_EQ(count, 1);
    CHECK_EQ(last, SIGUSR1);
}

TEST(siginfo_names_the_sender)
{
    on_info(SIGUSR1, 0);
    kill(getpid(), SIGUSR1);
    CHECK_EQ(count, 1);
    CHECK_EQ(seen_code, SI_USER);
    CHECK_EQ(seen_pid, getpid());
    CHECK_EQ(seen_blocked, 1);
    raise(SIGUSR1);
    CHECK_EQ(seen_code, SI_TKILL);
}

TEST(nodefer_leaves_the_signal_unblocked)
{
    on_info(SIGUSR1, SA_NODEFER);
    raise(SIGUSR1);
    CHECK_EQ(seen_blocked, 0);
}

TEST(resethand_runs_once)
{
    struct sigaction now;

    on(SIGUSR1, plain, SA_RESETHAND);
    raise(SIGUSR1);
    CHECK_EQ(sigaction(SIGUSR1, NULL, &now), 0);
    CHECK(now.sa_handler == SIG_DFL);
}

TEST(blocked_signal_comes_when_it_is_unblocked)
{
    sigset_t set;
    sigset_t pending;

    on(SIGUSR1, plain, 0);
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigprocmask(SIG_BLOCK, &set, NULL);
    raise(SIGUSR1);
    raise(SIGUSR1);
    CHECK_EQ(count, 0);
    sigpending(&pending);
    CHECK_EQ(sigismember(&pending, SIGUSR1), 1);
    sigprocmask(SIG_UNBLOCK, &set, NULL);
    CHECK_EQ(count, 1);
}

TEST(registers_survive_a_handler)
{
    unsigned long values[6];

    on(SIGUSR1, plain, 0);
    __asm__ volatile("mov $0x1111, %%rbx; mov $0x2222, %%r12; mov $0x3333, %%r13; mov $0x4444, %%r14; mov $0x5555, %%r8\n"
                     "movq %%rbx, %%xmm5\n"
                     "mov $39, %%eax; syscall; mov %%rax, %%rdi; mov $10, %%esi; mov $62, %%eax; syscall\n"
                     "mov %%rbx, 0(%0); mov %%r12, 8(%0); mov %%r13, 16(%0); mov %%r14, 24(%0); mov %%r8, 32(%0); movq %%xmm5, 40(%0)"
                     :
                     : "r"(values)
                     : "rax", "rbx", "rcx", "rdi", "rsi", "r8", "r11", "r12", "r13", "r14", "xmm5", "memory");
    CHECK_EQ(count, 1);
    CHECK_EQ(values[0], 0x1111);
    CHECK_EQ(values[1], 0x2222);
    CHECK_EQ(values[2], 0x3333);
    CHECK_EQ(values[3], 0x4444);
    CHECK_EQ(values[4], 0x5555);
    CHECK_EQ(values[5], 0x1111);
}

static pid_t signal_me_later(int signal)
{
    pid_t parent = getpid();
    pid_t child = fork();

    if (child == 0) {
        struct timespec time = { 0, 50000000 };
        nanosleep(&time, NULL);
        kill(parent, signal);
        nanosleep(&time, NULL);
        _exit(0);
    }
    return child;
}

static void wait_for(pid_t child)
{
    while (waitpid(child, NULL, 0) == -1 && errno == EINTR) {
    }
}

TEST(read_is_interrupted_without_sa_restart)
{
    int ends[2];
    char c;
    pid_t child;

    CHECK_EQ(pipe(ends), 0);
    on(SIGUSR1, plain, 0);
    child = signal_me_later(SIGUSR1);
    CHECK_ERROR(read(ends[0], &c, 1), EINTR);
    CHECK_EQ(count, 1);
    wait_for(child);
    close(ends[0]);
    close(ends[1]);
}

TEST(read_goes_on_with_sa_restart)
{
    int ends[2];
    char c = 0;
    pid_t parent = getpid();
    pid_t child;

    CHECK_EQ(pipe(ends), 0);
    on(SIGUSR1, plain, SA_RESTART);
    child = fork();
    if (child == 0) {
        struct timespec time = { 0, 50000000 };
        nanosleep(&time, NULL);
        kill(parent, SIGUSR1);
        nanosleep(&time, NULL);
        _exit(write(ends[1], "x", 1) == 1 ? 0 : 1);
    }
    CHECK_EQ(read(ends[0], &c, 1), 1);
    CHECK_EQ(c, 'x');
    CHECK_EQ(count, 1);
    wait_for(child);
    close(ends[0]);
    close(ends[1]);
}

TEST(ignored_signal_does_not_interrupt)
{
    struct timespec time = { 0, 150000000 };
    pid_t child;

    signal(SIGUSR1, SIG_IGN);
    child = signal_me_later(SIGUSR1);
    CHECK_EQ(nanosleep(&time, NULL), 0);
    wait_for(child);
}

TEST(wait_is_restarted_after_a_handler_with_sa_restart)
{
    pid_t child;

    on(SIGUSR1, plain, SA_RESTART);
    child = signal_me_later(SIGUSR1);
    CHECK_EQ(waitpid(child, NULL, 0), child);
    CHECK_EQ(count, 1);
}

static char stack_memory[65536];
static volatile int was_on_stack;

static void check_stack(int signal)
{
    char here;
    stack_t now;

    (void)signal;
    sigaltstack(NULL, &now);
    was_on_stack = &here >= stack_memory && &here < stack_memory + sizeof(stack_memory) && (now.ss_flags & SS_ONSTACK);
}

TEST(handler_runs_on_the_alternate_stack)
{
    stack_t stack = { .ss_sp = stack_memory, .ss_size = sizeof(stack_memory) };
    stack_t old;

    CHECK_EQ(sigaltstack(&stack, NULL), 0);
    on(SIGUSR1, check_stack, SA_ONSTACK);
    raise(SIGUSR1);
    CHECK_EQ(was_on_stack, 1);
    CHECK_EQ(sigaltstack(NULL, &old), 0);
    CHECK(old.ss_sp == stack_memory);
    CHECK_EQ(old.ss_flags, 0);
    stack.ss_flags = SS_DISABLE;
    CHECK_EQ(sigaltstack(&stack, NULL), 0);
    stack.ss_flags = 0;
    stack.ss_size = 100;
    CHECK_ERROR(sigaltstack(&stack, NULL), ENOMEM);
}

static jmp_buf back;

static void jump_back(int signal, siginfo_t *info, void *context)
{
    (void)context;
    last = signal;
    seen_code = info->si_code;
    seen_address = info->si_addr;
    siglongjmp(back, 1);
}

TEST(bad_access_gives_sigsegv_with_its_address)
{
    struct sigaction action = { .sa_sigaction = jump_back, .sa_flags = SA_SIGINFO | SA_NODEFER };

    sigaction(SIGSEGV, &action, NULL);
    if (setjmp(back) == 0)
        *(volatile int *)0x1234 = 1;
    CHECK_EQ(last, SIGSEGV);
    CHECK_EQ(seen_code, SEGV_MAPERR);
    CHECK(seen_address == (void *)0x1234);
    signal(SIGSEGV, SIG_DFL);
}

TEST(write_to_code_gives_accerr)
{
    struct sigaction action = { .sa_sigaction = jump_back, .sa_flags = SA_SIGINFO | SA_NODEFER };

    sigaction(SIGSEGV, &action, NULL);
    if (setjmp(back) == 0)
        *(volatile char *)(unsigned long)jump_back = 1;
    CHECK_EQ(last, SIGSEGV);
    CHECK_EQ(seen_code, SEGV_ACCERR);
    signal(SIGSEGV, SIG_DFL);
}

TEST(division_by_zero_gives_sigfpe)
{
    struct sigaction action = { .sa_sigaction = jump_back, .sa_flags = SA_SIGINFO | SA_NODEFER };

    sigaction(SIGFPE, &action, NULL);
    if (setjmp(back) == 0)
        __asm__ volatile("xor %%edx, %%edx; mov $1, %%eax; xor %%ecx, %%ecx; div %%ecx" : : : "rax", "rcx", "rdx");
    CHECK_EQ(last, SIGFPE);
    CHECK_EQ(seen_code, FPE_INTDIV);
    signal(SIGFPE, SIG_DFL);
}

TEST(invalid_instruction_gives_sigill)
{
    struct sigaction action = { .sa_sigaction = jump_back, .sa_flags = SA_SIGINFO | SA_NODEFER };

    sigaction(SIGILL, &action, NULL);
    if (setjmp(back) == 0)
        __asm__ volatile("ud2");
    CHECK_EQ(last, SIGILL);
    signal(SIGILL, SIG_DFL);
}

static void nest(int signal)
{
    if (signal == SIGUSR1) {
        raise(SIGUSR2);
        last = SIGUSR1;
    } else {
        count++;
    }
}

TEST(handlers_nest)
{
    on(SIGUSR2, nest, 0);
    on(SIGUSR1, nest, 0);
    raise(SIGUSR1);
    CHECK_EQ(count, 1);
    CHECK_EQ(last, SIGUSR1);
}

TEST(kill_and_sigaction_refuse_bad_numbers)
{
    struct sigaction action = { .sa_handler = plain };

    CHECK_ERROR(kill(getpid(), 65), EINVAL);
    CHECK_ERROR(kill(getpid(), -1), EINVAL);
    CHECK_ERROR(kill(999999, 0), ESRCH);
    CHECK_EQ(kill(getpid(), 0), 0);
    CHECK_ERROR(sigaction(SIGKILL, &action, NULL), EINVAL);
    CHECK_ERROR(sigaction(SIGSTOP, &action, NULL), EINVAL);
}

TEST(sigpipe_or_epipe_on_a_pipe_without_reader)
{
    int ends[2];

    CHECK_EQ(pipe(ends), 0);
    close(ends[0]);
    on(SIGPIPE, plain, 0);
    CHECK_ERROR(write(ends[1], "x", 1), EPIPE);
    CHECK_EQ(count, 1);
    signal(SIGPIPE, SIG_IGN);
    CHECK_ERROR(write(ends[1], "x", 1), EPIPE);
    signal(SIGPIPE, SIG_DFL);
    close(ends[1]);
}

TEST(many_signals_in_a_row)
{
    on(SIGUSR1, plain, 0);
    for (int i = 0; i < 1000; i++)
        raise(SIGUSR1);
    CHECK_EQ(count, 1000);
}

TAP_MAIN
