/* SPDX-License-Identifier: MIT */
/*
 * Recovery scripts for RS, and services whose signals PM manages.
 */
#include "../script.h"
#include "../image.h"
#include "harness.h"

#include <elf.h>

#include "kernel_signals.h"
#include "protocols/pm_server.h"
#include "protocols/rs.h"

static uint8_t program[4096];
static const char path[] = "/etc/rescue";
static const char arguments[] = "sh\0/etc/rescue\0hello\0no-heartbeat\00012";

static void make_program(void)
{
    Elf64_Ehdr *header = (Elf64_Ehdr *)program;
    Elf64_Phdr *segment = (Elf64_Phdr *)(program + sizeof(*header));

    memset(program, 0, sizeof(program));
    memcpy(header->e_ident, ELFMAG, 4);
    header->e_ident[EI_CLASS] = ELFCLASS64;
    header->e_ident[EI_DATA] = ELFDATA2LSB;
    header->e_type = ET_EXEC;
    header->e_machine = EM_X86_64;
    header->e_entry = 0x400100;
    header->e_phoff = sizeof(*header);
    header->e_phentsize = sizeof(*segment);
    header->e_phnum = 1;
    *segment = (Elf64_Phdr){ .p_type = PT_LOAD, .p_flags = PF_R | PF_X, .p_vaddr = 0x400000, .p_filesz = 0x1000, .p_memsz = 0x1000 };
}

static int run(uint32_t reason, uint32_t incarnation, uint32_t *pid)
{
    struct pm_run_script_request request = {
        .script = (uint64_t)(uintptr_t)path, .label = "hello", .reason = reason, .incarnation = incarnation
    };
    struct pm_run_script_reply answer = { 0 };
    struct message message = { 0 }, reply = { 0 };
    struct call call = fake_call(ENDPOINT_RS, IPC_SENDA, &message, &reply);
    int result = pm_handle_run_script(&pm_state, &call, &request, &answer);

    check_state();
    *pid = answer.pid;
    return result;
}

static const struct rs_script_ended_request *ended(void)
{
    static struct rs_script_ended_request request;
    const struct fake_message *sent = fake_sent_to(ENDPOINT_RS);

    if (sent == NULL || sent->message.type != RS_SCRIPT_ENDED)
        return NULL;
    rs_script_ended_request_get(&sent->message, &request);
    return &request;
}

static struct exec_buffer *buffer_of_exec(const struct pm_thread *thread)
{
    return &tables.exec_buffers[thread->call.exec.buffer];
}

/* covers: RS-60 */
TEST(a_script_is_a_shell_with_four_arguments_and_no_environment)
{
    struct pm_thread *init = start();
    struct vfs_exec_open_reply reply = { .object = 3, .header_length = sizeof(program), .size = 0x10000, .mode = 0755 };
    struct pm_process *process;
    struct pm_thread *thread;
    struct exec_buffer *buffer;
    uint32_t pid, again;

    CHECK_EQ(run(PM_SCRIPT_REASON_NO_HEARTBEAT, 12, &pid), 0);
    CHECK_EQ(run(PM_SCRIPT_REASON_NO_HEARTBEAT, 12, &again), 0); /* asked again after a crash of RS or PM */
    CHECK_EQ(again, pid);
    process = process_by_pid(&pm_state, pid);
    thread = process_leader(process);
    CHECK_EQ(process->parent, process_index(process_of(init)));
    CHECK_EQ(process->uid, 0);
    CHECK(vfs_answers(VFS_FORK, 0, NULL, 0));
    CHECK_EQ(resumed, ENDPOINT_NONE); /* there is nothing to run yet */
    buffer = buffer_of_exec(thread);
    CHECK_STR(buffer->path, "/bin/sh");
    CHECK_EQ(buffer->argument_count, 5);
    CHECK_EQ(buffer->environment_count, 0);
    CHECK(memcmp(buffer->strings + buffer->start, arguments, sizeof(arguments)) == 0);
    new_stack_top = STACK_TOP;
    make_program();
    memcpy(buffer->header, program, sizeof(program));
    CHECK(vfs_answers(VFS_EXEC_OPEN, 0, &reply, sizeof(reply)));
    CHECK(vfs_answers(VFS_EXEC_DONE, 0, NULL, 0));
    CHECK_EQ(resumed, thread->endpoint);
    CHECK(ended() == NULL);
    call_linux(thread, exit_group, 3);
    CHECK(ended() != NULL && ended()->status == 3 << 8 && ended()->incarnation == 12);
    CHECK_STR(ended()->label, "hello");
    CHECK_EQ(run(PM_SCRIPT_REASON_RESTART, 12, &again), 0); /* now it is another one */
    CHECK(again != pid);
}

