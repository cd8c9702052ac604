/* SPDX-License-Identifier: MIT */
/*
 * Time. Uptime is the TSC scaled (ns = ticks * multiplier >> 32, 128 bits wide); the TSC and the local APIC's timer are measured against channel 2 of
 * the PIT, which every machine that we know has. The wall clock is read from the RTC once.
 */
#include "internal.h"
#include "time_page.h"

#include "base/string.h"

enum {
    PIT_HZ = 1193182,
    PIT_CHANNEL_2 = 0x42,
    PIT_COMMAND = 0x43,
    PIT_GATE = 0x61,
    PIT_LATCH_2 = 0x80,
    PIT_LOAD_2_MODE_0 = 0xb0,
    MEASURE_PIT_TICKS = PIT_HZ / 500, /* 2 ms */
    MEASURE_TRIES = 3,
    RTC_INDEX = 0x70,
    RTC_DATA = 0x71,
};

static uint64_t tsc_start, tsc_multiplier; /* ns per tick, 32.32 */
static struct time_page *time_page;
static uint64_t apic_multiplier; /* timer ticks per ns, 0.32 */

/* ---- measuring ---- */

struct sample {
    uint64_t tsc, width; /* in the middle of reading; how long that took */
    uint32_t apic, pit;
};

static uint32_t pit_read(void)
{
    out8(PIT_COMMAND, PIT_LATCH_2);
    uint32_t low = in8(PIT_CHANNEL_2);
    return low | (uint32_t)in8(PIT_CHANNEL_2) << 8;
}

/* Of several tries the one that was disturbed least. */
static struct sample sample_take(void)
{
    struct sample best = { .width = UINT64_MAX };
    for (uint32_t i = 0; i < MEASURE_TRIES; i++) {
        struct sample s;
        uint64_t before = rdtsc();
        s.pit = pit_read();
        s.apic = apic_timer_count();
        uint64_t after = rdtsc();
        s.tsc = before + (after - before) / 2;
        s.width = after - before;
        if (s.width < best.width)
            best = s;
    }
    return best;
}

static bool measure(uint64_t *tsc_hz, uint64_t *apic_hz)
{
    out8(PIT_GATE, (in8(PIT_GATE) & ~2) | 1); /* gate on, speaker off */
    out8(PIT_COMMAND, PIT_LOAD_2_MODE_0);
    out8(PIT_CHANNEL_2, 0xff);
    out8(PIT_CHANNEL_2, 0xff);
    apic_timer_start(0xffffffff);
    struct sample first = sample_take(), last;
    uint64_t give_up = rdtsc() + (1UL << 32);
    do {
        last = sample_take();
        if (rdtsc() > give_up)
            return false;
    } while ((uint16_t)(first.pit - last.pit) < MEASURE_PIT_TICKS);
    apic_timer_start(0);
    uint64_t ticks = (uint16_t)(first.pit - last.pit);
    *tsc_hz = (last.tsc - first.tsc) * PIT_HZ / ticks;
    *apic_hz = (uint64_t)(first.apic - last.apic) * PIT_HZ / ticks;
    return true;
}

/* Within 1/512 of a round number of MHz it is that number. */
static uint64_t round_hz(uint64_t hz)
{
    uint64_t rounded = (hz + 5000000) / 10000000 * 10000000;
    uint64_t difference = hz > rounded ? hz - rounded : rounded - hz;
    return difference < hz / 512 ? rounded : hz;
}

/* ---- wall clock ---- */

static uint32_t rtc_read(uint8_t index)
{
    out8(RTC_INDEX, index);
    return in8(RTC_DATA);
}

static uint32_t rtc_field(uint8_t index, bool binary)
{
    uint32_t value = rtc_read(index);
    return binary ? value : (value & 15) + (value >> 4) * 10;
}

