/* SPDX-License-Identifier: MIT */
/*
 * Linux signal frames of x86-64, byte for byte: struct rt_sigframe (pretcode, ucontext, siginfo) at 16 n + 8, above it the FPU state at a multiple of 64,
 * with XSAVE in the extended format (FP_XSTATE_MAGIC1 and 2). What comes back through sigreturn is the program's to invent: flags and selectors
 * are forced, and the FPU image is made harmless before it is loaded.
 */
#include "fpu_frame.h"
#include "internal.h"

#include "base/string.h"
#include "kernel/process/thread.h"
#include "linux/signal_frame.h"

struct signal_context {
    uint64_t r8, r9, r10, r11, r12, r13, r14, r15, rdi, rsi, rbp, rbx, rdx, rax, rcx, rsp, rip, rflags;
    uint16_t cs, gs, fs, ss;
    uint64_t error, trap, old_mask, cr2, fpstate, reserved[8];
};

struct user_context {
    uint64_t flags, link;
    uint64_t stack_base;
    uint32_t stack_flags, pad;
    uint64_t stack_length;
    struct signal_context registers;
    uint64_t mask;
};

struct signal_frame {
    uint64_t restorer;
    struct user_context context;
    uint8_t info[128];
};
_Static_assert(sizeof(struct signal_context) == 256 && sizeof(struct user_context) == 304 && sizeof(struct signal_frame) == 440,
               "Linux layout");

enum {
    RED_ZONE = 128,
    LEGACY_BYTES = 512,
    HEADER_BYTES = 64,
    UC_FP_XSTATE = 1,
    UC_SIGCONTEXT_SS = 2,
    UC_STRICT_RESTORE_SS = 4,
    STATE_LEGACY = 3,         /* x87 and SSE */
    FLAGS_RESTORED = 0x50dd5, /* FIX_EFLAGS of Linux: AC RF OF DF TF SF ZF AF PF CF */
};

/* Which components of an XSAVE area count. */
static uint64_t *state_header(struct thread *thread)
{
    return (uint64_t *)((uint8_t *)thread->fpu_area + LEGACY_BYTES);
}

/* x87 and SSE are always marked as present, as Linux does for programs that look. */
static void state_prepare(struct thread *thread)
{
    arch_fpu_save(thread);
    if (cpu_features.xsave)
        *state_header(thread) |= STATE_LEGACY;
}

static void registers_store(struct signal_context *to, const struct trap_frame *from)
{
    *to = (struct signal_context){
        .r8 = from->r8,
        .r9 = from->r9,
        .r10 = from->r10,
        .r11 = from->r11,
        .r12 = from->r12,
        .r13 = from->r13,
        .r14 = from->r14,
        .r15 = from->r15,
        .rdi = from->rdi,
        .rsi = from->rsi,
        .rbp = from->rbp,
        .rbx = from->rbx,
        .rdx = from->rdx,
        .rax = from->rax,
        .rcx = from->rcx,
        .rsp = from->rsp,
        .rip = from->rip,
        .rflags = from->rflags,
        .cs = SELECTOR_USER_CODE,
        .ss = SELECTOR_USER_DATA,
    };
}

int arch_signal_frame(struct thread *thread, const struct signal_frame_request *request, struct copy_fault *fault)
{
    struct trap_frame *registers = &thread->frame;
    uint64_t top = request->altstack_base != 0 ? request->altstack_base + request->altstack_length : registers->rsp - RED_ZONE;
    uint64_t state = (top - fpu_frame_bytes()) & ~63UL;
    uint64_t address = ((state - sizeof(struct signal_frame)) & ~15UL) - 8;

    struct signal_frame frame = { .restorer = request->restorer };
    frame.context.flags = UC_SIGCONTEXT_SS | UC_STRICT_RESTORE_SS | (cpu_features.xsave ? UC_FP_XSTATE : 0);
    frame.context.stack_base = request->uc_stack_base;
    frame.context.stack_flags = request->uc_stack_flags;
    frame.context.stack_length = request->uc_stack_length;
    frame.context.mask = request->mask;
    registers_store(&frame.context.registers, registers);
    struct signal_context *saved = &frame.context.registers;
    if (request->restart) {
        saved->rip -= 2; /* the syscall instruction */
        saved->rax = registers->orig_rax;
    } else if (request->has_result) {
        saved->rax = (uint64_t)request->result;
    }
    saved->error = thread->fault_error;
    saved->trap = thread->fault_trap;
    saved->cr2 = thread->fault_address;
    saved->old_mask = request->mask;
    saved->fpstate = state;
    memcpy(frame.info, request->siginfo, sizeof frame.info);

    state_prepare(thread);
    int error = copy_spaces(SPACE_NONE, (uint64_t)thread->fpu_area, thread->space, state, fpu_frame_bytes(), fault);
    if (error == 0)
        error = copy_spaces(SPACE_NONE, (uint64_t)&frame, thread->space, address, sizeof frame, fault);
    if (error != 0)
        return error;

    /* Cannot fail from here on. The handler starts with a fresh FPU. */
    fpu_reset(thread);
    registers->rip = request->handler;
    registers->rsp = address;
    registers->rax = 0;
    registers->rdi = request->signal;
    registers->rsi = address + offsetof(struct signal_frame, info);
    registers->rdx = address + offsetof(struct signal_frame, context);
    registers->rflags &= ~(uint64_t)(RFLAGS_DF | RFLAGS_TF | 0x10000);
    registers->vector = FRAME_CHANGED;
    registers->orig_rax = (uint64_t)-1;
    return 0;
}

