/* SPDX-License-Identifier: MIT */
/*
 * The kernel call checksum: the sum, what is refused, and that nobody misses the vector registers that the kernel has used, neither the caller nor the thread
 * whose only copy was in them. tools/testing runs this with one processor and with two, with AVX2 and without.
 */
#include "core.h"

#include "base/string.h"

enum { PAGE = 4096, WORDS = 2048, BLOCK = 128, REGISTERS = 16, WIDE = 32, ROUNDS = 200 };

static uint64_t words[WORDS] __attribute__((aligned(PAGE)));

static int checksum(uint64_t address, uint64_t length, uint64_t *sum)
{
    struct kernel_checksum_reply reply;
    int error = CALL(checksum, CHECKSUM, .address = address, .length = length);

    kernel_checksum_reply_get(&call_reply, &reply);
    *sum = reply.sum;
    return error;
}

static uint64_t own_sum(const uint64_t *word, uint64_t count)
{
    uint64_t sum = 0;

    for (uint64_t i = 0; i < count; i++)
        sum += word[i];
    return sum;
}

static void fill(uint64_t *word, uint64_t count)
{
    uint64_t value = 88172645463325252ull;

    for (uint64_t i = 0; i < count; i++) {
        value ^= value << 13;
        value ^= value >> 7;
        value ^= value << 17;
        word[i] = value;
    }
}

static void checksum_is_the_sum_of_the_words(void)
{
    uint64_t *large = (uint64_t *)(LAZY_BASE + 0x200000), sum;

    fill(words, WORDS);
    for (uint64_t first = 0; first < 5; first++)
        for (uint64_t count = 0; count <= 2 * BLOCK + 3; count++) {
            CHECK_EQ(checksum((uint64_t)(words + first), count * 8, &sum), 0);
            CHECK_EQ(sum, own_sum(words + first, count));
        }
    CHECK_EQ(checksum((uint64_t)(words + 3), (WORDS - 4) * 8, &sum), 0);
    CHECK_EQ(sum, own_sum(words + 3, WORDS - 4));
    fill(large, KERNEL_CHECKSUM_MAX / 8);
    CHECK_EQ(checksum((uint64_t)large, KERNEL_CHECKSUM_MAX, &sum), 0);
    CHECK_EQ(sum, own_sum(large, KERNEL_CHECKSUM_MAX / 8));
    large[KERNEL_CHECKSUM_MAX / 8 - 1] ^= 1ull << 63;
    CHECK_EQ(checksum((uint64_t)large, KERNEL_CHECKSUM_MAX, &sum), 0);
    CHECK_EQ(sum, own_sum(large, KERNEL_CHECKSUM_MAX / 8));
}

static void checksum_refuses_what_is_no_range(void)
{
    static const struct {
        uint64_t address, length;
        int error;
    } bad[] = {
        { (uint64_t)words + 1, 8, -EINVAL },
        { (uint64_t)words + 4, 512, -EINVAL },
        { (uint64_t)words, 7, -EINVAL },
        { (uint64_t)words, KERNEL_CHECKSUM_MAX + 8, -EINVAL },
        { (uint64_t)words, 0ull - 8, -EINVAL },
        { 0, 8, -EFAULT },
        { 0x1000, 8, -EFAULT },
        { 0x1000, 4096, -EFAULT },
        { 0x7ffffffffff8ull, 8, -EFAULT },
        { 0x7ffffffffff8ull, 16, -EFAULT },
        { 0x7fffffffff00ull, 2048, -EFAULT },
        { 0x800000000000ull, 8, -EFAULT },
        { 0x8000000000000000ull, 512, -EFAULT },
        { 0xffff800000000000ull, 512, -EFAULT },
        { 0xffffffff80200000ull, 512, -EFAULT },
        { 0xfffffffffffffff8ull, 16, -EFAULT },
        { 0xfffffffffffffe00ull, 1024, -EFAULT },
    };
    uint64_t sum;

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        CHECK_EQ(checksum(bad[i].address, bad[i].length, &sum), bad[i].error);
}

