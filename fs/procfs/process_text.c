/* SPDX-License-Identifier: MIT */
/*
 * Files of one process, in the formats of proc(5).
 */
#include "base/string.h"
#include "errors.h"
#include "inode.h"
#include "protocols/vm_client.h"
#include "sys/grant.h"
#include "sys/syscalls.h"
#include "text.h"

enum { NS_PER_TICK = 10000000, PAGE = 4096, COPY_PIECE = 1024, BYTES_PER_KB = 1024, LINUX_MINOR_BITS = 8, DEVICE_MAJOR_SHIFT = 20 };

struct usage {
    struct vm_space_info_reply space;
    const struct pm_process_info *info;
};

static void usage_get(struct usage *usage, const struct pm_process_info *info)
{
    struct vm_space_info_request request = { .process = info->endpoint };
    usage->info = info;
    if (info->state == 'Z' || vm_call_space_info(ENDPOINT_VM, &request, &usage->space) != 0) {
        usage->space = (struct vm_space_info_reply){ 0 };
    }
}

/* Linux's number of a terminal device: minor in the low byte, major above. */
static uint32_t linux_device(uint32_t device)
{
    uint32_t minor = device & ((1u << DEVICE_MAJOR_SHIFT) - 1);
    return device >> DEVICE_MAJOR_SHIFT << LINUX_MINOR_BITS | (minor & 0xff) | (minor & ~0xffu) << 12;
}

static void stat_text(const struct usage *usage, struct text *text)
{
    const struct pm_process_info *info = usage->info;
    text_add(text, "%u (%s) %c %u %u %u %u -1 0 0 0 0 0 ", info->pid, info->name, info->state, info->parent, info->group, info->session,
             linux_device(info->tty));
    text_add(text, "%lu %lu %lu %lu ", info->user_ns / NS_PER_TICK, info->system_ns / NS_PER_TICK, info->children_user_ns / NS_PER_TICK,
             info->children_system_ns / NS_PER_TICK);
    text_add(text, "%d %d %u 0 %lu %lu %lu 18446744073709551615 ", 20 + info->nice, info->nice, info->threads, info->start_ns / NS_PER_TICK,
             usage->space.total_bytes, usage->space.resident_bytes / PAGE);
    text_add(text, "0 0 0 0 0 %lu %lu %lu %lu ", info->signals_pending, info->signals_blocked, info->signals_ignored, info->signals_caught);
    text_add(text, "0 0 0 17 0 0 0 0 0 0 0 0 0 %lu %lu %lu %lu %u\n", info->arguments_start, info->arguments_end, info->environment_start,
             info->environment_end, info->exit_status);
}

static void statm_text(const struct usage *usage, struct text *text)
{
    const struct vm_space_info_reply *space = &usage->space;
    text_add(text, "%lu %lu %lu %lu 0 %lu 0\n", space->total_bytes / PAGE, space->resident_bytes / PAGE, space->shared_bytes / PAGE,
             space->text_bytes / PAGE, (space->data_bytes + space->stack_bytes) / PAGE);
}

static const char *state_name(char state)
{
    switch (state) {
    case 'R':
        return "R (running)";
    case 'T':
        return "T (stopped)";
    case 'Z':
        return "Z (zombie)";
    case 'D':
        return "D (disk sleep)";
    default:
        return "S (sleeping)";
    }
}

static void status_text(const struct usage *usage, struct text *text)
{
    const struct pm_process_info *info = usage->info;
    const struct vm_space_info_reply *space = &usage->space;
    text_add(text, "Name:\t%s\nUmask:\t0022\nState:\t%s\nTgid:\t%u\nNgid:\t0\nPid:\t%u\nPPid:\t%u\nTracerPid:\t0\n", info->name,
             state_name(info->state), info->pid, info->pid, info->parent);
    text_add(text, "Uid:\t%u\t%u\t%u\t%u\nGid:\t%u\t%u\t%u\t%u\nFDSize:\t64\nGroups:\t\n", info->uid, info->euid, info->euid, info->euid,
             info->gid, info->egid, info->egid, info->egid);
    text_add(text, "VmPeak:\t%8lu kB\nVmSize:\t%8lu kB\nVmRSS:\t%8lu kB\nVmData:\t%8lu kB\nVmStk:\t%8lu kB\nVmExe:\t%8lu kB\n",
             space->total_bytes / BYTES_PER_KB, space->total_bytes / BYTES_PER_KB, space->resident_bytes / BYTES_PER_KB,
             space->data_bytes / BYTES_PER_KB, space->stack_bytes / BYTES_PER_KB, space->text_bytes / BYTES_PER_KB);
    text_add(text, "Threads:\t%u\nSigPnd:\t%016lx\nShdPnd:\t%016lx\nSigBlk:\t%016lx\nSigIgn:\t%016lx\nSigCgt:\t%016lx\n", info->threads,
             0ul, info->signals_pending, info->signals_blocked, info->signals_ignored, info->signals_caught);
}

static int memory_text(const struct pm_process_info *info, uint64_t start, uint64_t end, struct text *text)
{
    char piece[COPY_PIECE];
    while (start < end && text->length < text->room) {
        size_t length = end - start < sizeof(piece) ? (size_t)(end - start) : sizeof(piece);
        int result = sys_copy_from(info->endpoint, start, piece, length);
        if (result != 0) {
            return result == -EFAULT ? 0 : result;
        }
        text_add_bytes(text, piece, length);
        start += length;
    }
    return 0;
}

static int maps_text(const struct pm_process_info *info, struct text *text)
{
    uint32_t line = 0;
    for (;;) {
        size_t room = text->room - text->length;
        grant_t grant = cpf_grant_direct(ENDPOINT_VM, text->bytes + text->length, room, GRANT_WRITE);
        if (grant < 0) {
            return grant;
        }
        struct vm_maps_request request = { .process = info->endpoint, .text = grant, .room = (uint32_t)room, .first = line };
        struct vm_maps_reply reply;
        int result = vm_call_maps(ENDPOINT_VM, &request, &reply);
        cpf_revoke(grant);
        if (result != 0 || reply.length == 0) {
            return result;
        }
        text->length += reply.length;
        line = reply.next;
    }
}

int process_text(const struct pm_process_info *info, uint32_t file, struct text *text)
{
    struct usage usage;
    bool has_memory = info->state != 'Z' && !info->is_service;
    switch (file) {
    case PROCESS_STAT:
        usage_get(&usage, info);
        stat_text(&usage, text);
        return 0;
    case PROCESS_STATM:
        usage_get(&usage, info);
        statm_text(&usage, text);
        return 0;
    case PROCESS_STATUS:
        usage_get(&usage, info);
        status_text(&usage, text);
        return 0;
    case PROCESS_CMDLINE:
        return has_memory ? memory_text(info, info->arguments_start, info->arguments_end, text) : 0;
    case PROCESS_ENVIRON:
        return has_memory ? memory_text(info, info->environment_start, info->environment_end, text) : 0;
    case PROCESS_COMM:
        text_add(text, "%s\n", info->name);
        return 0;
    case PROCESS_MAPS:
        return has_memory ? maps_text(info, text) : 0;
    case PROCESS_MOUNTS:
        return mounts_text(text);
    case PROCESS_OOM_SCORE_ADJ:
        text_add(text, "0\n");
        return 0;
    default:
        return -EINVAL;
    }
}
