/* SPDX-License-Identifier: MIT */
/*
 * execve. Until the new space is complete the old program is alive and gets an error; from then on nothing may fail. One request to VFS is
 * outstanding at any time: open the program, open its interpreter, done.
 */
#include "exec.h"

#include "base/string.h"
#include "caller.h"
#include "deliver.h"
#include "exec_strings.h"
#include "exit.h"
#include "handlers.h"
#include "image.h"
#include "kernel_calls.h"
#include "limits.h"
#include "linux_pm_dispatch.h"
#include "posix_timer.h"
#include "protocols/kernel_client.h"
#include "protocols/vfs_client.h"
#include "protocols/vm_client.h"
#include "random.h"
#include "script.h"
#include "signal.h"
#include "sys/grant.h"
#include "sys/journal_debug.h"
#include "sys/log.h"
#include "vdso.h"
#include "vm_exec.h"

enum { EXEC_IS_INTERPRETER = 1, MODE_SETUID = 04000, MODE_SETGID = 02000, MODE_GROUP_EXECUTE = 010, MOUNT_NOSUID = 2 };
enum { STACK_START_BYTES = 132 * 1024, STACK_BLOCK_BYTES = 8192 };
_Static_assert(2 * 2 * IMAGE_SEGMENTS + 2 <= VM_PIECES, "any program fits into a plan");

static const char *const first_environment[] = { "HOME=/", "TERM=linux", "PATH=/sbin:/bin:/usr/sbin:/usr/bin" };
static const char *const first_programs[] = { "/sbin/init", "/etc/init", "/bin/init", "/bin/sh" };

/* ---- buffers ---- */

static struct exec_buffer *buffer_of(const struct pm_thread *thread)
{
    return &tables.exec_buffers[thread->call.exec.buffer];
}

static struct exec_buffer *take_buffer(struct pm_thread *thread)
{
    for (uint16_t i = 0; i < EXEC_BUFFERS; i++) {
        if (tables.exec_buffers[i].thread == NONE) {
            tables.exec_buffers[i].thread = (uint16_t)thread_index(thread);
            tables.exec_buffers[i].path_grant = GRANT_INVALID;
            tables.exec_buffers[i].header_grant = GRANT_INVALID;
            thread->call.exec.buffer = i;
            return &tables.exec_buffers[i];
        }
    }
    return NULL;
}

static void revoke(struct exec_buffer *buffer)
{
    if (buffer->path_grant != GRANT_INVALID) {
        cpf_revoke(buffer->path_grant);
        cpf_revoke(buffer->header_grant);
    }
    buffer->path_grant = GRANT_INVALID;
    buffer->header_grant = GRANT_INVALID;
}

static int begin_exec(struct pm_state *pm, struct pm_thread *thread, const uint64_t arguments[3]);

/* A buffer is free: the next execve that waits for one begins. */
static void give_buffer(struct pm_state *pm, struct exec_buffer *buffer)
{
    revoke(buffer);
    buffer->thread = NONE;
    if (!pm->exec_is_waited_for)
        return;
    /* The next one copies its strings there. */
    journal_release(buffer->path, sizeof(buffer->path));
    journal_release(buffer->strings, buffer->end);
    for (uint32_t i = 0; i < THREADS; i++) {
        struct pm_thread *thread = thread_at(i);
        uint64_t arguments[3];
        int result;
        if (thread->step != STEP_EXEC_BUFFER)
            continue;
        memcpy(arguments, thread->call.exec.arguments, sizeof(arguments));
        result = begin_exec(pm, thread, arguments);
        if (result == CALL_PARKED)
            return;
        thread_answer(pm, thread, result);
    }
    pm->exec_is_waited_for = false;
}

void exec_forget(struct pm_state *pm, struct pm_thread *thread)
{
    if (thread->step != STEP_EXEC && thread->step != STEP_EXEC_DONE)
        return;
    thread->step = STEP_NONE;
    if (buffer_of(thread)->thread == thread_index(thread)) {
        give_buffer(pm, buffer_of(thread));
    }
}

/* ---- opening ---- */

static void open_file(struct pm_thread *thread, struct exec_buffer *buffer, const char *path, uint32_t length, uint8_t *header,
                      uint32_t flags)
{
    struct vfs_exec_open_request request = {
        .process = thread->endpoint, .path_length = length, .header_room = EXEC_HEADER_BYTES, .flags = flags
    };

    buffer->path_grant = cpf_grant_direct(ENDPOINT_VFS, path, length, GRANT_READ);
    buffer->header_grant = cpf_grant_direct(ENDPOINT_VFS, header, EXEC_HEADER_BYTES, GRANT_WRITE);
    request.path = buffer->path_grant;
    request.header = buffer->header_grant;
    thread->step = STEP_EXEC;
    thread->vfs_request = VFS_REQUEST_EXEC_OPEN;
    vfs_send_exec_open(outbox_default(), ENDPOINT_VFS, thread_index(thread) | thread->sequence << 16, &request);
}

