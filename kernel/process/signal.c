/* SPDX-License-Identifier: MIT */
/*
 * Kernel signals. The target stands still (SIGNALED, SIG_PENDING) until its manager has taken the set (getksig) and is done with it (endksig).
 */
#include "process/signal.h"

#include "debug/debug.h"
#include "errors.h"
#include "ipc/ipc.h"

struct thread *signal_manager(const struct thread *thread)
{
    endpoint_t manager = thread_privilege(thread)->p.signal_manager;

    return thread_find(manager == ENDPOINT_SELF ? thread->endpoint : manager);
}

/* A service is its own manager and the signal is lethal: the backup takes over, for good (SIG-2). */
static struct thread *backup_manager(struct thread *target, int signo)
{
    struct privilege_slot *p = thread_privilege(target);
    struct thread *backup = thread_find(p->p.backup_signal_manager);

    if (!backup || backup == target) {
        log_thread(target);
        panic("%s (endpoint %d) got signal %d and nobody manages it", target->name, target->endpoint, signo);
    }
    p->p.signal_manager = p->p.backup_signal_manager;
    p->p.backup_signal_manager = ENDPOINT_NONE;
    return backup;
}

static bool is_managed_service(const struct thread *manager, const struct thread *peer)
{
    return thread_is_service(peer) && peer != manager && signal_manager(peer) == manager;
}

bool signal_waits_for(const struct thread *manager, const struct thread *peer)
{
    return peer->rts_flags & RTS_SIG_PENDING && is_managed_service(manager, peer);
}

void signal_interrupt(struct thread *manager)
{
    const struct thread *peer = thread_find(manager->rts_flags & RTS_SENDING ? manager->send_to : manager->receive_from);

    if (peer && is_managed_service(manager, peer))
        ipc_cancel(manager, -EINTR);
}

void signal_cause(struct thread *target, int signo)
{
    struct thread *manager = signal_manager(target);
    bool kills = signal_is_lethal(signo) || signo == SIGNAL_KILL;

    if (thread_is_service(target) && kills)
        log_printf("%s (endpoint %d): signal %d, address %lx, rip %lx\n", target->name, target->endpoint, signo, target->fault_address,
                   target->frame.rip);
    if (thread_is_service(target) && signal_is_lethal(signo) && signo != SIGNAL_ABRT)
        log_thread(target);
    if (manager == target && !kills) {
        ipc_notify_signal(target, 1ull << (signo - 1));
        return;
    }
    if (manager == target || !manager)
        manager = backup_manager(target, signo);
    target->pending_signals |= 1ull << (signo - 1);
    if (target->rts_flags & RTS_SIGNALED)
        return;
    rts_set(target, RTS_SIGNALED | RTS_SIG_PENDING);
    signal_interrupt(manager);
    ipc_notify_signal(manager, 1ull << (SIGNAL_KSIG - 1));
}

void signal_exception(struct thread *target, int signo, int code, uint64_t address)
{
    target->fault_code = code;
    target->fault_address = address;
    signal_cause(target, signo);
}
