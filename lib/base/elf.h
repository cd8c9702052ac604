/* SPDX-License-Identifier: MIT */
/*
 * What is needed of the ELF format (System V ABI, x86-64 supplement) to load a service.
 */
#pragma once

#include <stdint.h>

enum {
    ELF_MAGIC = 0x464c457f,
    ELF_CLASS_64 = 2,
    ELF_TYPE_EXECUTABLE = 2,
    ELF_TYPE_SHARED = 3,
    ELF_MACHINE_X86_64 = 62,
    ELF_SEGMENT_LOAD = 1,
    ELF_SEGMENT_EXECUTE = 1,
    ELF_SEGMENT_WRITE = 2,
    ELF_PROGRAM_HEADERS_MAX = 16,
};

struct elf_header {
    uint32_t magic;
    uint8_t class;
    uint8_t ident[11];
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
    uint64_t align;
};