static uint64_t days_since_epoch(uint64_t year, uint64_t month, uint64_t day)
{
    static const uint16_t before[12] = { 0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334 };
    uint64_t leap_base = month > 2 ? year : year - 1;
    uint64_t leaps = leap_base / 4 - leap_base / 100 + leap_base / 400 - (1969 / 4 - 1969 / 100 + 1969 / 400);
    return (year - 1970) * 365 + leaps + before[(month - 1) % 12] + day - 1;
}

static uint64_t rtc_seconds(void)
{
    for (uint32_t i = 0; i < 100000 && rtc_read(0xa) & 0x80; i++)
        ; /* an update is in progress */
    uint32_t format = rtc_read(0xb);
    bool binary = format & 4;
    uint32_t hour_raw = rtc_read(4);
    uint32_t hour = binary ? hour_raw & 0x7f : (hour_raw & 15) + (hour_raw >> 4 & 7) * 10;
    if (!(format & 2))
        hour = hour % 12 + (hour_raw & 0x80 ? 12 : 0);
    uint32_t month = rtc_field(8, binary), year = rtc_field(9, binary);
    if (month == 0 || month > 12)
        return 0;
    uint64_t days = days_since_epoch(2000 + year % 100, month, rtc_field(7, binary));
    return ((days * 24 + hour) * 60 + rtc_field(2, binary)) * 60 + rtc_field(0, binary);
}

/* ---- interface ---- */

static void time_page_init(void);

void clock_init(void)
{
    uint64_t tsc_hz, apic_hz;
    tsc_start = rdtsc();
    if (!measure(&tsc_hz, &apic_hz) || tsc_hz == 0 || apic_hz == 0) {
        log_printf("the PIT does not count: assuming 1 GHz for TSC and timer\n");
        tsc_hz = 1000000000;
        apic_hz = tsc_hz / 16;
    }
    tsc_hz = round_hz(tsc_hz);
    machine_info.tsc_hz = tsc_hz;
    tsc_multiplier = (1000000000UL << 32) / tsc_hz;
    apic_multiplier = (round_hz(apic_hz * 16) << 28) / 1000000000;
    machine_info.boot_realtime_ns = rtc_seconds() * 1000000000UL - time_uptime_ns();
    time_page_init();
}

/* Two frames that VM may map for anybody, but only for reading: the time page and the vDSO. */
static void time_page_init(void)
{
    extern const uint8_t vdso_start[], vdso_end[];
    uint64_t physical = early_allocate(SHARED_BYTES);
    shared_frames = physical;
    time_page = physical_pointer(physical);
    *time_page = (struct time_page){ tsc_start, tsc_multiplier, machine_info.boot_realtime_ns };
    memcpy(physical_pointer(physical + PAGE_SIZE), vdso_start, (size_t)(vdso_end - vdso_start));
    machine_info.time_page = physical;
    machine_info.vdso_base = physical + PAGE_SIZE;
    machine_info.vdso_length = PAGE_SIZE;
}

void time_page_set_offset(uint64_t realtime_offset_ns)
{
    time_page->realtime_offset_ns = realtime_offset_ns;
}

uint64_t time_uptime_ns(void)
{
    return (uint64_t)((unsigned __int128)(rdtsc() - tsc_start) * tsc_multiplier >> 32);
}

void clock_delay_us(uint64_t us)
{
    uint64_t end = time_uptime_ns() + us * 1000;
    while (time_uptime_ns() < end)
        cpu_pause();
}

/* Writing the timer costs more than a needless interrupt now and then: a later deadline leaves it as it is, and its handler asks again. */
void timer_set(uint64_t deadline_ns)
{
    struct cpu_local *cpu = cpu_this();
    if (deadline_ns >= cpu->timer_deadline)
        return;
    enum { LONGEST_NS = 1000000000 };
    uint64_t now = time_uptime_ns();
    uint64_t wait = deadline_ns > now ? deadline_ns - now : 0;
    if (wait > LONGEST_NS) {
        wait = LONGEST_NS;
        deadline_ns = now + wait;
    }
    cpu->timer_deadline = deadline_ns;
    apic_timer_start((uint32_t)(wait * apic_multiplier >> 32) + 1);
}
