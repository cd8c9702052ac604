/* SPDX-License-Identifier: MIT */
/*
 * The report of one dead instance: what RS knows of its death, what it noted itself, and its memory.
 */
#include "report.h"

#include <string.h>

#include "pack.h"
#include "rs.h"
#include "sys/crash_notes.h"
#include "sys/journal.h"
#include "sys/service_header.h"

enum { FRAMES_MAX = 32, ENTRY_BYTES = 512, BUILD_ID_BYTES = 20, LINE_BYTES = 228, ARENA_MAX = 16 << 20, CALL_TEXT = 24576 };

/* Large, and there is one report at a time: what is read from the dead instance, and what becomes of it. */
static struct crash_notes notes;
static struct journal journal_copy;
static uint8_t piece[PACK_BLOCK], packed[PACK_ROOM];
static char call_text[CALL_TEXT];

static void write_cause(FILE *file, const struct rs_corpse *corpse)
{
    const struct rs_death *death = &corpse->death;

    if (death->cause == RS_CAUSE_SIGNAL)
        fprintf(file, "cause: signal %d, trap %u, address %#llx, error %#llx\n", death->signo, death->trap,
                (unsigned long long)death->address, (unsigned long long)death->error);
    else if (death->cause == RS_CAUSE_HEARTBEAT)
        fprintf(file, "cause: heartbeat\n");
    else if (death->result != 0)
        fprintf(file, "cause: init failed, error %d\n", death->result);
    else
        fprintf(file, "cause: slow start\n");
}

static void write_registers(FILE *file, const uint64_t *registers)
{
    static const char *const names[RS_CORPSE_REGISTERS] = {
        "r15", "r14", "r13", "r12", "rbp",    "rbx", "r11", "r10",     "r9",      "r8", "rax", "rcx", "rdx", "rsi",
        "rdi", "-",   "rip", "cs",  "eflags", "rsp", "ss",  "fs_base", "gs_base", "ds", "es",  "fs",  "gs",
    };

    for (int i = 0; i < RS_CORPSE_REGISTERS; i++) {
        if (names[i][0] != '-')
            fprintf(file, "register: %s %#llx\n", names[i], (unsigned long long)registers[i]);
    }
}

static void write_backtrace(FILE *file, const uint64_t *registers)
{
    uint64_t frame[2] = { registers[4], registers[16] };

    for (int i = 0; i < FRAMES_MAX && frame[1] != 0; i++) {
        uint64_t base = frame[0];

        fprintf(file, "frame: %#llx\n", (unsigned long long)frame[1]);
        if (base == 0 || base % 8 != 0 || corpse_read(base, frame, sizeof(frame)) != 0 || (frame[0] != 0 && frame[0] <= base))
            return;
    }
}

/* The header and, behind it, the build id; false: there is none, the instance never was a whole service. */
static bool find_image(uint64_t entry, struct service_image *image, uint8_t *build_id)
{
    static const uint8_t note[] = { 4, 0, 0, 0, BUILD_ID_BYTES, 0, 0, 0, 3, 0, 0, 0, 'G', 'N', 'U', 0 };
    uint8_t bytes[ENTRY_BYTES];
    bool found = false;

    if (entry == 0 || corpse_read(entry, bytes, sizeof(bytes)) != 0)
        return false;
    for (size_t at = 0; at + sizeof(*image) < sizeof(bytes) && !found; at += 8) {
        memcpy(image, bytes + at, sizeof(*image));
        found = image->header.magic == SERVICE_HEADER_MAGIC;
    }
    for (size_t at = 0; at + sizeof(note) + BUILD_ID_BYTES < sizeof(bytes); at += 4) {
        if (memcmp(bytes + at, note, sizeof(note)) == 0)
            memcpy(build_id, bytes + at + sizeof(note), BUILD_ID_BYTES);
    }
    return found;
}

static void write_message(FILE *file, const struct journal *kept)
{
    const struct message *message = &kept->buffer[kept->current & 1];

    fprintf(file, "handling: phase %u, attempt %u, %llu handled before\n", kept->phase, kept->attempts + 1,
            (unsigned long long)kept->committed);
    fprintf(file, "message: from %d, type %#x, status %d, transaction %#x, received as %#x, words", message->source, message->type,
            message->status, message->transaction, kept->receive_status);
    for (int i = 0; i < 6; i++)
        fprintf(file, " %#llx", (unsigned long long)message->word[i]);
    fprintf(file, "\n");
}

static void write_text(FILE *file, const char *key, const char *text)
{
    if (text[0] != '\0')
        fprintf(file, "%s: %.*s\n", key, CRASH_TEXT_BYTES - 1, text);
}

static void write_calls(FILE *file)
{
    if (notes.recording == 0 || notes.calls_used > sizeof(notes.calls))
        return;
    base64(notes.calls, notes.calls_used, call_text);
    fprintf(file, "calls: lost %u, data %s\n", notes.calls_lost, call_text);
}

static void write_notes(FILE *file, uint64_t address, bool resumed)
{
    if (corpse_read(address, &notes, sizeof(notes)) != 0 || notes.magic != CRASH_NOTES_MAGIC) {
        fprintf(file, "notes: none\n");
        return;
    }
    write_text(file, "text", notes.text);
    write_text(file, "state check", resumed ? "good, the next instance goes on with this state" : notes.check);
    write_text(file, "fault", notes.fault);
    for (uint64_t i = notes.events > CRASH_EVENTS ? notes.events - CRASH_EVENTS : 0; i < notes.events; i++) {
        const struct crash_event *event = &notes.event[i % CRASH_EVENTS];

        fprintf(file, "event: %llu from %d, type %#x, status %d, transaction %#x, word %#llx\n", (unsigned long long)i, event->source,
                event->type, event->status, event->transaction, (unsigned long long)event->word);
    }
    write_calls(file);
}

