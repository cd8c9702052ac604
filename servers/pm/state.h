/* SPDX-License-Identifier: MIT */
/*
 * All that PM knows. Two records: a thread (one kernel process; index == kernel user slot - SERVICE_SLOTS) and a process (thread group).
 * Records link by index; NONE ends a list. A thread whose Linux call waits has a step; what it waits for stands in `wait`.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "linux/signals.h"
#include "linux_public.h"
#include "message.h"
#include "pm_info.h"
#include "sys/stores.h"
#include "sys/variant.h"

struct waiters;

enum {
    THREADS = USER_SLOTS,
    PROCESSES = USER_SLOTS,
    ROOT_RESERVE = 8, /* the last free slots are for root, so that a fork bomb can be ended */
    SIGHANDS = PUBLIC_HANDLERS,
    QUEUED_SIGNALS = 2048,
    POSIX_TIMERS = 256,
    EXEC_BUFFERS = 4,
    GROUPS_MAX = 32,
    RLIMITS = 16,
    PID_MAX = 32768,
    PID_BUCKETS = 1024,
    FUTEX_BUCKETS = 512,
    TIMERS = THREADS + PROCESSES + POSIX_TIMERS + 1,
    NONE = 0xffff,
    HOST_NAME_BYTES = PM_NAME_BYTES,
    SCRIPTS = 16,
    SCRIPT_PATH_BYTES = 256,
    CLOCK_TICKS = 100,
};

#define NS_PER_SECOND 1000000000ull
#define NS_PER_TICK   (NS_PER_SECOND / CLOCK_TICKS)

enum thread_state {
    THREAD_FREE,
    THREAD_STARTING, /* VFS does not know it yet: it must not run */
    THREAD_ALIVE,
    THREAD_LEAVING, /* the kernel has cleared it; VFS still has to hear of it */
};

/* What the Linux call of a thread waits for. */
enum thread_step {
    STEP_NONE,
    STEP_FORK,        /* VFS to know the child */
    STEP_VFORK,       /* the child to exec or exit */
    STEP_EXEC_BUFFER, /* room for the arguments */
    STEP_EXEC,        /* VFS to open the program */
    STEP_EXEC_DONE,
    STEP_IDS, /* VFS to know the new ids */
    STEP_REBOOT,
    STEP_LATE, /* its answer, for which there was no room */
    STEP_WAIT, /* a child; from here on a signal ends the waiting */
    STEP_SLEEP,
    STEP_FUTEX,
    STEP_SIGWAIT,
    STEP_PAUSE,
    STEP_READY, /* its signals are being acted upon, or it is stopped */
};

enum vfs_request {
    VFS_REQUEST_NONE,
    VFS_REQUEST_FORK,
    VFS_REQUEST_EXEC_OPEN,
    VFS_REQUEST_EXEC_DONE,
    VFS_REQUEST_IDS,
    VFS_REQUEST_EXIT,
    VFS_REQUEST_REBOOT
};

struct signal_list {
    uint16_t first; /* queued_signals */
    uint16_t last;
};

struct pm_thread {
    LAYOUT_ADDED(variant);
    /* identity */
    endpoint_t endpoint;
    LAYOUT_ORDER(uint32_t tid, uint32_t space);
    uint16_t process;
    uint16_t next; /* in the process, or in the free list */
    uint16_t tid_next;
    uint16_t maker; /* the thread that made it; meaningful while that waits for it */
    uint8_t state;
    uint8_t step;
    uint32_t sequence; /* of requests to VFS: a late reply to an earlier user of the slot is recognised */
    uint8_t vfs_request;
    uint32_t transaction; /* of the Linux call in hand or waiting */
    uint32_t linux_number;
    uint32_t ready_transaction; /* of event.signal_ready */
    bool must_leave;            /* VFS must be told of the end when it has answered the present request */
    bool is_posted;             /* signal_post was made; event.signal_ready will come */
    bool has_saved_mask;        /* the call exchanged the mask (sigsuspend, ppoll): to be restored when it ends without a handler */
    bool restarts;              /* the thread goes back into the same call with restart_deadline_ns */
    bool is_vfork_child;        /* somebody waits in STEP_VFORK for it */
    bool shares_space;          /* with another process: CLONE_VM without CLONE_THREAD */
    uint8_t death_signal;       /* PR_SET_PDEATHSIG */
    /* what found no room in the outbox */
    uint8_t late;
    uint32_t late_restart;
    int64_t late_result;
    uint16_t leaving_next; /* threads that VFS must hear of when there is room in the outbox */
    /* signals */
    uint64_t saved_mask; /* the present one is in the public table: mask_of */
    uint64_t pending;
    struct signal_list queue;
    uint32_t signal_sequence; /* of sigsend and sigreturn: the kernel knows a repeat by it */
    uint32_t altstack_flags;
    uint64_t altstack_base;
    uint64_t altstack_length;
    /* memory that dies with the thread */
    uint64_t clear_child_tid;
    uint64_t robust_list;
    uint64_t restart_deadline_ns;
    char name[16];
    union {
        struct {
            uint16_t child; /* thread index */
            uint32_t child_tid;
        } fork; /* FORK, VFORK */
        struct {
            int64_t which; /* as wait4: > 0 pid, -1 any, 0 own group, < -1 group */
            uint64_t status_address;
            uint64_t usage_address;
            uint64_t info_address;
            uint32_t options;
            bool is_waitid;
        } wait;
        struct {
            uint64_t remaining_address;
            bool is_absolute;
        } sleep;
        struct {
            uint64_t address;
            uint64_t physical; /* 0: private */
            uint32_t bitset;
            uint16_t next;
            bool has_timeout;
            bool is_absolute;
        } futex;
        struct {
            uint64_t set;
            uint64_t info_address;
        } sigwait;
        struct {
            int64_t number; /* the call that the thread comes from, -1: none */
            int64_t result;
            bool has_frame; /* registers are those of a handler now */
            bool is_call;   /* not signal_ready: still in its Linux call, which is answered */
        } ready;
        struct {
            uint16_t buffer;
            int32_t error; /* to be answered when VFS has forgotten the file */
            uint64_t arguments[3];
        } exec;
        struct {
            uint32_t command;
        } reboot;
        struct {
            int32_t grant;
        } ids;
    } call;
} IN_TABLES;

