/* SPDX-License-Identifier: MIT */
/* Descriptors, files, pipes. */
#include "../derive.h"
#include "../file.h"
#include "../vnode.h"
#include "world.h"

TEST(descriptors_are_the_lowest_free)
{
    world_begin();
    CHECK_EQ(CALL3(open, "/f", O_RDWR | O_CREAT, 0644), 0);
    CHECK_EQ(CALL3(open, "/f", O_RDONLY, 0), 1);
    CHECK_EQ(CALL1(dup, 0), 2);
    CHECK_EQ(CALL1(close, 1), 0);
    CHECK_EQ(CALL3(open, "/f", O_RDONLY, 0), 1);
    CHECK_EQ(CALL2(dup2, 0, 200), 200);
    CHECK_EQ(CALL1(close, 300), -EBADF);
    CHECK_EQ(CALL3(fcntl, 0, F_DUPFD, 100), 100);
    CHECK_EQ(CALL3(open, "/f", O_RDWR | O_CREAT | O_EXCL, 0644), -EEXIST);
    CHECK_EQ(CALL3(open, "/", O_RDWR, 0), -EISDIR);
}

TEST(the_limit_is_emfile_and_nothing_is_left)
{
    world_begin();
    tables.processes[1].open_files_max = 4;
    for (int i = 0; i < 4; i++)
        CHECK_EQ(CALL3(open, "/", O_RDONLY, 0), i);
    uint32_t files = vfs.file_pool.in_use;
    CHECK_EQ(CALL3(open, "/", O_RDONLY, 0), -EMFILE);
    CHECK_EQ(CALL1(dup, 0), -EMFILE);
    int fds[2];
    CHECK_EQ(CALL1(pipe, fds), -EMFILE);
    CHECK_EQ(vfs.file_pool.in_use, files);
    world_exit(FIRST);
    CHECK_EQ(vfs.file_pool.in_use, 0);
    CHECK_EQ(vfs.fd_table_pool.in_use, 0);
}

TEST(contents_come_back)
{
    char text[32] = { 0 };

    world_begin();
    CHECK_EQ(CALL3(open, "/f", O_RDWR | O_CREAT, 0644), 0);
    CHECK_EQ(CALL3(write, 0, "hello", 5), 5);
    CHECK_EQ(CALL4(pread64, 0, text, 32, 1), 4);
    CHECK_STR(text, "ello");
    CHECK_EQ(CALL3(lseek, 0, 0, SEEK_SET), 0);
    CHECK_EQ(CALL3(read, 0, text, 2), 2);
    CHECK_EQ(CALL3(read, 0, text, 32), 3);
    CHECK_EQ(CALL3(read, 0, text, 32), 0);
    CHECK_EQ(CALL2(ftruncate, 0, 2), 0);
    CHECK_EQ(CALL4(pread64, 0, text, 32, 0), 2);
}

static void next_turn(void)
{
    fake_uptime_ns++;
    operation_expire(&vfs);
    operation_run_ready(&vfs);
    world_settle();
}

TEST(a_long_write_is_done_in_turns_and_nobody_else_writes_in_between)
{
    static char text[3 * TURN_BYTES];
    char one[2] = { 0 };

    world_begin();
    CHECK_EQ(CALL3(open, "/f", O_RDWR | O_CREAT | O_APPEND, 0644), 0);
    endpoint_t child = world_fork(FIRST, 1, 0);
    memset(text, 'a', sizeof(text));
    CHECK_EQ(CALL3(write, 0, text, sizeof(text)), STAYS_PARKED);
    CHECK_EQ(call_from(child, LINUX_SYS_write, 0, (uint64_t) "b", 1, 0), STAYS_PARKED);
    world_cancel(child);
    world_cancel(FIRST); /* a signal waits */
    next_turn();
    CHECK_EQ(answered(FIRST), STAYS_PARKED);
    CHECK_EQ(answered(child), STAYS_PARKED);
    CHECK(vfs_state_check(&vfs) == NULL);
    next_turn();
    CHECK_EQ(answered(FIRST), (int64_t)sizeof(text));
    CHECK_EQ(answered(child), 1);
    CHECK_EQ(call_from(child, LINUX_SYS_pread64, 0, (uint64_t)one, 2, sizeof(text) - 1), 2);
    CHECK_EQ(one[0], 'a');
    CHECK_EQ(one[1], 'b');
    tables.vnodes[tables.files[1].vnode].flags |= VNODE_BUSY; /* as damage would */
    CHECK(vfs_state_check(&vfs) != NULL);
}

