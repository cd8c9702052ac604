/* SPDX-License-Identifier: MIT */
/*
 * procfs through its dispatcher, with a PM, VM and VFS made up here: names, listings while processes come and go, contents, links that wait for VFS.
 */
#include <stdio.h>

#include "../inode.h"
#include "../parked.h"
#include "../state.h"
#include "../text.h"
#include "pm_info.h"
#include "protocols/pm.h"
#include "protocols/procfs_fs_server.h"
#include "protocols/rs.h"
#include "protocols/vfs.h"
#include "protocols/vm.h"
#include "rs_info.h"
#include "sys/grant.h"
#include "testing/fs_calls.h"

enum { PROCESSES = 500, ME = 300 };

static struct procfs_state procfs;
static struct pm_process_info process[PROCESSES];
static int pm_error;
static char arguments[3000];

static int give(grant_t grant, const void *data, size_t length)
{
    return sys_safecopyto(ENDPOINT_PM, grant, 0, data, length);
}

static int fake_table(struct message *message)
{
    struct pm_process_table_request request;
    struct pm_process_table_reply reply = { 0 };

    pm_process_table_request_get(message, &request);
    for (int i = 0; i < PROCESSES; i++) {
        if (process[i].pid == 0 || reply.count == request.room)
            continue;
        CHECK_EQ(sys_safecopyto(ENDPOINT_PM, request.table, reply.count * sizeof(process[i]), &process[i], sizeof(process[i])), 0);
        reply.count++;
    }
    pm_process_table_reply_put(message, &reply);
    return 0;
}

static int fake_info(const struct message *message)
{
    struct pm_process_info_request request;

    pm_process_info_request_get(message, &request);
    for (int i = 0; i < PROCESSES; i++) {
        if (process[i].pid != 0 && process[i].pid == request.pid)
            return give(request.info, &process[i], sizeof(process[i]));
    }
    return -ESRCH;
}

static int fake_names(const struct message *message)
{
    static const struct pm_names names = { .host = "regrown", .domain = "(none)" };
    struct pm_names_request request;

    pm_names_request_get(message, &request);
    return give(request.names, &names, sizeof(names));
}

static int fake_identify(struct message *message)
{
    struct pm_identify_request request;
    struct pm_identify_reply reply = { 0 };

    pm_identify_request_get(message, &request);
    for (int i = 0; i < PROCESSES; i++) {
        if (process[i].pid != 0 && process[i].endpoint == request.process) {
            reply.pid = process[i].pid;
            pm_identify_reply_put(message, &reply);
            return 0;
        }
    }
    return -ESRCH;
}

static int fake_answer(endpoint_t destination, struct message *message)
{
    static const char mounts[] = "tmpfs / tmpfs rw 0 0\n";
    struct vfs_mounts_request request;
    struct vfs_mounts_reply mounts_reply = { .length = sizeof(mounts) - 1 };
    struct vm_info_reply memory = { .total_bytes = 1 << 20, .free_bytes = 1 << 19 };
    struct vm_space_info_reply space = { .total_bytes = 8192 };

    (void)destination;
    switch (message->type) {
    case PM_PROCESS_TABLE:
        return fake_table(message);
    case PM_PROCESS_INFO:
        return fake_info(message);
    case PM_NAMES:
        return fake_names(message);
    case PM_IDENTIFY:
        return fake_identify(message);
    case VM_INFO:
        vm_info_reply_put(message, &memory);
        return 0;
    case VM_SPACE_INFO:
        vm_space_info_reply_put(message, &space);
        return 0;
    case VFS_MOUNTS:
        vfs_mounts_request_get(message, &request);
        vfs_mounts_reply_put(message, &mounts_reply);
        return give(request.text, mounts, sizeof(mounts) - 1);
    default:
        return -ENOSYS;
    }
}

static int fake_services(endpoint_t destination, struct message *message)
{
    message->status = pm_error != 0 && destination == ENDPOINT_PM ? pm_error : fake_answer(destination, message);
    return 0;
}

