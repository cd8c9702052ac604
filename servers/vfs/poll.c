/* SPDX-License-Identifier: MIT */
/*
 * poll and select. Each round looks at all files again: pipes and the like at once, devices by asking their drivers one after the other.
 * If nothing is ready the operation sleeps with a watch on every file and starts over when one fires.
 */
#include "poll.h"

#include "base/string.h"
#include "errors.h"
#include "linux_vfs_dispatch.h"
#include "sys/service.h"
#include "sys/syscalls.h"

#include "device.h"
#include "file.h"
#include "process.h"
#include "protocols/char_client.h"
#include "vnode.h"

/*
 * argument: 0 array or count, 1 count or read set, 2 timeout, .. as the call has them. value[0]: enum poll_form. value[1]: deadline, uptime in ns
 * (UINT64_MAX: none). position: next entry to look at; done: entries that are ready.
 */
enum poll_form { FORM_POLL, FORM_PPOLL, FORM_SELECT, FORM_PSELECT };
enum { STEP_START, STEP_SCAN, STEP_DEVICE };
enum { READ_EVENTS = POLLRDNORM | POLLRDBAND | POLLIN | POLLHUP | POLLERR, WRITE_EVENTS = POLLWRBAND | POLLWRNORM | POLLOUT | POLLERR };
enum { SET_WORDS = FD_LIMIT / 64, FAST_ENTRIES = 16 };

/* The files of the call at hand, read again from the caller in each round. */
SERVICE_DERIVED static struct linux_pollfd entries[FD_LIMIT];
SERVICE_DERIVED static uint32_t entry_count;

uint64_t poll_deadline(uint64_t timeout_ns)
{
    uint64_t now_ns;

    if (timeout_ns == UINT64_MAX)
        return UINT64_MAX;
    now_ns = sys_uptime();
    return timeout_ns > UINT64_MAX - 1 - now_ns ? UINT64_MAX - 1 : now_ns + timeout_ns;
}

static bool is_select(const struct operation *op)
{
    return op->value[0] >= FORM_SELECT;
}

/* ---- the caller's side ---- */

static int64_t load_sets(struct vfs_state *vfs, struct operation *op, uint64_t sets[3][SET_WORDS])
{
    uint32_t count = (uint32_t)op->argument[0];
    size_t bytes;

    (void)vfs;
    if ((int32_t)count < 0)
        return -EINVAL;
    if (count > FD_LIMIT)
        count = FD_LIMIT;
    bytes = (count + 63) / 64 * 8;
    for (int i = 0; i < 3; i++) {
        memset(sets[i], 0, sizeof(sets[i]));
        if (op->argument[1 + i] != 0 && bytes != 0 && sys_copy_from(op->caller, op->argument[1 + i], sets[i], bytes) != 0)
            return -EFAULT;
    }
    return count;
}

static int64_t load_select(struct vfs_state *vfs, struct operation *op)
{
    uint64_t sets[3][SET_WORDS];
    int64_t count = load_sets(vfs, op, sets);

    entry_count = 0;
    for (int64_t word = 0; word * 64 < count; word++) {
        for (uint64_t any = sets[0][word] | sets[1][word] | sets[2][word]; any != 0; any &= any - 1) {
            int bit = __builtin_ctzll(any);
            struct linux_pollfd *entry = &entries[entry_count];

            if (word * 64 + bit >= count)
                break;
            entry->fd = (int32_t)(word * 64 + bit);
            entry->events = (int16_t)((sets[0][word] >> bit & 1 ? READ_EVENTS : 0) | (sets[1][word] >> bit & 1 ? WRITE_EVENTS : 0) |
                                      (sets[2][word] >> bit & 1 ? POLLPRI : 0));
            if (fd_file(vfs, operation_process(op), entry->fd) == 0)
                return -EBADF;
            entry_count++;
        }
    }
    return count < 0 ? count : 0;
}

