/* SPDX-License-Identifier: MIT */
/*
 * ELF-64 of x86-64, statically linked (ET_EXEC). Offsets and sizes are checked against the file and against each other before use.
 */
#include "elf_parse.h"

#include "base/string.h"

#include <stdbool.h>

enum { PAGE = 4096, MACHINE_X86_64 = 62, TYPE_EXECUTABLE = 2, SEGMENT_LOAD = 1 };

struct elf_header {
    uint8_t ident[16];
    uint16_t type, machine;
    uint32_t version;
    uint64_t entry, program_headers, section_headers;
    uint32_t flags;
    uint16_t header_size, program_header_size, program_header_count;
    uint16_t section_header_size, section_header_count, section_names;
};

struct elf_program_header {
    uint32_t type, flags;
    uint64_t offset, address, physical, file_size, memory_size, align;
};

static const char *header_check(const struct elf_header *header, size_t length)
{
    if (memcmp(header->ident, "\177ELF", 4) != 0)
        return "not an ELF file";
    if (header->ident[4] != 2 || header->ident[5] != 1 || header->machine != MACHINE_X86_64)
        return "not for x86-64";
    if (header->type != TYPE_EXECUTABLE)
        return "not a static executable";
    if (header->program_header_size != sizeof(struct elf_program_header))
        return "program headers of an unknown size";
    size_t room = header->program_header_count * sizeof(struct elf_program_header);
    if (header->program_headers > length || room > length - header->program_headers)
        return "program headers beyond the end of the file";
    return NULL;
}

static const char *segment_add(struct elf_image *image, const struct elf_program_header *header, size_t length, uint64_t user_top)
{
    if (header->memory_size == 0)
        return NULL;
    if (header->file_size > header->memory_size)
        return "a segment has more bytes in the file than in memory";
    if (header->offset > length || header->file_size > length - header->offset)
        return "a segment reaches beyond the end of the file";
    if (header->address < PAGE || header->address >= user_top || header->memory_size > user_top - header->address)
        return "a segment is outside the user's addresses";
    if (image->segment_count == ELF_SEGMENTS_MAX)
        return "too many segments";
    struct elf_segment segment = {
        .address = header->address / PAGE * PAGE,
        .end = (header->address + header->memory_size + PAGE - 1) / PAGE * PAGE,
        .data_address = header->address,
        .offset = header->offset,
        .file_length = header->file_size,
        .flags = header->flags & 7,
    };
    if ((segment.flags & (ELF_WRITE | ELF_EXECUTE)) == (ELF_WRITE | ELF_EXECUTE))
        return "a segment is both writable and executable";
    for (uint32_t i = 0; i < image->segment_count; i++)
        if (segment.address < image->segment[i].end && image->segment[i].address < segment.end)
            return "two segments overlap";
    image->segment[image->segment_count++] = segment;
    return NULL;
}

const char *elf_parse(const uint8_t *file, size_t length, uint64_t user_top, struct elf_image *image)
{
    *image = (struct elf_image){ 0 };
    struct elf_header header;
    if (length < sizeof header)
        return "too short for an ELF file";
    memcpy(&header, file, sizeof header);
    const char *error = header_check(&header, length);
    if (error != NULL)
        return error;

    for (uint32_t i = 0; i < header.program_header_count; i++) {
        struct elf_program_header program;
        memcpy(&program, file + header.program_headers + i * sizeof program, sizeof program);
        if (program.type == SEGMENT_LOAD && (error = segment_add(image, &program, length, user_top)) != NULL)
            return error;
    }
    image->entry = header.entry;
    bool entry_is_inside = false;
    for (uint32_t i = 0; i < image->segment_count; i++)
        entry_is_inside |= image->segment[i].flags & ELF_EXECUTE && header.entry >= image->segment[i].address &&
                           header.entry < image->segment[i].end;
    return entry_is_inside ? NULL : "the entry point is in no executable segment";
}