TEST(whoever_waits_for_a_file_gets_it_when_the_long_call_is_killed)
{
    static char text[3 * TURN_BYTES];

    world_begin();
    CHECK_EQ(CALL3(open, "/f", O_RDWR | O_CREAT, 0644), 0);
    endpoint_t child = world_fork(FIRST, 1, 0);
    CHECK_EQ(call_from(child, LINUX_SYS_write, 0, (uint64_t)text, sizeof(text), 0), STAYS_PARKED);
    CHECK_EQ(CALL4(pread64, 0, text, 1, 0), STAYS_PARKED);
    world_exit(child);
    world_settle();
    CHECK_EQ(answered(FIRST), 1);
    CHECK_EQ(vfs.operation_pool.in_use, 0);
}

TEST(fork_shares_files_and_clone_shares_tables)
{
    world_begin();
    CHECK_EQ(CALL3(open, "/f", O_RDWR | O_CREAT, 0644), 0);
    endpoint_t child = world_fork(FIRST, 1, 0);
    endpoint_t thread = world_fork(FIRST, 2, CLONE_FILES | CLONE_FS);
    CHECK_EQ(call_from(child, LINUX_SYS_write, 0, (uint64_t) "abc", 3, 0), 3);
    CHECK_EQ(CALL3(lseek, 0, 0, SEEK_CUR), 3);
    CHECK_EQ(call_from(thread, LINUX_SYS_close, 0, 0, 0, 0), 0);
    CHECK_EQ(CALL3(lseek, 0, 0, SEEK_CUR), -EBADF);
    CHECK_EQ(call_from(child, LINUX_SYS_lseek, 0, 0, SEEK_CUR, 0), 3);
    world_exit(thread);
    world_exit(child);
    CHECK_EQ(vfs.file_pool.in_use, 0);
}

TEST(a_reader_sleeps_until_there_is_data)
{
    int fds[2];
    char text[8] = { 0 };

    world_begin();
    CHECK_EQ(CALL1(pipe, fds), 0);
    endpoint_t child = world_fork(FIRST, 1, 0);
    CHECK_EQ(call_from(child, LINUX_SYS_read, (uint64_t)fds[0], (uint64_t)text, 8, 0), STAYS_PARKED);
    CHECK_EQ(CALL3(write, fds[1], "hi", 2), 2);
    CHECK_EQ(answered(child), 2);
    CHECK_STR(text, "hi");
    /* Two readers: the second is a parked operation. */
    CHECK_EQ(call_from(child, LINUX_SYS_read, (uint64_t)fds[0], (uint64_t)text, 8, 0), STAYS_PARKED);
    endpoint_t other = world_fork(FIRST, 2, 0);
    char more[8] = { 0 };
    CHECK_EQ(call_from(other, LINUX_SYS_read, (uint64_t)fds[0], (uint64_t)more, 8, 0), STAYS_PARKED);
    CHECK_EQ(CALL3(write, fds[1], "0123456789", 10), 10);
    CHECK_EQ(answered(child), 8);
    world_settle();
    CHECK_EQ(answered(other), 2);
    CHECK_STR(more, "89");
}

TEST(the_end_of_the_last_writer_wakes_readers)
{
    int fds[2];
    char text[8];

    world_begin();
    CHECK_EQ(CALL1(pipe, fds), 0);
    endpoint_t child = world_fork(FIRST, 1, 0);
    CHECK_EQ(call_from(child, LINUX_SYS_close, (uint64_t)fds[1], 0, 0, 0), 0);
    CHECK_EQ(call_from(child, LINUX_SYS_read, (uint64_t)fds[0], (uint64_t)text, 8, 0), STAYS_PARKED);
    CHECK_EQ(CALL1(close, fds[1]), 0);
    CHECK_EQ(answered(child), 0);
    world_exit(child);
    world_exit(FIRST);
    CHECK_EQ(vfs.pipe_pool.in_use, 0);
    CHECK_EQ(vfs.page_pool.in_use, 0);
}

TEST(a_signal_ends_the_sleep)
{
    int fds[2];
    char text[8];

    world_begin();
    CHECK_EQ(CALL1(pipe, fds), 0);
    endpoint_t child = world_fork(FIRST, 1, 0);
    CHECK_EQ(call_from(child, LINUX_SYS_read, (uint64_t)fds[0], (uint64_t)text, 8, 0), STAYS_PARKED);
    world_cancel(child);
    CHECK_EQ(answered(child), -ERESTARTSYS);
    world_cancel(child);
    CHECK_EQ(answered(child), STAYS_PARKED);
    CHECK_EQ(call_from(child, LINUX_SYS_read, (uint64_t)fds[0], (uint64_t)text, 8, 0), STAYS_PARKED);
    world_exit(child);
    CHECK_EQ(CALL3(write, fds[1], "x", 1), 1);
}