static void open_program(struct pm_thread *thread, struct exec_buffer *buffer)
{
    open_file(thread, buffer, buffer->path, (uint32_t)strlen(buffer->path) + 1, buffer->header, 0);
}

static int begin_exec(struct pm_state *pm, struct pm_thread *thread, const uint64_t arguments[3])
{
    struct exec_buffer *buffer = take_buffer(thread);
    int result;

    if (buffer == NULL) {
        memcpy(thread->call.exec.arguments, arguments, sizeof(thread->call.exec.arguments));
        thread->step = STEP_EXEC_BUFFER;
        pm->exec_is_waited_for = true;
        return CALL_PARKED;
    }
    result = script_of(pm, process_of(thread)) != NULL && !process_of(thread)->has_execed
                 ? script_arguments(script_of(pm, process_of(thread)), buffer)
                 : exec_strings_copy(buffer, thread->endpoint, arguments);
    if (result != 0) {
        thread->step = STEP_NONE;
        give_buffer(pm, buffer);
        return result;
    }
    open_program(thread, buffer);
    return CALL_PARKED;
}

int pm_linux_execve(struct pm_state *pm, struct call *call)
{
    const uint64_t arguments[3] = { linux_argument(call, 0), linux_argument(call, 1), linux_argument(call, 2) };

    return begin_exec(pm, caller_thread(call), arguments);
}

/* ---- failure ---- */

static void try_next_first_program(struct pm_state *pm, struct pm_thread *thread, int error)
{
    const char *failed = buffer_of(thread)->strings + buffer_of(thread)->end;
    struct exec_buffer *buffer = buffer_of(thread);
    uint32_t next = 0;

    log_error("cannot start %s: error %d", failed, error);
    for (uint32_t i = 0; i < sizeof(first_programs) / sizeof(first_programs[0]); i++) {
        if (strcmp(first_programs[i], failed) == 0) {
            next = i + 1;
        }
    }
    if (next == sizeof(first_programs) / sizeof(first_programs[0])) {
        log_error("no program to start with: none of init=PATH, /sbin/init, /etc/init, /bin/init, /bin/sh can be executed");
        kernel_panic();
    }
    thread->step = STEP_NONE;
    give_buffer(pm, buffer);
    exec_first(pm, thread, first_programs[next]);
}

/* VFS has nothing open for us any more. */
static void fail(struct pm_state *pm, struct pm_thread *thread, int error)
{
    struct exec_buffer *buffer = buffer_of(thread);

    if (process_of(thread)->is_init && !process_of(thread)->has_execed) {
        try_next_first_program(pm, thread, error);
        return;
    }
    if (!process_of(thread)->has_execed && script_of(pm, process_of(thread)) != NULL) {
        log_error("cannot start a recovery script: error %d", error);
        process_exit(pm, process_of(thread), SCRIPT_NOT_FOUND);
        return;
    }
    thread_answer(pm, thread, error);
    give_buffer(pm, buffer);
}

static void send_done(struct pm_thread *thread, bool success)
{
    const struct pm_process *process = process_of(thread);
    struct vfs_exec_done_request request = {
        .process = thread->endpoint, .success = success, .euid = process->euid, .egid = process->egid
    };

    thread->step = STEP_EXEC_DONE;
    thread->vfs_request = VFS_REQUEST_EXEC_DONE;
    vfs_send_exec_done(outbox_default(), ENDPOINT_VFS, thread_index(thread) | thread->sequence << 16, &request);
}

/* VFS holds a file for us: it must forget it first. */
static void fail_after_open(struct pm_thread *thread, int error)
{
    thread->call.exec.error = error;
    send_done(thread, false);
}

/* ---- building the new program ---- */

/* The pieces of which VM builds the new space. */
struct plan {
    uint32_t count;
    struct vm_exec_piece piece[VM_PIECES];
};

CALLERS_OWN(1)
static struct vm_exec_piece *add_piece(struct plan *plan, uint32_t kind, uint64_t address, uint64_t length, uint32_t protection)
{
    struct vm_exec_piece *piece = &plan->piece[plan->count++];