/* VM would make it present, were it asked. */
static void checksum_leaves_absent_memory_absent(void)
{
    volatile uint64_t *present = (volatile uint64_t *)(LAZY_BASE + 0x300000), *absent = present + PAGE / 8;
    uint64_t sum;

    present[PAGE / 8 - 1] = 5;
    for (int i = 0; i < 2; i++) {
        CHECK_EQ(checksum((uint64_t)absent, 8, &sum), -EFAULT);
        CHECK_EQ(checksum((uint64_t)(absent - 1), 16, &sum), -EFAULT);
        CHECK_EQ(checksum((uint64_t)present, PAGE + 8, &sum), -EFAULT);
        CHECK_EQ(checksum((uint64_t)present, 2 * PAGE, &sum), -EFAULT);
    }
    absent[0] = 7;
    CHECK_EQ(checksum((uint64_t)present, 2 * PAGE, &sum), 0);
    CHECK_EQ(sum, 12);
}

/* ---- vector registers ---- */
static bool has_avx(void)
{
    uint32_t a = 1, b, c = 0, d;

    __asm__ volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
    return (c >> 27 & 3) == 3; /* OSXSAVE, AVX */
}

/* Loads all vector registers, makes a trap, waits, stores them. */
static void through_trap(const uint8_t *in, uint8_t *out, uint32_t verb, endpoint_t peer, struct message *message, uint64_t spin)
{
    uint64_t number = TRAP_BASE + verb, status = 0;

    __asm__ volatile("vmovdqu 0(%3), %%ymm0; vmovdqu 32(%3), %%ymm1; vmovdqu 64(%3), %%ymm2; vmovdqu 96(%3), %%ymm3\n"
                     "vmovdqu 128(%3), %%ymm4; vmovdqu 160(%3), %%ymm5; vmovdqu 192(%3), %%ymm6; vmovdqu 224(%3), %%ymm7\n"
                     "vmovdqu 256(%3), %%ymm8; vmovdqu 288(%3), %%ymm9; vmovdqu 320(%3), %%ymm10; vmovdqu 352(%3), %%ymm11\n"
                     "vmovdqu 384(%3), %%ymm12; vmovdqu 416(%3), %%ymm13; vmovdqu 448(%3), %%ymm14; vmovdqu 480(%3), %%ymm15\n"
                     "testl %k5, %k5; jz 1f; syscall\n"
                     "1: decq %2; jns 1b\n"
                     "vmovdqu %%ymm0, 0(%4); vmovdqu %%ymm1, 32(%4); vmovdqu %%ymm2, 64(%4); vmovdqu %%ymm3, 96(%4)\n"
                     "vmovdqu %%ymm4, 128(%4); vmovdqu %%ymm5, 160(%4); vmovdqu %%ymm6, 192(%4); vmovdqu %%ymm7, 224(%4)\n"
                     "vmovdqu %%ymm8, 256(%4); vmovdqu %%ymm9, 288(%4); vmovdqu %%ymm10, 320(%4); vmovdqu %%ymm11, 352(%4)\n"
                     "vmovdqu %%ymm12, 384(%4); vmovdqu %%ymm13, 416(%4); vmovdqu %%ymm14, 448(%4); vmovdqu %%ymm15, 480(%4)\n"
                     : "+a"(number), "+d"(status), "+r"(spin)
                     : "b"(in), "r"(out), "r"(verb), "D"((int64_t)peer), "S"(message)
                     : "rcx", "r11", "r8", "r9", "r10", "memory", "cc");
}

/* How many bytes of the registers came back different. */
static uint32_t differ_after(uint32_t seed, uint32_t verb, endpoint_t peer, struct message *message, uint64_t spin)
{
    uint8_t in[REGISTERS * WIDE], out[REGISTERS * WIDE];
    uint32_t wrong = 0;

    for (size_t i = 0; i < sizeof(in); i++)
        in[i] = (uint8_t)(seed * 37 + i * 3 + 1);
    memset(out, 0, sizeof(out));
    through_trap(in, out, verb, peer, message, spin);
    for (size_t i = 0; i < sizeof(in); i++)
        wrong += in[i] != out[i];
    return wrong;
}