enum process_state { PROCESS_FREE, PROCESS_RUNNING, PROCESS_STOPPED, PROCESS_ZOMBIE };

struct rlimit64 {
    uint64_t current;
    uint64_t maximum;
};

struct pm_process {
    LAYOUT_ADDED(variant);
    uint32_t pid;
    uint32_t group;
    uint32_t session;
    uint8_t state;
    uint8_t exit_signal;
    uint8_t stop_signal;
    int8_t nice;
    bool is_exiting;
    bool has_execed;
    bool has_stop_report; /* WUNTRACED has something to say */
    bool has_continue_report;
    bool no_new_privileges;
    bool is_subreaper; /* orphans below it are given to it, not to init */
    uint8_t dumpable;
    bool is_init;
    uint16_t parent;
    uint16_t first_child;
    uint16_t next_sibling; /* or in the free list */
    uint16_t previous_sibling;
    uint16_t first_thread;
    uint16_t thread_count;
    uint16_t pid_next;
    uint16_t sighand;     /* NONE: all default but the ignored */
    uint32_t exit_status; /* as wait4 reports it */
    uint32_t personality;
    /* ids */
    uint32_t uid, euid, suid, fsuid;
    uint32_t gid, egid, sgid, fsgid;
    uint32_t group_count;
    uint32_t groups[GROUPS_MAX];
    /* signals */
    uint64_t ignored; /* read through handlers.h */
    uint64_t caught;
    uint64_t pending;
    struct signal_list queue;
    /* times, ns */
    uint64_t start_ns;
    uint64_t user_ns; /* of threads that are gone */
    uint64_t system_ns;
    uint64_t children_user_ns;
    uint64_t children_system_ns;
    uint64_t interval_ns; /* ITIMER_REAL */
    /* program */
    uint64_t arguments_start, arguments_end;
    uint64_t environment_start, environment_end;
    char name[16];
    struct rlimit64 limits[RLIMITS];
} IN_TABLES;

/* Who uses a table of actions (tables.actions). */
struct pm_sighand {
    uint32_t references;
    uint16_t next_free;
} IN_TABLES;

struct signal_info {
    int32_t signal;
    int32_t code;
    uint32_t pid;
    uint32_t uid;
    uint64_t value; /* sigval, exit status, fault address */
};

struct queued_signal {
    struct signal_info info;
    uint16_t next;
    uint16_t timer; /* posix timer that sent it, or NONE */
};

struct posix_timer {
    uint16_t process; /* NONE: free */
    uint16_t next_free;
    uint16_t thread; /* SIGEV_THREAD_ID, or NONE */
    uint8_t notify;
    uint8_t signal;
    int32_t id; /* number within the process */
    uint32_t clock;
    uint32_t overrun;
    bool is_queued; /* its signal has not been taken yet */
    uint64_t value;
    uint64_t interval_ns;
};

struct pm_service {
    endpoint_t endpoint; /* NONE: free */
    uint32_t pid;
    char label[16];
};

/* A recovery script: what it is to be called with, until its exec, and whom its end concerns. */
struct pm_script {
    uint16_t process; /* NONE: free */
    uint16_t reserved;
    uint32_t reason;
    uint32_t incarnation;
    char label[16];
    char path[SCRIPT_PATH_BYTES];
};

enum {
    EXEC_STRINGS_BYTES = 512 * 1024, /* arguments and environment, strings and pointers */
    EXEC_STRING_MAX = 128 * 1024,
    EXEC_PREFIX_BYTES = 8 * 1024, /* what #! lines put in front */
    EXEC_PATH_BYTES = 4096,
    EXEC_HEADER_BYTES = 4096,
    EXEC_TABLE_WORDS = 512, /* argc, pointers and auxiliary vector are written in pieces of this size */
    EXEC_TAIL_BYTES = 32,   /* platform name and random bytes behind the path */
    EXEC_LEVELS = 4,
};

