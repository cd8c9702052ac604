/* SPDX-License-Identifier: MIT */
/*
 * A service on the host, at the moment of its death: the whole service is compiled with ASan and UBSan, and this file is its kernel. Its state comes from
 * the file that replay.py makes of a crash report; lib/sys rolls back and handles the message in hand as the next instance would. What the handler
 * asks is answered as it was in the guest, as far as the report knows.
 */
#undef main /* the service's own is service_main */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "errors.h"
#include "protocols/kernel.h"
#include "sys/crash_notes.h"
#include "sys/journal.h"
#include "sys/loop.h"
#include "sys/mutate.h"
#include "sys/sef.h"
#include "sys/service.h"
#include "sys/trap.h"

enum record_kind {
    RECORD_ARENA = 1,   /* guest memory, at its address */
    RECORD_COPY = 2,    /* to an address of this program */
    RECORD_KEPT = 3,    /* state and outbox, which are rolled back; the sanitizer needs these addresses itself */
    RECORD_JOURNAL = 5, /* struct journal */
    RECORD_UNDO = 6,
    RECORD_SPILL = 7,
    RECORD_CALLS = 8,
    RECORD_NAME = 9, /* address: the endpoint */
};

enum { EXIT_NO_CRASH = 3, EXIT_BAD_FILE = 4, PAGE = 4096, COPIED_ALIGNMENT = 8 };

struct record {
    uint64_t kind;
    uint64_t address;
    uint64_t length; /* of the bytes that follow, rounded up to 8 */
};

/* Places in the guest's image; nothing is there. */
char __state_start[8], __state_end[8], __mirror_start[8], __mirror_end[8], __outbox_start[8], __outbox_end[8], __derived_start[8],
    __derived_end[8], __journal_start[8], __journal_end[8], __bss_start[8], __bss_end[8], __layout_start[8], __layout_end[8];
const uint64_t __text_start[1], __text_end[1], text_seal;
const char service_header[512];

/* No mutations here. */
bool mutate_choose(uint32_t (*random)(void), struct mutation *mutation)
{
    (void)random;
    (void)mutation;
    return false;
}

int service_main(void);
const char *__asan_default_options(void);
const char *__ubsan_default_options(void);

static const char *path;
static uint64_t kept_start, kept_length, calls_length, calls_at;
static uint8_t *kept;
static const uint8_t *calls;
static char name[16] = "replay";
static endpoint_t own_endpoint;

const char *__asan_default_options(void)
{
    return "handle_sigill=1:handle_abort=1:detect_leaks=0:exitcode=99";
}

const char *__ubsan_default_options(void)
{
    return "print_stacktrace=1";
}

static void fail(const char *why)
{
    fprintf(stderr, "replay: %s: %s\n", path, why);
    exit(EXIT_BAD_FILE);
}

/* ---- what the report has ---- */

static void map(const struct record *record, const uint8_t *bytes)
{
    uint64_t start = record->address & ~(uint64_t)(PAGE - 1), end = (record->address + record->length + PAGE - 1) & ~(uint64_t)(PAGE - 1);
    void *memory = mmap((void *)(uintptr_t)start, end - start, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE,
                        -1, 0);

    if (memory != (void *)(uintptr_t)start)
        fail("memory of the guest lies where this program is");
    memcpy((void *)(uintptr_t)record->address, bytes, record->length);
}

static void take_journal(const uint8_t *bytes, uint64_t length)
{
    uint64_t used;

    if (length < sizeof(journal))
        fail("the journal is of another size");
    memcpy(&journal, bytes, sizeof(journal));
    used = journal.top - journal.undo;
    journal.undo = (uint64_t)(uintptr_t)journal_undo.chunk;
    journal.spill = (uint64_t)(uintptr_t)journal_undo.spill;
    journal.top = journal.undo + used;
}

static void take_undo(void *to, uint64_t room, const uint8_t *bytes, uint64_t length)
{
    if (length > room)
        fail("the undo log is too long");
    memcpy(to, bytes, length);
}

static void take(const struct record *record, const uint8_t *bytes)
{
    switch (record->kind) {
    case RECORD_ARENA:
        map(record, bytes);
        break;
    case RECORD_COPY:
        memcpy((void *)(uintptr_t)record->address, bytes, record->length);
        break;
    case RECORD_KEPT:
        kept = malloc(record->length);
        if (kept == NULL)
            fail("no memory for the state");
        kept_start = record->address;
        kept_length = record->length;
        memcpy(kept, bytes, record->length);
        break;
    case RECORD_JOURNAL:
        take_journal(bytes, record->length);
        break;
    case RECORD_UNDO:
        take_undo((uint8_t *)journal_undo.chunk + record->address, sizeof(journal_undo.chunk) - record->address, bytes, record->length);
        break;
    case RECORD_SPILL:
        take_undo(journal_undo.spill, sizeof(journal_undo.spill), bytes, record->length);
        break;
    case RECORD_CALLS:
        calls = bytes;
        calls_length = record->length;
        break;
    case RECORD_NAME:
        own_endpoint = (endpoint_t)record->address;
        snprintf(name, sizeof(name), "%.*s", (int)record->length, (const char *)bytes);
        break;
    default:
        fail("an unknown record");
    }
}

static uint8_t *read_file(size_t *length)
{
    FILE *file = fopen(path, "rb");
    uint8_t *bytes;
    long end;

    if (file == NULL || fseek(file, 0, SEEK_END) != 0 || (end = ftell(file)) < 0)
        fail("cannot be read");
    bytes = malloc((size_t)end + 1);
    rewind(file);
    if (bytes == NULL || fread(bytes, 1, (size_t)end, file) != (size_t)end)
        fail("cannot be read");
    fclose(file);
    *length = (size_t)end;
    return bytes;
}

