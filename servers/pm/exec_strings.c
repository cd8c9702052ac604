/* SPDX-License-Identifier: MIT */
/*
 * Layout of a buffer's strings: [room for #! prefixes][arguments][environment][path][platform][random]. All of it becomes the top of the new stack as it
 * is, so that an address is the stack's top minus a distance. Pointers are found by walking the strings.
 */
#include "exec_strings.h"

#include "base/string.h"
#include "errors.h"
#include "protocols/vm_client.h"
#include "sys/journal_debug.h"
#include "sys/syscalls.h"

enum { POINTERS_AT_ONCE = 32, POINTER_BYTES = 8, PIECE_BYTES = 512 };

enum auxiliary {
    AT_NULL = 0,
    AT_PHDR = 3,
    AT_PHENT = 4,
    AT_PHNUM = 5,
    AT_PAGESZ = 6,
    AT_BASE = 7,
    AT_FLAGS = 8,
    AT_ENTRY = 9,
    AT_UID = 11,
    AT_EUID = 12,
    AT_GID = 13,
    AT_EGID = 14,
    AT_PLATFORM = 15,
    AT_HWCAP = 16,
    AT_CLKTCK = 17,
    AT_SECURE = 23,
    AT_RANDOM = 25,
    AT_HWCAP2 = 26,
    AT_EXECFN = 31,
    AT_SYSINFO_EHDR = 33,
};

static const char platform[] = "x86_64";
enum { PLATFORM_BYTES = sizeof(platform), RANDOM_BYTES = 16, PHDR_BYTES = 56 };

/* ---- copying in ---- */

/* Strings and pointers together may not be larger than EXEC_STRINGS_BYTES. */
static uint32_t budget_left(const struct exec_buffer *buffer)
{
    uint32_t used = buffer->end - EXEC_PREFIX_BYTES + (buffer->argument_count + buffer->environment_count) * POINTER_BYTES;

    return used >= EXEC_STRINGS_BYTES ? 0 : EXEC_STRINGS_BYTES - used;
}

/* Strings of one program mostly lie close together: a piece of its memory is fetched at once and serves several of them. */
struct piece {
    uint64_t address;
    uint32_t length;
    char bytes[PIECE_BYTES];
};

/* The string at `address` with its NUL, if the piece has or gets it whole; NULL otherwise. */
CALLERS_OWN(1, 4)
static const char *find_in_piece(struct piece *piece, endpoint_t caller, uint64_t address, uint32_t *length)
{
    const char *text;
    const char *end;

    if (address - piece->address >= piece->length) {
        uint64_t in_page = PAGE_BYTES - address % PAGE_BYTES;
        piece->length = in_page < PIECE_BYTES ? (uint32_t)in_page : PIECE_BYTES;
        piece->address = address;
        if (sys_copy_from(caller, address, piece->bytes, piece->length) != 0) {
            piece->length = 0;
            return NULL;
        }
    }
    text = piece->bytes + (address - piece->address);
    end = memchr(text, '\0', piece->length - (size_t)(text - piece->bytes));
    if (end == NULL)
        return NULL;
    *length = (uint32_t)(end - text) + 1;
    return text;
}

CALLERS_OWN(2)
static int copy_one(struct exec_buffer *buffer, struct piece *piece, endpoint_t caller, uint64_t address)
{
    uint32_t left = budget_left(buffer);
    uint32_t room = left < EXEC_STRING_MAX ? left : EXEC_STRING_MAX;
    uint32_t bytes;
    const char *text;
    int length;

    if (room <= POINTER_BYTES)
        return -E2BIG;
    text = find_in_piece(piece, caller, address, &bytes);
    if (text != NULL && bytes <= room - POINTER_BYTES) {
        journal_copy_anew(buffer->strings + buffer->end, text, bytes); /* what is behind the end means nothing */
        buffer->end += bytes;
        return 0;
    }
    length = sys_copy_string_anew(caller, address, buffer->strings + buffer->end, room - POINTER_BYTES);
    if (length < 0)
        return length == -ENAMETOOLONG ? -E2BIG : -EFAULT;
    buffer->end += (uint32_t)length + 1;
    return 0;
}

