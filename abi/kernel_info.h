/* SPDX-License-Identifier: MIT */
/*
 * Tables that the kernel copies out with sys_getinfo. Sizes in bytes, times in nanoseconds, addresses physical unless said.
 */
#pragma once

#include "message.h"

enum {
    BOOT_MEMORY_RANGES = 32,
    BOOT_PROCESSES = 32,
    BOOT_SEGMENTS = 6,
    BOOT_COMMAND_LINE = 512,
    PROCESS_NAME_BYTES = 16,
    CPU_MAX = 8,
};

struct boot_range {
    uint64_t base;
    uint64_t length;
};

/* One mapped piece of a boot process: frames are contiguous. flags: kernel.idl map_flags. */
struct boot_segment {
    uint64_t address;
    uint64_t physical;
    uint64_t length;
    uint32_t flags;
    uint32_t reserved;
};

struct boot_process {
    endpoint_t endpoint;
    uint32_t space; /* == slot for boot processes */
    uint32_t segment_count;
    uint32_t reserved;
    uint64_t image_offset; /* of its ELF file in the boot archive */
    uint64_t image_length;
    uint64_t entry;
    uint64_t stack_top;
    char name[PROCESS_NAME_BYTES];
    struct boot_segment segment[BOOT_SEGMENTS];
};

/* getinfo(boot) */
struct boot_info {
    uint64_t archive_base; /* the initrd: newc cpio archives, one after the other */
    uint64_t archive_length;
    uint64_t total_bytes;    /* usable RAM of the machine */
    uint32_t free_count;     /* RAM for VM: everything that is neither kernel nor archive nor boot process */
    uint32_t reserved_count; /* not RAM or firmware: may be mapped as device memory */
    struct boot_range free[BOOT_MEMORY_RANGES];
    struct boot_range reserved[BOOT_MEMORY_RANGES];
    struct boot_range tables; /* the kernel's first stock of frames for page tables: VM may take some of them later (tables_take) */
    uint32_t process_count;
    uint32_t cpu_count;
    struct boot_process process[BOOT_PROCESSES];
    char command_line[BOOT_COMMAND_LINE];
};

/* getinfo(machine) */
struct machine_info {
    uint32_t cpu_count;
    uint32_t cpu_online;
    uint64_t tsc_hz;
    uint64_t boot_realtime_ns; /* RTC at boot, since the epoch */
    uint32_t xsave_bytes;
    uint32_t features; /* enum machine_features */
    char vendor[16];
    char model[48];
    uint64_t time_page; /* physical page of struct time_page, to be mapped read-only */
    uint64_t vdso_base; /* physical, first page of the vDSO image; vdso_length bytes */
    uint64_t vdso_length;
};

/* getinfo(processes): one per slot in use, from slot `argument` on */
/* Of rts_flags (behaviour.md RTS-1). SIGNALED: the signal manager has not been told yet; SIG_PENDING: or is not done with it. */
enum { PROCESS_SENDING = 0x4, PROCESS_RECEIVING = 0x8, PROCESS_SIGNALED = 0x10, PROCESS_SIG_PENDING = 0x20, PROCESS_NO_PRIV = 0x80 };

/* Of misc_flags: it sends with SENDREC, and so wants a reply. */
enum { PROCESS_IN_SENDREC = 0x1 };

struct process_info {
    endpoint_t endpoint;
    uint32_t slot;
    uint32_t rts_flags; /* behaviour.md RTS-1 bits; 0: runnable */
    uint32_t misc_flags;
    endpoint_t waits_for; /* whom it sends to or receives from */
    int32_t priority;
    uint32_t space;
    int32_t cpu;
    uint32_t tid;
    uint32_t tgid;
    uint64_t user_ns;
    uint64_t system_ns;
    uint64_t messages_sent;
    uint64_t kernel_calls;
    /* As getksig would report it. */
    uint64_t signals;
    uint64_t fault_address;
    uint64_t fault_error;
    int32_t fault_code;
    uint32_t fault_trap;
    char name[PROCESS_NAME_BYTES];
};

/* getinfo(times) */
struct cpu_times {
    uint64_t user_ns;
    uint64_t system_ns;
    uint64_t idle_ns;
    uint64_t interrupts;
    uint64_t context_switches;
    uint64_t space_switches;
};

struct times_info {
    uint64_t uptime_ns;
    uint64_t boot_realtime_ns;
    uint64_t realtime_offset_ns; /* realtime = uptime + this; begins as boot_realtime_ns */
    uint64_t processes_created;
    uint32_t cpu_count;
    uint32_t running;
    struct cpu_times cpu[CPU_MAX];
};

/* getinfo(counters) */
struct counters_info {
    uint64_t linux_enosys; /* calls answered ENOSYS because nobody owns them */
    uint64_t linux_enosys_by_number[512];
    uint64_t messages;
    uint64_t kernel_calls;
    uint64_t page_faults;
    uint64_t table_frames_total;
    uint64_t table_frames_free;
    uint64_t log_bytes;
};
