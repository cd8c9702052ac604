/* SPDX-License-Identifier: MIT */
/*
 * FPU state, lazily. CR0.TS is set unless the registers of this processor belong to the thread that runs, so services never cost anything. A thread's
 * first use traps (#NM): fpu_not_available saves the previous owner and loads.
 *
 * fpu_owner of a processor and fpu_cpu of a thread always agree. With one processor the registers are the only true copy until somebody asks
 * (arch_fpu_save). With more, they are saved when the owner is switched away from, so that fpu_area of a thread that does not run is always true, and
 * no processor ever has to ask another one.
 *
 * An area always looks as a Linux signal frame wants it (fpu_frame.h), so that it is copied there as it is.
 */
#include "fpu_frame.h"
#include "internal.h"

#include "base/string.h"
#include "kernel/process/thread.h"

enum { FXSAVE_BYTES = 512, XSAVE_HEADER_BYTES = 64, MXCSR_DEFAULT = 0x1f80, MXCSR_MASK_DEFAULT = 0xffbf, FCW_DEFAULT = 0x37f };
enum { FEATURE_LEGACY = 3, FEATURE_AVX = 4 };

uint32_t fpu_is_eager; /* several processors run */
static uint32_t area_bytes;
static uint32_t mxcsr_mask;
static uint64_t features; /* XCR0 */
static uint8_t *areas;    /* one for each slot */
static uint8_t *initial;  /* fresh state */

static void xsetbv(uint64_t value)
{
    __asm__ volatile("xsetbv" : : "c"(0), "a"((uint32_t)value), "d"((uint32_t)(value >> 32)));
}

static void registers_save(void *area)
{
    uint32_t low = (uint32_t)features, high = (uint32_t)(features >> 32);
    if (!cpu_features.xsave)
        __asm__ volatile("fxsaveq (%0)" : : "r"(area) : "memory");
    else /* not XSAVEOPT: signal frames want every component written */
        __asm__ volatile("xsave64 (%0)" : : "r"(area), "a"(low), "d"(high) : "memory");
}

static void registers_load(const void *area)
{
    uint32_t low = (uint32_t)features, high = (uint32_t)(features >> 32);
    if (cpu_features.xsave)
        __asm__ volatile("xrstor64 (%0)" : : "r"(area), "a"(low), "d"(high) : "memory");
    else
        __asm__ volatile("fxrstorq (%0)" : : "r"(area) : "memory");
}

uint32_t fpu_frame_bytes(void)
{
    return cpu_features.xsave ? area_bytes + (uint32_t)sizeof(uint32_t) : FXSAVE_BYTES;
}

static uint64_t area_stride(void)
{
    return (fpu_frame_bytes() + 63) & ~63u;
}

/* The processor writes neither of the two. */
void fpu_mark(uint8_t *area)
{
    struct extended_mark mark = { 0 };
    if (cpu_features.xsave) {
        mark = (struct extended_mark){
            .magic1 = MAGIC1, .extended_size = fpu_frame_bytes(), .features = features, .state_size = area_bytes
        };
        memcpy(area + area_bytes, &(uint32_t){ MAGIC2 }, sizeof(uint32_t));
    }
    memcpy(area + MARK_OFFSET, &mark, sizeof mark);
}

/* Before any thread exists. With XSAVE the size is that of x87, SSE and AVX; wider states stay off. */
void fpu_init(void)
{
    features = FEATURE_LEGACY;
    area_bytes = FXSAVE_BYTES;
    if (cpu_features.xsave) {
        area_bytes = FXSAVE_BYTES + XSAVE_HEADER_BYTES;
        if (cpu_features.avx) {
            struct cpuid avx = cpuid(0xd, 2);
            features |= FEATURE_AVX;
            area_bytes = avx.eax + avx.ebx; /* size and offset, standard format */
        }
    }
    machine_info.xsave_bytes = area_bytes;
    areas = physical_pointer(early_allocate(area_stride() * PROCESS_SLOTS));
    initial = physical_pointer(early_allocate(PAGE_SIZE));
    memcpy(initial, &(uint16_t){ FCW_DEFAULT }, 2);
    memcpy(initial + MXCSR_OFFSET, &(uint32_t){ MXCSR_DEFAULT }, 4);
    fpu_mark(initial);
}