static int64_t load(struct vfs_state *vfs, struct operation *op)
{
    uint32_t count = (uint32_t)op->argument[1];

    if (is_select(op))
        return load_select(vfs, op);
    if (count > operation_process(op)->open_files_max || count > FD_LIMIT)
        return -EINVAL;
    entry_count = count;
    if (count != 0 && sys_copy_from(op->caller, op->argument[0], entries, count * sizeof(entries[0])) != 0)
        return -EFAULT;
    return 0;
}

static int16_t *answers(const struct operation *op)
{
    return (int16_t *)operation_text(op, 0);
}

/* Time that is left, for the calls that tell. */
static void store_timeout(struct operation *op)
{
    uint64_t address = op->value[0] == FORM_POLL ? 0 : op->value[0] == FORM_PPOLL ? op->argument[2] : op->argument[4];
    struct linux_timespec left = { 0 };
    uint64_t now_ns;

    if (address == 0 || op->value[1] == UINT64_MAX)
        return;
    now_ns = sys_uptime();
    if (op->value[1] > now_ns) {
        left.seconds = (int64_t)((op->value[1] - now_ns) / 1000000000);
        left.nanoseconds = (int64_t)((op->value[1] - now_ns) % 1000000000);
    }
    if (op->value[0] == FORM_SELECT)
        left.nanoseconds /= 1000;
    sys_copy_to(op->caller, address, &left, sizeof(left));
}

static int64_t store_select(struct operation *op)
{
    static const uint32_t wanted[3] = { READ_EVENTS, WRITE_EVENTS, POLLPRI };
    uint32_t count = (uint32_t)op->argument[0] < FD_LIMIT ? (uint32_t)op->argument[0] : FD_LIMIT;
    int64_t ready = 0;

    for (int set = 0; set < 3; set++) {
        uint64_t words[SET_WORDS] = { 0 };

        if (op->argument[1 + set] == 0)
            continue;
        for (uint32_t i = 0; i < entry_count; i++) {
            if ((uint32_t)entries[i].events & (uint32_t)answers(op)[i] & wanted[set]) {
                words[entries[i].fd / 64] |= 1ull << (entries[i].fd % 64);
                ready++;
            }
        }
        if (count != 0 && sys_copy_to(op->caller, op->argument[1 + set], words, (count + 63) / 64 * 8) != 0)
            return -EFAULT;
    }
    return ready;
}

static int64_t store_poll(struct operation *op)
{
    int64_t ready = 0;

    for (uint32_t i = 0; i < entry_count; i++) {
        entries[i].revents = answers(op)[i];
        ready += entries[i].revents != 0;
    }
    if (entry_count != 0 && sys_copy_to(op->caller, op->argument[0], entries, entry_count * sizeof(entries[0])) != 0)
        return -EFAULT;
    return ready;
}

static int64_t finish(struct operation *op)
{
    int64_t result = is_select(op) ? store_select(op) : store_poll(op);

    store_timeout(op);
    return result;
}

/* ---- a round ---- */

static void note(struct operation *op, uint32_t i, uint32_t ready)
{
    answers(op)[i] = (int16_t)(ready & ((uint16_t)entries[i].events | POLLERR | POLLHUP | POLLNVAL));
    /* select counts what falls into its sets only. */
    if (is_select(op))
        answers(op)[i] &= entries[i].events;
    if (answers(op)[i] != 0)
        op->done++;
}

static int64_t ask_device(struct vfs_state *vfs, struct operation *op, uint32_t file, uint32_t i)
{
    struct operation *record;

    if (device_driver(vfs, vfs->devices[file_at(file)->thing].number) == ENDPOINT_NONE) {
        note(op, i, POLLERR | POLLHUP);
        return 0;
    }
    record = operation_record(vfs, op);
    if (record == NULL)
        return PENDING;
    watch_add(vfs, WATCH_DEVICE, file_at(file)->thing, WATCH_OPERATION, record->index, &operation_links(record)->watches);
    record->position = i;
    return device_poll(vfs, record, file, (uint16_t)entries[i].events, record->value[1] != 0 && record->done == 0, STEP_DEVICE);
}

