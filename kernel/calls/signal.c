/* SPDX-License-Identifier: MIT */
/*
 * Signals: raising, the manager's side (getksig, endksig), and PM's tools for Linux programs.
 */
#include "process/signal.h"

#include "calls/calls.h"
#include "errors.h"
#include "ipc/ipc.h"
#include "linux/signal_frame.h"
#include "process/work.h"
#include "protocols/kernel.h"
#include "sched/sched.h"

enum { RESTART_NOINTR = 513 };

CALL_HANDLER(kill)
{
    struct kernel_kill_request r;
    (void)reply;

    kernel_kill_request_get(request, &r);
    struct thread *t = call_process(caller, r.process);
    if (r.process < 0 && r.process > ENDPOINT_SELF)
        return -EPERM;
    if (!t || r.signal < 1 || r.signal > SIGNAL_COUNT)
        return -EINVAL;
    t->fault_code = 0;
    t->fault_address = 0;
    signal_cause(t, r.signal);
    return 0;
}

CALL_HANDLER(getksig)
{
    struct kernel_getksig_reply answer = { .process = ENDPOINT_NONE };
    (void)request;

    for (uint32_t slot = 0; slot < PROCESS_SLOTS && answer.process == ENDPOINT_NONE; slot++) {
        struct thread *t = &threads[slot];
        if (!(t->rts_flags & RTS_SIGNALED) || signal_manager(t) != caller)
            continue;
        if (!thread_is_off(t))
            return CALL_RETRY;
        answer = (struct kernel_getksig_reply){ .process = t->endpoint,
                                                .code = t->fault_code,
                                                .signals = t->pending_signals,
                                                .address = t->fault_address,
                                                .trap = t->fault_trap,
                                                .error = t->fault_error };
        t->pending_signals = 0;
        t->rts_flags &= ~RTS_SIGNALED; /* SIG_PENDING still holds it */
    }
    kernel_getksig_reply_put(reply, &answer);
    return 0;
}

CALL_HANDLER(endksig)
{
    struct kernel_endksig_request r;
    (void)reply;

    kernel_endksig_request_get(request, &r);
    struct thread *t = call_process(caller, r.process);
    if (!t)
        return -EINVAL;
    if (signal_manager(t) != caller)
        return -EPERM;
    if (!(t->rts_flags & RTS_SIG_PENDING))
        return -EINVAL;
    if (!(t->rts_flags & RTS_SIGNALED))
        rts_clear(t, RTS_SIG_PENDING);
    return 0;
}

CALL_HANDLER(signal_post)
{
    struct kernel_signal_post_request r;
    struct kernel_signal_post_reply answer = { .waits_for = ENDPOINT_NONE };

    kernel_signal_post_request_get(request, &r);
    struct thread *t = call_process(caller, r.process);
    if (!t || thread_is_service(t))
        return -EINVAL;
    t->misc_flags |= MF_SIGNAL_POSTED;
    if (t->misc_flags & MF_LINUX_CALL) {
        if (t->rts_flags & RTS_SENDING) {
            ipc_cancel(t, -RESTART_NOINTR); /* the server has not seen it: as if the signal had come before */
        } else if (t->rts_flags & RTS_RECEIVING) {
            answer.waits_for = t->receive_from;
            answer.transaction = t->request.transaction;
        }
    }
    thread_is_off(t); /* running elsewhere: it will enter the kernel */
    kernel_signal_post_reply_put(reply, &answer);
    return 0;
}

CALL_HANDLER(sigsend)
{
    struct kernel_sigsend_request r;
    struct signal_frame_request frame;
    struct copy_fault fault;
    (void)reply;

    kernel_sigsend_request_get(request, &r);
    struct thread *t = call_process(caller, r.process);
    if (!t || t == caller || thread_is_service(t) || sched_is_running(t))
        return -EINVAL;
    if (r.sequence && r.sequence == t->signal_sequence)
        return 0;
    int error = call_read(caller, &frame, r.request, sizeof(frame));
    if (error)
        return error;
    if (thread_linux_number(t) < 0)
        frame.restart = frame.has_result = 0;
    error = arch_signal_frame(t, &frame, &fault);
    if (error == -EFAULT)
        return call_suspend(caller, t, &fault, 1);
    if (error)
        return error;
    t->frame.orig_rax = (uint64_t)-1;
    t->signal_sequence = r.sequence;
    return 0;
}

CALL_HANDLER(sigreturn)
{
    struct kernel_sigreturn_request r;
    struct linux_sigreturn_result result = { 0 };
    struct copy_fault fault;

    kernel_sigreturn_request_get(request, &r);
    struct thread *t = call_process(caller, r.process);
    if (!t || t == caller || thread_is_service(t) || sched_is_running(t))
        return -EINVAL;
    bool is_repeat = r.sequence && r.sequence == t->signal_sequence;
    int error = is_repeat ? 0 : arch_sigreturn(t, &result, &fault);
    if (error == -EFAULT)
        return call_suspend(caller, t, &fault, 1);
    if (error)
        return error;
    if (is_repeat)
        result = t->signal_answer;
    t->frame.orig_rax = (uint64_t)-1;
    t->signal_sequence = r.sequence;
    t->signal_answer = result;
    struct kernel_sigreturn_reply answer = { .mask = result.mask,
                                             .altstack_base = result.altstack_base,
                                             .altstack_length = result.altstack_length,
                                             .altstack_flags = result.altstack_flags };
    kernel_sigreturn_reply_put(reply, &answer);
    return 0;
}

/* Linux user_regs_struct: the frame's first fifteen words, then these. */
enum { REGISTER_COUNT = 27, FRAME_WORDS = 15 };
enum { SELECTOR_CODE = 0x33, SELECTOR_DATA = 0x2b };

CALL_HANDLER(getregs)
{
    struct kernel_getregs_request r;
    (void)reply;

    kernel_getregs_request_get(request, &r);
    struct thread *t = call_process(caller, r.process);
    if (!t)
        return -EINVAL;
    const struct trap_frame *f = &t->frame;
    uint64_t out[REGISTER_COUNT] = { [15] = f->orig_rax, f->rip, SELECTOR_CODE, f->rflags, f->rsp, SELECTOR_DATA, t->fs_base, t->gs_base };
    __builtin_memcpy(out, f, FRAME_WORDS * sizeof(out[0]));
    return call_write(caller, r.registers, out, sizeof(out));
}

CALL_HANDLER(setregs)
{
    struct kernel_setregs_request r;
    uint64_t in[REGISTER_COUNT];
    (void)reply;

    kernel_setregs_request_get(request, &r);
    struct thread *t = call_process(caller, r.process);
    if (!t || t == caller || sched_is_running(t))
        return -EINVAL;
    int error = call_read(caller, in, r.registers, sizeof(in));
    if (error)
        return error;
    if (!user_range_ok(in[16], 1) || !user_range_ok(in[21], 0) || !user_range_ok(in[22], 0))
        return -EINVAL;
    /* Cannot fail from here on. Vector 0: all registers are loaded, by iret. */
    enum { FLAGS_SETTABLE = 0x50dd5 };
    __builtin_memcpy(&t->frame, in, FRAME_WORDS * sizeof(in[0]));
    t->frame.orig_rax = in[15];
    t->frame.rip = in[16];
    t->frame.rflags = (t->frame.rflags & ~(uint64_t)FLAGS_SETTABLE) | (in[18] & FLAGS_SETTABLE);
    t->frame.rsp = in[19];
    t->fs_base = in[21];
    t->gs_base = in[22];
    t->frame.vector = 0;
    return 0;
}