int ask(struct message *request, struct message *reply)
{
    struct call call = fake_call(ENDPOINT_VFS, 0, request, reply);
    int status = fs_dispatch(&procfs, &call);

    CHECK(procfs_state_check(&procfs) == NULL);
    return status;
}

static void add_process(int index, uint32_t pid)
{
    process[index] = (struct pm_process_info){
        .endpoint = ME + index,
        .pid = pid,
        .parent = 1,
        .euid = 7,
        .egid = 8,
        .threads = 1,
        .state = 'S',
        .name = "worker",
        .arguments_start = 0x1000,
        .arguments_end = 0x1000 + sizeof(arguments),
    };
}

/* Between calls: the tables of the fake kernel have an end. */
static void forget_grants(void)
{
    fake_reset();
    fake_sendrec = fake_services;
    fake_memory(ME + 1, 0x1000, arguments, sizeof(arguments));
}

static void start(void)
{
    forget_grants();
    memset(&procfs, 0, sizeof(procfs));
    memset(process, 0, sizeof(process));
    memset(arguments, 'a', sizeof(arguments));
    pm_error = 0;
    add_process(0, 1);
    add_process(1, 42);
}

static char text[8192];

static int64_t read_file(uint32_t inode)
{
    memset(text, 0, sizeof(text));
    return do_read(inode, 0, text, sizeof(text) - 1);
}

TEST(names_of_the_machine_are_what_pm_says)
{
    start();
    CHECK_EQ(read_file(FIXED_HOSTNAME), 8);
    CHECK_EQ(strcmp(text, "regrown\n"), 0);
    CHECK_EQ(read_file(FIXED_DOMAINNAME), 7);
    CHECK_EQ(strcmp(text, "(none)\n"), 0);
    pm_error = -EFAULT;
    CHECK_EQ(read_file(FIXED_HOSTNAME), -EFAULT);
}

TEST(names_lead_to_files_of_the_machine_and_of_processes)
{
    struct fs_lookup_reply node;

    start();
    CHECK_EQ(number_of(FIXED_ROOT, "meminfo"), FIXED_MEMINFO);
    CHECK_EQ(number_of(number_of(number_of(FIXED_ROOT, "sys"), "kernel"), "hostname"), FIXED_HOSTNAME);
    CHECK_EQ(do_lookup(FIXED_ROOT, "42", &node), 0);
    CHECK_EQ(node.uid, 7);
    CHECK_EQ(node.gid, 8);
    CHECK_EQ(number_of(node.inode, "stat"), inode_of_process(42, PROCESS_STAT));
    CHECK_EQ(number_of(node.inode, ".."), FIXED_ROOT);
    CHECK_EQ(number_of(number_of(node.inode, "fd"), ".."), node.inode);
    CHECK_EQ(number_of(FIXED_SYS_KERNEL, ".."), FIXED_SYS);
    CHECK_EQ(number_of(FIXED_ROOT, ".."), FIXED_ROOT);
}

TEST(names_that_do_not_exist_are_not_found)
{
    static const char *const wrong[] = { "43", "0", "042x", "-1", "99999999999999999999", "4294967338", "nothing", "42 ", "+42" };
    struct fs_lookup_reply node;

    start();
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        CHECK_EQ(do_lookup(FIXED_ROOT, wrong[i], &node), -ENOENT);
    CHECK_EQ(do_lookup(FIXED_MEMINFO, "x", &node), -ENOTDIR);
    CHECK_EQ(do_lookup(12345678, "x", &node), -ENOENT);
    CHECK_EQ(do_lookup(0, "x", &node), -ENOENT);
    CHECK_EQ(do_lookup(inode_of_process(42, 200), "x", &node), -ENOENT);
    CHECK_EQ(do_lookup(inode_of_process(42, PROCESS_FD), "4096", &node), -ENOENT);
    CHECK_EQ(do_lookup(inode_of_process(42, PROCESS_FD), "x", &node), -ENOENT);
}