TEST(a_full_pipe_stops_the_writer_and_keeps_small_writes_whole)
{
    static char block[65536];
    int fds[2];

    world_begin();
    CHECK_EQ(CALL1(pipe, fds), 0);
    CHECK_EQ(CALL3(write, fds[1], block, 65000), 65000);
    endpoint_t child = world_fork(FIRST, 1, 0);
    CHECK_EQ(call_from(child, LINUX_SYS_write, (uint64_t)fds[1], (uint64_t)block, 4096, 0), STAYS_PARKED);
    CHECK_EQ(CALL3(read, fds[0], block, 3000), 3000);
    CHECK_EQ(answered(child), STAYS_PARKED);
    CHECK_EQ(CALL3(read, fds[0], block, 1000), 1000);
    CHECK_EQ(answered(child), 4096);
    CHECK_EQ(CALL1(close, fds[0]), 0);
    world_exit(child);
    signals_asked_for = 0;
    CHECK_EQ(CALL3(write, fds[1], block, 10), -EPIPE);
    CHECK_EQ(signals_asked_for, 1);
}

/* The writer that goes on when a reader has made room overwrites what was read, in the same handler: a death before the commit must not show. */
TEST(what_a_reader_took_is_there_again_after_a_roll_back)
{
    static char block[65536], again[4096];
    int fds[2];

    world_begin();
    CHECK_EQ(CALL1(pipe, fds), 0);
    memset(block, 'a', sizeof(block));
    CHECK_EQ(CALL3(write, fds[1], block, sizeof(block)), sizeof(block));
    endpoint_t child = world_fork(FIRST, 1, 0);
    memset(block, 'b', sizeof(block));
    CHECK_EQ(call_from(child, LINUX_SYS_write, (uint64_t)fds[1], (uint64_t)block, 4096, 0), STAYS_PARKED);
    recorded_count = 0;
    journal.committed++;
    CHECK_EQ(CALL3(read, fds[0], again, 4096), 4096);
    CHECK_EQ(answered(child), 4096);
    recorded_roll_back();
    const char *page = (const char *)tables.pipe_pages + tables.pipes[1].page[0] * PAGE_BYTES;
    CHECK_EQ(page[0], 'a');
    CHECK_EQ(page[4095], 'a');
}

TEST(record_locks_split_and_block)
{
    struct linux_flock lock = { .type = F_WRLCK, .whence = SEEK_SET, .start = 0, .length = 100 };

    world_begin();
    CHECK_EQ(CALL3(open, "/f", O_RDWR | O_CREAT, 0644), 0);
    CHECK_EQ(CALL3(fcntl, 0, F_SETLK, &lock), 0);
    endpoint_t child = world_fork(FIRST, 1, 0);
    CHECK_EQ(call_from(child, LINUX_SYS_fcntl, 0, F_SETLK, (uint64_t)&lock, 0), -EAGAIN);
    lock.start = 40;
    lock.length = 20;
    lock.type = F_UNLCK;
    CHECK_EQ(CALL3(fcntl, 0, F_SETLK, &lock), 0);
    CHECK_EQ(vfs.lock_pool.in_use, 2);
    lock.type = F_WRLCK;
    CHECK_EQ(call_from(child, LINUX_SYS_fcntl, 0, F_SETLK, (uint64_t)&lock, 0), 0);
    struct linux_flock all = { .type = F_WRLCK, .whence = SEEK_SET, .start = 0, .length = 0 };
    CHECK_EQ(call_from(child, LINUX_SYS_fcntl, 0, F_SETLKW, (uint64_t)&all, 0), STAYS_PARKED);
    struct linux_flock back = { .type = F_WRLCK, .whence = SEEK_SET, .start = 45, .length = 1 };
    CHECK_EQ(CALL3(fcntl, 0, F_SETLKW, &back), -EDEADLK);
    CHECK_EQ(CALL1(close, 0), 0);
    CHECK_EQ(answered(child), 0);
    CHECK_EQ(vfs.lock_pool.in_use, 1);
    world_exit(child);
    CHECK_EQ(vfs.lock_pool.in_use, 0);
}

