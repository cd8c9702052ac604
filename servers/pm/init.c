/* SPDX-License-Identifier: MIT */
/*
 * Process 1: an empty kernel process in the first user slot, which then executes init like any program. Which one: init=PATH on the kernel's command line,
 * else /sbin/init; exec.c tries the usual others if that fails.
 */
#include "init.h"

#include "base/string.h"
#include "caller.h"
#include "exec.h"
#include "kernel_calls.h"
#include "limits.h"
#include "protocols/kernel_client.h"
#include "random.h"
#include "sys/log.h"
#include "sys/service.h"

/* Value of a word NAME=value of the command line. */
static bool find_word(const char *line, const char *name, char *value, size_t room)
{
    size_t length = strlen(name);

    while (*line != '\0') {
        const char *end = line;
        while (*end != '\0' && *end != ' ') {
            end++;
        }
        if ((size_t)(end - line) > length && strncmp(line, name, length) == 0 && line[length] == '=') {
            size_t n = (size_t)(end - line) - length - 1;
            n = n < room ? n : room - 1;
            memcpy(value, line + length + 1, n);
            value[n] = '\0';
            return true;
        }
        line = *end == '\0' ? end : end + 1;
    }
    return false;
}

/* The boot information is large: an exec buffer has room for it before there is any program. */
static void read_boot(struct pm_state *pm)
{
    struct boot_info *boot = (struct boot_info *)(void *)tables.exec_buffers[0].strings;
    size_t length;

    _Static_assert(sizeof(*boot) <= sizeof(tables.exec_buffers[0].strings), "boot_info fits");
    string_copy(pm->init_path, sizeof(pm->init_path), "/sbin/init");
    if (sys_getinfo(KERNEL_INFO_BOOT, boot, sizeof(*boot), &length) != 0)
        return;
    boot->command_line[BOOT_COMMAND_LINE - 1] = '\0';
    find_word(boot->command_line, "init", pm->init_path, sizeof(pm->init_path));
    find_word(boot->command_line, "hostname", pm->host_name, sizeof(pm->host_name));
    pm->cpu_count = boot->cpu_count == 0 ? 1 : boot->cpu_count;
}

static void read_machine(struct pm_state *pm)
{
    struct machine_info machine = { 0 };
    size_t length;

    if (sys_getinfo(KERNEL_INFO_MACHINE, &machine, sizeof(machine), &length) != 0)
        return;
    pm->has_vdso = machine.vdso_base != 0;
    if (machine.cpu_count != 0) {
        pm->cpu_count = machine.cpu_count;
    }
}

enum { NO_SPACE = -1 };

static endpoint_t create_kernel_process(void)
{
    struct kernel_create_request request = { .slot = SERVICE_SLOTS, .space = NO_SPACE, .name = "init" };
    struct kernel_create_reply reply;
    int result;

    TRY_AGAIN(result, 1, kernel_call_create(ENDPOINT_SYSTEM, &request, &reply));
    if (result != 0)
        service_panic("cannot create the first process: error %d", result);
    return reply.process;
}

static void make_init(struct pm_state *pm)
{
    struct pm_thread *thread = thread_take(pm, true);
    struct pm_process *process = process_take(pm, 1);
    struct kernel_setids_request ids = { .tid = 1, .tgid = 1 };

    process->is_init = true;
    process->group = 1;
    process->session = 1;
    process->start_ns = sys_uptime();
    limits_init(process);
    thread_name(pm, thread, 1);
    process_add_thread(process, thread);
    pm->init = (uint16_t)process_index(process);
    thread->endpoint = create_kernel_process();
    thread->state = THREAD_ALIVE;
    ids.process = thread->endpoint;
    kernel_call_setids(ENDPOINT_SYSTEM, &ids);
    exec_first(pm, thread, pm->init_path);
}

void init_start(struct pm_state *pm)
{
    pm_state_init(pm);
    read_boot(pm);
    read_machine(pm);
    random_init(pm);
    kernel_publish();
    pm->boot_realtime_ns = kernel_realtime_offset();
    make_init(pm);
}
