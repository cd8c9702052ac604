/* SPDX-License-Identifier: MIT */
/*
 * What RS tells about a service (rs.service_info), as lines `name: value`; the sizes come from VM.
 */
#include "service.h"

#include "base/string.h"
#include "errors.h"
#include "inode.h"
#include "linux/stat.h"
#include "node.h"
#include "parked.h"
#include "protocols/fs_client.h"
#include "protocols/procfs_fs_server.h"
#include "protocols/protocol_trace.h"
#include "protocols/rs_client.h"
#include "protocols/vm_client.h"
#include "rs_info.h"
#include "rs_start.h"
#include "sys/grant.h"
#include "sys/syscalls.h"
#include "text.h"

enum { SERVICE_TEXT_MAX = 4096, BYTES_PER_KB = 1024, POSITION_MAX = 0xffff };

extern const struct protocol_trace kernel_trace, vm_trace;

_Static_assert(sizeof(((struct parked *)0)->text) >= sizeof(struct rs_process), "a row fits");
_Static_assert(sizeof(((struct parked *)0)->text) >= SERVICE_SLOTS * RS_LABEL_MAX, "all labels fit");

/* ---- asking ---- */

static int ask_info(struct procfs_state *state, struct call *call, enum parked_step step, struct rs_service_info_request *request,
                    struct parked **parked)
{
    uint32_t transaction;
    int result = parked_make(state, call, step, ENDPOINT_RS, parked, &transaction);
    if (result != 0) {
        return result;
    }
    request->info = (*parked)->own_grant;
    rs_send_service_info(call->outbox, ENDPOINT_RS, transaction, request);
    return CALL_PARKED;
}

int service_lookup(struct procfs_state *state, struct call *call, const char *name)
{
    struct rs_service_info_request request = { 0 };
    struct parked *parked;
    if (strlen(name) >= sizeof(request.label)) {
        return -ENOENT;
    }
    string_copy(request.label, sizeof(request.label), name);
    return ask_info(state, call, PARKED_SERVICE_LOOKUP, &request, &parked);
}

/* A position and a length of 16 bits each: the text is shorter. */
int service_read(struct procfs_state *state, struct call *call, const struct fs_read_request *request)
{
    struct rs_service_info_request info = { .slot = inode_slot(request->inode) };
    struct parked *parked;
    uint32_t position = request->position < POSITION_MAX ? (uint32_t)request->position : POSITION_MAX;
    uint32_t length = request->length < POSITION_MAX ? (uint32_t)request->length : POSITION_MAX;
    int result = ask_info(state, call, PARKED_SERVICE_READ, &info, &parked);
    if (result == CALL_PARKED) {
        parked->user_grant = request->buffer;
        parked->room = position << 16 | length;
    }
    return result;
}

int service_list(struct procfs_state *state, struct call *call, const struct fs_getdents_request *request)
{
    struct rs_service_names_request names;
    struct parked *parked;
    uint32_t transaction;
    uint32_t room = request->room < POSITION_MAX ? request->room : POSITION_MAX;
    uint32_t position = request->cookie < POSITION_MAX ? (uint32_t)request->cookie : POSITION_MAX;
    int result = parked_make(state, call, PARKED_SERVICE_LIST, ENDPOINT_RS, &parked, &transaction);
    if (result != 0) {
        return result;
    }
    parked->user_grant = request->buffer;
    parked->room = position << 16 | room;
    names.names = parked->own_grant;
    rs_send_service_names(call->outbox, ENDPOINT_RS, transaction, &names);
    return CALL_PARKED;
}

/* ---- the text ---- */

static void add_labels(struct text *text, const char *name, const char (*labels)[RS_LABEL_MAX], uint32_t count)
{
    text_add(text, "%s:", name);
    for (uint32_t i = 0; i < count; i++) {
        text_add(text, " %s", labels[i]);
    }
}

/* "ALL", or the names of the calls that a mask allows. */
static void add_calls(struct text *text, const char *name, const struct protocol_trace *protocol, const uint64_t *mask, uint32_t words)
{
    bool all = true;
    for (uint32_t i = 0; i < words; i++) {
        all = all && mask[i] == UINT64_MAX;
    }
    text_add(text, "%s:%s", name, all ? " ALL" : "");
    for (uint32_t i = 0; i < protocol->operation_count && !all; i++) {
        uint32_t operation = message_operation(protocol->operations[i].type);
        if (operation / 64 < words && (mask[operation / 64] >> operation % 64 & 1) != 0) {
            text_add(text, " %s", protocol->operations[i].name);
        }
    }
    text_add(text, "\n");
}

static const char *named(const char *const *names, uint32_t count, uint32_t number)
{
    return number < count ? names[number] : "unknown";
}