TEST(poll_asks_drivers_and_sleeps)
{
    int fds[2];
    struct linux_pollfd polls[2];

    world_begin();
    node_make(2, "tty", 3, S_IFCHR | 0666);
    CHECK_EQ(CALL3(open, "/dev/tty", O_RDWR, 0), 0);
    CHECK_EQ(CALL1(pipe, fds), 0);
    polls[0] = (struct linux_pollfd){ .fd = 0, .events = POLLIN };
    polls[1] = (struct linux_pollfd){ .fd = fds[0], .events = POLLIN };
    CHECK_EQ(CALL3(poll, polls, 2, 0), 0);
    CHECK_EQ(CALL3(poll, polls, 2, -1), STAYS_PARKED);
    ready_events = POLLIN;
    struct vfs_device_ready_request ready = { .major = 4, .minor = 64, .events = POLLIN };
    struct message m = { 0 }, reply = { 0 };
    struct call call = fake_call(ENDPOINT_TTY, 0, &m, &reply);
    CHECK_EQ(vfs_handle_device_ready(&vfs, &call, &ready), 0);
    world_settle();
    CHECK_EQ(answered(FIRST), 1);
    CHECK_EQ(polls[0].revents, POLLIN);
    ready_events = 0;
    endpoint_t child = world_fork(FIRST, 1, 0);
    CHECK_EQ(CALL3(poll, polls, 2, 1000), STAYS_PARKED);
    CHECK_EQ(call_from(child, LINUX_SYS_write, (uint64_t)fds[1], (uint64_t) "x", 1, 0), 1);
    world_settle();
    CHECK_EQ(answered(FIRST), 1);
    CHECK_EQ(polls[1].revents, POLLIN);
    CHECK_EQ(vfs.watch_pool.in_use, 0);
    CHECK_EQ(vfs.text_pool.in_use, 0);
}

TEST(poll_ends_at_its_deadline)
{
    int fds[2];

    world_begin();
    CHECK_EQ(CALL1(pipe, fds), 0);
    struct linux_pollfd polls[1] = { { .fd = fds[0], .events = POLLIN } };
    CHECK_EQ(CALL3(poll, polls, 1, 50), STAYS_PARKED);
    CHECK_EQ(fake_alarm_ns, 50000000);
    fake_uptime_ns = 60000000;
    operation_expire(&vfs);
    operation_run_ready(&vfs);
    world_settle();
    CHECK_EQ(answered(FIRST), 0);
    CHECK_EQ(vfs.watch_pool.in_use, 0);
}

TEST(a_driver_that_was_restarted_is_asked_again)
{
    char text[8];

    world_begin();
    node_make(2, "tty", 3, S_IFCHR | 0666);
    CHECK_EQ(CALL3(open, "/dev/tty", O_RDWR, 0), 0);
    CHECK_EQ(CALL3(read, 0, text, 8), STAYS_PARKED);
    uint32_t first = fake_sent_to(ENDPOINT_TTY)->message.transaction;
    for (int i = 0; i < 3; i++) {
        struct message again = { .source = ENDPOINT_TTY,
                                 .type = CHAR_READ | MESSAGE_REPLY,
                                 .status = -ESRVRESTART,
                                 .transaction = fake_sent_to(ENDPOINT_TTY)->message.transaction };

        operation_handle_reply(&vfs, &again);
        CHECK(fake_sent_to(ENDPOINT_TTY)->message.transaction != first);
    }
    struct message last = { .source = ENDPOINT_TTY,
                            .type = CHAR_READ | MESSAGE_REPLY,
                            .status = -ESRVRESTART,
                            .transaction = fake_sent_to(ENDPOINT_TTY)->message.transaction };
    operation_handle_reply(&vfs, &last);
    CHECK_EQ(answered(FIRST), -EIO);
}

/* A wild store into one of them would otherwise kill each instance in turn. */
TEST(indexes_of_nodes_are_made_anew)
{
    char text[8] = { 0 };
    uint32_t vnode, hash = 0;

    world_begin();
    CHECK_EQ(CALL3(open, "/f", O_RDWR | O_CREAT, 0644), 0);
    CHECK_EQ(CALL3(open, "/g", O_RDWR | O_CREAT, 0644), 1);
    CHECK_EQ(CALL3(write, 0, "hello", 5), 5);
    CHECK_EQ(CALL3(write, 1, "world", 5), 5);
    vnode = file_at(fd_file(&vfs, &tables.processes[1], 0))->vnode;
    CHECK(vnode_at(vnode)->window != 0);
    vfs.windows[vnode_at(vnode)->window].vnode = 0xdeadbeef;
    vfs.windows[WINDOWS - 1].vnode = 0xdeadbeef;
    vnode_at(file_at(fd_file(&vfs, &tables.processes[1], 1))->vnode)->window = 0xdeadbeef;
    while (tables.vnode_hash[hash] == 0)
        hash++;
    tables.vnode_hash[hash] = 0xdeadbeef;
    derive_indexes(&vfs);
    CHECK_EQ(vfs.windows[vnode_at(vnode)->window].vnode, vnode);
    CHECK_EQ(vfs.windows[WINDOWS - 1].vnode, 0);
    CHECK_EQ(vnode_find(&vfs, vnode_at(vnode)->mount, vnode_at(vnode)->inode), vnode);
    CHECK_EQ(CALL4(pread64, 0, text, 8, 0), 5);
    CHECK_STR(text, "hello");
    CHECK_EQ(CALL4(pread64, 1, text, 8, 0), 5);
    CHECK(vfs_state_check(&vfs) == NULL);
}