/* From op->position to the end. Returns 0 when all have been looked at, or PENDING. */
static int64_t scan(struct vfs_state *vfs, struct operation *op)
{
    for (uint32_t i = (uint32_t)op->position; i < entry_count; i++) {
        uint32_t file;

        op->position = i + 1;
        answers(op)[i] = 0;
        if (entries[i].fd < 0)
            continue;
        file = fd_file(vfs, operation_process(op), entries[i].fd);
        if (file == 0) {
            note(op, i, POLLNVAL);
        } else if (file_at(file)->kind != FILE_DEVICE) {
            note(op, i, file_poll(vfs, file_at(file)));
        } else {
            if (ask_device(vfs, op, file, i) == PENDING)
                return PENDING;
        }
    }
    return 0;
}

static int64_t sleep_until_woken(struct vfs_state *vfs, struct operation *op)
{
    struct operation *record = operation_record(vfs, op);

    if (record == NULL)
        return PENDING;
    watch_remove_all(vfs, WATCH_OPERATION, record->index, &operation_links(record)->watches);
    for (uint32_t i = 0; i < entry_count; i++) {
        uint32_t file = entries[i].fd < 0 ? 0 : fd_file(vfs, operation_process(record), entries[i].fd);
        uint32_t source, kind = file == 0 ? 0 : file_watch_source(file_at(file), &source);

        if (kind != 0)
            watch_add(vfs, kind, source, WATCH_OPERATION, record->index, &operation_links(record)->watches);
    }
    operation_drop_text(vfs, record);
    record->step = STEP_SCAN;
    record->wait = WAIT_POLL;
    if (record->value[1] != UINT64_MAX)
        operation_set_deadline(vfs, record, record->value[1]);
    return PENDING;
}

/* *again: something became ready while devices were asked: one more round. */
static int64_t round_end(struct vfs_state *vfs, struct operation *op, bool *again)
{
    if (op->done != 0 || op->value[1] == 0 || op->is_expired)
        return finish(op);
    if (op->is_cancelled)
        return -ERESTARTNOHAND;
    if (mask_exchange(op))
        return -ERESTARTNOHAND;
    if (op->is_woken) {
        op->is_woken = 0;
        op->position = 0;
        *again = true;
        return 0;
    }
    return sleep_until_woken(vfs, op);
}

static int64_t rounds(struct vfs_state *vfs, struct operation *op)
{
    for (;;) {
        int64_t result = scan(vfs, op);
        bool again = false;

        if (result == 0)
            result = round_end(vfs, op, &again);
        if (!again)
            return result;
    }
}

/* ---- the start ---- */

/* Nanoseconds of the timeout, UINT64_MAX: none; or a negative error in *error. */
static uint64_t timeout_of(struct operation *op, int64_t *error)
{
    uint64_t address = op->value[0] == FORM_PPOLL ? op->argument[2] : op->argument[4];
    struct linux_timespec time;
    int64_t limit = 1000000000;

    if (op->value[0] == FORM_POLL) {
        int32_t ms = (int32_t)op->argument[2];

        return ms < 0 ? UINT64_MAX : (uint64_t)ms * 1000000;
    }
    if (address == 0)
        return UINT64_MAX;
    if (sys_copy_from(op->caller, address, &time, sizeof(time)) != 0) {
        *error = -EFAULT;
        return 0;
    }
    if (op->value[0] == FORM_SELECT) {
        time.seconds += time.nanoseconds / 1000000;
        time.nanoseconds = time.nanoseconds % 1000000 * 1000;
    }
    if (time.seconds < 0 || time.nanoseconds < 0 || time.nanoseconds >= limit) {
        *error = -EINVAL;
        return 0;
    }
    return time.seconds > 1000000000 ? UINT64_MAX : (uint64_t)time.seconds * 1000000000 + (uint64_t)time.nanoseconds;
}

