/* SPDX-License-Identifier: MIT */
/*
 * After each use the key is replaced by output, so that earlier bytes cannot be computed from the state. Small requests are served from a pool, whose used
 * bytes are wiped for the same reason.
 */
#include "random.h"

#include "base/chacha20.h"
#include "base/string.h"
#include "caller.h"
#include "linux_pm_dispatch.h"

enum { CHUNK_BYTES = 1024, RETRIES = 16 };
enum { GRND_NONBLOCK = 1, GRND_RANDOM = 2, GRND_INSECURE = 4 };

static bool has_rdrand(void)
{
    uint32_t a = 1;
    uint32_t b = 0;
    uint32_t c = 0;
    uint32_t d = 0;

    __asm__ volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
    return (c >> 30 & 1) != 0;
}

static uint64_t rdrand(void)
{
    uint64_t value = 0;
    uint8_t is_good = 0;

    for (int i = 0; i < RETRIES && !is_good; i++) {
        __asm__ volatile("rdrand %0; setc %1" : "=r"(value), "=qm"(is_good) : : "cc");
    }
    return value;
}

static uint64_t time_stamp(void)
{
    uint32_t low;
    uint32_t high;

    __asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
    return (uint64_t)high << 32 | low;
}

void random_init(struct pm_state *pm)
{
    bool has_generator = has_rdrand();
    uint64_t seed[4];

    for (int i = 0; i < 4; i++) {
        seed[i] = time_stamp() * 0x9e3779b97f4a7c15ull ^ sys_realtime();
        if (has_generator) {
            seed[i] ^= rdrand();
        }
    }
    memcpy(pm->random_key, seed, sizeof(pm->random_key));
    pm->random_used = sizeof(pm->random_pool);
}

static void fill(struct pm_state *pm, uint8_t *to, size_t length)
{
    static const uint8_t nonce[12] = { 0 };
    uint8_t block[64];
    uint32_t counter = 0;
    uint64_t stamp = time_stamp();

    pm->random_key[0] ^= (uint32_t)stamp;
    pm->random_key[1] ^= (uint32_t)(stamp >> 32);
    while (length > 0) {
        size_t n = length < sizeof(block) ? length : sizeof(block);
        chacha20_block((const uint8_t *)pm->random_key, nonce, ++counter, block);
        memcpy(to, block, n);
        to += n;
        length -= n;
    }
    chacha20_block((const uint8_t *)pm->random_key, nonce, 0, block);
    memcpy(pm->random_key, block, sizeof(pm->random_key));
}

void random_bytes(struct pm_state *pm, uint8_t *to, size_t length)
{
    if (length > sizeof(pm->random_pool) / 2) {
        fill(pm, to, length);
        return;
    }
    if (length > sizeof(pm->random_pool) - pm->random_used) {
        fill(pm, pm->random_pool, sizeof(pm->random_pool));
        pm->random_used = 0;
    }
    memcpy(to, pm->random_pool + pm->random_used, length);
    memset(pm->random_pool + pm->random_used, 0, length);
    pm->random_used += (uint32_t)length;
}

int pm_linux_getrandom(struct pm_state *pm, struct call *call)
{
    uint64_t address = linux_argument(call, 0);
    uint64_t length = linux_argument(call, 1);
    uint32_t flags = (uint32_t)linux_argument(call, 2);
    uint64_t done = 0;
    uint8_t chunk[CHUNK_BYTES];

    if ((flags & ~(GRND_NONBLOCK | GRND_RANDOM | GRND_INSECURE)) != 0 ||
        (flags & (GRND_RANDOM | GRND_INSECURE)) == (GRND_RANDOM | GRND_INSECURE))
        return -EINVAL;
    if (length > 1 << 20) {
        length = 1 << 20; /* a partial answer is allowed; PM must not be busy for long */
    }
    while (done < length) {
        size_t n = length - done < sizeof(chunk) ? length - done : sizeof(chunk);
        random_bytes(pm, chunk, n);
        if (caller_write(call, address + done, chunk, n) != 0)
            return done == 0 ? -EFAULT : answer(call, (int64_t)done);
        done += n;
    }
    return answer(call, (int64_t)done);
}
