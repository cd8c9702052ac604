/* SPDX-License-Identifier: MIT */
/*
 * newc cpio: a 110 byte header of hexadecimal fields, the name, the data, each padded to four bytes (cpio(5)).
 */
#include "base/cpio.h"

#include <stdbool.h>

#include "errors.h"

enum {
    CPIO_HEADER_BYTES = 110,
    CPIO_FIELD_BYTES = 8,
    CPIO_FIELDS_OFFSET = 6,
    CPIO_NAME_MAX = 4096,
};

/* Order of the fields in the header. */
enum cpio_field {
    CPIO_INODE,
    CPIO_MODE,
    CPIO_UID,
    CPIO_GID,
    CPIO_NLINK,
    CPIO_MTIME,
    CPIO_FILE_SIZE,
    CPIO_DEVICE_MAJOR,
    CPIO_DEVICE_MINOR,
    CPIO_RDEVICE_MAJOR,
    CPIO_RDEVICE_MINOR,
    CPIO_NAME_SIZE,
    CPIO_CHECK,
    CPIO_FIELDS,
};

static const char trailer_name[] = "TRAILER!!!";

static int hex_digit(uint8_t character)
{
    if (character >= '0' && character <= '9') {
        return character - '0';
    }
    if (character >= 'a' && character <= 'f') {
        return character - 'a' + 10;
    }
    if (character >= 'A' && character <= 'F') {
        return character - 'A' + 10;
    }
    return -1;
}

static bool read_fields(const uint8_t *header, uint32_t field[CPIO_FIELDS])
{
    for (int i = 0; i < CPIO_FIELDS; i++) {
        uint32_t value = 0;
        for (int j = 0; j < CPIO_FIELD_BYTES; j++) {
            int digit = hex_digit(header[CPIO_FIELDS_OFFSET + i * CPIO_FIELD_BYTES + j]);
            if (digit < 0) {
                return false;
            }
            value = value << 4 | (uint32_t)digit;
        }
        field[i] = value;
    }
    return true;
}

static bool magic_is_right(const uint8_t *header)
{
    return header[0] == '0' && header[1] == '7' && header[2] == '0' && header[3] == '7' && header[4] == '0' &&
           (header[5] == '1' || header[5] == '2');
}

static bool is_trailer(const char *name, size_t length)
{
    if (length != sizeof(trailer_name) - 1) {
        return false;
    }
    for (size_t i = 0; i < length; i++) {
        if (name[i] != trailer_name[i]) {
            return false;
        }
    }
    return true;
}

static size_t align_four(size_t value)
{
    return (value + 3) & ~(size_t)3;
}

/* One header with name and data, bounds checked. Returns the bytes it takes, or 0. */
static size_t read_entry(const uint8_t *at, size_t room, struct cpio_entry *entry)
{
    uint32_t field[CPIO_FIELDS];
    if (room < CPIO_HEADER_BYTES || !magic_is_right(at) || !read_fields(at, field)) {
        return 0;
    }
    size_t name_size = field[CPIO_NAME_SIZE];
    if (name_size == 0 || name_size > CPIO_NAME_MAX) {
        return 0;
    }
    size_t data_offset = align_four(CPIO_HEADER_BYTES + name_size);
    size_t data_length = field[CPIO_FILE_SIZE];
    if (data_offset > room || data_length > room - data_offset || at[CPIO_HEADER_BYTES + name_size - 1] != 0) {
        return 0;
    }
    *entry = (struct cpio_entry){
        .name = (const char *)at + CPIO_HEADER_BYTES,
        .name_length = name_size - 1,
        .data = at + data_offset,
        .data_length = data_length,
        .mode = field[CPIO_MODE],
        .uid = field[CPIO_UID],
        .gid = field[CPIO_GID],
        .mtime = field[CPIO_MTIME],
        .device_major = field[CPIO_RDEVICE_MAJOR],
        .device_minor = field[CPIO_RDEVICE_MINOR],
    };
    size_t total = align_four(data_offset + data_length);
    return total < room ? total : room;
}

static void strip_leading(struct cpio_entry *entry)
{
    while (entry->name_length > 0 && (entry->name[0] == '/' || (entry->name[0] == '.' && entry->name[1] == '/'))) {
        size_t skip = entry->name[0] == '/' ? 1 : 2;
        entry->name += skip;
        entry->name_length -= skip;
    }
}

int cpio_next(const uint8_t *archive, size_t length, size_t *offset, struct cpio_entry *entry)
{
    for (;;) {
        while (*offset < length && archive[*offset] == 0) {
            (*offset)++;
        }
        if (*offset >= length) {
            return 0;
        }
        size_t size = read_entry(archive + *offset, length - *offset, entry);
        if (size == 0) {
            return -EINVAL;
        }
        *offset += size;
        if (!is_trailer(entry->name, entry->name_length)) {
            strip_leading(entry);
            return 1;
        }
    }
}
