/* SPDX-License-Identifier: MIT */
/*
 * Floating point and vector registers: each thread has its own, whatever runs in between and on whichever processor; handlers start with fresh ones, and what
 * the signal frame holds is what comes back.
 */
#include "tap.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <ucontext.h>

enum { REGISTERS = 16, WIDE = 32, NARROW = 16, MXCSR_DEFAULT = 0x1f80, MXCSR_ROUND_UP = 0x4000 };

static bool has_avx(void)
{
    return __builtin_cpu_supports("avx");
}

/* Loads all vector registers, makes a system call, stores them. */
__attribute__((target("avx"))) static void through_call_wide(const uint8_t *in, uint8_t *out, long number)
{
    __asm__ volatile("vmovdqu 0(%1), %%ymm0; vmovdqu 32(%1), %%ymm1; vmovdqu 64(%1), %%ymm2; vmovdqu 96(%1), %%ymm3\n"
                     "vmovdqu 128(%1), %%ymm4; vmovdqu 160(%1), %%ymm5; vmovdqu 192(%1), %%ymm6; vmovdqu 224(%1), %%ymm7\n"
                     "vmovdqu 256(%1), %%ymm8; vmovdqu 288(%1), %%ymm9; vmovdqu 320(%1), %%ymm10; vmovdqu 352(%1), %%ymm11\n"
                     "vmovdqu 384(%1), %%ymm12; vmovdqu 416(%1), %%ymm13; vmovdqu 448(%1), %%ymm14; vmovdqu 480(%1), %%ymm15\n"
                     "syscall\n"
                     "vmovdqu %%ymm0, 0(%2); vmovdqu %%ymm1, 32(%2); vmovdqu %%ymm2, 64(%2); vmovdqu %%ymm3, 96(%2)\n"
                     "vmovdqu %%ymm4, 128(%2); vmovdqu %%ymm5, 160(%2); vmovdqu %%ymm6, 192(%2); vmovdqu %%ymm7, 224(%2)\n"
                     "vmovdqu %%ymm8, 256(%2); vmovdqu %%ymm9, 288(%2); vmovdqu %%ymm10, 320(%2); vmovdqu %%ymm11, 352(%2)\n"
                     "vmovdqu %%ymm12, 384(%2); vmovdqu %%ymm13, 416(%2); vmovdqu %%ymm14, 448(%2); vmovdqu %%ymm15, 480(%2)\n"
                     "vzeroupper\n"
                     : "+a"(number)
                     : "r"(in), "r"(out)
                     : "rcx", "r11", "memory", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10",
                       "xmm11", "xmm12", "xmm13", "xmm14", "xmm15");
}

static void through_call_narrow(const uint8_t *in, uint8_t *out, long number)
{
    __asm__ volatile("movdqu 0(%1), %%xmm0; movdqu 16(%1), %%xmm1; movdqu 32(%1), %%xmm7; movdqu 48(%1), %%xmm15\n"
                     "syscall\n"
                     "movdqu %%xmm0, 0(%2); movdqu %%xmm1, 16(%2); movdqu %%xmm7, 32(%2); movdqu %%xmm15, 48(%2)\n"
                     : "+a"(number)
                     : "r"(in), "r"(out)
                     : "rcx", "r11", "memory", "xmm0", "xmm1", "xmm7", "xmm15");
}

/* Returns how often the registers came back different. */
static int disturb(unsigned seed, int rounds)
{
    uint8_t in[REGISTERS * WIDE], out[REGISTERS * WIDE];
    int wrong = 0;

    for (int round = 0; round < rounds; round++) {
        size_t length = has_avx() ? sizeof(in) : 4 * NARROW;
        for (size_t i = 0; i < length; i++)
            in[i] = (uint8_t)(seed * 37 + i * 3 + (unsigned)round);
        memset(out, 0, sizeof(out));
        long number = round % 3 == 0 ? SYS_sched_yield : round % 3 == 1 ? SYS_getppid : SYS_getuid;
        if (has_avx())
            through_call_wide(in, out, number);
        else
            through_call_narrow(in, out, number);
        wrong += memcmp(in, out, length) != 0;
    }
    return wrong;
}

TEST(processes_keep_their_registers)
{
    pid_t children[6];
    int status;

    for (int i = 0; i < 6; i++) {
        children[i] = fork();
        if (children[i] == 0)
            _exit(disturb((unsigned)i + 1, 300) != 0);
    }
    CHECK_EQ(disturb(99, 300), 0);
    for (int i = 0; i < 6; i++) {
        CHECK_EQ(waitpid(children[i], &status, 0), children[i]);
        CHECK_EQ(status, 0);
    }
}

static void *thread_main(void *argument)
{
    return (void *)(long)disturb((unsigned)(long)argument, 300);
}

