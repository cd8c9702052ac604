/* SPDX-License-Identifier: MIT */
/*
 * Contents of procfs files: each is made as a whole at every read, into one buffer, of which the reader gets his piece.
 */
#pragma once

#include <stddef.h>

#include "pm_info.h"
#include "state.h"

enum { TEXT_MAX = 256 * 1024 };

/* A text under construction; what does not fit is cut off. */
struct text {
    char *bytes;
    size_t length;
    size_t room;
};

void text_add(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
void text_add_bytes(struct text *text, const char *bytes, size_t length);

/* enum fixed_file. 0 or an error. */
int fixed_text(const struct procfs_state *state, uint32_t file, struct text *text);
/* enum process_file of a process. */
int process_text(const struct pm_process_info *info, uint32_t file, struct text *text);
/* One process from PM; -ESRCH. */
int names_get(struct pm_names *names);
int process_info_get(uint32_t pid, struct pm_process_info *info);
/* Copy of the mount table from VFS. */
int mounts_text(struct text *text);