    *piece = (struct vm_exec_piece){ .kind = kind, .address = address, .length = length, .protection = protection };
    return piece;
}

static uint64_t page_up(uint64_t value)
{
    return (value + PAGE_BYTES - 1) & ~(uint64_t)(PAGE_BYTES - 1);
}

CALLERS_OWN(1)
static void plan_segment(struct plan *plan, uint32_t object, const struct image_segment *segment, uint64_t base)
{
    uint64_t file_end = page_up(segment->file_length);
    uint64_t memory_end = page_up(segment->memory_length);
    bool is_whole = segment->memory_length == segment->file_length && !(segment->protection & VM_PROTECTION_WRITE);

    if (segment->file_length != 0) {
        struct vm_exec_piece *piece = add_piece(plan, VM_PIECE_OBJECT, base + segment->address, file_end, segment->protection);
        piece->object = object;
        piece->offset = segment->offset;
        piece->file_length = is_whole ? file_end : segment->file_length;
    }
    if (memory_end > file_end) {
        add_piece(plan, VM_PIECE_ANONYMOUS, base + segment->address + file_end, memory_end - file_end, segment->protection);
    }
}

CALLERS_OWN(1)
static void plan_image(struct plan *plan, uint32_t object, const struct image *image, uint64_t base)
{
    for (uint32_t i = 0; i < image->segment_count; i++) {
        plan_segment(plan, object, &image->segment[i], base);
    }
}

CALLERS_OWN(1)
static void plan_stack(struct plan *plan, const struct exec_buffer *buffer)
{
    uint64_t length = page_up(exec_strings_stack_bytes(buffer) + STACK_START_BYTES);

    add_piece(plan, VM_PIECE_ANONYMOUS, STACK_TOP - length, length, VM_PROTECTION_READ | VM_PROTECTION_WRITE)->object = 1;
}

struct program {
    struct image image;
    struct image interpreter;
    uint64_t base;
    uint64_t interpreter_base; /* 0: no interpreter */
    uint64_t stack;
    uint32_t space;
};

static uint64_t program_entry(const struct program *program)
{
    return program->interpreter_base != 0 ? program->interpreter_base + program->interpreter.entry : program->base + program->image.entry;
}

/* Ids that the file's mode asks for. */
static void new_ids(const struct pm_process *process, const struct exec_buffer *buffer, uint32_t *euid, uint32_t *egid)
{
    *euid = process->euid;
    *egid = process->egid;
    if ((buffer->mount_flags & MOUNT_NOSUID) || process->no_new_privileges)
        return;
    if (buffer->mode & MODE_SETUID) {
        *euid = buffer->uid;
    }
    if ((buffer->mode & (MODE_SETGID | MODE_GROUP_EXECUTE)) == (MODE_SETGID | MODE_GROUP_EXECUTE)) {
        *egid = buffer->gid;
    }
}

CALLERS_OWN(5)
static void fill_auxiliary(struct pm_state *pm, const struct pm_process *process, const struct exec_buffer *buffer,
                           const struct program *program, struct auxiliary_values *values)
{
    *values = (struct auxiliary_values){
        .headers = program->image.headers == 0 ? 0 : program->base + program->image.headers,
        .header_count = program->image.header_count,
        .base = program->interpreter_base,
        .entry = program->base + program->image.entry,
        .vdso = pm->has_vdso ? VDSO_ADDRESS : 0,
        .uid = process->uid,
        .gid = process->gid,
    };
    new_ids(process, buffer, &values->euid, &values->egid);
    values->is_secure = values->euid != process->uid || values->egid != process->gid;
    random_bytes(pm, values->random, sizeof(values->random));
}

/* A stack that was too large for the plan: write it into the finished space. */
CALLERS_OWN(2)
static int write_large_stack(struct exec_buffer *buffer, struct program *program, const struct auxiliary_values *values)
{
    struct vm_exec_abort_request request = { .space = program->space };

    program->stack = exec_strings_write_stack(buffer, program->space, values);
    if (program->stack != 0)
        return 0;
    vm_call_exec_abort(ENDPOINT_VM, &request);
    return -ENOMEM;
}