/* One execve under way. The strings are contiguous: arguments, then environment, then the path; offsets are into `strings`. */
struct exec_buffer {
    uint16_t thread; /* NONE: free */
    uint16_t level;  /* #! lines followed */
    uint32_t argument_count;
    uint32_t environment_count;
    uint32_t start; /* of argv[0] */
    uint32_t environment_start;
    uint32_t end;      /* of the environment */
    uint32_t path_end; /* the path to report as AT_EXECFN stands between end and path_end */
    bool opens_interpreter;
    int32_t path_grant;
    int32_t header_grant;
    uint32_t uid, gid, mode, mount_flags;
    /* the program, while its interpreter is being opened */
    uint32_t object;
    uint32_t header_length;
    uint64_t size;
    char path[EXEC_PATH_BYTES]; /* to be opened */
    uint8_t header[EXEC_HEADER_BYTES];
    uint8_t interpreter[EXEC_HEADER_BYTES];
    char strings[EXEC_PREFIX_BYTES + EXEC_STRINGS_BYTES + EXEC_PATH_BYTES + EXEC_TAIL_BYTES];
} IN_TABLES;

struct pm_state {
    LAYOUT_ADDED(variant);
    /* survives restart */
    uint16_t free_thread;
    uint16_t free_thread_last;
    uint16_t free_process;
    uint16_t free_sighand;
    uint16_t free_queued;
    uint16_t free_timer;
    LAYOUT_WIDER(uint32_t, uint64_t) posix_timer_count; /* in use */
    uint32_t free_thread_count;
    uint16_t leaving_first;
    uint16_t leaving_last;
    uint32_t exits_outstanding; /* at VFS */
    uint32_t late_count;
    bool pids_wrapped;
    uint32_t process_limit; /* indices at and above were never used */
    uint32_t last_pid;
    uint16_t init;
    bool has_started;
    bool has_random;
    bool has_vdso;
    bool exec_is_waited_for; /* some thread may be at STEP_EXEC_BUFFER */
    uint16_t tid_bucket[PID_BUCKETS];
    uint16_t pid_bucket[PID_BUCKETS];
    uint16_t futex_bucket[FUTEX_BUCKETS];
    uint32_t timer_count;
    uint64_t alarm_ns; /* the alarm that the kernel has; 0 none */
    uint64_t boot_realtime_ns;
    uint32_t cpu_count;
    uint32_t random_key[8];
    uint8_t random_pool[64]; /* output not used yet: from random_used on */
    uint32_t random_used;
    uint64_t log_clear_position;
    char host_name[HOST_NAME_BYTES];
    char domain_name[HOST_NAME_BYTES];
    char init_path[64];
    struct pm_service services[SERVICE_SLOTS];
    struct pm_script scripts[SCRIPTS];
    struct posix_timer posix_timers[POSIX_TIMERS];
    struct queued_signal queued[QUEUED_SIGNALS];
};

/* The big tables are arenas: part of the state, found again through these pointers. */
struct pm_tables {
    struct pm_thread *threads;
    struct linux_public *publics IN_TABLES; /* by thread; the kernel reads it and writes masks of running threads */
    struct pm_process *processes;
    struct pm_sighand *sighands;
    struct linux_public_actions *actions IN_TABLES; /* by sighand; the kernel writes those of sole threads */
    struct exec_buffer *exec_buffers;
    uint64_t *timer_deadline IN_TABLES; /* by timer id; 0: not armed */
    uint16_t *timer_heap IN_TABLES;     /* timer ids, earliest first */
    uint16_t *timer_position IN_TABLES; /* by timer id */
};

extern struct pm_tables tables;
extern struct pm_state pm_state;

enum { TIMER_OF_THREAD = 0, TIMER_OF_PROCESS = THREADS, TIMER_OF_POSIX = THREADS + PROCESSES, TIMER_OF_WORK = TIMERS - 1 };

/* Clear everything and build the free lists. tables must be set. */
void pm_state_init(struct pm_state *pm);
/* Get the arenas; in the same order each time. Returns false without memory. */
bool pm_tables_acquire(void);
const char *pm_state_check(const void *state);
void pm_mark_waiters(const void *state, struct waiters *waiters);

static inline struct pm_thread *thread_at(uint32_t index)
{
    return &tables.threads[index];
}

static inline struct pm_process *process_at(uint32_t index)
{
    return &tables.processes[index];
}

static inline uint32_t thread_index(const struct pm_thread *thread)
{
    return (uint32_t)(thread - tables.threads);
}

static inline uint32_t process_index(const struct pm_process *process)
{
    return (uint32_t)(process - tables.processes);
}

static inline struct pm_process *process_of(const struct pm_thread *thread)
{
    return &tables.processes[thread->process];
}

/* Blocked signals of a thread. */
static inline uint64_t *mask_of(const struct pm_thread *thread)
{
    return &tables.publics[thread_index(thread)].mask;
}

static inline uint64_t signal_bit(int signal)
{
    return 1ull << (signal - 1);
}
