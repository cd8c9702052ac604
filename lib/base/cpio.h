/* SPDX-License-Identifier: MIT */
/*
 * Reader of newc cpio archives as the boot loader hands them over: several may follow each other, with zeros between.
 * Nothing is copied: entries point into the archive. Every length is checked before it is used.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct cpio_entry {
    const char *name; /* NUL-terminated inside the archive, without a leading "./" or "/" */
    size_t name_length;
    const uint8_t *data;
    size_t data_length;
    uint32_t mode; /* Linux st_mode */
    uint32_t uid;
    uint32_t gid;
    uint32_t mtime; /* seconds */
    uint32_t device_major;
    uint32_t device_minor;
};

/* Read the entry at *offset and advance it. Returns 1, 0 at the end, or -EINVAL if the archive is damaged there (offset stays). */
int cpio_next(const uint8_t *archive, size_t length, size_t *offset, struct cpio_entry *entry);