/* The complete new space, or an error and nothing. */
CALLERS_OWN(4)
static int build(struct pm_state *pm, struct pm_thread *thread, struct exec_buffer *buffer, struct program *program,
                 uint32_t interpreter_object)
{
    uint64_t block[STACK_BLOCK_BYTES / sizeof(uint64_t)];
    struct plan plan;
    struct auxiliary_values values;
    struct vm_exec_build_request request = { .slot = thread_index(thread) + SERVICE_SLOTS, .pieces = (uint64_t)(uintptr_t)plan.piece };
    struct vm_exec_build_reply reply;
    uint64_t length;
    int result;

    plan.count = 0;
    plan_image(&plan, buffer->object, &program->image, program->base);
    if (program->interpreter_base != 0) {
        plan_image(&plan, interpreter_object, &program->interpreter, program->interpreter_base);
    }
    plan_stack(&plan, buffer);
    fill_auxiliary(pm, process_of(thread), buffer, program, &values);
    program->stack = exec_strings_make_stack(buffer, &values, block, sizeof(block), &length);
    if (program->stack != 0) {
        add_piece(&plan, VM_PIECE_WRITE, program->stack, length, 0)->offset = (uint64_t)(uintptr_t)block;
    }
    request.count = plan.count;
    result = vm_call_exec_build(ENDPOINT_VM, &request, &reply);
    if (result != 0)
        return result == -EINVAL ? -ENOEXEC : -ENOMEM;
    program->space = reply.space;
    return program->stack != 0 ? 0 : write_large_stack(buffer, program, &values);
}

/* ---- the change ---- */

static void set_name(struct pm_thread *thread, const struct exec_buffer *buffer)
{
    const char *path = buffer->strings + buffer->end;
    const char *slash = strrchr(path, '/');

    memset(thread->name, 0, sizeof(thread->name));
    string_copy(thread->name, sizeof(thread->name), slash == NULL ? path : slash + 1);
    memcpy(process_of(thread)->name, thread->name, sizeof(thread->name));
}

static void reset_signals(struct pm_state *pm, struct pm_thread *thread)
{
    struct pm_process *process = process_of(thread);

    thread->altstack_base = 0;
    thread->altstack_length = 0;
    thread->altstack_flags = LINUX_SS_DISABLE;
    handlers_reset(pm, process);
    thread->has_saved_mask = false;
    posix_timer_process_gone(pm, process);
}

/* The survivor of execve is the process: it takes the leader's number. */
static void become_leader(struct pm_state *pm, struct pm_thread *thread)
{
    struct pm_process *process = process_of(thread);
    struct kernel_setids_request request = { .process = thread->endpoint, .tid = process->pid, .tgid = process->pid };
    int result;

    process_keep_one(pm, process, thread);
    if (thread->tid == process->pid)
        return;
    thread_forget_tid(pm, thread);
    thread_name(pm, thread, process->pid);
    TRY_AGAIN(result, 1, kernel_call_setids(ENDPOINT_SYSTEM, &request));
}

static void set_process(struct pm_thread *thread, const struct exec_buffer *buffer)
{
    struct pm_process *process = process_of(thread);

    new_ids(process, buffer, &process->euid, &process->egid);
    process->suid = process->euid;
    process->sgid = process->egid;
    process->fsuid = process->euid;
    process->fsgid = process->egid;
    publish_ids(process);
    process->dumpable = process->euid == process->uid && process->egid == process->gid;
    process->has_execed = true;
    process->exit_signal = LINUX_SIGCHLD;
    process->arguments_start = exec_strings_address(buffer, buffer->start);
    process->arguments_end = exec_strings_address(buffer, buffer->environment_start);
    process->environment_start = process->arguments_end;
    process->environment_end = exec_strings_address(buffer, buffer->end);
}

/* Cannot fail from here on. */
static void change_over(struct pm_state *pm, struct pm_thread *thread, struct exec_buffer *buffer, const struct program *program)
{
    struct kernel_exec_request request = {
        .process = thread->endpoint, .space = program->space, .entry = program_entry(program), .stack = program->stack
    };
    struct vm_exec_commit_request commit = {
        .slot = thread_index(thread) + SERVICE_SLOTS,
        .space = program->space,
        .brk_start = program->base + program->image.end,
        .stack_top = STACK_TOP,
    };
    int result;

    become_leader(pm, thread);
    set_process(thread, buffer);
    set_name(thread, buffer);
    reset_signals(pm, thread);
    thread->clear_child_tid = 0;
    thread->robust_list = 0;
    thread->shares_space = false;
    memcpy(request.name, thread->name, sizeof(request.name));
    TRY_AGAIN(result, 1, kernel_call_exec(ENDPOINT_SYSTEM, &request));
    if (result != 0) {
        log_error("kernel exec of %x: error %d", thread->endpoint, result);
    }
    TRY_AGAIN(result, 1, vm_call_exec_commit(ENDPOINT_VM, &commit));
    thread->space = program->space;
    vfork_release(pm, thread);
    thread->call.exec.error = 0;
    send_done(thread, true);
}