/* The vector may end in an unmapped page right after its NULL, so a block of pointers never crosses a page. */
CALLERS_OWN(2)
static int copy_vector(struct exec_buffer *buffer, struct piece *piece, endpoint_t caller, uint64_t address, uint32_t *count)
{
    uint64_t pointer[POINTERS_AT_ONCE];

    *count = 0;
    if (address == 0)
        return 0;
    for (;;) {
        uint64_t in_page = (PAGE_BYTES - address % PAGE_BYTES) / POINTER_BYTES;
        uint32_t n = in_page == 0 ? 1 : in_page < POINTERS_AT_ONCE ? (uint32_t)in_page : POINTERS_AT_ONCE;
        if (sys_copy_from(caller, address, pointer, n * POINTER_BYTES) != 0)
            return -EFAULT;
        for (uint32_t i = 0; i < n; i++) {
            int result;
            if (pointer[i] == 0)
                return 0;
            result = copy_one(buffer, piece, caller, pointer[i]);
            if (result != 0)
                return result;
            (*count)++;
        }
        address += n * POINTER_BYTES;
    }
}

/* The path, platform and random bytes follow the environment. */
static void add_tail(struct exec_buffer *buffer)
{
    uint32_t length = (uint32_t)strlen(buffer->path) + 1;

    memcpy(buffer->strings + buffer->end, buffer->path, length);
    buffer->path_end = buffer->end + length;
    memcpy(buffer->strings + buffer->path_end, platform, PLATFORM_BYTES);
}

static void begin(struct exec_buffer *buffer)
{
    buffer->start = EXEC_PREFIX_BYTES;
    buffer->end = EXEC_PREFIX_BYTES;
    buffer->argument_count = 0;
    buffer->environment_count = 0;
    buffer->level = 0;
    buffer->opens_interpreter = false;
}

int exec_strings_copy(struct exec_buffer *buffer, endpoint_t caller, const uint64_t arguments[3])
{
    struct piece piece;
    int result;

    piece.length = 0;
    piece.address = 0;
    begin(buffer);
    result = sys_copy_string_anew(caller, arguments[0], buffer->path, sizeof(buffer->path));
    if (result < 0)
        return result;
    if (result == 0)
        return -ENOENT;
    result = copy_vector(buffer, &piece, caller, arguments[1], &buffer->argument_count);
    if (result == 0 && buffer->argument_count == 0) { /* Linux gives such a program an empty argv[0] */
        buffer->strings[buffer->end++] = '\0';
        buffer->argument_count = 1;
    }
    buffer->environment_start = buffer->end;
    if (result == 0) {
        result = copy_vector(buffer, &piece, caller, arguments[2], &buffer->environment_count);
    }
    if (result == 0) {
        add_tail(buffer);
    }
    return result;
}

static void append(struct exec_buffer *buffer, const char *text)
{
    uint32_t length = (uint32_t)strlen(text) + 1;

    memcpy(buffer->strings + buffer->end, text, length);
    buffer->end += length;
}

void exec_strings_first(struct exec_buffer *buffer, const char *path, const char *const *environment, uint32_t count)
{
    const char *slash = strrchr(path, '/');

    begin(buffer);
    string_copy(buffer->path, sizeof(buffer->path), path);
    append(buffer, slash == NULL ? path : slash + 1);
    buffer->argument_count = 1;
    buffer->environment_start = buffer->end;
    for (uint32_t i = 0; i < count; i++) {
        append(buffer, environment[i]);
    }
    buffer->environment_count = count;
    add_tail(buffer);
}

void exec_strings_given(struct exec_buffer *buffer, const char *path, const char *const *arguments, uint32_t count)
{
    begin(buffer);
    string_copy(buffer->path, sizeof(buffer->path), path);
    for (uint32_t i = 0; i < count; i++) {
        append(buffer, arguments[i]);
    }
    buffer->argument_count = count;
    buffer->environment_start = buffer->end;
    add_tail(buffer);
}

