/* SPDX-License-Identifier: MIT */
/*
 * The texts of /dev/kmsg (Linux's Documentation/ABI/testing/dev-kmsg): what is written, `<level>text`, and what is read, `level,sequence,us,-;text`.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum { RECORD_LEVEL_DEFAULT = 6, RECORD_LEVEL_WRITTEN = 4 };

/* Take `<N>` off the text: returns the level, and how many bytes it took. */
uint32_t record_level(const char *text, size_t length, size_t *taken);
/* Make a record of one line of the kernel's log, `[seconds.micros] text`, without its newline. Returns the record's length, cut to room. */
size_t record_format(char *to, size_t room, const char *line, size_t length, uint64_t sequence);
