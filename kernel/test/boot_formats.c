/* SPDX-License-Identifier: MIT */
/*
 * What the kernel reads before it trusts anything: ACPI tables and the ELF files of boot services, right ones and damaged ones. The sanitizers watch for reads
 * beyond the end.
 */
#include "../arch/x86_64/acpi_parse.h"
#include "../arch/x86_64/elf_parse.h"

#include "testing/testing.h"

#include <stdlib.h>

enum { USER_TOP_TEST = 0x40000000 + (1 << 24), FILE_BYTES = 8192 };

/* ---- ELF ---- */

struct header {
    uint8_t ident[16];
    uint16_t type, machine;
    uint32_t version;
    uint64_t entry, program_headers, section_headers;
    uint32_t flags;
    uint16_t header_size, program_header_size, program_header_count, rest[3];
};

struct program {
    uint32_t type, flags;
    uint64_t offset, address, physical, file_size, memory_size, align;
};

struct file {
    struct header header;
    struct program program[2];
    uint8_t data[FILE_BYTES - sizeof(struct header) - 2 * sizeof(struct program)];
};

static struct file *file_make(void)
{
    struct file *file = calloc(1, sizeof *file);
    file->header = (struct header){ .ident = { 0x7f, 'E', 'L', 'F', 2, 1, 1 },
                                    .type = 2,
                                    .machine = 62,
                                    .entry = 0x40000010,
                                    .program_headers = 64,
                                    .program_header_size = 56,
                                    .program_header_count = 2 };
    file->program[0] = (struct program){ 1, 5, 0, 0x40000000, 0, 4096, 4096, 4096 };
    file->program[1] = (struct program){ 1, 6, 4096, 0x40002010, 0, 100, 9000, 4096 };
    return file;
}

static const char *parse(const struct file *file, struct elf_image *image)
{
    return elf_parse((const uint8_t *)file, sizeof *file, USER_TOP_TEST, image);
}

TEST(elf_segments_are_page_ranges_with_rights)
{
    struct file *file = file_make();
    struct elf_image image;
    CHECK(parse(file, &image) == NULL);
    CHECK(image.segment_count == 2 && image.entry == 0x40000010);
    CHECK(image.segment[0].flags == (ELF_READ | ELF_EXECUTE));
    CHECK(image.segment[1].address == 0x40002000 && image.segment[1].end == 0x40005000 && image.segment[1].flags == (ELF_READ | ELF_WRITE));
    free(file);
}

#define REFUSES(change)                     \
    do {                                    \
        struct file *file = file_make();    \
        struct elf_image image;             \
        change;                             \
        CHECK(parse(file, &image) != NULL); \
        free(file);                         \
    } while (0)

TEST(elf_files_that_are_wrong_are_refused)
{
    REFUSES(file->header.ident[0] = 0);
    REFUSES(file->header.ident[4] = 1);
    REFUSES(file->header.machine = 3);
    REFUSES(file->header.type = 3);
    REFUSES(file->header.program_header_size = 32);
    REFUSES(file->header.program_headers = ~0UL);
    REFUSES(file->header.program_headers = sizeof(struct file) - 8);
    REFUSES(file->header.program_header_count = 0xffff);
    REFUSES(file->header.entry = 0x40002010); /* not executable */
    REFUSES(file->program[0].file_size = 1 << 20);
    REFUSES(file->program[0].file_size = 4097);
    REFUSES(file->program[0].offset = ~0UL);
    REFUSES(file->program[0].flags = 7);
    REFUSES(file->program[1].address = 0);
    REFUSES(file->program[1].address = 0x40000800); /* overlaps */
    REFUSES(file->program[1].address = USER_TOP_TEST);
    REFUSES(file->program[1].memory_size = ~0UL);
    REFUSES(file->program[1].memory_size = 1 << 25);
    struct elf_image image;
    CHECK(elf_parse((const uint8_t *)"\177ELF", 4, USER_TOP_TEST, &image) != NULL);
}

TEST(elf_with_random_damage_never_reads_beyond_the_file)
{
    srandom(1);
    for (int round = 0; round < 20000; round++) {
        struct file *file = file_make();
        struct elf_image image;
        for (int i = 0; i < 4; i++)
            ((uint8_t *)file)[random() % (sizeof file->header + sizeof file->program)] = (uint8_t)random();
        if (parse(file, &image) == NULL)
            for (uint32_t i = 0; i < image.segment_count; i++)
                CHECK(image.segment[i].offset + image.segment[i].file_length <= sizeof *file && image.segment[i].end <= USER_TOP_TEST);
        free(file);
    }
}

/* ---- ACPI ---- */

static uint32_t processors[16], processor_count, controller_count, override_line;