/* program->image is parsed; the interpreter, if there is one, is open. */
CALLERS_OWN(3)
static void load(struct pm_state *pm, struct pm_thread *thread, struct program *program, const struct vfs_exec_open_reply *interpreter)
{
    struct exec_buffer *buffer = buffer_of(thread);
    int result = 0;

    program->interpreter_base = 0;
    if (interpreter != NULL) {
        uint32_t length = interpreter->header_length < EXEC_HEADER_BYTES ? interpreter->header_length : EXEC_HEADER_BYTES;
        result = image_parse(buffer->interpreter, length, interpreter->size, &program->interpreter);
        if (result != 0 || !program->interpreter.is_relocatable) {
            result = -ELIBBAD;
        }
        program->interpreter_base = INTERPRETER_BASE;
    }
    program->base = program->image.is_relocatable ? PIE_BASE : 0;
    if (result == 0) {
        result = build(pm, thread, buffer, program, interpreter == NULL ? 0 : interpreter->object);
    }
    if (result == 0) {
        change_over(pm, thread, buffer, program);
    } else {
        fail_after_open(thread, result);
    }
}

/* ---- what was opened ---- */

static void follow_script(struct pm_thread *thread, struct exec_buffer *buffer)
{
    struct script_line line;
    int result = script_parse(buffer->header, buffer->header_length, &line);

    if (result == 0 && ++buffer->level > EXEC_LEVELS) {
        result = -ELOOP;
    }
    if (result == 0) {
        result = exec_strings_add_script(buffer, &line);
    }
    if (result == 0) {
        open_program(thread, buffer);
    } else {
        fail_after_open(thread, result);
    }
}

static void program_opened(struct pm_state *pm, struct pm_thread *thread, const struct vfs_exec_open_reply *reply)
{
    struct exec_buffer *buffer = buffer_of(thread);
    struct program program;

    buffer->object = reply->object;
    buffer->header_length = reply->header_length < EXEC_HEADER_BYTES ? reply->header_length : EXEC_HEADER_BYTES;
    buffer->size = reply->size;
    buffer->uid = reply->uid;
    buffer->gid = reply->gid;
    buffer->mode = reply->mode;
    buffer->mount_flags = reply->mount_flags;
    if (image_is_script(buffer->header, buffer->header_length)) {
        follow_script(thread, buffer);
    } else if (image_parse(buffer->header, buffer->header_length, buffer->size, &program.image) != 0) {
        fail_after_open(thread, -ENOEXEC);
    } else if (reply->object == 0) {
        fail_after_open(thread, -EACCES);
    } else if (program.image.interpreter_offset != 0) {
        buffer->opens_interpreter = true;
        open_file(thread, buffer, (const char *)buffer->header + program.image.interpreter_offset, program.image.interpreter_length + 1,
                  buffer->interpreter, EXEC_IS_INTERPRETER);
    } else {
        load(pm, thread, &program, NULL);
    }
}

void exec_opened(struct pm_state *pm, struct pm_thread *thread, int status, const struct vfs_exec_open_reply *reply)
{
    struct exec_buffer *buffer = buffer_of(thread);

    revoke(buffer);
    if (status != 0) {
        if (buffer->opens_interpreter || buffer->level > 0) {
            fail_after_open(thread, status); /* the program itself is open */
        } else {
            fail(pm, thread, status);
        }
        return;
    }
    if (buffer->opens_interpreter) {
        struct program program;
        image_parse(buffer->header, buffer->header_length, buffer->size, &program.image);
        load(pm, thread, &program, reply);
    } else {
        program_opened(pm, thread, reply);
    }
}

void exec_finished(struct pm_state *pm, struct pm_thread *thread)
{
    struct exec_buffer *buffer = buffer_of(thread);

    if (thread->call.exec.error != 0) {
        fail(pm, thread, thread->call.exec.error);
        return;
    }
    thread->step = STEP_NONE;
    thread->is_posted = false;
    give_buffer(pm, buffer);
    signal_recheck(pm, thread);
    kernel_resume(thread->endpoint);
}

void exec_script(struct pm_state *pm, struct pm_thread *thread)
{
    static const uint64_t none[3];

    (void)begin_exec(pm, thread, none);
}

void exec_first(struct pm_state *pm, struct pm_thread *thread, const char *path)
{
    struct exec_buffer *buffer = take_buffer(thread);

    (void)pm;
    exec_strings_first(buffer, path, first_environment, sizeof(first_environment) / sizeof(first_environment[0]));
    open_program(thread, buffer);
}
