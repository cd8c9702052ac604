/* SPDX-License-Identifier: MIT */
/*
 * Protocol pm: what services ask of PM.
 */
#include "base/string.h"
#include "caller.h"
#include "deliver.h"
#include "handlers.h"
#include "kernel_calls.h"
#include "pm_info.h"
#include "protocols/pm_server.h"
#include "signal.h"
#include "sys/grant.h"
#include "usage.h"

/* ---- signals from terminals and VFS ---- */

int pm_handle_signal_group(struct pm_state *pm, struct call *call, const struct pm_signal_group_request *request)
{
    struct signal_info info = { .signal = request->signal, .code = LINUX_SI_KERNEL };
    struct pm_process *leader = request->session == 0 ? NULL : process_by_pid(pm, request->session);

    (void)call;
    if (request->signal <= 0 || request->signal > LINUX_SIGNALS)
        return -EINVAL;
    if (request->group != 0) {
        signal_send_group(pm, request->group, &info);
    } else if (leader != NULL) {
        signal_send(pm, leader, NULL, &info);
    }
    return 0;
}

int pm_handle_signal_thread(struct pm_state *pm, struct call *call, const struct pm_signal_thread_request *request)
{
    struct pm_thread *thread = thread_find(request->process);
    struct signal_info info = { .signal = request->signal, .code = request->code };

    (void)call;
    if (thread == NULL || request->signal <= 0 || request->signal > LINUX_SIGNALS)
        return -ESRCH;
    info.pid = process_of(thread)->pid;
    info.uid = process_of(thread)->uid;
    thread_answered_by_asker(true);
    signal_send(pm, process_of(thread), thread, &info);
    thread_answered_by_asker(false);
    return 0;
}

/* termios(3), job control: who reads from the background is stopped, unless that would be for ever or is not wanted. */
int pm_handle_background(struct pm_state *pm, struct call *call, const struct pm_background_request *request,
                         struct pm_background_reply *reply)
{
    struct pm_thread *thread = thread_find(request->caller);
    struct signal_info info = { .signal = request->signal, .code = LINUX_SI_KERNEL };
    struct pm_process *process;

    (void)call;
    if (thread == NULL || request->signal <= 0 || request->signal > LINUX_SIGNALS)
        return 0;
    process = process_of(thread);
    if ((*mask_of(thread) & signal_bit(request->signal)) || (handlers_ignored(process) & signal_bit(request->signal))) {
        reply->eio = request->signal == LINUX_SIGTTIN;
        return 0;
    }
    if (group_is_orphaned(pm, process->group, NULL)) {
        reply->eio = 1;
        return 0;
    }
    signal_send_group(pm, process->group, &info);
    return -ERESTARTSYS;
}

/* pselect, ppoll: VFS exchanges the mask for the time of the call; PM restores it, at the signal or when asked. */
int pm_handle_exchange_mask(struct pm_state *pm, struct call *call, const struct pm_exchange_mask_request *request,
                            struct pm_exchange_mask_reply *reply)
{
    struct pm_thread *thread = thread_find(request->process);

    (void)call;
    if (thread == NULL)
        return -ESRCH;
    if (request->restore) {
        if (thread->has_saved_mask) {
            *mask_of(thread) = thread->saved_mask;
            thread->has_saved_mask = false;
            signal_recheck(pm, thread);
        }
        return 0;
    }
    if (!thread->has_saved_mask) {
        thread->saved_mask = *mask_of(thread);
        thread->has_saved_mask = true;
    }
    *mask_of(thread) = request->mask & ~SIGNALS_UNBLOCKABLE;
    reply->pending = signal_is_waiting(thread);
    thread_answered_by_asker(true);
    signal_recheck(pm, thread);
    thread_answered_by_asker(false);
    return 0;
}

/* ---- services as processes ---- */