/* ---- memory ---- */

static void write_block(FILE *file, uint64_t address, const uint8_t *bytes, size_t length)
{
    char line[LINE_BYTES / 3 * 4 + 1];
    size_t count = pack(bytes, length, packed);

    fprintf(file, "block: %#llx %zu\n", (unsigned long long)address, length);
    for (size_t at = 0; at < count; at += LINE_BYTES) {
        base64(packed + at, count - at < LINE_BYTES ? count - at : LINE_BYTES, line);
        fprintf(file, "%s\n", line);
    }
}

static bool is_zero(const uint8_t *bytes, size_t length)
{
    return length == 0 || (bytes[0] == 0 && memcmp(bytes, bytes + 1, length - 1) == 0);
}

/* What is not written is zero. */
static void write_region(FILE *file, const char *name, uint64_t start, uint64_t length, long end)
{
    if (length == 0)
        return;
    fprintf(file, "memory: %s %#llx %llu\n", name, (unsigned long long)start, (unsigned long long)length);
    for (uint64_t at = 0; at < length; at += PACK_BLOCK) {
        size_t part = length - at < PACK_BLOCK ? (size_t)(length - at) : PACK_BLOCK;

        if (ftell(file) > end || length > ARENA_MAX || corpse_read(start + at, piece, part) != 0) {
            fprintf(file, "incomplete: %s from %#llx on\n", name, (unsigned long long)(start + at));
            return;
        }
        if (!is_zero(piece, part))
            write_block(file, start + at, piece, part);
    }
}

/* The outbox is rolled back too, but its contents are of no use elsewhere. */
static void write_kept(FILE *file, uint64_t start, uint64_t end)
{
    fprintf(file, "kept: %#llx %llu\n", (unsigned long long)start, (unsigned long long)(end - start));
}

static void write_section(FILE *file, const char *name, const struct service_border *section, long end)
{
    write_region(file, name, section->start, section->end - section->start, end);
}

static void write_memory(FILE *file, const struct service_header *header, const struct journal *kept, size_t memory_bytes)
{
    long end = ftell(file) + (long)memory_bytes;

    if (memory_bytes == 0) {
        fprintf(file, "incomplete: no memory, there were too many reports\n");
        return;
    }
    write_kept(file, header->section[LAYOUT_STATE].start, header->section[LAYOUT_OUTBOX].end);
    write_section(file, "state", &header->section[LAYOUT_STATE], end);
    write_section(file, "derived", &header->section[LAYOUT_DERIVED], end);
    write_section(file, "journal", &header->section[LAYOUT_JOURNAL], end);
    if (kept->phase == JOURNAL_HANDLING) {
        write_region(file, "undo", kept->undo + kept->undo_first, kept->top - kept->undo - kept->undo_first, end);
        write_region(file, "spill", kept->spill, kept->spill_words * sizeof(uint64_t), end);
    }
    for (uint32_t i = 0; i < kept->arena_count && i < JOURNAL_ARENAS; i++)
        write_region(file, "arena", kept->arena[i].address, kept->arena[i].bytes, end);
}

void report_write(FILE *file, const struct rs_corpse *corpse, size_t memory_bytes)
{
    struct service_image image;
    uint8_t build_id[BUILD_ID_BYTES] = { 0 };

    fprintf(file, "planaria crash report 1\nservice: %s\n", corpse->label);
    fprintf(file, "time: %llu.%09llu s after boot, restart %u\n", (unsigned long long)corpse->death.time_ns / 1000000000,
            (unsigned long long)corpse->death.time_ns % 1000000000, corpse->restarts);
    fprintf(file, "endpoint: %d\n", corpse->served);
    if (corpse->missed > 0)
        fprintf(file, "missed: %u deaths before this one have no report\n", corpse->missed);
    write_cause(file, corpse);
    if (find_image(corpse->entry, &image, build_id)) {
        fprintf(file, "build: ");
        for (int i = 0; i < BUILD_ID_BYTES; i++)
            fprintf(file, "%02x", build_id[i]);
        fprintf(file, "\n");
        write_registers(file, corpse->registers);
        write_backtrace(file, corpse->registers);
        if (corpse_read(image.header.section[LAYOUT_JOURNAL].start, &journal_copy, sizeof(journal_copy)) == 0)
            write_message(file, &journal_copy);
        write_notes(file, image.crash_notes, corpse->death.resumed != 0);
        write_memory(file, &image.header, &journal_copy, memory_bytes);
        if (corpse->served == ENDPOINT_VM)
            fprintf(file, "incomplete: the tables of vm, with which the next instance goes on\n");
    }
    fprintf(file, "end: %s\n", corpse->label);
}

void report_prepare(void)
{
    FILE *nowhere = fopen("/dev/null", "w");

    memset(&notes, 1, sizeof(notes));
    memset(&journal_copy, 1, sizeof(journal_copy));
    memset(piece, 1, sizeof(piece));
    memset(packed, 1, sizeof(packed));
    memset(call_text, 1, sizeof(call_text));
    if (nowhere == NULL)
        return;
    write_block(nowhere, 0, piece, sizeof(piece));
    fclose(nowhere);
}
