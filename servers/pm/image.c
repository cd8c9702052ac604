/* SPDX-License-Identifier: MIT */
/*
 * ELF64 for x86-64, ET_EXEC and ET_DYN (System V ABI, chapter 4 and 5); #! lines as execve(2) describes them. Every number in a file is hostile.
 */
#include "image.h"

#include "base/string.h"
#include "errors.h"
#include "protocols/vm.h"

enum { ELF_CLASS_64 = 2, ELF_LITTLE = 1, ELF_EXEC = 2, ELF_DYN = 3, ELF_X86_64 = 62 };
enum { SEGMENT_LOAD = 1, SEGMENT_INTERP = 3, SEGMENT_PHDR = 6 };
enum { FLAG_EXECUTE = 1, FLAG_WRITE = 2, FLAG_READ = 4 };
enum { SCRIPT_LINE_MAX = 256, INTERPRETER_MAX = 4096 };

struct elf_header {
    uint8_t ident[16];
    uint16_t type;
    uint16_t machine;
    uint32_t version;
    uint64_t entry;
    uint64_t program_headers;
    uint64_t section_headers;
    uint32_t flags;
    uint16_t header_bytes;
    uint16_t program_header_bytes;
    uint16_t program_header_count;
    uint16_t section_header_bytes;
    uint16_t section_header_count;
    uint16_t names;
};

struct elf_segment {
    uint32_t type;
    uint32_t flags;
    uint64_t offset;
    uint64_t address;
    uint64_t physical;
    uint64_t file_bytes;
    uint64_t memory_bytes;
    uint64_t alignment;
};

static uint64_t page_up(uint64_t value)
{
    return (value + PAGE_BYTES - 1) & ~(uint64_t)(PAGE_BYTES - 1);
}

static uint32_t protection_of(uint32_t flags)
{
    return (flags & FLAG_READ ? VM_PROTECTION_READ : 0) | (flags & FLAG_WRITE ? VM_PROTECTION_WRITE : 0) |
           (flags & FLAG_EXECUTE ? VM_PROTECTION_EXECUTE : 0);
}

static bool header_is_good(const struct elf_header *elf, size_t header_length)
{
    static const uint8_t magic[4] = { 0x7f, 'E', 'L', 'F' };

    return memcmp(elf->ident, magic, sizeof(magic)) == 0 && elf->ident[4] == ELF_CLASS_64 && elf->ident[5] == ELF_LITTLE &&
           (elf->type == ELF_EXEC || elf->type == ELF_DYN) && elf->machine == ELF_X86_64 &&
           elf->program_header_bytes == sizeof(struct elf_segment) && elf->program_header_count > 0 &&
           elf->program_headers <= header_length &&
           elf->program_header_count <= (header_length - elf->program_headers) / sizeof(struct elf_segment);
}

CALLERS_OWN(1)
static int add_segment(struct image *image, const struct elf_segment *in, uint64_t file_size)
{
    struct image_segment *out = &image->segment[image->segment_count];
    uint64_t skew = in->address % PAGE_BYTES;

    if (in->memory_bytes == 0)
        return 0;
    if (image->segment_count == IMAGE_SEGMENTS || in->file_bytes > in->memory_bytes || in->offset > file_size ||
        in->file_bytes > file_size - in->offset || in->address >= USER_LIMIT || in->memory_bytes > USER_LIMIT - in->address)
        return -ENOEXEC;
    if (in->file_bytes != 0 && in->offset % PAGE_BYTES != skew)
        return -ENOEXEC;
    out->address = in->address - skew;
    if (image->segment_count != 0 && out->address < image->end)
        return -ENOEXEC; /* not ascending, or two segments in one page */
    out->offset = in->file_bytes == 0 ? 0 : in->offset - skew;
    out->file_length = in->file_bytes == 0 ? 0 : in->file_bytes + skew;
    out->memory_length = in->memory_bytes + skew;
    out->protection = protection_of(in->flags);
    if (image->segment_count == 0) {
        image->start = out->address;
    }
    image->end = page_up(in->address + in->memory_bytes);
    image->segment_count++;
    return 0;
}

CALLERS_OWN(1)
static int set_interpreter(struct image *image, const struct elf_segment *in, const uint8_t *header, size_t header_length)
{
    if (in->file_bytes < 2 || in->file_bytes > INTERPRETER_MAX || in->offset > header_length ||
        in->file_bytes > header_length - in->offset || header[in->offset + in->file_bytes - 1] != '\0')
        return -ENOEXEC;
    image->interpreter_offset = (uint32_t)in->offset;
    image->interpreter_length = (uint32_t)strlen((const char *)header + in->offset);
    return 0;
}

/* Where the program headers are in memory: the segment that contains them. */
CALLERS_OWN(1)
static void find_headers(struct image *image, const struct elf_header *elf)
{
    for (uint32_t i = 0; i < image->segment_count; i++) {
        const struct image_segment *segment = &image->segment[i];
        if (elf->program_headers >= segment->offset && elf->program_headers - segment->offset < segment->file_length) {
            image->headers = segment->address + (elf->program_headers - segment->offset);
            return;
        }
    }
}

int image_parse(const uint8_t *header, size_t header_length, uint64_t file_size, struct image *image)
{
    struct elf_header elf;
    int result = 0;

    memset(image, 0, offsetof(struct image, segment));
    if (header_length < sizeof(elf))
        return -ENOEXEC;
    memcpy(&elf, header, sizeof(elf));
    if (!header_is_good(&elf, header_length))
        return -ENOEXEC;
    for (uint32_t i = 0; i < elf.program_header_count && result == 0; i++) {
        struct elf_segment segment;
        memcpy(&segment, header + elf.program_headers + i * sizeof(segment), sizeof(segment));
        if (segment.type == SEGMENT_LOAD) {
            result = add_segment(image, &segment, file_size);
        } else if (segment.type == SEGMENT_INTERP) {
            result = set_interpreter(image, &segment, header, header_length);
        }
    }
    if (result != 0 || image->segment_count == 0)
        return -ENOEXEC;
    image->is_relocatable = elf.type == ELF_DYN;
    if (!image->is_relocatable && image->start < PAGE_BYTES)
        return -ENOEXEC;
    image->entry = elf.entry;
    if (elf.entry < image->start || elf.entry >= image->end)
        return -ENOEXEC;
    image->header_count = elf.program_header_count;
    find_headers(image, &elf);
    return 0;
}

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\t';
}

int script_parse(const uint8_t *header, size_t header_length, struct script_line *line)
{
    uint32_t end = 2;
    uint32_t at = 2;
    uint32_t limit = header_length < SCRIPT_LINE_MAX ? (uint32_t)header_length : SCRIPT_LINE_MAX;

    memset(line, 0, sizeof(*line));
    while (end < limit && header[end] != '\n' && header[end] != '\0') {
        end++;
    }
    while (at < end && is_blank(header[at])) {
        at++;
    }
    line->interpreter = at;
    while (at < end && !is_blank(header[at])) {
        at++;
    }
    line->interpreter_length = at - line->interpreter;
    if (line->interpreter_length == 0)
        return -ENOEXEC;
    if (at == end && end == SCRIPT_LINE_MAX)
        return -ENOEXEC; /* the name was cut off */
    while (at < end && is_blank(header[at])) {
        at++;
    }
    while (end > at && is_blank(header[end - 1])) {
        end--;
    }
    line->argument = at;
    line->argument_length = end - at;
    return 0;
}
