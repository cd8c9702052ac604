/* SPDX-License-Identifier: MIT */
/*
 * Files about the whole machine, in the formats of proc(5).
 */
#include "base/format.h"
#include "base/string.h"
#include "errors.h"
#include "inode.h"
#include "load.h"
#include "protocols/kernel.h"
#include "protocols/pm_client.h"
#include "protocols/vm_client.h"
#include "sys/syscalls.h"
#include "text.h"

enum {
    NS_PER_TICK = 10000000,
    NS_PER_SECOND = 1000000000,
    NS_PER_CENTISECOND = 10000000,
    BYTES_PER_KB = 1024,
    HZ_PER_MHZ = 1000000,
    PERCENT = 100
};

static int times_get(struct times_info *times)
{
    size_t length;
    return sys_getinfo(KERNEL_INFO_TIMES, times, sizeof(*times), &length);
}

static void cpu_line(struct text *text, const char *name, const struct cpu_times *times)
{
    text_add(text, "%s %lu 0 %lu %lu 0 0 0 0 0 0\n", name, times->user_ns / NS_PER_TICK, times->system_ns / NS_PER_TICK,
             times->idle_ns / NS_PER_TICK);
}

static int stat_text(struct text *text)
{
    struct times_info times;
    struct cpu_times sum = { 0 };
    int result = times_get(&times);
    if (result != 0) {
        return result;
    }
    for (uint32_t i = 0; i < times.cpu_count; i++) {
        sum.user_ns += times.cpu[i].user_ns;
        sum.system_ns += times.cpu[i].system_ns;
        sum.idle_ns += times.cpu[i].idle_ns;
        sum.interrupts += times.cpu[i].interrupts;
        sum.context_switches += times.cpu[i].context_switches;
    }
    cpu_line(text, "cpu ", &sum);
    for (uint32_t i = 0; i < times.cpu_count; i++) {
        char name[8];
        format_string(name, sizeof(name), "cpu%u", i);
        cpu_line(text, name, &times.cpu[i]);
    }
    text_add(text, "intr %lu\nctxt %lu\nbtime %lu\nprocesses %lu\nprocs_running %u\nprocs_blocked 0\n", sum.interrupts,
             sum.context_switches, times.realtime_offset_ns / NS_PER_SECOND, times.processes_created, times.running);
    return 0;
}

static int memory_text(struct text *text)
{
    struct vm_info_reply info;
    int result = vm_call_info(ENDPOINT_VM, &info);
    if (result != 0) {
        return result;
    }
    text_add(
        text,
        "MemTotal:       %8lu kB\nMemFree:        %8lu kB\nMemAvailable:   %8lu kB\nBuffers:               0 kB\nCached:         %8lu kB\n",
        info.total_bytes / BYTES_PER_KB, info.free_bytes / BYTES_PER_KB, info.available_bytes / BYTES_PER_KB,
        info.shared_bytes / BYTES_PER_KB);
    text_add(text,
             "SwapCached:            0 kB\nSwapTotal:             0 kB\nSwapFree:              0 kB\nShmem:          %8lu "
             "kB\nSReclaimable:          0 kB\nPageTables:     %8lu kB\n",
             info.shared_bytes / BYTES_PER_KB, info.table_bytes / BYTES_PER_KB);
    return 0;
}

static int uptime_text(struct text *text)
{
    struct times_info times;
    int result = times_get(&times);
    if (result != 0) {
        return result;
    }
    uint64_t idle = 0;
    for (uint32_t i = 0; i < times.cpu_count; i++) {
        idle += times.cpu[i].idle_ns;
    }
    text_add(text, "%lu.%02lu %lu.%02lu\n", times.uptime_ns / NS_PER_SECOND, times.uptime_ns / NS_PER_CENTISECOND % PERCENT,
             idle / NS_PER_SECOND, idle / NS_PER_CENTISECOND % PERCENT);
    return 0;
}

static int load_text(const struct procfs_state *state, struct text *text)
{
    struct times_info times;
    int result = times_get(&times);
    if (result != 0) {
        return result;
    }
    for (int i = 0; i < PROCFS_LOAD_SLOTS; i++) {
        uint64_t hundredths = load_hundredths(state, i);
        text_add(text, "%lu.%02lu ", hundredths / PERCENT, hundredths % PERCENT);
    }
    text_add(text, "%u/%lu %lu\n", times.running, times.processes_created, times.processes_created);
    return 0;
}

