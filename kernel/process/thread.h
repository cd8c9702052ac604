/* SPDX-License-Identifier: MIT */
/*
 * The kernel's central record: one slot per thread (what behaviour.md calls a process slot), with its IPC, scheduling and privilege state.
 * All of it is guarded by the big kernel lock. A thread runs exactly when rts_flags is zero. Registers are saved in `frame` at every entry, so the
 * kernel needs one stack per processor and may abandon any call and repeat it later.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arch/x86_64/frame.h"
#include "inline.h"
#include "message.h"
#include "privilege.h"

enum rts_flags {
    RTS_SLOT_FREE = 0x1,
    RTS_PROC_STOP = 0x2,
    RTS_SENDING = 0x4,
    RTS_RECEIVING = 0x8,
    RTS_SIGNALED = 0x10,
    RTS_SIG_PENDING = 0x20,
    RTS_P_STOP = 0x40,
    RTS_NO_PRIV = 0x80,
    RTS_NO_ENDPOINT = 0x100,
    RTS_VMINHIBIT = 0x200,
    RTS_PAGEFAULT = 0x400, /* event.page_fault is out: waits for VM's reply (with SENDING or RECEIVING) */
    RTS_VMREQUEST = 0x800, /* event.memory_request is out */
    RTS_PREEMPTED = 0x4000,
    RTS_NO_QUANTUM = 0x8000,
};

enum misc_flags {
    MF_REPLY_PENDING = 0x1,    /* in SENDREC: once sent, goes on to RECEIVING from the same peer */
    MF_LINUX_CALL = 0x2,       /* the message is a Linux call made by the kernel: the reply goes to rax */
    MF_EVENT = 0x4,            /* the message is a kernel-made event of kind event_kind; the kernel takes the reply */
    MF_KCALL_RESUME = 0x8,     /* kernel call in `request` must be executed again before the thread runs */
    MF_DELIVER_MESSAGE = 0x10, /* `inbox` must be copied to user address `message_address` before the thread runs */
    MF_SIGNAL_POSTED = 0x20,   /* PM wants event.signal_ready before user code runs */
    MF_RETURN_RESULT = 0x40,   /* rax holds a restart code, which must not reach user code */
    MF_FPU_USED = 0x80,        /* fpu area holds state, or a processor holds it */
    MF_TRAP_RETRY = 0x100,     /* the syscall instruction must be executed again */
    MF_EXECED = 0x200,         /* exec has replaced the program; its call may be ended by runctl resume */
    /* What must be done before the thread runs user code. */
    MF_WORK = MF_KCALL_RESUME | MF_DELIVER_MESSAGE | MF_SIGNAL_POSTED | MF_RETURN_RESULT | MF_TRAP_RETRY,
};

/* What a thread with a kernel-made call (MF_EVENT) waits for; says what its reply does. */
enum event_kind {
    WAIT_PAGE_FAULT = 1,  /* in user code */
    WAIT_CALL_MEMORY,     /* a kernel call needs memory: event_saved is executed again */
    WAIT_TRAP_MEMORY,     /* a message could not be read: the trap is repeated */
    WAIT_DELIVERY_MEMORY, /* a message could not be written: the delivery is repeated */
    WAIT_SIGNAL_READY,
    WAIT_QUANTUM,
};

/* What sigreturn found in the signal frame. */
struct linux_sigreturn_result {
    uint64_t mask, altstack_base, altstack_length;
    uint32_t altstack_flags;
};

struct thread {
    struct trap_frame frame; /* must be first: assembly saves registers here */
    uint64_t fs_base;
    uint64_t gs_base;

    /* state; hot */
    uint32_t rts_flags; /* runs iff 0 */
    uint32_t misc_flags;
    endpoint_t endpoint; /* of a free slot: one with the number of another slot, which thread_find never meets */
    uint32_t slot;
    uint32_t space; /* index into spaces[]; SPACE_NONE */
    uint32_t privilege_id;
    uint32_t call_status;             /* what the receiver of our SENDREC sees: IPC_SENDREC, and FROM_USER for a thread of a program */
    struct privilege_slot *privilege; /* &privileges[privilege_id] */
    int16_t priority;
    int16_t cpu;       /* whose run queue it belongs to, or where it runs (sched_is_running) */
    int16_t cpu_bound; /* -1: any */
    bool queued;

    /* IPC; hot */
    endpoint_t receive_from;
    endpoint_t send_to;
    uint32_t send_verb;          /* enum ipc_status that the receiver will see */
    uint32_t transaction;        /* of the last kernel-made message */
    uint64_t message_address;    /* user address of the struct message */
    struct thread *caller_queue; /* first of those that send to me */
    struct thread *caller_queue_tail;
    struct thread *queue_next; /* neighbours in the queue that I am in */
    struct thread *queue_previous;
    uint64_t messages_sent;
    uint64_t kernel_calls;