static void add_life(struct text *text, const struct rs_process *row)
{
    static const char *const states[] = { "unknown", "running", "starting", "waiting", "stopping", "updating", "replica", "script" };
    static const char *const causes[] = { "none", "signal", "heartbeat", "init", "stopped", "depends" };

    text_add(text, "label: %s\nendpoint: %d\npid: %u\nstate: %s\nflags: %#x\nsys_flags: %#x\n", row->label, row->endpoint, row->pid,
             named(states, sizeof(states) / sizeof(states[0]), row->state), row->flags, row->sys_flags);
    if (row->other != ENDPOINT_NONE) {
        text_add(text, "second_instance: %d\n", row->other);
    }
    text_add(text, "restarts: %u\nupdates: %u\nlast_cause: %s\nlast_signal: %u\nreports_pending: %u\nstarted_ns: %lu\n", row->restarts,
             row->updates, named(causes, sizeof(causes) / sizeof(causes[0]), row->cause), row->last_signal, row->reports, row->started_ns);
}

static void add_policy(struct text *text, const struct rs_process *row)
{
    text_add(text, "uid: %u\nlevel: %u\nrestart: %s\nheartbeat_ms: %u\npriority: %u\nquantum_ms: %u\n", row->uid, row->level,
             row->resume ? "resume" : "fresh", row->heartbeat_ms, row->priority, row->quantum_ms);
    text_add(text, row->cpu < 0 ? "cpu: ANY\n" : "cpu: %d\n", row->cpu);
    text_add(text, "sigmgr: %s\nscheduler: %s\nscript: %s\n", row->signal_manager[0] != '\0' ? row->signal_manager : "rs",
             row->scheduler[0] != '\0' ? row->scheduler : "KERNEL", row->script);
    add_labels(text, "ipc", row->peer, row->peer_count);
    text_add(text, "%s%s\n", row->all_peers ? " ALL_SYS" : "", row->user_peers ? " USER" : "");
    add_labels(text, "control", row->control, row->control_count);
    text_add(text, "\n");
    add_calls(text, "system", &kernel_trace, row->call_mask, PRIVILEGE_CALL_WORDS);
    add_calls(text, "vm", &vm_trace, &row->vm_mask, 1);
    text_add(text, "devices: %u\nio_ranges: %u\nirqs: %u\nmemory_ranges: %u\npci: %u\n", row->device_count, row->io_count, row->irq_count,
             row->memory_count, row->pci_count);
}

static void add_memory(struct text *text, const struct rs_process *row)
{
    struct vm_space_info_request request = { .process = row->endpoint };
    struct vm_space_info_reply info;

    text_add(text, "image_kb: %lu\n", row->image_bytes / BYTES_PER_KB);
    if (vm_call_space_info(ENDPOINT_VM, &request, &info) == 0) {
        text_add(text, "memory_kb: %lu\nresident_kb: %lu\n", info.total_bytes / BYTES_PER_KB, info.resident_bytes / BYTES_PER_KB);
    }
}

/* ---- answering ---- */

static void finish_read(const struct parked *parked, int status, struct outbox *outbox)
{
    char bytes[SERVICE_TEXT_MAX];
    struct text text = { .bytes = bytes, .room = sizeof(bytes) };
    struct fs_read_reply reply = { 0 };
    uint32_t position = parked->room >> 16, length = parked->room & POSITION_MAX;
    struct rs_process row;

    if (status == 0) {
        memcpy(&row, parked->text, sizeof(row));
        add_life(&text, &row);
        add_memory(&text, &row);
        add_policy(&text, &row);
    }
    if (status == 0 && position < text.length) {
        reply.length = length < text.length - position ? length : text.length - position;
        status = sys_safecopyto(ENDPOINT_VFS, parked->user_grant, 0, bytes + position, reply.length);
    }
    fs_reply_read(outbox, parked->caller, parked->transaction, status == -ESRCH ? -ENOENT : status, &reply);
}

static void finish_lookup(const struct parked *parked, const struct message *message, struct outbox *outbox)
{
    struct rs_service_info_reply found = { 0 };
    struct fs_lookup_reply reply = { 0 };
    int status = message->status == -ESRCH ? -ENOENT : message->status;

    if (status == 0) {
        rs_service_info_reply_get(message, &found);
        status = node_attributes(inode_of_service(found.slot), &reply);
    }
    fs_reply_lookup(outbox, parked->caller, parked->transaction, status, &reply);
}

static void finish_list(const struct parked *parked, int status, struct outbox *outbox)
{
    struct fs_getdents_reply reply = { 0 };

    if (status == 0) {
        status = node_list_services(parked, (const char(*)[RS_LABEL_MAX])parked->text, &reply);
    }
    fs_reply_getdents(outbox, parked->caller, parked->transaction, status, &reply);
}

void service_reply(struct parked *parked, const struct message *message, struct outbox *outbox)
{
    parked->text[sizeof(parked->text) - 1] = '\0'; /* the last label, at most */
    if (parked->step == PARKED_SERVICE_LOOKUP) {
        finish_lookup(parked, message, outbox);
    } else if (parked->step == PARKED_SERVICE_READ) {
        finish_read(parked, message->status, outbox);
    } else {
        finish_list(parked, message->status, outbox);
    }
}