TEST(every_inode_number_is_answered)
{
    struct fs_attributes attributes;
    uint32_t parent;
    char name[32];

    start();
    for (uint32_t base = 0; base < 4; base++) {
        for (uint32_t low = 0; low < 2048; low++) {
            uint32_t inode = base << 30 | 42 << 8 | low;

            forget_grants();
            (void)do_getattr(inode, &attributes);
            (void)do_name_of(inode, name, sizeof(name), &parent);
            if (!inode_is_descriptor(inode))
                (void)do_read(inode, 0, text, 64);
        }
    }
}

TEST(a_process_that_is_gone_has_no_files)
{
    struct fs_attributes attributes;
    uint32_t stat;

    start();
    stat = number_of(number_of(FIXED_ROOT, "42"), "stat");
    CHECK(read_file(stat) > 0);
    process[1].pid = 0;
    CHECK_EQ(read_file(stat), -ESRCH);
    CHECK_EQ(do_getattr(stat, &attributes), -ENOENT);
    CHECK_EQ(do_readlink(inode_of_process(42, PROCESS_CWD), ME, text, 64), -ENOENT);
}

TEST(files_can_be_read_in_pieces)
{
    char whole[512] = "", pieces[512] = "";
    int64_t length, at = 0, more;

    start();
    length = do_read(FIXED_MEMINFO, 0, whole, sizeof(whole));
    CHECK(length > 100 && strncmp(whole, "MemTotal:", 9) == 0);
    while ((more = do_read(FIXED_MEMINFO, (uint64_t)at, pieces + at, 7)) > 0)
        at += more;
    CHECK_EQ(at, length);
    CHECK_MEM(pieces, whole, length);
    CHECK_EQ(do_read(FIXED_MEMINFO, 1ull << 62, pieces, 7), 0);
    CHECK_EQ(do_read(FIXED_ROOT, 0, pieces, 7), -EINVAL);
    CHECK_EQ(do_read(FIXED_SELF, 0, pieces, 7), -EINVAL);
}

TEST(contents_have_the_form_of_proc_5)
{
    int pid, parent;
    char name[32], state;

    start();
    CHECK(read_file(inode_of_process(42, PROCESS_STAT)) > 0);
    CHECK_EQ(sscanf(text, "%d (%31[^)]) %c %d", &pid, name, &state, &parent), 4);
    CHECK_EQ(pid, 42);
    CHECK_STR(name, "worker");
    CHECK(read_file(inode_of_process(42, PROCESS_STATUS)) > 0);
    CHECK(strstr(text, "\nPid:\t42\n") != NULL && strstr(text, "\nUid:\t0\t7\t7\t7\n") != NULL);
    CHECK_EQ(read_file(inode_of_process(42, PROCESS_CMDLINE)), sizeof(arguments));
    CHECK(read_file(inode_of_process(42, PROCESS_MOUNTS)) > 0);
    CHECK_STR(text, "tmpfs / tmpfs rw 0 0\n");
    CHECK(read_file(FIXED_STAT) > 0 && strncmp(text, "cpu  ", 5) == 0);
    CHECK(read_file(FIXED_LOADAVG) > 0 && strncmp(text, "0.00 0.00 0.00 ", 15) == 0);
    process[1].state = 'Z';
    CHECK_EQ(read_file(inode_of_process(42, PROCESS_CMDLINE)), 0);
}

TEST(wild_argument_addresses_end_in_a_short_text)
{
    start();
    process[1].arguments_end = UINT64_MAX;
    CHECK_EQ(read_file(inode_of_process(42, PROCESS_CMDLINE)), 2048); /* two whole pieces, then a fault */
    process[1].arguments_start = 0x10;
    CHECK_EQ(read_file(inode_of_process(42, PROCESS_CMDLINE)), 0);
    process[1].arguments_start = 1;
    process[1].arguments_end = 0;
    CHECK_EQ(read_file(inode_of_process(42, PROCESS_CMDLINE)), 0);
}