static int cpuinfo_text(struct text *text)
{
    struct machine_info machine;
    size_t length;
    int result = sys_getinfo(KERNEL_INFO_MACHINE, &machine, sizeof(machine), &length);
    if (result != 0) {
        return result;
    }
    for (uint32_t i = 0; i < machine.cpu_online; i++) {
        text_add(text,
                 "processor\t: %u\nvendor_id\t: %s\nmodel name\t: %s\ncpu MHz\t\t: %lu.000\nflags\t\t: fpu tsc msr cx8 sse sse2 syscall nx "
                 "lm\n\n",
                 i, machine.vendor, machine.model, machine.tsc_hz / HZ_PER_MHZ);
    }
    return 0;
}

static int command_line_text(struct text *text)
{
    struct boot_info boot;
    size_t length;
    int result = sys_getinfo(KERNEL_INFO_BOOT, &boot, sizeof(boot), &length);
    if (result == 0) {
        text_add(text, "%s\n", boot.command_line);
    }
    return result;
}

static int vmstat_text(struct text *text)
{
    struct vm_info_reply info;
    int result = vm_call_info(ENDPOINT_VM, &info);
    if (result == 0) {
        text_add(text, "nr_free_pages %lu\npgfault %lu\n", info.free_bytes / 4096, info.page_faults);
    }
    return result;
}

/* Planaria's own: what the kernel counts. */
static int counters_text(struct text *text)
{
    struct counters_info counters;
    struct times_info times;
    uint64_t switches = 0;
    size_t length;
    int result = sys_getinfo(KERNEL_INFO_COUNTERS, &counters, sizeof(counters), &length);
    if (result == 0) {
        result = times_get(&times);
    }
    if (result != 0) {
        return result;
    }
    for (uint32_t i = 0; i < times.cpu_count; i++) {
        switches += times.cpu[i].space_switches;
    }
    text_add(text, "space_switches %lu\n", switches);
    text_add(text, "messages %lu\nkernel_calls %lu\npage_faults %lu\ntable_frames %lu\ntable_frames_free %lu\nenosys %lu\n",
             counters.messages, counters.kernel_calls, counters.page_faults, counters.table_frames_total, counters.table_frames_free,
             counters.linux_enosys);
    for (unsigned i = 0; i < sizeof(counters.linux_enosys_by_number) / sizeof(counters.linux_enosys_by_number[0]); i++) {
        if (counters.linux_enosys_by_number[i] > 0) {
            text_add(text, "enosys.%u %lu\n", i, counters.linux_enosys_by_number[i]);
        }
    }
    return 0;
}

/* The names are PM's: sethostname(2) and setdomainname(2) set them. */
static int name_text(uint32_t file, struct text *text)
{
    struct pm_names names;
    int result = names_get(&names);

    if (result == 0)
        text_add(text, "%s\n", file == FIXED_HOSTNAME ? names.host : names.domain);
    return result;
}

static const struct constant_text {
    uint32_t file;
    const char *text;
} constant_texts[] = {
    { FIXED_VERSION, "Linux version 6.1.0 (planaria) (gcc 12) #1 SMP\n" },
    { FIXED_FILESYSTEMS, "nodev\tproc\nnodev\ttmpfs\nnodev\tdevtmpfs\n" },
    { FIXED_DEVICES, "Character devices:\n  1 mem\n  4 ttyS\n  5 tty\n136 pts\n240 hello\n\nBlock devices:\n" },
    { FIXED_SWAPS, "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n" },
    { FIXED_NET_DEV,
      "Inter-|   Receive                                                |  Transmit\n"
      " face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed\n" },
    { FIXED_OSRELEASE, "6.1.0\n" },
    { FIXED_OSTYPE, "Linux\n" },
    { FIXED_PID_MAX, "32768\n" },
    { FIXED_NGROUPS_MAX, "65536\n" },
    { FIXED_CAP_LAST_CAP, "40\n" },
    { FIXED_OVERCOMMIT, "0\n" },
};

static int constant_text(uint32_t file, struct text *text)
{
    for (size_t i = 0; i < sizeof(constant_texts) / sizeof(constant_texts[0]); i++) {
        if (constant_texts[i].file == file) {
            text_add(text, "%s", constant_texts[i].text);
            return 0;
        }
    }
    return -EINVAL;
}

int fixed_text(const struct procfs_state *state, uint32_t file, struct text *text)
{
    switch (file) {
    case FIXED_STAT:
        return stat_text(text);
    case FIXED_MEMINFO:
        return memory_text(text);
    case FIXED_UPTIME:
        return uptime_text(text);
    case FIXED_LOADAVG:
        return load_text(state, text);
    case FIXED_CPUINFO:
        return cpuinfo_text(text);
    case FIXED_CMDLINE:
        return command_line_text(text);
    case FIXED_VMSTAT:
        return vmstat_text(text);
    case FIXED_COUNTERS:
        return counters_text(text);
    case FIXED_HOSTNAME:
    case FIXED_DOMAINNAME:
        return name_text(file, text);
    default:
        return constant_text(file, text);
    }
}
