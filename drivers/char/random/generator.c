/* SPDX-License-Identifier: MIT */
/*
 * The generator. RDRAND: Intel SDM volume 2; ten tries as volume 1, 7.3.17 recommends.
 */
#include "generator.h"

#include <stdbool.h>

#include "base/string.h"

enum {
    CPUID_FEATURES = 1,
    CPUID_RDRAND_BIT = 30, /* of ecx */
    RDRAND_TRIES = 10,
    SEED_WORDS = 8,
    SEED_ROUNDS = 64,
};

static const uint64_t reseed_interval_ns = 60000000000;
static const uint8_t no_nonce[CHACHA20_NONCE_BYTES];

static bool processor_has_rdrand(void)
{
    uint32_t eax = CPUID_FEATURES, ebx, ecx = 0, edx;
    __asm__ volatile("cpuid" : "+a"(eax), "=b"(ebx), "+c"(ecx), "=d"(edx));
    return (ecx >> CPUID_RDRAND_BIT & 1) != 0;
}

static uint64_t cycles(void)
{
    uint32_t low, high;
    __asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
    return (uint64_t)high << 32 | low;
}

static uint64_t hardware_word(void)
{
    for (int i = 0; i < RDRAND_TRIES; i++) {
        uint64_t word;
        uint8_t good;
        __asm__ volatile("rdrand %0; setc %1" : "=r"(word), "=qm"(good));
        if (good) {
            return word;
        }
    }
    return 0;
}

/* The new key is the first half of a block made with the old key and 32 bytes of input. */
static void absorb(struct random_state *state, const uint8_t input[CHACHA20_KEY_BYTES])
{
    uint8_t block[CHACHA20_BLOCK_BYTES];
    for (int i = 0; i < CHACHA20_KEY_BYTES; i++) {
        state->key[i] ^= input[i];
    }
    chacha20_block(state->key, no_nonce, 0, block);
    memcpy(state->key, block, sizeof(state->key));
}

void generator_mix(struct random_state *state, const void *bytes, size_t length)
{
    const uint8_t *from = bytes;
    state->mixed_bytes += length;
    while (length > 0) {
        uint8_t piece[CHACHA20_KEY_BYTES] = { 0 };
        size_t count = length < sizeof(piece) ? length : sizeof(piece);
        memcpy(piece, from, count);
        absorb(state, piece);
        from += count;
        length -= count;
    }
}

static void seed(struct random_state *state, uint64_t now_ns)
{
    uint64_t words[SEED_WORDS];
    bool has_rdrand = processor_has_rdrand();
    for (int round = 0; round < SEED_ROUNDS / SEED_WORDS; round++) {
        for (int i = 0; i < SEED_WORDS; i++) {
            words[i] = cycles() ^ (has_rdrand ? hardware_word() : 0);
        }
        words[0] ^= now_ns;
        generator_mix(state, words, sizeof(words));
    }
    state->reseed_at_ns = now_ns + reseed_interval_ns;
}

void generator_init(struct random_state *state, uint64_t now_ns)
{
    seed(state, now_ns);
}

void generator_refresh(struct random_state *state, uint64_t now_ns)
{
    if (now_ns >= state->reseed_at_ns) {
        seed(state, now_ns);
    }
}

void generator_read(struct random_state *state, void *bytes, size_t length)
{
    uint8_t stream[CHACHA20_KEY_BYTES];
    uint8_t block[CHACHA20_BLOCK_BYTES];
    uint8_t *to = bytes;
    uint64_t time = cycles();
    generator_mix(state, &time, sizeof(time));
    chacha20_block(state->key, no_nonce, 0, block);
    memcpy(state->key, block, sizeof(state->key));
    memcpy(stream, block + sizeof(state->key), sizeof(stream));
    for (uint32_t counter = 1; length > 0; counter++) {
        size_t count = length < sizeof(block) ? length : sizeof(block);
        chacha20_block(stream, no_nonce, counter, block);
        memcpy(to, block, count);
        to += count;
        length -= count;
    }
    memset(block, 0, sizeof(block));
    memset(stream, 0, sizeof(stream));
}
