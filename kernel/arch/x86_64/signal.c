/* SPDX-License-Identifier: MIT */
/*
 * Linux signal frames of x86-64, byte for byte: struct rt_sigframe (pretcode, ucontext, siginfo) at 16 n + 8, above it the FPU state at a multiple of 64,
 * with XSAVE in the extended format (FP_XSTATE_MAGIC1 and 2). What comes back through sigreturn is the program's to invent: flags and selectors
 * are forced, and the FPU image is made harmless before it is loaded.
 */
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

/* struct _fpx_sw_bytes, in bytes 464..511 of the legacy area */
struct extended_mark {
    uint32_t magic1, extended_size;
    uint64_t features;
    uint32_t state_size;
    uint32_t padding[7];
};
_Static_assert(sizeof(struct extended_mark) == 48, "Linux layout");

enum {
    RED_ZONE = 128,
    LEGACY_BYTES = 512,
    HEADER_BYTES = 64,
    MXCSR_OFFSET = 24,
    MXCSR_MASK_OFFSET = 28,
    MXCSR_MASK_DEFAULT = 0xffbf,
    MARK_OFFSET = 464,
    MAGIC1 = 0x46505853,
    MAGIC2 = 0x46505845,
    UC_FP_XSTATE = 1,
    UC_SIGCONTEXT_SS = 2,
    UC_STRICT_RESTORE_SS = 4,
    STATE_ROOM = 4096,
    FLAGS_RESTORED = 0x50dd5, /* FIX_EFLAGS of Linux: AC RF OF DF TF SF ZF AF PF CF */
};

static uint8_t state_buffer[STATE_ROOM] __attribute__((aligned(64)));

static uint64_t state_bytes(void)
{
    return cpu_features.xsave ? fpu_bytes() + sizeof(uint32_t) : LEGACY_BYTES;
}

/* The FPU state as the frame wants it, in state_buffer. */
static void state_prepare(struct thread *thread)
{
    arch_fpu_save(thread);
    memcpy(state_buffer, thread->fpu_area, fpu_bytes());
    memset(state_buffer + MARK_OFFSET, 0, sizeof(struct extended_mark));
    if (!cpu_features.xsave)
        return;
    struct extended_mark mark = {
        .magic1 = MAGIC1, .extended_size = (uint32_t)state_bytes(), .features = fpu_features(), .state_size = fpu_bytes()
    };
    memcpy(state_buffer + MARK_OFFSET, &mark, sizeof mark);
    uint64_t present = fpu_features() & 3; /* x87 and SSE are always marked, as Linux does, for programs that look */
    uint64_t header;
    memcpy(&header, state_buffer + LEGACY_BYTES, sizeof header);
    header |= present;
    memcpy(state_buffer + LEGACY_BYTES, &header, sizeof header);
    memcpy(state_buffer + fpu_bytes(), &(uint32_t){ MAGIC2 }, sizeof(uint32_t));
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
    uint64_t state = (top - state_bytes()) & ~63UL;
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
    int error = copy_spaces(SPACE_NONE, (uint64_t)state_buffer, thread->space, state, state_bytes(), fault);
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

/* Reads the state at `address` into state_buffer and makes it loadable: no reserved bit of mxcsr or of the XSAVE header may reach the processor. */
static int state_fetch(const struct thread *thread, uint64_t address, struct copy_fault *fault)
{
    int error = copy_spaces(thread->space, address, SPACE_NONE, (uint64_t)state_buffer, LEGACY_BYTES, fault);
    if (error != 0)
        return error;
    struct extended_mark mark;
    memcpy(&mark, state_buffer + MARK_OFFSET, sizeof mark);
    uint64_t present = fpu_features() & 3;
    memset(state_buffer + LEGACY_BYTES, 0, fpu_bytes() - LEGACY_BYTES);
    bool extended = cpu_features.xsave && mark.magic1 == MAGIC1 && mark.state_size == fpu_bytes() && mark.extended_size == state_bytes();
    if (extended) {
        error = copy_spaces(thread->space, address + LEGACY_BYTES, SPACE_NONE, (uint64_t)state_buffer + LEGACY_BYTES,
                            state_bytes() - LEGACY_BYTES, fault);
        if (error != 0)
            return error;
        uint32_t magic2;
        memcpy(&magic2, state_buffer + fpu_bytes(), sizeof magic2);
        memcpy(&present, state_buffer + LEGACY_BYTES, sizeof present);
        present = magic2 == MAGIC2 ? present & mark.features & fpu_features() : fpu_features() & 3;
    }
    uint32_t mxcsr, mask;
    memcpy(&mxcsr, state_buffer + MXCSR_OFFSET, sizeof mxcsr);
    memcpy(&mask, (const uint8_t *)thread->fpu_area + MXCSR_MASK_OFFSET, sizeof mask);
    mxcsr &= mask != 0 ? mask : MXCSR_MASK_DEFAULT;
    memcpy(state_buffer + MXCSR_OFFSET, &mxcsr, sizeof mxcsr);
    if (cpu_features.xsave) {
        memset(state_buffer + LEGACY_BYTES, 0, HEADER_BYTES);
        memcpy(state_buffer + LEGACY_BYTES, &present, sizeof present);
    }
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
    if (error == 0 && context.registers.fpstate != 0) {
        arch_fpu_save(thread); /* for its mxcsr mask */
        error = state_fetch(thread, context.registers.fpstate, fault);
    }
    if (error != 0)
        return error;

    registers_load(&thread->frame, &context.registers);
    if (context.registers.fpstate != 0) {
        memcpy(thread->fpu_area, state_buffer, fpu_bytes());
        arch_fpu_discard(thread);
    } else {
        fpu_reset(thread);
    }
    *result = (struct linux_sigreturn_result){ context.mask, context.stack_base, context.stack_length, context.stack_flags };
    return 0;
}
