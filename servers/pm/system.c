/* SPDX-License-Identifier: MIT */
/*
 * uname, sysinfo, host name, kernel log, reboot, personality, capabilities.
 */
#include "system.h"

#include "base/string.h"
#include "caller.h"
#include "deliver.h"
#include "linux_pm_dispatch.h"
#include "protocols/kernel_client.h"
#include "protocols/pm_server.h"
#include "protocols/vfs_client.h"
#include "protocols/vm_client.h"
#include "sys/grant.h"

enum { NAME_BYTES = 65 };

struct linux_utsname {
    char system[NAME_BYTES];
    char node[NAME_BYTES];
    char release[NAME_BYTES];
    char version[NAME_BYTES];
    char machine[NAME_BYTES];
    char domain[NAME_BYTES];
};

int pm_linux_uname(struct pm_state *pm, struct call *call)
{
    struct linux_utsname names = { .system = "Linux", .release = "6.1.0", .version = "#1 SMP Planaria", .machine = "x86_64" };

    memcpy(names.node, pm->host_name, NAME_BYTES);
    memcpy(names.domain, pm->domain_name, NAME_BYTES);
    return caller_write(call, linux_argument(call, 0), &names, sizeof(names));
}

int pm_handle_names(struct pm_state *pm, struct call *call, const struct pm_names_request *request)
{
    struct pm_names names = { 0 };

    memcpy(names.host, pm->host_name, PM_NAME_BYTES);
    memcpy(names.domain, pm->domain_name, PM_NAME_BYTES);
    return sys_safecopyto(call->caller, request->names, 0, &names, sizeof(names)) == 0 ? 0 : -EFAULT;
}

static int set_name(struct call *call, char *name)
{
    uint64_t length = linux_argument(call, 1);
    char new_name[HOST_NAME_BYTES] = { 0 };

    if (!is_root(caller_process(call)))
        return -EPERM;
    if (length > HOST_NAME_BYTES - 1)
        return -EINVAL;
    if (length != 0 && caller_read(call, linux_argument(call, 0), new_name, length) != 0)
        return -EFAULT;
    memcpy(name, new_name, HOST_NAME_BYTES);
    return 0;
}

int pm_linux_sethostname(struct pm_state *pm, struct call *call)
{
    return set_name(call, pm->host_name);
}

int pm_linux_setdomainname(struct pm_state *pm, struct call *call)
{
    return set_name(call, pm->domain_name);
}

struct linux_sysinfo {
    int64_t uptime;
    uint64_t loads[3];
    uint64_t total_ram;
    uint64_t free_ram;
    uint64_t shared_ram;
    uint64_t buffer_ram;
    uint64_t total_swap;
    uint64_t free_swap;
    uint16_t processes;
    uint16_t padding;
    uint64_t total_high;
    uint64_t free_high;
    uint32_t unit;
};

int pm_linux_sysinfo(struct pm_state *pm, struct call *call)
{
    struct vm_info_reply memory = { 0 };
    struct linux_sysinfo info = { 0 };

    vm_call_info(ENDPOINT_VM, &memory);
    info.uptime = (int64_t)(sys_uptime() / NS_PER_SECOND);
    info.total_ram = memory.total_bytes;
    info.free_ram = memory.free_bytes;
    info.shared_ram = memory.shared_bytes;
    info.unit = 1;
    for (uint32_t i = 0; i < pm->process_limit; i++) {
        info.processes += process_is_live(process_at(i)) ? process_at(i)->thread_count : 0;
    }
    return caller_write(call, linux_argument(call, 0), &info, sizeof(info));
}

int pm_linux_personality(struct pm_state *pm, struct call *call)
{
    struct pm_process *process = caller_process(call);
    uint32_t old = process->personality;

    (void)pm;
    if ((uint32_t)linux_argument(call, 0) != 0xffffffff) {
        process->personality = (uint32_t)linux_argument(call, 0);
    }
    return answer(call, old);
}

/* ---- syslog(2): the kernel's log ---- */

