/* SPDX-License-Identifier: MIT */
/*
 * Before anybody is touched: can the state of the running version become one of the new version? Both images carry the layout of their state
 * (lib/layout/layout.h); they are compared by name. And what the operator is told about an update that failed.
 */
#include "base/format.h"
#include "base/string.h"
#include "errors.h"
#include "state.h"
#include "sys/log.h"
#include "sys/service_header.h"
#include "sys/syscalls.h"

enum { ELF_LOAD = 1, ELF_HEADERS_MAX = 16 };

/* The parts of an ELF file's head that lead to the bytes of an address. */
struct elf_head {
    uint8_t ident[16];
    uint16_t type, machine;
    uint32_t version;
    uint64_t entry, program_headers, section_headers;
    uint32_t flags;
    uint16_t bytes, program_header_bytes, program_header_count;
};

struct elf_segment {
    uint32_t type, flags;
    uint64_t offset, address, physical, file_bytes, memory_bytes, align;
};

struct image {
    const uint8_t *bytes;
    uint64_t length;
};

/* The bytes that will stand at an address; NULL: the file has none. */
static const void *at_address(const struct image *image, uint64_t address, uint64_t length)
{
    struct elf_head head = { 0 };
    struct elf_segment segment = { 0 };

    if (image->length < sizeof(head))
        return NULL;
    memcpy(&head, image->bytes, sizeof(head));
    for (uint64_t i = 0; i < head.program_header_count && i < ELF_HEADERS_MAX; i++) {
        uint64_t offset = head.program_headers + i * sizeof(segment);

        if (offset > image->length || image->length - offset < sizeof(segment))
            return NULL;
        memcpy(&segment, image->bytes + offset, sizeof(segment));
        if (segment.type != ELF_LOAD || address < segment.address || address - segment.address > segment.file_bytes)
            continue;
        offset = segment.offset + (address - segment.address);
        if (segment.file_bytes - (address - segment.address) >= length && offset <= image->length && image->length - offset >= length)
            return image->bytes + offset;
    }
    return NULL;
}

const void *rs_image_at(const struct rs_slot *slot, uint64_t address, uint64_t length)
{
    const struct image image = { (const uint8_t *)(uintptr_t)slot->image, slot->image_length };

    return at_address(&image, address, length);
}

/* The header stands at the beginning of the code: entry.S aligns it behind the entry point. */
static bool find_layout(const struct image *image, struct service_header *header, struct layout_side *side)
{
    struct elf_head head = { 0 };
    const void *found = NULL;

    if (image->length < sizeof(head))
        return false;
    memcpy(&head, image->bytes, sizeof(head));
    found = at_address(image, (head.entry & ~63ull) + 64, sizeof(*header));
    if (found == NULL)
        return false;
    memcpy(header, found, sizeof(*header));
    if (header->magic != SERVICE_HEADER_MAGIC || header->layout_end < header->layout)
        return false;
    side->layout = at_address(image, header->layout, header->layout_end - header->layout);
    for (uint32_t i = 0; i < LAYOUT_SECTIONS; i++)
        side->bytes[i] = header->section[i].end - header->section[i].start;
    return side->layout != NULL && ((uintptr_t)side->layout & 3) == 0 && layout_is_good(side, header->layout_end - header->layout);
}

int rs_check_layouts(const struct rs_slot *old, const struct rs_slot *new, char problem[SERVICE_PROBLEM_BYTES])
{
    const struct image old_image = { (const uint8_t *)(uintptr_t)old->image, old->image_length };
    const struct image new_image = { (const uint8_t *)(uintptr_t) new->image, new->image_length };
    struct service_header old_header, new_header;
    struct layout_pair pair = { 0 };

    problem[0] = '\0';
    if (!find_layout(&new_image, &new_header, &pair.new)) {
        format_string(problem, SERVICE_PROBLEM_BYTES, "the binary is no service with a description of its state");
        return -ENOEXEC;
    }
    if (!find_layout(&old_image, &old_header, &pair.old)) {
        format_string(problem, SERVICE_PROBLEM_BYTES, "the running version has no description of its state");
        return -ENOEXEC;
    }
    if (((struct elf_head *)(uintptr_t)old->image)->entry != ((struct elf_head *)(uintptr_t) new->image)->entry) {
        format_string(problem, SERVICE_PROBLEM_BYTES, "the binary is linked for another address: it is another service");
        return -ENOEXEC;
    }
    if (layout_fits(&pair))
        return 0;
    string_copy(problem, SERVICE_PROBLEM_BYTES, pair.problem);
    return -EINVAL;
}

void rs_explain(const struct rs_operation *operation, const char *label, const char *problem)
{
    char text[SERVICE_PROBLEM_BYTES] = "";

    string_copy(text, sizeof(text), problem);
    log_warn("%s: not updated: %s", label, text);
    (void)sys_copy_to(operation->caller, operation->address + offsetof(struct rs_update, problem), text, sizeof(text));
}

void rs_explain_init(struct rs_state *state, const struct rs_slot *slot, uint64_t address)
{
    char text[SERVICE_PROBLEM_BYTES] = "";

    if (state->update.phase != RS_UPDATE_INIT || state->update.slot != rs_index(state, slot) || state->update.operation == RS_NO_SLOT ||
        address == 0 || sys_copy_from(slot->endpoint, address, text, sizeof(text)) != 0)
        return;
    text[sizeof(text) - 1] = '\0';
    if (text[0] != '\0')
        rs_explain(&state->operation[state->update.operation], slot->manifest.label, text);
}