/* covers: RS-60 */
TEST(a_script_that_cannot_run_has_ended)
{
    uint32_t pid;

    start();
    CHECK_EQ(run(PM_SCRIPT_REASON_TERMINATED, 0, &pid), 0);
    CHECK(vfs_answers(VFS_FORK, -ENOMEM, NULL, 0));
    CHECK(ended() != NULL && ended()->status == SCRIPT_NOT_FOUND);
    CHECK_EQ(pm_state.free_thread_count, THREADS - 1);
    fake_sent_clear();
    CHECK_EQ(run(PM_SCRIPT_REASON_TERMINATED, 0, &pid), 0);
    CHECK(vfs_answers(VFS_FORK, 0, NULL, 0));
    CHECK(vfs_answers(VFS_EXEC_OPEN, -ENOENT, NULL, 0));
    CHECK(ended() != NULL && ended()->status == SCRIPT_NOT_FOUND);
    CHECK(process_by_pid(&pm_state, pid)->state == PROCESS_ZOMBIE); /* init's */
    fake_sent_clear();
    CHECK_EQ(run(PM_SCRIPT_REASON_TERMINATED, 0, &pid), 0);
    process_exit(&pm_state, process_by_pid(&pm_state, pid), LINUX_SIGKILL); /* before VFS knows it */
    CHECK(ended() != NULL && ended()->status == LINUX_SIGKILL);
    CHECK(vfs_answers(VFS_FORK, 0, NULL, 0));
    CHECK_EQ(resumed, ENDPOINT_NONE);
    check_state();
}

TEST(scripts_that_pm_refuses)
{
    uint32_t pid;

    start();
    CHECK_EQ(run(0, 0, &pid), -EINVAL);
    CHECK_EQ(run(PM_SCRIPT_REASON_TERMINATED + 1, 0, &pid), -EINVAL);
    kernel_create_result = -EBUSY;
    CHECK_EQ(run(PM_SCRIPT_REASON_TERMINATED, 0, &pid), -EAGAIN);
    CHECK_EQ(pm_state.free_thread_count, THREADS - 1);
    kernel_create_result = 0;
    for (uint32_t i = 0; i < SCRIPTS; i++)
        CHECK_EQ(run(PM_SCRIPT_REASON_TERMINATED, i, &pid), 0);
    CHECK_EQ(run(PM_SCRIPT_REASON_TERMINATED, SCRIPTS, &pid), -EAGAIN);
    start();
    room_in_outbox = 10;
    CHECK_EQ(run(PM_SCRIPT_REASON_TERMINATED, 0, &pid), -EAGAIN);
}

/* More scripts than buffers for exec: the last ones wait. */
TEST(scripts_wait_for_a_buffer)
{
    uint32_t pid[EXEC_BUFFERS + 1];
    const struct pm_thread *last;

    start();
    for (uint32_t i = 0; i <= EXEC_BUFFERS; i++) {
        CHECK_EQ(run(PM_SCRIPT_REASON_TERMINATED, i, &pid[i]), 0);
        CHECK(vfs_answers(VFS_FORK, 0, NULL, 0));
    }
    last = process_leader(process_by_pid(&pm_state, pid[EXEC_BUFFERS]));
    CHECK_EQ(last->step, STEP_EXEC_BUFFER);
    CHECK(vfs_answers(VFS_EXEC_OPEN, -ENOENT, NULL, 0)); /* the first one ends */
    CHECK_EQ(last->step, STEP_EXEC);
    CHECK_STR(buffer_of_exec(last)->path, "/bin/sh");
}

static endpoint_t signalled;

static int one_signal(endpoint_t destination, struct message *message)
{
    struct kernel_getksig_reply answer = { .process = signalled, .signals = 1ull << 10 };

    if (message->type != KERNEL_GETKSIG)
        return fake_exchange(destination, message);
    message->status = 0;
    kernel_getksig_reply_put(message, &answer);
    signalled = ENDPOINT_NONE;
    return 0;
}

/* covers: RS-65 */
TEST(rs_hears_of_the_death_of_a_service_that_pm_manages)
{
    struct message notify = { .source = ENDPOINT_SYSTEM, .word = { 1ull << (SIGKSIG - 1) } };
    struct rs_child_died_request died;

    start();
    fake_sendrec = one_signal;
    signalled = 40;
    pm_handle_notify(&pm_state, ENDPOINT_SYSTEM, &notify, outbox_default());
    CHECK(fake_sent_to(ENDPOINT_RS) != NULL);
    CHECK_EQ(fake_sent_to(ENDPOINT_RS)->message.type, RS_CHILD_DIED);
    rs_child_died_request_get(&fake_sent_to(ENDPOINT_RS)->message, &died);
    CHECK_EQ(died.service, 40);
    CHECK_EQ(died.signal, 11);
}
