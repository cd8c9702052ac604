/* SPDX-License-Identifier: MIT */
/*
 * Kernel calls (abi/protocols/kernel.idl). A handler is int call_NAME(caller, request, reply): 0 or a negative error, or one of call_result. It checks everything
 * and then changes things, so that it may be abandoned at absent memory and executed again from the start.
 */
#pragma once

#include "arch/x86_64/arch.h"
#include "process/thread.h"

enum call_result {
    CALL_SUSPENDED = 1, /* VM was asked for memory; the call is executed again */
    CALL_RETRY = 2,     /* another processor must act first; executed again soon */
    CALL_NO_REPLY = 3,  /* the caller is gone, or has its reply */
};

/* Execute the call in thread->request. */
void call_execute(struct thread *thread);
/* Reply without results to the call in thread->request. */
void call_finish(struct thread *thread, int status);

/* The process that a call names; SELF is the caller. NULL if there is none. */
struct thread *call_process(struct thread *caller, endpoint_t endpoint);

/* ---- copies for calls; all return 0, a negative error, or CALL_SUSPENDED. NULL as thread: address of the kernel. ---- */
int call_copy(struct thread *caller, const struct thread *from, uint64_t from_address, const struct thread *to, uint64_t to_address,
              uint64_t length);
static inline int call_read(struct thread *caller, void *to, uint64_t address, uint64_t length)
{
    return call_copy(caller, caller, address, NULL, (uint64_t)to, length);
}
static inline int call_write(struct thread *caller, uint64_t address, const void *from, uint64_t length)
{
    return call_copy(caller, NULL, (uint64_t)from, caller, address, length);
}
/* Memory of `target` is absent. */
int call_suspend(struct thread *caller, const struct thread *target, const struct copy_fault *fault, uint64_t length);
bool user_range_ok(uint64_t address, uint64_t length);

/* grant.c: what a grant of `granter` lets `grantee` do: whose memory and where. */
struct grant_target {
    struct thread *owner;
    uint64_t address;
};
int grant_verify(struct thread *caller, endpoint_t granter, grant_t grant, uint64_t offset, uint64_t length, uint32_t access,
                 struct grant_target *target);

extern uint64_t times_created;
extern uint64_t kernel_call_count;
extern uint64_t page_fault_count;
extern uint64_t messages_of_the_dead; /* sent by processes that are no more */

#define CALL_HANDLER(name)       int call_##name(struct thread *caller, const struct message *request, struct message *reply)
/* The formatter never agrees with itself about this list. */
/* clang-format off */
#define KERNEL_CALLS(X) \
    X(create, CREATE) X(fork, FORK) X(exec, EXEC) X(clear, CLEAR) X(exit, EXIT) X(runctl, RUNCTL) \
    X(setids, SETIDS) X(schedule, SCHEDULE) X(schedctl, SCHEDCTL) X(privctl, PRIVCTL) X(getpriv, GETPRIV) \
    X(update, UPDATE) X(statectl, STATECTL) X(getinfo, GETINFO) X(whoami, WHOAMI) X(times, TIMES) \
    X(setalarm, SETALARM) X(settime, SETTIME) X(vircopy, VIRCOPY) X(copystring, COPYSTRING) \
    X(safecopyfrom, SAFECOPYFROM) X(safecopyto, SAFECOPYTO) X(vsafecopy, VSAFECOPY) X(setgrant, SETGRANT) \
    X(memset, MEMSET) X(umap, UMAP) X(checksum, CHECKSUM) X(space_create, SPACE_CREATE) X(space_destroy, SPACE_DESTROY) \
    X(space_bind, SPACE_BIND) X(map, MAP) X(unmap, UNMAP) X(protect, PROTECT) X(read_entries, READ_ENTRIES) \
    X(fork_range, FORK_RANGE) X(page_copy, PAGE_COPY) X(page_zero, PAGE_ZERO) X(tables_give, TABLES_GIVE) \
    X(tables_take, TABLES_TAKE) X(page_write, PAGE_WRITE) X(space_drain, SPACE_DRAIN) X(irqctl, IRQCTL) \
    X(devio, DEVIO) X(sdevio, SDEVIO) X(kill, KILL) X(getksig, GETKSIG) X(endksig, ENDKSIG) \
    X(signal_post, SIGNAL_POST) X(sigsend, SIGSEND) X(sigreturn, SIGRETURN) X(getregs, GETREGS) \
    X(setregs, SETREGS) X(log, LOG) X(stacktrace, STACKTRACE) X(abort, ABORT) X(publish, PUBLISH)
/* clang-format on */
#define DECLARE_CALL(name, NAME) CALL_HANDLER(name);
KERNEL_CALLS(DECLARE_CALL)