TEST(threads_keep_their_registers)
{
    pthread_t threads[4];
    void *wrong;

    for (long i = 0; i < 4; i++)
        CHECK_EQ(pthread_create(&threads[i], NULL, thread_main, (void *)(i + 10)), 0);
    for (int i = 0; i < 4; i++) {
        CHECK_EQ(pthread_join(threads[i], &wrong), 0);
        CHECK_EQ((long)wrong, 0);
    }
}

TEST(a_child_inherits_registers)
{
    uint32_t mxcsr = MXCSR_DEFAULT | MXCSR_ROUND_UP, seen = 0;
    int status;

    __asm__ volatile("ldmxcsr %0" : : "m"(mxcsr));
    pid_t child = fork();
    __asm__ volatile("stmxcsr %0" : "=m"(seen));
    if (child == 0)
        _exit((seen & 0xffc0) == mxcsr ? 0 : 1);
    mxcsr = MXCSR_DEFAULT;
    __asm__ volatile("ldmxcsr %0" : : "m"(mxcsr));
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 0);
}

static volatile uint32_t mxcsr_in_handler, mxcsr_in_frame;
static volatile uint16_t control_in_handler;
static volatile uint64_t xmm_in_frame, alignment;
static volatile int has_mark;

static void spoil(int signal, siginfo_t *info, void *argument)
{
    ucontext_t *context = argument;
    uint8_t *state = (uint8_t *)context->uc_mcontext.fpregs; /* FXSAVE layout */
    uint64_t noise = 0x1111111111111111ull, value;
    uint32_t mxcsr;
    uint16_t control;

    (void)signal;
    (void)info;
    __asm__ volatile("stmxcsr %0; fnstcw %1" : "=m"(mxcsr), "=m"(control));
    mxcsr_in_handler = mxcsr;
    control_in_handler = control;
    alignment = (uintptr_t)state % 64;
    mxcsr_in_frame = *(uint32_t *)(state + 24);
    memcpy(&value, state + 160 + 3 * 16, sizeof(value));
    xmm_in_frame = value;
    has_mark = ((uint32_t *)state)[464 / 4] == 0x46505853 || !has_avx();
    value++;
    memcpy(state + 160 + 3 * 16, &value, sizeof(value));
    __asm__ volatile("movq %0, %%xmm3; movq %0, %%xmm4" : : "r"(noise) : "xmm3", "xmm4");
}

TEST(handlers_start_fresh_and_the_frame_comes_back)
{
    struct sigaction action = { .sa_sigaction = spoil, .sa_flags = SA_SIGINFO };
    uint32_t mxcsr = MXCSR_DEFAULT | MXCSR_ROUND_UP, after, normal = MXCSR_DEFAULT;
    uint64_t three = 0x0123456789abcdefull, four = 0xfedcba9876543210ull, seen_three, seen_four;

    CHECK_EQ(sigaction(SIGUSR1, &action, NULL), 0);
    long number = SYS_tkill, pid = getpid(), signal = SIGUSR1;
    __asm__ volatile("ldmxcsr %3; movq %4, %%xmm3; movq %5, %%xmm4\n"
                     "syscall\n"
                     "movq %%xmm3, %0; movq %%xmm4, %1; stmxcsr %2"
                     : "=&r"(seen_three), "=&r"(seen_four), "=m"(after)
                     : "m"(mxcsr), "r"(three), "r"(four), "a"(number), "D"(pid), "S"(signal)
                     : "rcx", "r11", "xmm3", "xmm4", "memory");
    __asm__ volatile("ldmxcsr %0" : : "m"(normal));
    CHECK_EQ(mxcsr_in_handler, MXCSR_DEFAULT);
    CHECK_EQ(control_in_handler, 0x37f);
    CHECK_EQ(alignment, 0);
    CHECK_EQ(mxcsr_in_frame & 0xffc0, mxcsr & 0xffc0);
    CHECK_EQ(xmm_in_frame, three);
    CHECK(has_mark);
    CHECK_EQ(seen_three, three + 1);
    CHECK_EQ(seen_four, four);
    CHECK_EQ(after & 0xffc0, mxcsr & 0xffc0);
}

static void damage(int signal, siginfo_t *info, void *argument)
{
    ucontext_t *context = argument;
    uint8_t *state = (uint8_t *)context->uc_mcontext.fpregs;

    (void)signal;
    (void)info;
    if (has_avx())
        memset(state + 512, 0xff, 64);      /* the header of XSAVE */
    *(uint32_t *)(state + 24) = 0xffffffff; /* mxcsr with reserved bits */
}

/* Linux kills such a process or cleans the state up; both are right, as long as the kernel stands. */
TEST(a_damaged_frame_harms_nobody_else)
{
    int status;
    pid_t child = fork();

    if (child == 0) {
        struct sigaction action = { .sa_sigaction = damage, .sa_flags = SA_SIGINFO };
        sigaction(SIGUSR1, &action, NULL);
        raise(SIGUSR1);
        _exit(0);
    }
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK(WIFEXITED(status) || (WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV));
    CHECK_EQ(disturb(5, 50), 0);
}

TAP_MAIN