/* ---- #! ---- */

static int put_in_front(struct exec_buffer *buffer, const char *text, uint32_t length)
{
    if (buffer->start < length + 1)
        return -E2BIG;
    buffer->start -= length + 1;
    memcpy(buffer->strings + buffer->start, text, length);
    buffer->strings[buffer->start + length] = '\0';
    buffer->argument_count++;
    return 0;
}

int exec_strings_add_script(struct exec_buffer *buffer, const struct script_line *line)
{
    int result;

    if (buffer->argument_count > 0) { /* argv[0] gives way to the script's path */
        buffer->start += (uint32_t)strlen(buffer->strings + buffer->start) + 1;
        buffer->argument_count--;
    }
    result = put_in_front(buffer, buffer->path, (uint32_t)strlen(buffer->path));
    if (result == 0 && line->argument_length != 0) {
        result = put_in_front(buffer, (const char *)buffer->header + line->argument, line->argument_length);
    }
    if (result == 0) {
        result = put_in_front(buffer, (const char *)buffer->header + line->interpreter, line->interpreter_length);
    }
    if (result == 0) {
        memcpy(buffer->path, buffer->header + line->interpreter, line->interpreter_length);
        buffer->path[line->interpreter_length] = '\0';
    }
    return result;
}

/* ---- the new stack ---- */

static uint32_t block_end(const struct exec_buffer *buffer)
{
    return buffer->path_end + PLATFORM_BYTES + RANDOM_BYTES;
}

/* The last 8 bytes of the stack stay zero, as on Linux. */
uint64_t exec_strings_address(const struct exec_buffer *buffer, uint32_t offset)
{
    return STACK_TOP - POINTER_BYTES - (block_end(buffer) - offset);
}

enum { AUXILIARY_WORDS = 2 * 20 };

static uint64_t table_words(const struct exec_buffer *buffer)
{
    return 1 + buffer->argument_count + 1 + buffer->environment_count + 1 + AUXILIARY_WORDS;
}

static uint64_t table_address(const struct exec_buffer *buffer)
{
    return (exec_strings_address(buffer, buffer->start) - table_words(buffer) * POINTER_BYTES) & ~15ull;
}

uint64_t exec_strings_stack_bytes(const struct exec_buffer *buffer)
{
    return STACK_TOP - table_address(buffer);
}

/* Words are collected and leave when the table is full (or never, if it holds all). Both are on the stack. */
struct writer {
    const struct exec_buffer *buffer;
    uint64_t *table NOT_STATE;
    uint64_t address; /* of the first word in the table */
    uint32_t space;
    uint32_t count;
    uint32_t room; /* words in the table */
    int result;
};

static int write_space(uint32_t space, const void *from, uint64_t to, uint64_t length)
{
    struct vm_exec_write_request request = { .space = space, .source = (uint64_t)(uintptr_t)from, .destination = to, .length = length };

    return vm_call_exec_write(ENDPOINT_VM, &request);
}

CALLERS_OWN(1)
static void flush(struct writer *writer)
{
    if (writer->result == 0 && writer->count != 0) {
        writer->result = write_space(writer->space, writer->table, writer->address, writer->count * POINTER_BYTES);
    }
    writer->address += writer->count * POINTER_BYTES;
    writer->count = 0;
}

CALLERS_OWN(1)
static void put(struct writer *writer, uint64_t word)
{
    writer->table[writer->count++] = word;
    if (writer->count == writer->room) {
        flush(writer);
    }
}

CALLERS_OWN(1)
static void put_pair(struct writer *writer, uint64_t type, uint64_t value)
{
    put(writer, type);
    put(writer, value);
}

/* Pointers to `count` strings from an offset on; returns the offset behind them. */
CALLERS_OWN(1)
static uint32_t put_pointers(struct writer *writer, uint32_t offset, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        put(writer, exec_strings_address(writer->buffer, offset));
        offset += (uint32_t)strlen(writer->buffer->strings + offset) + 1;
    }
    put(writer, 0);
    return offset;
}

