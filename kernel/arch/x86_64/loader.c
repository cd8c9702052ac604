/* SPDX-License-Identifier: MIT */
/*
 * Boot services: finds boot/services/LABEL in the boot image, builds each one's address space and notes in boot_info where everything lies, so that VM
 * can adopt it. Processes are made from boot_info later, by kernel/main.c.
 */
#include "elf_parse.h"
#include "internal.h"
#include "protocols/kernel.h"

#include "base/cpio.h"
#include "base/string.h"

enum { STACK_BYTES = 64 << 10, PREFIX_LENGTH = 14 };
#define BOOT_STACK_TOP 0x3ffff000UL

enum need { NEED_ALWAYS, NEED_OPTIONAL };

static const struct {
    endpoint_t endpoint;
    enum need need;
    const char *label;
} boot_table[] = {
    { ENDPOINT_RS, NEED_ALWAYS, "rs" },         { ENDPOINT_VM, NEED_ALWAYS, "vm" },           { ENDPOINT_DS, NEED_OPTIONAL, "ds" },
    { ENDPOINT_PM, NEED_OPTIONAL, "pm" },       { ENDPOINT_VFS, NEED_OPTIONAL, "vfs" },       { ENDPOINT_SCHED, NEED_OPTIONAL, "sched" },
    { ENDPOINT_TMPFS, NEED_OPTIONAL, "tmpfs" }, { ENDPOINT_DEVFS, NEED_OPTIONAL, "devfs" },   { ENDPOINT_PROCFS, NEED_OPTIONAL, "procfs" },
    { ENDPOINT_TTY, NEED_OPTIONAL, "tty" },     { ENDPOINT_MEMORY, NEED_OPTIONAL, "memory" }, { ENDPOINT_RANDOM, NEED_OPTIONAL, "random" },
    { ENDPOINT_HELLO, NEED_OPTIONAL, "hello" },
};

enum { SERVICES = sizeof boot_table / sizeof boot_table[0] };
static struct cpio_entry found[SERVICES]; /* name NULL: not there */

/* One pass over the archive. */
static void services_find(void)
{
    const uint8_t *archive = physical_pointer(boot_info.archive_base);
    size_t offset = 0;
    struct cpio_entry entry;
    int result;
    while ((result = cpio_next(archive, boot_info.archive_length, &offset, &entry)) > 0) {
        if (strncmp(entry.name, "boot/services/", PREFIX_LENGTH) != 0)
            continue;
        for (size_t i = 0; i < SERVICES; i++)
            if (found[i].name == NULL && strcmp(entry.name + PREFIX_LENGTH, boot_table[i].label) == 0)
                found[i] = entry;
    }
    if (result < 0)
        panic("the boot image is damaged: no cpio entry at byte %lu of %lu", offset, boot_info.archive_length);
}

static uint32_t map_flags(uint32_t elf_flags)
{
    uint32_t flags = KERNEL_MAP_FLAGS_USER;
    if (elf_flags & ELF_WRITE)
        flags |= KERNEL_MAP_FLAGS_WRITE;
    if (elf_flags & ELF_EXECUTE)
        flags |= KERNEL_MAP_FLAGS_EXECUTE;
    return flags;
}

/* Fresh frames for [address, end), mapped; returns where they are. */
static uint64_t segment_map(struct boot_process *process, uint64_t address, uint64_t end, uint32_t flags)
{
    uint64_t physical = memory_allocate_user(end - address);
    for (uint64_t at = address; at < end; at += PAGE_SIZE)
        if (space_map(process->space, at, physical + (at - address), flags) != 0)
            panic("service %s: cannot map %#lx", process->name, at);
    process->segment[process->segment_count++] = (struct boot_segment){
        .address = address, .physical = physical, .length = end - address, .flags = flags
    };
    return physical;
}

static void load(endpoint_t endpoint, const char *label, const struct cpio_entry *entry)
{
    struct elf_image image;
    const char *error = elf_parse(entry->data, entry->data_length, USER_TOP, &image);
    if (error == NULL)
        for (uint32_t i = 0; i < image.segment_count; i++)
            if (image.segment[i].address < BOOT_STACK_TOP + PAGE_SIZE && image.segment[i].end > BOOT_STACK_TOP - STACK_BYTES - PAGE_SIZE)
                error = "a segment overlaps the stack";
    if (error != NULL)
        panic("boot service %s: %s", label, error);

    struct boot_process *process = &boot_info.process[boot_info.process_count++];
    process->endpoint = endpoint;
    process->space = (uint32_t)endpoint;
    process->image_offset = (uint64_t)entry->data - (uint64_t)physical_pointer(boot_info.archive_base);
    process->image_length = entry->data_length;
    process->entry = image.entry;
    process->stack_top = BOOT_STACK_TOP;
    string_copy(process->name, sizeof process->name, label);
    if (space_create(process->space) != 0)
        panic("boot service %s: no address space", label);
    for (uint32_t i = 0; i < image.segment_count; i++) {
        const struct elf_segment *segment = &image.segment[i];
        uint64_t physical = segment_map(process, segment->address, segment->end, map_flags(segment->flags));
        memcpy((uint8_t *)physical_pointer(physical) + (segment->data_address - segment->address), entry->data + segment->offset,
               segment->file_length);
    }
    segment_map(process, BOOT_STACK_TOP - STACK_BYTES, BOOT_STACK_TOP, KERNEL_MAP_FLAGS_USER | KERNEL_MAP_FLAGS_WRITE);
}

void loader_run(void)
{
    services_find();
    for (size_t i = 0; i < SERVICES; i++)
        if (found[i].name != NULL)
            load(boot_table[i].endpoint, boot_table[i].label, &found[i]);
        else if (boot_table[i].need == NEED_ALWAYS)
            panic("the boot image has no service %s (boot/services/%s)", boot_table[i].label, boot_table[i].label);
        else
            log_printf("boot image: no service %s\n", boot_table[i].label);
}
