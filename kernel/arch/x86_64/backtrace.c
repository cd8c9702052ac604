/* SPDX-License-Identifier: MIT */
/*
 * Stack traces by frame pointers, into the log. Kernel addresses get names from the symbol table that the build made; a program's are printed raw.
 */
#include "internal.h"

#include "kernel/process/thread.h"

extern const uint8_t kernel_start[], kernel_text_end[];
enum { DEPTH_MAX = 24 };

static void print_kernel(uint64_t address)
{
    const struct kernel_symbol *best = NULL;
    for (uint64_t i = 0; i < kernel_symbol_count && kernel_symbols[i].address <= address; i++)
        best = &kernel_symbols[i];
    if (best != NULL)
        log_printf("  %016lx %s+%#lx\n", address, best->name, address - best->address);
    else
        log_printf("  %016lx\n", address);
}

static bool is_stack(uint64_t address)
{
    return address % 8 == 0 && address >= KERNEL_VIRTUAL && address < UINT64_MAX - PAGE_SIZE;
}

static void backtrace_kernel(uint64_t rbp)
{
    for (uint32_t depth = 0; depth < DEPTH_MAX && is_stack(rbp); depth++) {
        const uint64_t *frame = (const uint64_t *)rbp;
        if (frame[1] < (uint64_t)kernel_start || frame[1] >= (uint64_t)kernel_text_end)
            return;
        print_kernel(frame[1]);
        if (frame[0] <= rbp)
            return;
        rbp = frame[0];
    }
}

static void backtrace_user(const struct thread *thread)
{
    uint64_t rbp = thread->frame.rbp;
    log_printf("  %016lx\n", thread->frame.rip);
    for (uint32_t depth = 0; depth < DEPTH_MAX && rbp % 8 == 0; depth++) {
        const uint64_t *saved = space_pointer(thread->space, rbp, false);
        const uint64_t *caller = space_pointer(thread->space, rbp + 8, false);
        if (saved == NULL || caller == NULL || *caller == 0)
            return;
        log_printf("  %016lx\n", *caller);
        if (*saved <= rbp)
            return;
        rbp = *saved;
    }
}

/* NULL: the kernel's own stack, or that of the exception that is being reported. */
void arch_backtrace(const struct thread *thread)
{
    if (thread != NULL) {
        backtrace_user(thread);
        return;
    }
    if (panic_frame != NULL) {
        print_kernel(panic_frame->rip);
        backtrace_kernel(panic_frame->rbp);
        return;
    }
    backtrace_kernel((uint64_t)__builtin_frame_address(0));
}