/* ---- listings ---- */

static int seen[40000];

static int list(uint32_t directory, uint32_t room, void (*between)(int step))
{
    static _Alignas(8) char buffer[4096];
    uint64_t cookie = 0;
    int count = 0, step = 0, length;

    memset(seen, 0, sizeof(seen));
    while ((length = do_getdents(directory, cookie, buffer, room, &cookie)) > 0) {
        for (int at = 0; at < length; at += ((const struct linux_dirent64 *)(buffer + at))->d_reclen) {
            int number;

            count++;
            if (sscanf(buffer + at + LINUX_DIRENT64_NAME_OFFSET, "%d", &number) == 1)
                seen[number]++;
        }
        if (between != NULL)
            between(step++);
    }
    CHECK_EQ(length, 0);
    return count;
}

TEST(the_root_lists_files_and_every_process_once)
{
    int fixed;

    start();
    fixed = list(FIXED_ROOT, 4096, NULL) - 2;
    for (int i = 0; i < PROCESSES; i++)
        add_process(i, (uint32_t)(1 + i * 61));
    for (uint32_t room = 40; room <= 4096; room = room * 2 + 8) {
        forget_grants();
        CHECK_EQ(list(FIXED_ROOT, room, NULL), fixed + PROCESSES);
        for (int i = 0; i < PROCESSES; i++)
            CHECK_EQ(seen[1 + i * 61], 1);
    }
}

static void one_comes_one_goes(int step)
{
    if (step < 200) {
        process[step * 2].pid = 0;
        process[step * 2 + 1].pid += 1; /* a new one */
    }
}

TEST(processes_that_stay_are_listed_once_while_others_come_and_go)
{
    start();
    for (int i = 0; i < PROCESSES; i++)
        add_process(i, (uint32_t)(1 + i * 61));
    list(FIXED_ROOT, 128, one_comes_one_goes);
    for (int i = 400; i < PROCESSES; i++)
        CHECK_EQ(seen[1 + i * 61], 1);
    for (int pid = 0; pid < 40000; pid++)
        CHECK(seen[pid] <= 1);
}

TEST(an_error_of_pm_ends_the_listing_with_it)
{
    uint64_t next;

    start();
    pm_error = -ESRVRESTART;
    CHECK_EQ(do_getdents(FIXED_ROOT, 0, text, 4096, &next), -ESRVRESTART);
    CHECK_EQ(do_getdents(FIXED_SYS_KERNEL, 0, text, 4096, &next) > 0, true);
    CHECK_EQ(do_getdents(FIXED_STAT, 0, text, 4096, &next), -ENOTDIR);
    CHECK_EQ(do_getdents(FIXED_SYS_KERNEL, 0, text, 20, &next), -EINVAL);
}

/* ---- what waits for VFS ---- */

/* The last question to VFS; answers it with `data`. */
static void answer_describe(uint32_t index, int status, const void *data, uint32_t length)
{
    const struct fake_message *sent = fake_sent(index);
    struct vfs_describe_request request;
    struct vfs_describe_reply reply = { .length = length };
    struct message message = { .type = VFS_DESCRIBE | MESSAGE_REPLY, .status = status, .transaction = sent->message.transaction };

    CHECK_EQ(sent->destination, ENDPOINT_VFS);
    CHECK_EQ(sent->message.type, VFS_DESCRIBE);
    vfs_describe_request_get(&sent->message, &request);
    if (status == 0) {
        CHECK_EQ(sys_safecopyto(ENDPOINT_VFS, request.text, 0, data, length < request.room ? length : request.room), 0);
        vfs_describe_reply_put(&message, &reply);
    }
    parked_reply(&procfs, &message, outbox_default());
    parked_reply(&procfs, &message, outbox_default()); /* the same again: ignored */
}