static struct pm_service *find_service(struct pm_state *pm, endpoint_t endpoint)
{
    uint32_t slot = endpoint_slot(endpoint);

    if (endpoint < 0 || slot >= SERVICE_SLOTS || pm->services[slot].endpoint != endpoint)
        return NULL;
    return &pm->services[slot];
}

int pm_handle_add_service(struct pm_state *pm, struct call *call, const struct pm_add_service_request *request,
                          struct pm_add_service_reply *reply)
{
    struct pm_service *service;
    uint32_t slot = endpoint_slot(request->service);

    (void)call;
    if (request->service < 0 || slot >= SERVICE_SLOTS)
        return -EINVAL;
    service = &pm->services[slot];
    if (service->endpoint != request->service) {
        service->endpoint = request->service;
        service->pid = pid_allocate(pm);
    }
    memcpy(service->label, request->label, sizeof(service->label));
    reply->pid = service->pid;
    return 0;
}

int pm_handle_remove_service(struct pm_state *pm, struct call *call, const struct pm_remove_service_request *request)
{
    struct pm_service *service = find_service(pm, request->service);

    (void)call;
    if (service != NULL) {
        service->endpoint = ENDPOINT_NONE;
    }
    return 0;
}

/* ---- who is it ---- */

enum { IDENTITY_SERVICE = 1, IDENTITY_ZOMBIE = 2 };

/* Services are children of RS, and RS is init's. */
static uint32_t parent_of_service(const struct pm_state *pm, const struct pm_service *service)
{
    const struct pm_service *rs = &pm->services[ENDPOINT_RS];

    return service == rs || rs->endpoint == ENDPOINT_NONE ? 1 : rs->pid;
}

static int identify_service(const struct pm_state *pm, const struct pm_service *service, struct pm_identify_reply *reply)
{
    reply->leader = service->endpoint;
    reply->pid = service->pid;
    reply->tid = service->pid;
    reply->group = service->pid;
    reply->session = service->pid;
    reply->parent = parent_of_service(pm, service);
    reply->flags = IDENTITY_SERVICE;
    return 0;
}

int pm_handle_identify(struct pm_state *pm, struct call *call, const struct pm_identify_request *request, struct pm_identify_reply *reply)
{
    struct pm_service *service = find_service(pm, request->process);
    const struct pm_thread *thread = thread_find(request->process);
    const struct pm_process *process = thread != NULL ? process_of(thread) : NULL;

    (void)call;
    if (thread == NULL && service == NULL && request->pid != 0) {
        thread = thread_by_tid(pm, request->pid);
        process = thread != NULL ? process_of(thread) : process_by_pid(pm, request->pid);
        for (uint32_t i = 0; i < SERVICE_SLOTS && process == NULL && service == NULL; i++) {
            if (pm->services[i].endpoint != ENDPOINT_NONE && pm->services[i].pid == request->pid) {
                service = &pm->services[i];
            }
        }
    }
    if (service != NULL && process == NULL)
        return identify_service(pm, service, reply);
    if (process == NULL)
        return -ESRCH;
    reply->leader = process_leader(process) == NULL ? ENDPOINT_NONE : process_leader(process)->endpoint;
    reply->pid = process->pid;
    reply->tid = thread == NULL ? process->pid : thread->tid;
    reply->uid = process->uid;
    reply->euid = process->euid;
    reply->gid = process->gid;
    reply->egid = process->egid;
    reply->group = process->group;
    reply->session = process->session;
    reply->parent = process->parent == NONE ? 0 : process_at(process->parent)->pid;
    reply->flags = process->state == PROCESS_ZOMBIE ? IDENTITY_ZOMBIE : 0;
    return 0;
}

/* ---- the table for procfs ---- */

static char state_letter(const struct pm_process *process)
{
    const struct pm_thread *leader = process_leader(process);

    if (process->state == PROCESS_ZOMBIE)
        return 'Z';
    if (process->state == PROCESS_STOPPED)
        return 'T';
    return leader != NULL && kernel_waits(leader->endpoint) ? 'S' : 'R';
}