static void processor(void *context, uint32_t apic)
{
    (void)context;
    if (processor_count < 16)
        processors[processor_count++] = apic;
}

static void controller(void *context, uint64_t physical, uint32_t first)
{
    (void)context;
    (void)physical;
    (void)first;
    controller_count++;
}

static void override(void *context, uint32_t isa, uint32_t line, uint32_t flags)
{
    (void)context;
    (void)flags;
    if (isa == 0)
        override_line = line;
}

static const struct acpi_madt_visitor visitor = { NULL, processor, controller, override };

static struct acpi_table *table_make(const char *signature, const uint8_t *body, size_t length)
{
    struct acpi_table *table = calloc(1, sizeof *table + length);
    memcpy(table->signature, signature, 4);
    table->length = (uint32_t)(sizeof *table + length);
    memcpy(table + 1, body, length);
    return table;
}

static const uint8_t madt_body[] = {
    0x00, 0x00, 0xe0, 0xfe, 1, 0, 0,    0,                /* local APIC, flags */
    0,    8,    0,    0,    1, 0, 0,    0,                /* processor, APIC id 0 */
    0,    8,    1,    3,    1, 0, 0,    0,                /* processor, APIC id 3 */
    0,    8,    2,    4,    0, 0, 0,    0,                /* disabled */
    1,    12,   0,    0,    0, 0, 0xc0, 0xfe, 0, 0, 0, 0, /* I/O APIC */
    2,    10,   0,    0,    2, 0, 0,    0,    0, 0,       /* ISA 0 is line 2 */
};

TEST(madt_lists_enabled_processors_and_overrides)
{
    struct acpi_table *madt = table_make("APIC", madt_body, sizeof madt_body);
    processor_count = controller_count = override_line = 0;
    CHECK(acpi_parse_madt(madt, &visitor) == 0xfee00000);
    CHECK(processor_count == 2 && processors[1] == 3 && controller_count == 1 && override_line == 2);
    free(madt);
}

TEST(madt_cut_anywhere_is_read_without_harm)
{
    for (size_t length = 0; length <= sizeof madt_body; length++) {
        struct acpi_table *madt = table_make("APIC", madt_body, length);
        acpi_parse_madt(madt, &visitor);
        free(madt);
    }
    uint8_t damaged[sizeof madt_body];
    memcpy(damaged, madt_body, sizeof damaged);
    damaged[9] = 0; /* a record without length must not loop for ever */
    struct acpi_table *madt = table_make("APIC", damaged, sizeof damaged);
    processor_count = 0;
    acpi_parse_madt(madt, &visitor);
    CHECK(processor_count == 0);
    free(madt);
}

TEST(sleep_type_is_found_in_the_bytes_of_s5)
{
    static const uint8_t byte_form[] = { 0x08, '_', 'S', '5', '_', 0x12, 0x06, 0x04, 0x0a, 0x05, 0x0a, 0x05, 0, 0 };
    static const uint8_t short_form[] = { 0x08, '_', 'S', '5', '_', 0x12, 0x06, 0x04, 0x00, 0x00, 0x00, 0x00, 0, 0 };
    struct acpi_table *dsdt = table_make("DSDT", byte_form, sizeof byte_form);
    CHECK(acpi_find_s5(dsdt) == 5);
    free(dsdt);
    dsdt = table_make("DSDT", short_form, sizeof short_form);
    CHECK(acpi_find_s5(dsdt) == 0);
    free(dsdt);
    for (size_t length = 0; length < sizeof byte_form; length++) {
        dsdt = table_make("DSDT", byte_form, length);
        acpi_find_s5(dsdt);
        free(dsdt);
    }
}

TEST(fadt_shorter_than_its_fields_reads_as_zero)
{
    uint8_t body[300] = { 0 };
    body[112 - 36 + 2] = 0x10; /* hardware reduced */
    body[244 - 36] = 1;        /* sleep control: port */
    body[244 - 36 + 4] = 0x44;
    struct power_control power = { 0 };
    struct acpi_table *fadt = table_make("FACP", body, 260 - 36);
    acpi_parse_fadt(fadt, &power);
    CHECK(power.reduced && power.sleep_control.space == ACPI_SPACE_PORT && power.sleep_control.address == 0x44);
    free(fadt);
    fadt = table_make("FACP", body, 10);
    power = (struct power_control){ 0 };
    CHECK(acpi_parse_fadt(fadt, &power) == 0 && !power.reduced && power.sleep_control.address == 0);
    free(fadt);
}

TEST(checksum_of_a_whole_table_is_zero)
{
    uint8_t bytes[4] = { 1, 2, 3, 250 };
    CHECK(acpi_checksum(bytes, 4) == 0 && acpi_checksum(bytes, 3) != 0);
}