/* Is the state at `address`, whose legacy part is in the area, an extended one? Then the rest is read too. 0 or -EFAULT. */
static int extended_fetch(struct thread *thread, uint64_t address, uint64_t *present, struct copy_fault *fault)
{
    uint8_t *area = thread->fpu_area;
    struct extended_mark mark;
    memcpy(&mark, area + MARK_OFFSET, sizeof mark);
    if (mark.magic1 != MAGIC1 || mark.state_size != fpu_bytes() || mark.extended_size != fpu_frame_bytes())
        return 0;
    int error = copy_spaces(thread->space, address + LEGACY_BYTES, SPACE_NONE, (uint64_t)area + LEGACY_BYTES,
                            fpu_frame_bytes() - LEGACY_BYTES, fault);
    uint32_t magic2;
    memcpy(&magic2, area + fpu_bytes(), sizeof magic2);
    if (error == 0 && magic2 == MAGIC2)
        *present = *state_header(thread) & mark.features & fpu_features();
    return error;
}

/*
 * Reads the state at `address` into the thread's area and makes it loadable: no reserved bit of mxcsr or of the XSAVE header may reach the processor. If it is
 * not readable the thread has lost its FPU state, as on Linux.
 */
static int state_fetch(struct thread *thread, uint64_t address, struct copy_fault *fault)
{
    uint8_t *area = thread->fpu_area;
    uint64_t present = STATE_LEGACY;
    fpu_reset(thread);
    int error = copy_spaces(thread->space, address, SPACE_NONE, (uint64_t)area, LEGACY_BYTES, fault);
    if (error == 0 && cpu_features.xsave)
        error = extended_fetch(thread, address, &present, fault);
    if (error != 0)
        return error;

    uint32_t mxcsr;
    memcpy(&mxcsr, area + MXCSR_OFFSET, sizeof mxcsr);
    mxcsr &= fpu_mxcsr_mask();
    memcpy(area + MXCSR_OFFSET, &mxcsr, sizeof mxcsr);
    if (cpu_features.xsave) {
        memset(area + LEGACY_BYTES, 0, HEADER_BYTES);
        *state_header(thread) = present;
    }
    fpu_mark(area);
    arch_fpu_discard(thread);
    return 0;
}

static void registers_load(struct trap_frame *to, const struct signal_context *from)
{
    to->r8 = from->r8;
    to->r9 = from->r9;
    to->r10 = from->r10;
    to->r11 = from->r11;
    to->r12 = from->r12;
    to->r13 = from->r13;
    to->r14 = from->r14;
    to->r15 = from->r15;
    to->rdi = from->rdi;
    to->rsi = from->rsi;
    to->rbp = from->rbp;
    to->rbx = from->rbx;
    to->rdx = from->rdx;
    to->rax = from->rax;
    to->rcx = from->rcx;
    to->rsp = from->rsp;
    to->rip = from->rip;
    to->rflags = (from->rflags & FLAGS_RESTORED) | (to->rflags & ~(uint64_t)FLAGS_RESTORED);
    to->vector = FRAME_CHANGED;
    to->orig_rax = (uint64_t)-1;
}

/* The handler's `ret` took the first word of the frame off the stack. */
int arch_sigreturn(struct thread *thread, struct linux_sigreturn_result *result, struct copy_fault *fault)
{
    struct user_context context;
    int error = copy_spaces(thread->space, thread->frame.rsp, SPACE_NONE, (uint64_t)&context, sizeof context, fault);
    if (error == 0 && context.registers.fpstate != 0)
        error = state_fetch(thread, context.registers.fpstate, fault);
    if (error != 0)
        return error;

    registers_load(&thread->frame, &context.registers);
    if (context.registers.fpstate == 0)
        fpu_reset(thread);
    *result = (struct linux_sigreturn_result){ context.mask, context.stack_base, context.stack_length, context.stack_flags };
    return 0;
}