void fpu_init_cpu(void)
{
    static uint8_t probe[FXSAVE_BYTES] __attribute__((aligned(64)));
    if (cpu_features.xsave)
        xsetbv(features);
    __asm__ volatile("clts");
    __asm__ volatile("fxsaveq (%0)" : : "r"(probe) : "memory");
    cr0_write(cpu_this()->cr0_with_ts);
    memcpy(&mxcsr_mask, probe + MXCSR_MASK_OFFSET, sizeof mxcsr_mask);
    if (mxcsr_mask == 0)
        mxcsr_mask = MXCSR_MASK_DEFAULT;
}

uint32_t fpu_bytes(void)
{
    return area_bytes;
}

uint64_t fpu_features(void)
{
    return features;
}

uint32_t fpu_mxcsr_mask(void)
{
    return mxcsr_mask;
}

/* The registers that hold its state, on whatever processor, do not count any more. */
static void detach(struct thread *thread)
{
    if (thread->fpu_cpu >= 0 && cpu_locals[thread->fpu_cpu].fpu_owner == thread)
        cpu_locals[thread->fpu_cpu].fpu_owner = NULL;
    thread->fpu_cpu = -1;
}

/* No state: the next use starts from fresh registers. */
void fpu_reset(struct thread *thread)
{
    thread->fpu_area = areas + area_stride() * (uint64_t)(thread - threads);
    detach(thread);
    thread->misc_flags &= ~(uint32_t)MF_FPU_USED;
}

static void task_switched_clear(struct cpu_local *cpu)
{
    __asm__ volatile("clts");
    cpu->ts_set = false;
}

static void task_switched_set(struct cpu_local *cpu)
{
    cr0_write(cpu->cr0_with_ts);
    cpu->ts_set = true;
}

/* From arch_resume when TS is not as the thread needs it. Not mine means: the last one to run used the FPU. */
void fpu_switch(struct cpu_local *cpu, bool mine)
{
    if (mine) {
        task_switched_clear(cpu);
        return;
    }
    if (fpu_is_eager && cpu->fpu_owner != NULL)
        registers_save(cpu->fpu_owner->fpu_area);
    task_switched_set(cpu);
}

/* #NM in user mode. */
void fpu_not_available(struct thread *thread)
{
    struct cpu_local *cpu = cpu_this();
    task_switched_clear(cpu);
    if (cpu->fpu_owner != NULL) {
        registers_save(cpu->fpu_owner->fpu_area);
        detach(cpu->fpu_owner);
    }
    detach(thread);
    if (!(thread->misc_flags & MF_FPU_USED)) {
        memcpy(thread->fpu_area, initial, fpu_frame_bytes());
        thread->misc_flags |= MF_FPU_USED;
    }
    registers_load(thread->fpu_area);
    cpu->fpu_owner = thread;
    thread->fpu_cpu = (int16_t)cpu->number;
}

void arch_fpu_save(struct thread *thread)
{
    struct cpu_local *cpu = cpu_this();
    if (!(thread->misc_flags & MF_FPU_USED)) {
        memcpy(thread->fpu_area, initial, fpu_frame_bytes());
        return;
    }
    if (cpu->fpu_owner != thread)
        return; /* in memory already */
    bool was_set = cpu->ts_set;
    if (was_set)
        task_switched_clear(cpu);
    registers_save(thread->fpu_area);
    if (was_set)
        task_switched_set(cpu);
}

void arch_fpu_discard(struct thread *thread)
{
    detach(thread);
    thread->misc_flags |= MF_FPU_USED;
}
