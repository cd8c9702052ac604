/* SPDX-License-Identifier: MIT */
/*
 * The ELF-64 file format for x86-64, as far as a loader needs it (System V ABI, chapters 4 and 5, and its x86-64 supplement). Every number in a
 * file is hostile: whoever reads one checks it first.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/string.h"

enum {
    ELF_CLASS = 4, /* index in ident */
    ELF_CLASS_64 = 2,
    ELF_DATA = 5, /* index in ident */
    ELF_DATA_LITTLE_ENDIAN = 1,
    ELF_TYPE_EXECUTABLE = 2,
    ELF_TYPE_SHARED = 3, /* position-independent */
    ELF_MACHINE_X86_64 = 62,
    ELF_SEGMENT_LOAD = 1,
    ELF_SEGMENT_INTERPRETER = 3,
    ELF_SEGMENT_PROGRAM_HEADERS = 6,
};

/* Rights of a segment. */
enum { ELF_EXECUTE = 1, ELF_WRITE = 2, ELF_READ = 4 };

struct elf_header {
    uint8_t ident[16];
    uint16_t type;
    uint16_t machine;
    uint32_t version;
    uint64_t entry;
    uint64_t program_headers; /* offset in the file */
    uint64_t section_headers;
    uint32_t flags;
    uint16_t header_bytes;
    uint16_t program_header_bytes;
    uint16_t program_header_count;
    uint16_t section_header_bytes;
    uint16_t section_header_count;
    uint16_t section_names;
};

struct elf_program_header {
    uint32_t type;
    uint32_t flags;
    uint64_t offset;
    uint64_t address;
    uint64_t physical;
    uint64_t file_bytes;
    uint64_t memory_bytes;
    uint64_t alignment;
};

static inline bool elf_has_magic(const struct elf_header *header)
{
    return memcmp(header->ident, "\177ELF", 4) == 0;
}

/* An ELF file for this processor? */
static inline bool elf_is_x86_64(const struct elf_header *header)
{
    return elf_has_magic(header) && header->ident[ELF_CLASS] == ELF_CLASS_64 && header->ident[ELF_DATA] == ELF_DATA_LITTLE_ENDIAN &&
           header->machine == ELF_MACHINE_X86_64;
}