static int64_t load_mask(struct operation *op)
{
    uint64_t pair[2] = { op->argument[3], op->argument[4] };

    if (op->value[0] == FORM_PSELECT) {
        if (op->argument[5] == 0)
            return 0;
        if (sys_copy_from(op->caller, op->argument[5], pair, sizeof(pair)) != 0)
            return -EFAULT;
    } else if (op->value[0] != FORM_PPOLL) {
        return 0;
    }
    return mask_load(op, pair[0], pair[1]);
}

int64_t poll_run(struct vfs_state *vfs, struct operation *op, const struct message *message)
{
    struct char_poll_reply reply;
    int64_t result = 0;

    if (operation_need_text(vfs, op) != 0)
        return PENDING;
    if (op->step == STEP_START && op->value[1] == 0) {
        uint64_t timeout_ns = timeout_of(op, &result);

        if (result != 0)
            return result;
        op->value[1] = timeout_ns == 0 ? 0 : poll_deadline(timeout_ns);
        result = load_mask(op);
        if (result != 0)
            return result;
    }
    result = load(vfs, op);
    if (result != 0)
        return result;
    op->text_bytes[0] = (uint16_t)(entry_count * sizeof(int16_t) < PATH_MAX ? entry_count * sizeof(int16_t) : PATH_MAX);
    op->text_bytes[1] = (uint16_t)(entry_count * sizeof(int16_t) - op->text_bytes[0]);
    if (op->step == STEP_DEVICE) {
        char_poll_reply_get(message, &reply);
        note(op, (uint32_t)op->position, message->status == 0 ? reply.ready : POLLERR);
        op->position++;
    } else {
        op->position = 0;
        op->done = 0;
        op->is_woken = 0;
    }
    op->step = STEP_SCAN;
    return rounds(vfs, op);
}

/* A few files without devices, some of them ready. Returns -EAGAIN for the general way. */
static int64_t poll_fast(struct vfs_state *vfs, struct call *call, uint32_t process)
{
    uint32_t count = (uint32_t)linux_argument(call, 1);
    uint64_t bytes = count * sizeof(entries[0]);
    int64_t ready = 0;

    if (count == 0 || count > FAST_ENTRIES || sys_copy_from(call->caller, linux_argument(call, 0), entries, bytes) != 0)
        return -EAGAIN;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t file = entries[i].fd < 0 ? 0 : fd_file(vfs, &tables.processes[process], entries[i].fd);
        uint32_t events = POLLNVAL;

        if (file != 0) {
            if (file_at(file)->kind == FILE_DEVICE || file_at(file)->kind == FILE_EPOLL)
                return -EAGAIN;
            events = file_poll(vfs, file_at(file));
        }
        entries[i].revents = entries[i].fd < 0 ? 0 : (int16_t)(events & ((uint16_t)entries[i].events | POLLERR | POLLHUP | POLLNVAL));
        ready += entries[i].revents != 0;
    }
    if (ready == 0 && linux_argument(call, 2) != 0)
        return -EAGAIN;
    return sys_copy_to(call->caller, linux_argument(call, 0), entries, bytes) == 0 ? ready : -EFAULT;
}

static int poll_call(struct vfs_state *vfs, struct call *call, enum poll_form form)
{
    uint32_t process = process_find(vfs, call->caller);
    struct operation op;

    if (process != 0 && form == FORM_POLL) {
        int64_t result = poll_fast(vfs, call, process);

        if (result != -EAGAIN)
            return operation_result(vfs, call, result);
    }

    if (operation_begin(vfs, call, &op, OPERATION_POLL) != 0)
        return -ESRCH;
    op.value[0] = form;
    return operation_run_linux(vfs, call, &op);
}

int vfs_linux_poll(struct vfs_state *vfs, struct call *call)
{
    return poll_call(vfs, call, FORM_POLL);
}

int vfs_linux_ppoll(struct vfs_state *vfs, struct call *call)
{
    return poll_call(vfs, call, FORM_PPOLL);
}

int vfs_linux_select(struct vfs_state *vfs, struct call *call)
{
    return poll_call(vfs, call, FORM_SELECT);
}

int vfs_linux_pselect6(struct vfs_state *vfs, struct call *call)
{
    return poll_call(vfs, call, FORM_PSELECT);
}