    /* scheduling and accounting, in processor cycles */
    int64_t quantum_left;
    uint64_t user_cycles;
    uint64_t system_cycles;
    uint32_t quantum_us;
    endpoint_t scheduler;
    struct thread *run_next;
    struct thread *run_previous;

    struct message request;     /* being sent, or the kernel call being executed */
    struct message inbox;       /* received, not yet copied to user memory */
    struct message event_saved; /* kernel call that a memory request interrupted */

    /* events, exceptions, signals */
    uint32_t event_kind;
    int32_t fault_code;
    uint64_t fault_address;
    uint64_t fault_error;
    uint64_t fault_trap;
    uint64_t pending_signals; /* kernel signals, bit signo-1 */

    /* The last sigsend or sigreturn, so that a repeat is known (PM was restarted meanwhile). */
    uint32_t signal_sequence;
    struct linux_sigreturn_result signal_answer;

    /* FPU: state lives here unless fpu_cpu >= 0 */
    void *fpu_area;
    int16_t fpu_cpu;

    /* identity */
    uint32_t tid;
    uint32_t tgid;
    uint32_t generation; /* of the next process in this slot */
    char name[16];

    /* time */
    uint64_t alarm_ns; /* 0: none */
    struct thread *alarm_next;
} __attribute__((aligned(1024))); /* a power of two: index to address is a shift */

/* Kernel side of a service's privileges: abi/privilege.h plus what is pending for it. */
struct privilege_slot {
    struct privilege p;
    bool in_use;
    endpoint_t owner;                              /* process that has it; for USER: NONE */
    uint64_t notify_pending[PRIVILEGE_MASK_WORDS]; /* by privilege id of the notifier */
    uint64_t async_pending[PRIVILEGE_MASK_WORDS];  /* services with a SENDA entry for me */
    uint64_t interrupt_pending;
    uint64_t signal_pending; /* from SYSTEM: kernel signals for a self-managed service, or bit SIGKSIG */
    bool clock_pending;
    bool had_interrupt;  /* the last one it received was an interrupt: others come first now */
    bool has_pending;    /* some of the above may be set: look before blocking in RECEIVE */
    uint32_t irq_hooks;  /* bit: hook in use (kernel/irq) */
    uint64_t asyn_table; /* user address of its SENDA table */
    uint32_t asyn_count;
    uint64_t grant_table;
    uint32_t grant_count;
    endpoint_t predecessor; /* other half of the last sys_update: statectl take reads from it */
} __attribute__((aligned(1024)));

extern struct thread threads[PROCESS_SLOTS];
extern struct privilege_slot privileges[PRIVILEGE_COUNT];

/* The thread of an endpoint, or NULL if the slot is free, the generation is old, or the number is no slot. */
ALWAYS_INLINE struct thread *thread_find(endpoint_t endpoint)
{
    uint32_t slot = endpoint_slot(endpoint);

    if (slot >= PROCESS_SLOTS)
        return NULL;
    struct thread *thread = &threads[slot];
    KEEP_POINTER(thread);
    return thread->endpoint == endpoint ? thread : NULL;
}

ALWAYS_INLINE struct privilege_slot *thread_privilege(const struct thread *thread)
{
    return thread->privilege;
}

ALWAYS_INLINE bool thread_is_service(const struct thread *thread)
{
    return thread->privilege_id != PRIVILEGE_ID_USER;
}

/* Threads bound to each space; all changes of thread->space go through thread_set_space. */
extern uint32_t space_users[];
void thread_set_space(struct thread *thread, uint32_t space);

/* All slots free, privileges empty. */
void thread_init_all(void);
/* Take a free slot: fresh registers, default scheduling, privilege by slot class; not runnable (NO_PRIV for services, PROC_STOP for user threads). */
struct thread *thread_create(uint32_t slot, uint32_t space, const char *name);
/* Release everything and free the slot; the thread must not run on another processor. */
void thread_clear(struct thread *thread);
void thread_set_privilege(struct thread *thread, uint32_t id);
/* True when `thread` is certainly off every other processor; else it has been asked to leave and the caller must try again. */
bool thread_is_off(struct thread *thread);

/* Set or clear run-time flags; keep the run queue in step (sched_enqueue, sched_dequeue) and kick a remote processor where needed. */
void rts_set(struct thread *thread, uint32_t flags);
void rts_clear(struct thread *thread, uint32_t flags);
