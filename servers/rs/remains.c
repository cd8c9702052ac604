/* SPDX-License-Identifier: MIT */
/*
 * What is kept of a dead VM for its report. Its body becomes the next standby in the memory that it has (standby.c), so what the coroner reads is copied
 * first: registers, the beginning of the image, state, journal, crash notes, stack. Not the tables, with which the VM that serves goes on. The copy is
 * this instance's: with a new RS it is gone, and the death has no report.
 */
#include "base/elf.h"
#include "base/string.h"
#include "errors.h"
#include "protocols/kernel_client.h"
#include "state.h"
#include "sys/crash_notes.h"
#include "sys/service.h"
#include "sys/service_header.h"
#include "sys/syscalls.h"

enum { PIECES = 8, ROOM = 24 * RS_PAGE_BYTES, STACK_POINTER = 19, HEADER_OFFSET = 64 };

struct piece {
    uint64_t address;
    uint32_t length;
    uint32_t offset; /* in `bytes` */
};

static struct {
    uint64_t time_ns; /* of the death; 0: nothing is here */
    uint64_t registers[RS_CORPSE_REGISTERS];
    uint32_t count;
    uint32_t used;
    struct piece piece[PIECES];
    uint8_t bytes[ROOM];
} copy SERVICE_INSTANCE;

/* What does not fit is left out at its end; the report says what is missing. */
static void keep(endpoint_t body, uint64_t address, uint64_t length)
{
    struct piece *piece = &copy.piece[copy.count];

    if (length > ROOM - copy.used)
        length = ROOM - copy.used;
    if (length == 0 || sys_copy_from(body, address, copy.bytes + copy.used, length) != 0)
        return;
    *piece = (struct piece){ .address = address, .length = (uint32_t)length, .offset = copy.used };
    copy.used += (uint32_t)length;
    copy.count++;
}

/* From the stack pointer to the end of its segment; 0: it points elsewhere. */
static uint64_t stack_bytes(const struct rs_slot *model, uint64_t stack)
{
    const uint8_t *image = (const uint8_t *)(uintptr_t)model->image;
    struct elf_program_header segment;
    struct elf_header header;

    memcpy(&header, image, sizeof(header));
    for (uint32_t i = 0; i < header.program_header_count; i++) {
        memcpy(&segment, image + header.program_headers + i * sizeof(segment), sizeof(segment));
        if (segment.type == ELF_SEGMENT_LOAD && (segment.flags & ELF_SEGMENT_WRITE) != 0 && stack - segment.address < segment.memory_bytes)
            return segment.address + segment.memory_bytes - stack;
    }
    return 0;
}

static void keep_section(endpoint_t body, const struct service_border *section)
{
    keep(body, section->start, section->end - section->start);
}

void rs_remains_keep(const struct rs_slot *model, endpoint_t body, uint64_t time_ns)
{
    struct kernel_getregs_request registers = { .process = body, .registers = (uint64_t)(uintptr_t)copy.registers };
    uint64_t entry = rs_image_entry(model);
    const void *found = rs_image_at(model, entry + HEADER_OFFSET, sizeof(struct service_image));
    struct service_image image;

    copy.count = copy.used = 0;
    copy.time_ns = 0;
    if (found == NULL || kernel_call_getregs(ENDPOINT_SYSTEM, &registers) != 0)
        return;
    memcpy(&image, found, sizeof(image));
    keep(body, entry, RS_PAGE_BYTES);
    keep_section(body, &image.header.section[LAYOUT_JOURNAL]);
    keep(body, image.crash_notes, sizeof(struct crash_notes));
    keep_section(body, &image.header.section[LAYOUT_STATE]);
    keep_section(body, &image.header.section[LAYOUT_DERIVED]);
    keep(body, copy.registers[STACK_POINTER], stack_bytes(model, copy.registers[STACK_POINTER]));
    copy.time_ns = time_ns;
}

bool rs_remains_registers(uint64_t time_ns, uint64_t registers[RS_CORPSE_REGISTERS])
{
    if (copy.time_ns != time_ns)
        return false;
    memcpy(registers, copy.registers, sizeof(copy.registers));
    return true;
}

int rs_remains_read(endpoint_t reader, uint64_t from, uint64_t to, uint64_t length)
{
    for (uint32_t i = 0; i < copy.count; i++) {
        const struct piece *piece = &copy.piece[i];
        uint64_t at = from - piece->address;

        if (at < piece->length && length <= piece->length - at)
            return sys_copy_to(reader, to, copy.bytes + piece->offset + at, length);
    }
    return -EFAULT;
}