static void load(bool names_only)
{
    size_t length, at = 0;
    uint8_t *bytes = read_file(&length);

    while (at + sizeof(struct record) <= length) {
        struct record record;

        memcpy(&record, bytes + at, sizeof(record));
        at += sizeof(record);
        if (record.length > length - at)
            fail("is cut off");
        if ((record.kind == RECORD_NAME) == names_only)
            take(&record, bytes + at);
        at += (record.length + 7) & ~7ull;
    }
}

/* Old values of state and outbox belong where these are here (journal.h has the form of the log); others are not restored. */
static void move_log(uint64_t *log, uint64_t first, uint64_t end)
{
    const uint64_t arenas = 0x200000000000;

    while (end > first) {
        uint64_t address = journal_address(log[end - 1]), words = journal_words(log[end - 1]);

        if (address - kept_start < kept_length)
            address += (uint64_t)(uintptr_t)kept - kept_start;
        else if (address < arenas || address >= 2 * arenas)
            address = (uint64_t)(uintptr_t)&kept_start; /* journal_kept does not have it */
        log[end - 1] = journal_moved(log[end - 1], address);
        if (words == 0 || words >= end - first)
            fail("the undo log makes no sense");
        end -= words + 1;
    }
}

static void roll_back(void)
{
    journal_kept[0] = (struct journal_range){ (uint64_t)(uintptr_t)kept, kept_length };
    journal_kept[1] = (struct journal_range){ 0x200000000000, 0x100000000000 };
    move_log(journal_undo.chunk, journal.undo_first / sizeof(uint64_t), (journal.top - journal.undo) / sizeof(uint64_t));
    move_log(journal_undo.spill, 0, journal.spill_words);
    if (!journal_rollback())
        fail("the undo log makes no sense");
}

/* ---- in the place of the library's start-up ---- */

void sef_startup(void)
{
    const char *problem;

    load(false);
    if (journal.phase != JOURNAL_HANDLING)
        fail("no handler was running");
    roll_back();
    if (running_service->state_bytes > kept_length)
        fail("the state is of another size");
    memcpy(running_service->state, kept, running_service->state_bytes);
    problem = running_service->state_check != NULL ? running_service->state_check(running_service->state) : NULL;
    fprintf(stderr, "replay: state before the message: %s\n", problem != NULL ? problem : "good");
    journal.phase = JOURNAL_HANDLING;
    journal.attempts = 0;
    journal_kept[0] = (struct journal_range){ 0, 0 }; /* nobody rolls back any more */
    journal_kept[1] = (struct journal_range){ 0, 0 };
    resume_pending = true;
}

/* ---- the kernel ---- */

static void print_log(const struct message *message)
{
    struct kernel_log_request log;

    kernel_log_request_get(message, &log);
    fprintf(stderr, "replay: %.*s", (int)log.length, (const char *)(uintptr_t)log.text);
}

static void say_who(struct message *message)
{
    struct kernel_whoami_reply reply = { .process = own_endpoint };

    memcpy(reply.name, name, sizeof(name));
    message->status = 0;
    kernel_whoami_reply_put(message, &reply);
}

/* The next answer that the report has; false: it has none that fits. */
static bool answer_as_then(endpoint_t destination, struct message *message, int *result)
{
    struct message request = *message;
    struct crash_call call;
    uint64_t address, copied;

    if (calls_at + sizeof(call) > calls_length)
        return false;
    memcpy(&call, calls + calls_at, sizeof(call));
    if (call.destination != destination || call.request_type != request.type) {
        fprintf(stderr, "replay: diverged: the handler calls %d with %#x, in the guest it called %d with %#x\n", destination, request.type,
                call.destination, call.request_type);
        exit(EXIT_NO_CRASH);
    }
    *message = call.answer;
    *result = call.result;
    copied = crash_notes_copied(destination, &request, &call.answer, &address);
    if (copied != 0)
        memcpy((void *)(uintptr_t)address, calls + calls_at + sizeof(call), call.copied);
    calls_at += sizeof(call) + ((call.copied + COPIED_ALIGNMENT - 1) & ~(uint64_t)(COPIED_ALIGNMENT - 1));
    return true;
}

static int call(endpoint_t destination, struct message *message)
{
    int result = 0;

    if (destination == ENDPOINT_SYSTEM && message->type == KERNEL_LOG) {
        print_log(message);
        message->status = 0;
        return 0;
    }
    if (destination == ENDPOINT_SYSTEM && message->type == KERNEL_WHOAMI) {
        say_who(message);
        return 0;
    }
    if (destination == ENDPOINT_SYSTEM && message->type == KERNEL_EXIT) {
        fprintf(stderr, "replay: the service gives itself up\n");
        abort();
    }
    if (answer_as_then(destination, message, &result))
        return result;
    fprintf(stderr, "replay: the answer of %d to %#x is not in the report: success and zeros\n", destination, message->type);
    message->status = 0;
    message->type |= MESSAGE_REPLY;
    memset(message->word, 0, sizeof(message->word));
    return 0;
}

int trap_ipc(uint32_t verb, int64_t first, const void *second, uint32_t *status)
{
    *status = 0;
    if (verb == IPC_SENDREC)
        return call((endpoint_t)first, (struct message *)(uintptr_t)second);
    if (verb == IPC_RECEIVE || verb == IPC_REPLY_RECEIVE) {
        fprintf(stderr, "replay: the handler ended, and nothing happened\n");
        exit(EXIT_NO_CRASH);
    }
    return 0;
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: %s FILE, as tools/replay/replay.py makes it\n", argv[0]);
        return EXIT_BAD_FILE;
    }
    path = argv[1];
    load(true);
    return service_main();
}