enum { SYSLOG_READ = 2, SYSLOG_READ_ALL = 3, SYSLOG_READ_CLEAR = 4, SYSLOG_CLEAR = 5, SYSLOG_SIZE_UNREAD = 9, SYSLOG_SIZE = 10 };
enum { LOG_CHUNK = 4096, LOG_BUFFER = 1 << 18 };

static uint64_t log_end(void)
{
    struct counters_info counters;
    size_t length;

    return sys_getinfo(KERNEL_INFO_COUNTERS, &counters, sizeof(counters), &length) == 0 ? counters.log_bytes : 0;
}

/* Copy the log from a position on; returns the bytes copied or -EFAULT. */
static int64_t copy_log(struct call *call, uint64_t position, uint64_t address, uint64_t room)
{
    char chunk[LOG_CHUNK];
    uint64_t done = 0;

    while (done < room) {
        struct kernel_getinfo_request request = {
            .what = KERNEL_INFO_LOG,
            .address = (uint64_t)(uintptr_t)chunk,
            .length = room - done < sizeof(chunk) ? room - done : sizeof(chunk),
            .argument = position,
        };
        struct kernel_getinfo_reply reply;
        if (kernel_call_getinfo(ENDPOINT_SYSTEM, &request, &reply) != 0 || reply.length_bytes == 0 || reply.length_bytes > request.length)
            break;
        if (caller_write(call, address + done, chunk, reply.length_bytes) != 0)
            return -EFAULT;
        done += reply.length_bytes;
        position = reply.position;
    }
    return (int64_t)done;
}

int pm_linux_syslog(struct pm_state *pm, struct call *call)
{
    int32_t type = (int32_t)linux_argument(call, 0);
    int32_t length = (int32_t)linux_argument(call, 2);
    uint64_t end;
    uint64_t start;
    int64_t result = 0;

    if (type < 0 || type > SYSLOG_SIZE)
        return -EINVAL;
    if (!is_root(caller_process(call)) && type != SYSLOG_READ_ALL && type != SYSLOG_SIZE)
        return -EPERM;
    if (type == SYSLOG_SIZE)
        return answer(call, LOG_BUFFER);
    end = log_end();
    start = pm->log_clear_position;
    if (type == SYSLOG_SIZE_UNREAD)
        return answer(call, (int64_t)(end - start));
    if (type == SYSLOG_READ || type == SYSLOG_READ_ALL || type == SYSLOG_READ_CLEAR) {
        if (linux_argument(call, 1) == 0 || length < 0)
            return -EINVAL;
        if (type != SYSLOG_READ && end > (uint64_t)length && end - (uint64_t)length > start) {
            start = end - (uint64_t)length;
        }
        result = copy_log(call, start, linux_argument(call, 1), (uint64_t)length);
    }
    if (result >= 0 && (type == SYSLOG_READ || type == SYSLOG_READ_CLEAR || type == SYSLOG_CLEAR)) {
        pm->log_clear_position = end;
    }
    return answer(call, result);
}

/* ---- reboot ---- */

#define REBOOT_MAGIC1    0xfee1deadu
#define REBOOT_MAGIC2    672274793u
#define REBOOT_RESTART   0x01234567u
#define REBOOT_HALT      0xcdef0123u
#define REBOOT_CAD_ON    0x89abcdefu
#define REBOOT_CAD_OFF   0u
#define REBOOT_POWER_OFF 0x4321fedcu

static bool is_magic2(uint32_t magic)
{
    return magic == REBOOT_MAGIC2 || magic == 85072278 || magic == 369367448 || magic == 537993216;
}