TEST(self_is_the_number_of_the_caller)
{
    start();
    CHECK_EQ(do_readlink(FIXED_SELF, ME + 1, text, 64), 2);
    CHECK_MEM(text, "42", 2);
    CHECK_EQ(do_readlink(FIXED_SELF, 9999, text, 64), -ENOENT);
}

TEST(a_link_of_a_process_waits_for_vfs)
{
    const struct fake_message *sent;
    struct fs_readlink_reply reply;

    start();
    CHECK_EQ(do_readlink(inode_of_process(42, PROCESS_CWD), ME, text, 64), CALL_PARKED);
    CHECK_EQ(fake_sent_count(), 1);
    answer_describe(0, 0, "/tmp/somewhere", 14);
    CHECK_EQ(fake_sent_count(), 2);
    sent = fake_sent(1);
    CHECK_EQ(sent->message.type, FS_READLINK | MESSAGE_REPLY);
    CHECK_EQ(sent->message.status, 0);
    fs_readlink_reply_get(&sent->message, &reply);
    CHECK_EQ(reply.length, 14);
    CHECK_MEM(text, "/tmp/somewhere", 14);
}

TEST(a_length_that_vfs_overstates_is_cut)
{
    static char data[5000];
    struct fs_readlink_reply reply;

    start();
    CHECK_EQ(do_readlink(inode_of_process(42, PROCESS_EXE), ME, text, sizeof(text)), CALL_PARKED);
    answer_describe(0, 0, data, sizeof(data));
    fs_readlink_reply_get(&fake_sent(1)->message, &reply);
    CHECK_EQ(reply.length, 4096);
}

TEST(a_descriptor_that_is_not_open_is_not_found)
{
    struct fs_lookup_reply node;

    start();
    CHECK_EQ(do_lookup(inode_of_process(42, PROCESS_FD), "7", &node), CALL_PARKED);
    answer_describe(0, -EBADF, NULL, 0);
    CHECK_EQ(fake_sent(1)->message.status, -ENOENT);
    CHECK_EQ(do_lookup(inode_of_process(42, PROCESS_FD), "7", &node), CALL_PARKED);
    answer_describe(2, 0, "/dev/null", 9);
    CHECK_EQ(fake_sent(3)->message.status, 0);
}

/* RS answers about the service in slot 12; the same answer twice is ignored. */
static void answer_info(uint32_t index, int status, const struct rs_process *row)
{
    const struct fake_message *sent = fake_sent(index);
    struct rs_service_info_request request;
    struct rs_service_info_reply reply = { .slot = 12 };
    struct message message = { .type = RS_SERVICE_INFO | MESSAGE_REPLY, .status = status, .transaction = sent->message.transaction };

    CHECK_EQ(sent->destination, ENDPOINT_RS);
    CHECK_EQ(sent->message.type, RS_SERVICE_INFO);
    rs_service_info_request_get(&sent->message, &request);
    if (status == 0) {
        CHECK_EQ(sys_safecopyto(ENDPOINT_RS, request.info, 0, row, sizeof(*row)), 0);
        rs_service_info_reply_put(&message, &reply);
    }
    parked_reply(&procfs, &message, outbox_default());
    parked_reply(&procfs, &message, outbox_default());
}

/* covers RS-31 */
TEST(a_service_is_a_file_that_waits_for_rs)
{
    static const struct rs_process row = { .label = "hello", .endpoint = 12, .other = ENDPOINT_NONE, .state = 1, .cause = 99, .cpu = -1 };
    struct fs_lookup_reply node;
    struct fs_read_reply answer;

    start();
    CHECK_EQ(do_lookup(FIXED_SERVICE, "hello", &node), CALL_PARKED);
    answer_info(0, 0, &row);
    fs_lookup_reply_get(&fake_sent(1)->message, &node);
    CHECK_EQ(node.inode, inode_of_service(12));
    CHECK_EQ(do_lookup(FIXED_SERVICE, "ghost", &node), CALL_PARKED);
    answer_info(2, -ESRCH, NULL);
    CHECK_EQ(fake_sent(3)->message.status, -ENOENT);
    CHECK_EQ(do_lookup(FIXED_SERVICE, "a-label-of-sixteen", &node), -ENOENT);
    CHECK_EQ(do_read(inode_of_service(12), 7, text, 30), CALL_PARKED);
    answer_info(4, 0, &row);
    CHECK_EQ(fake_sent(5)->message.status, 0);
    fs_read_reply_get(&fake_sent(5)->message, &answer);
    CHECK_EQ(answer.length, 30);
    CHECK_MEM(text, "hello\nendpoint: 12\n", 19);
}