static void processor_features(uint32_t *features)
{
    uint32_t a = 1;
    uint32_t b = 0;
    uint32_t c = 0;
    uint32_t d = 0;

    __asm__ volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
    *features = d;
}

CALLERS_OWN(1)
static void put_auxiliary(struct writer *writer, const struct auxiliary_values *values)
{
    const struct exec_buffer *buffer = writer->buffer;
    uint32_t features;

    processor_features(&features);
    if (values->vdso != 0) {
        put_pair(writer, AT_SYSINFO_EHDR, values->vdso);
    }
    put_pair(writer, AT_HWCAP, features);
    put_pair(writer, AT_PAGESZ, PAGE_BYTES);
    put_pair(writer, AT_CLKTCK, CLOCK_TICKS);
    put_pair(writer, AT_PHDR, values->headers);
    put_pair(writer, AT_PHENT, PHDR_BYTES);
    put_pair(writer, AT_PHNUM, values->header_count);
    put_pair(writer, AT_BASE, values->base);
    put_pair(writer, AT_FLAGS, 0);
    put_pair(writer, AT_ENTRY, values->entry);
    put_pair(writer, AT_UID, values->uid);
    put_pair(writer, AT_EUID, values->euid);
    put_pair(writer, AT_GID, values->gid);
    put_pair(writer, AT_EGID, values->egid);
    put_pair(writer, AT_SECURE, values->is_secure);
    put_pair(writer, AT_RANDOM, exec_strings_address(buffer, buffer->path_end + PLATFORM_BYTES));
    put_pair(writer, AT_HWCAP2, 0);
    put_pair(writer, AT_EXECFN, exec_strings_address(buffer, buffer->end));
    put_pair(writer, AT_PLATFORM, exec_strings_address(buffer, buffer->path_end));
    put_pair(writer, AT_NULL, 0);
}

CALLERS_OWN(1)
static void put_table(struct writer *writer, const struct auxiliary_values *values)
{
    const struct exec_buffer *buffer = writer->buffer;

    put(writer, buffer->argument_count);
    put_pointers(writer, buffer->start, buffer->argument_count);
    put_pointers(writer, buffer->environment_start, buffer->environment_count);
    put_auxiliary(writer, values);
}

uint64_t exec_strings_make_stack(const struct exec_buffer *buffer, const struct auxiliary_values *values, void *block, uint64_t room,
                                 uint64_t *length)
{
    uint64_t pointer = table_address(buffer);
    uint64_t strings = exec_strings_address(buffer, buffer->start) - pointer;
    struct writer writer = { .buffer = buffer, .table = block, .address = pointer, .room = UINT32_MAX };
    char *out = block;

    *length = strings + block_end(buffer) - buffer->start;
    if (*length > room)
        return 0;
    put_table(&writer, values);
    memset(out + writer.count * POINTER_BYTES, 0, strings - writer.count * POINTER_BYTES);
    memcpy(out + strings, buffer->strings + buffer->start, block_end(buffer) - buffer->start);
    memcpy(out + strings + (buffer->path_end + PLATFORM_BYTES - buffer->start), values->random, RANDOM_BYTES);
    return pointer;
}

uint64_t exec_strings_write_stack(struct exec_buffer *buffer, uint32_t space, const struct auxiliary_values *values)
{
    uint64_t pointer = table_address(buffer);
    uint64_t table[EXEC_TABLE_WORDS];
    struct writer writer = { .buffer = buffer, .table = table, .address = pointer, .space = space, .room = EXEC_TABLE_WORDS };

    memcpy(buffer->strings + buffer->path_end + PLATFORM_BYTES, values->random, RANDOM_BYTES);
    put_table(&writer, values);
    flush(&writer);
    if (writer.result == 0) {
        writer.result = write_space(space, buffer->strings + buffer->start, exec_strings_address(buffer, buffer->start),
                                    block_end(buffer) - buffer->start);
    }
    return writer.result == 0 ? pointer : 0;
}