int pm_linux_reboot(struct pm_state *pm, struct call *call)
{
    struct pm_thread *thread = caller_thread(call);
    uint32_t command = (uint32_t)linux_argument(call, 2);

    (void)pm;
    if (!is_root(process_of(thread)))
        return -EPERM;
    if ((uint32_t)linux_argument(call, 0) != REBOOT_MAGIC1 || !is_magic2((uint32_t)linux_argument(call, 1)))
        return -EINVAL;
    if (command == REBOOT_CAD_ON || command == REBOOT_CAD_OFF)
        return 0;
    if (command != REBOOT_RESTART && command != REBOOT_HALT && command != REBOOT_POWER_OFF)
        return -EINVAL;
    thread->call.reboot.command = command;
    thread->step = STEP_REBOOT;
    thread->vfs_request = VFS_REQUEST_REBOOT;
    vfs_send_reboot(outbox_default(), ENDPOINT_VFS, thread_index(thread) | thread->sequence << 16);
    return CALL_PARKED;
}

void reboot_ready(struct pm_state *pm, struct pm_thread *thread)
{
    struct kernel_abort_request request = { .how = KERNEL_SHUTDOWN_POWEROFF };

    (void)pm;
    if (thread->call.reboot.command == REBOOT_RESTART) {
        request.how = KERNEL_SHUTDOWN_RESET;
    } else if (thread->call.reboot.command == REBOOT_HALT) {
        request.how = KERNEL_SHUTDOWN_HALT;
    }
    kernel_call_abort(ENDPOINT_SYSTEM, &request);
}

/* ---- capabilities: root has them all, others none ---- */

#define CAPABILITY_V1 0x19980330u
#define CAPABILITY_V2 0x20071026u
#define CAPABILITY_V3 0x20080522u

struct capability_header {
    uint32_t version;
    int32_t pid;
};

struct capability_data {
    uint32_t effective;
    uint32_t permitted;
    uint32_t inheritable;
};

/* Words of data that the caller's version has, or an error (the header then says what is supported). */
static int read_capability_header(struct call *call, struct capability_header *header)
{
    if (caller_read(call, linux_argument(call, 0), header, sizeof(*header)) != 0)
        return -EFAULT;
    if (header->version == CAPABILITY_V1)
        return 1;
    if (header->version == CAPABILITY_V2 || header->version == CAPABILITY_V3)
        return 2;
    header->version = CAPABILITY_V3;
    if (caller_write(call, linux_argument(call, 0), header, sizeof(*header)) != 0)
        return -EFAULT;
    return linux_argument(call, 1) == 0 ? 0 : -EINVAL;
}

static uint32_t capability_word(const struct pm_process *process, int index)
{
    if (!is_root(process))
        return 0;
    return index == 0 ? 0xffffffff : 0x1ff; /* 41 capabilities, as in Linux 6.1 */
}

int pm_linux_capget(struct pm_state *pm, struct call *call)
{
    struct capability_header header;
    struct capability_data data[2] = { { 0 } };
    struct pm_process *process = caller_process(call);
    int words = read_capability_header(call, &header);

    if (words <= 0 || linux_argument(call, 1) == 0)
        return words < 0 ? words : 0;
    if (header.pid < 0)
        return -EINVAL;
    if (header.pid != 0) {
        process = process_by_pid(pm, (uint32_t)header.pid);
    }
    if (process == NULL)
        return -ESRCH;
    for (int i = 0; i < words; i++) {
        data[i].effective = capability_word(process, i);
        data[i].permitted = data[i].effective;
    }
    return caller_write(call, linux_argument(call, 1), data, (size_t)words * sizeof(data[0]));
}

int pm_linux_capset(struct pm_state *pm, struct call *call)
{
    struct capability_header header;
    struct capability_data data[2] = { { 0 } };
    const struct pm_process *process = caller_process(call);
    int words = read_capability_header(call, &header);

    (void)pm;
    if (words <= 0)
        return words < 0 ? words : -EINVAL;
    if (header.pid != 0 && header.pid != (int32_t)process->pid)
        return -EPERM;
    if (caller_read(call, linux_argument(call, 1), data, (size_t)words * sizeof(data[0])) != 0)
        return -EFAULT;
    for (int i = 0; i < words; i++) {
        if ((data[i].permitted | data[i].effective) & ~capability_word(process, i))
            return -EPERM;
    }
    return 0;
}