TEST(descriptors_are_listed_and_wild_numbers_left_out)
{
    uint32_t numbers[] = { 0, 1, 2, 255, 4095, 4096, 0xffffffff };
    struct fs_getdents_reply reply;
    uint64_t next;

    start();
    CHECK_EQ(do_getdents(inode_of_process(42, PROCESS_FD), 0, text, 4096, &next), CALL_PARKED);
    answer_describe(0, 0, numbers, sizeof(numbers));
    fs_getdents_reply_get(&fake_sent(1)->message, &reply);
    CHECK_EQ(fake_sent(1)->message.status, 0);
    CHECK_EQ(reply.length, 7 * 24);
    CHECK_EQ(do_getdents(inode_of_process(42, PROCESS_FD), reply.next, text, 4096, &next), CALL_PARKED);
    answer_describe(2, 0, numbers, sizeof(numbers));
    fs_getdents_reply_get(&fake_sent(3)->message, &reply);
    CHECK_EQ(reply.length, 0);
}

TEST(too_many_waiting_calls_are_refused_and_each_answer_frees_one)
{
    struct message stray = { .type = VFS_DESCRIBE | MESSAGE_REPLY, .transaction = 0xffffffff };

    start();
    for (int i = 0; i < PROCFS_PARKED; i++)
        CHECK_EQ(do_readlink(inode_of_process(42, PROCESS_CWD), ME, text, 64), CALL_PARKED);
    CHECK_EQ(do_readlink(inode_of_process(42, PROCESS_CWD), ME, text, 64), -ENOMEM);
    parked_reply(&procfs, &stray, outbox_default());
    stray.type = VFS_MOUNTS | MESSAGE_REPLY;
    parked_reply(&procfs, &stray, outbox_default());
    answer_describe(5, -ESRVRESTART, NULL, 0);
    CHECK_EQ(fake_sent(PROCFS_PARKED)->message.status, -ESRVRESTART);
    CHECK_EQ(do_readlink(inode_of_process(42, PROCESS_CWD), ME, text, 64), CALL_PARKED);
    CHECK_EQ(do_readlink(inode_of_process(42, PROCESS_CWD), ME, text, 64), -ENOMEM);
}

TEST(what_would_change_the_tree_is_refused)
{
    struct fs_attributes attributes = { 0 };
    uint32_t node;

    start();
    CHECK_EQ(do_create(FIXED_ROOT, "x", 0100644, &node), -ENOENT);
    CHECK_EQ(do_mkdir(FIXED_ROOT, "x", &node), -ENOENT);
    CHECK_EQ(do_symlink(FIXED_ROOT, "x", "y", &node), -EPERM);
    CHECK_EQ(do_remove(FIXED_ROOT, "meminfo", false), -EPERM);
    CHECK_EQ(do_rename(FIXED_ROOT, "meminfo", FIXED_ROOT, "x"), -EPERM);
    CHECK_EQ(do_link(FIXED_ROOT, "x", FIXED_MEMINFO), -EPERM);
    CHECK_EQ(do_setattr(FIXED_MEMINFO, FS_SETATTR_MASK_MODE, &attributes), -EPERM);
}

TEST(the_state_check_finds_an_unknown_step)
{
    start();
    procfs.parked[17].step = 99;
    CHECK(procfs_state_check(&procfs) != NULL);
}