CALLERS_OWN(2)
static void describe_process(const struct pm_process *process, struct pm_process_info *info)
{
    const struct pm_thread *leader = process_leader(process);

    memset(info, 0, sizeof(*info));
    info->endpoint = leader == NULL ? ENDPOINT_NONE : leader->endpoint;
    info->pid = process->pid;
    info->parent = process->parent == NONE ? 0 : process_at(process->parent)->pid;
    info->group = process->group;
    info->session = process->session;
    info->uid = process->uid;
    info->euid = process->euid;
    info->gid = process->gid;
    info->egid = process->egid;
    info->threads = process->thread_count;
    info->nice = process->nice;
    info->state = state_letter(process);
    memcpy(info->name, process->name, sizeof(info->name));
    info->exit_status = process->exit_status;
    info->start_ns = process->start_ns;
    usage_of(process, &info->user_ns, &info->system_ns);
    info->children_user_ns = process->children_user_ns;
    info->children_system_ns = process->children_system_ns;
    info->arguments_start = process->arguments_start;
    info->arguments_end = process->arguments_end;
    info->environment_start = process->environment_start;
    info->environment_end = process->environment_end;
    info->signals_pending = process->pending | (leader == NULL ? 0 : leader->pending);
    info->signals_blocked = leader == NULL ? 0 : *mask_of(leader);
    info->signals_ignored = handlers_ignored(process);
    info->signals_caught = handlers_caught(process);
}

CALLERS_OWN(3)
static void describe_service(const struct pm_state *pm, const struct pm_service *service, struct pm_process_info *info)
{
    memset(info, 0, sizeof(*info));
    info->endpoint = service->endpoint;
    info->pid = service->pid;
    info->parent = parent_of_service(pm, service);
    info->group = service->pid;
    info->session = service->pid;
    info->threads = 1;
    info->state = 'S';
    info->is_service = 1;
    kernel_times(service->endpoint, &info->user_ns, &info->system_ns);
    memcpy(info->name, service->label, sizeof(info->name));
}

int pm_handle_process_info(struct pm_state *pm, struct call *call, const struct pm_process_info_request *request)
{
    const struct pm_process *process = process_by_pid(pm, request->pid);
    struct pm_process_info info;

    if (process != NULL) {
        describe_process(process, &info);
    } else {
        const struct pm_service *service = NULL;
        for (uint32_t i = 0; i < SERVICE_SLOTS && service == NULL; i++) {
            if (pm->services[i].endpoint != ENDPOINT_NONE && pm->services[i].pid == request->pid) {
                service = &pm->services[i];
            }
        }
        if (service == NULL)
            return -ESRCH;
        describe_service(pm, service, &info);
    }
    return sys_safecopyto(call->caller, request->info, 0, &info, sizeof(info)) == 0 ? 0 : -EFAULT;
}

int pm_handle_process_table(struct pm_state *pm, struct call *call, const struct pm_process_table_request *request,
                            struct pm_process_table_reply *reply)
{
    struct pm_process_info info;
    uint32_t count = 0;

    for (uint32_t i = 0; i < pm->process_limit + SERVICE_SLOTS && count < request->room; i++) {
        bool is_service = i >= pm->process_limit;
        if (is_service ? pm->services[i - pm->process_limit].endpoint == ENDPOINT_NONE : process_at(i)->state == PROCESS_FREE)
            continue;
        if (is_service) {
            describe_service(pm, &pm->services[i - pm->process_limit], &info);
        } else {
            describe_process(process_at(i), &info);
        }
        if (sys_safecopyto(call->caller, request->table, (uint64_t)count * sizeof(info), &info, sizeof(info)) != 0)
            return -EFAULT;
        count++;
    }
    reply->count = count;
    return 0;
}
