/* SPDX-License-Identifier: MIT */
/*
 * A script begins like init: an empty kernel process, which executes a shell at once. It has init's descriptors and directory, no environment, and
 * init as its parent.
 */
#include "script.h"

#include "base/format.h"
#include "base/string.h"
#include "errors.h"
#include "exec_strings.h"
#include "exit.h"
#include "kernel_calls.h"
#include "limits.h"
#include "process.h"
#include "protocols/kernel_client.h"
#include "protocols/pm_server.h"
#include "protocols/rs_client.h"
#include "protocols/vfs_client.h"
#include "sys/call.h"
#include "sys/outbox.h"
#include "sys/syscalls.h"

enum { OUTBOX_SPARE = 64, NO_SPACE = -1, NUMBER_BYTES = 12 };

struct pm_script *script_of(struct pm_state *pm, const struct pm_process *process)
{
    for (uint32_t i = 0; i < SCRIPTS; i++) {
        if (pm->scripts[i].process == process_index(process))
            return &pm->scripts[i];
    }
    return NULL;
}

static struct pm_script *find_running(struct pm_state *pm, const struct pm_run_script_request *request)
{
    for (uint32_t i = 0; i < SCRIPTS; i++) {
        struct pm_script *script = &pm->scripts[i];
        if (script->process != NONE && script->incarnation == request->incarnation && strcmp(script->label, request->label) == 0)
            return script;
    }
    return NULL;
}

static struct pm_script *find_free(struct pm_state *pm)
{
    for (uint32_t i = 0; i < SCRIPTS; i++) {
        if (pm->scripts[i].process == NONE)
            return &pm->scripts[i];
    }
    return NULL;
}

int script_arguments(const struct pm_script *script, struct exec_buffer *buffer)
{
    static const char *const reasons[] = {
        [PM_SCRIPT_REASON_RESTART] = "restart",
        [PM_SCRIPT_REASON_NO_HEARTBEAT] = "no-heartbeat",
        [PM_SCRIPT_REASON_TERMINATED] = "terminated",
    };
    char incarnation[NUMBER_BYTES];
    const char *const arguments[] = { "sh", script->path, script->label, reasons[script->reason], incarnation };

    format_string(incarnation, sizeof(incarnation), "%u", script->incarnation);
    exec_strings_given(buffer, "/bin/sh", arguments, sizeof(arguments) / sizeof(arguments[0]));
    return 0;
}

void script_ended(struct pm_state *pm, const struct pm_process *process, uint32_t status)
{
    struct pm_script *script = script_of(pm, process);
    struct rs_script_ended_request request = { .status = status };

    if (script == NULL)
        return;
    request.incarnation = script->incarnation;
    memcpy(request.label, script->label, sizeof(request.label));
    script->process = NONE;
    rs_send_script_ended(outbox_default(), ENDPOINT_RS, 0, &request);
}

/* An empty kernel process for a thread record. */
static int make_kernel_process(struct pm_thread *thread)
{
    struct kernel_create_request request = { .slot = thread_index(thread) + SERVICE_SLOTS, .space = NO_SPACE, .name = "sh" };
    struct kernel_setids_request ids = { .tid = thread->tid, .tgid = thread->tid };
    struct kernel_create_reply reply;
    int result;

    TRY_AGAIN(result, 1, kernel_call_create(ENDPOINT_SYSTEM, &request, &reply));
    if (result != 0)
        return result;
    thread->endpoint = reply.process;
    ids.process = reply.process;
    TRY_AGAIN(result, 1, kernel_call_setids(ENDPOINT_SYSTEM, &ids));
    return result;
}

static struct pm_process *make_process(struct pm_state *pm, struct pm_thread *thread)
{
    uint32_t pid = pid_allocate(pm);
    struct pm_process *process = process_take(pm, pid);

    if (process == NULL)
        return NULL;
    process->group = pid;
    process->session = pid;
    process->start_ns = sys_uptime();
    limits_init(process);
    process_set_parent(process, process_at(pm->init));
    thread_name(pm, thread, pid);
    process_add_thread(process, thread);
    return process;
}

static int begin(struct pm_state *pm, struct pm_script *script, uint32_t *pid)
{
    struct pm_thread *thread = thread_take(pm, true);
    struct pm_process *process = thread == NULL ? NULL : make_process(pm, thread);
    struct vfs_fork_request request;

    if (process == NULL) {
        if (thread != NULL) {
            thread_give(pm, thread);
        }
        return -EAGAIN;
    }
    if (make_kernel_process(thread) != 0) {
        thread_unmake(pm, thread);
        return -EAGAIN;
    }
    script->process = (uint16_t)process_index(process);
    *pid = process->pid;
    request = (struct vfs_fork_request){ .parent = process_leader(process_at(pm->init))->endpoint,
                                         .child = thread->endpoint,
                                         .child_tid = thread->tid,
                                         .child_tgid = process->pid };
    thread->vfs_request = VFS_REQUEST_FORK;
    vfs_send_fork(outbox_default(), ENDPOINT_VFS, thread_index(thread) | thread->sequence << 16, &request);
    return 0;
}

int pm_handle_run_script(struct pm_state *pm, struct call *call, const struct pm_run_script_request *request,
                         struct pm_run_script_reply *reply)
{
    struct pm_script *script = find_running(pm, request);
    int length;

    if (script != NULL) {
        reply->pid = process_at(script->process)->pid;
        return 0;
    }
    script = find_free(pm);
    if (script == NULL || outbox_room(outbox_default()) < OUTBOX_SPARE)
        return -EAGAIN;
    if (request->reason < PM_SCRIPT_REASON_RESTART || request->reason > PM_SCRIPT_REASON_TERMINATED)
        return -EINVAL;
    length = sys_copy_string(call->caller, request->script, script->path, sizeof(script->path));
    if (length < 0)
        return length;
    memcpy(script->label, request->label, sizeof(script->label));
    script->reason = request->reason;
    script->incarnation = request->incarnation;
    return begin(pm, script, &reply->pid);
}