static void checksum_keeps_the_registers_of_its_caller(void)
{
    static const struct {
        uint64_t address, length;
        int error;
    } calls[] = { { (uint64_t)words, sizeof(words), 0 },
                  { (uint64_t)words, 8, 0 },
                  { 0x1000, 2048, -EFAULT },
                  { LAZY_BASE + 0x400000, 2 * PAGE, -EFAULT },
                  { LAZY_BASE + 0x400000, PAGE + 8, -EFAULT } };

    if (!has_avx())
        return;
    *(volatile uint64_t *)(LAZY_BASE + 0x400000) = 1;
    for (uint32_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
        struct message message = { .type = KERNEL_CHECKSUM };
        kernel_checksum_request_put(&message, &(struct kernel_checksum_request){ .address = calls[i].address, .length = calls[i].length });
        CHECK_EQ(differ_after(i, IPC_SENDREC, ENDPOINT_SYSTEM, &message, 0), 0);
        CHECK_EQ(message.status, calls[i].error);
    }
}

static volatile uint32_t sleeper_rounds, sleeper_wrong, spinner_rounds, spinner_wrong;
static volatile bool spinner_ends;

/* Its registers wait in the processor while it sleeps. */
static void sleeper(endpoint_t self)
{
    static struct message message;
    (void)self;

    for (;;) {
        sleeper_wrong += differ_after(sleeper_rounds, IPC_RECEIVE, ENDPOINT_RS, &message, 0) != 0;
        sleeper_rounds++;
    }
}

/* It never enters the kernel of its own. */
static void spinner(endpoint_t self)
{
    (void)self;
    while (!spinner_ends) {
        spinner_wrong += differ_after(spinner_rounds, 0, ENDPOINT_NONE, NULL, 2000) != 0;
        spinner_rounds++;
    }
    sleep_forever();
}

/* Sums of all kinds, by a thread that has vector registers of its own in every other round. */
static void sum_a_lot(uint32_t round)
{
    uint64_t sum;

    CHECK_EQ(checksum((uint64_t)words, sizeof(words), &sum), 0);
    CHECK_EQ(sum, own_sum(words, WORDS));
    CHECK_EQ(checksum(0x1000, 2048, &sum), -EFAULT);
    CHECK_EQ(checksum((uint64_t)words, 24, &sum), 0);
    if (round % 2)
        CHECK_EQ(differ_after(round + 101, 0, ENDPOINT_NONE, NULL, 0), 0);
}

/* The sleeper's registers are its only copy with one processor; the spinner runs on the other one if there are two. */
static void checksum_keeps_the_registers_of_others(void)
{
    if (!has_avx())
        return;
    fill(words, WORDS);
    endpoint_t a = thread_start(SLOT_A, sleeper), b = thread_start(SLOT_B, spinner);

    CHECK_EQ(CALL(schedctl, SCHEDCTL, .process = b, .scheduler = ENDPOINT_NONE, .priority = 12, .quantum_us = 1000, .cpu = -1), 0);
    for (uint32_t round = 0; round < ROUNDS; round++) {
        struct message message = { .type = 100 << 16 | 1 };
        wait_for_flags(a, 8);
        sum_a_lot(round);
        CHECK_EQ(ipc(IPC_SEND, a, &message), 0);
    }
    wait_for_flags(a, 8);
    while (spinner_rounds < ROUNDS) {
        sum_a_lot(spinner_rounds);
        let_others_run();
    }
    spinner_ends = true;
    CHECK_EQ(sleeper_rounds, ROUNDS);
    CHECK_EQ(sleeper_wrong, 0);
    CHECK_EQ(spinner_wrong, 0);
    thread_end(b);
    thread_end(a);
}

const struct test checksum_tests[] = {
    { "checksum_is_the_sum_of_the_words", checksum_is_the_sum_of_the_words },
    { "checksum_refuses_what_is_no_range", checksum_refuses_what_is_no_range },
    { "checksum_leaves_absent_memory_absent", checksum_leaves_absent_memory_absent },
    { "checksum_keeps_the_registers_of_its_caller", checksum_keeps_the_registers_of_its_caller },
    { "checksum_keeps_the_registers_of_others", checksum_keeps_the_registers_of_others },
    { NULL, NULL },
};
