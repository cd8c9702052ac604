/* SPDX-License-Identifier: MIT */
/*
 * What the files of the command share: messages, arguments, files.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "rs_start.h"

enum { EXIT_REFUSED = 1, EXIT_USAGE = 2, EXIT_INTERRUPTED = 4, IMAGE_BYTES_MAX = 4 << 20 };

#define UP_OPTIONS "[-label LABEL] [-config FILE] [-args TEXT] [-period MS|NHZ] [-script PATH] [-dev PATH] [-c] [-r] [-p] [-n]"

const char *error_text(int error);
/* A wrong argument: says which and why, exits. */
__attribute__((noreturn, format(printf, 1, 2))) void wrong(const char *format, ...);
/* The system cannot reach a file: says why (errno), exits. */
__attribute__((noreturn)) void cannot_read(const char *path);
/* Exit status; says what RS refused. */
int report(const char *what, int result);
const char *label_argument(int count, char **arguments);
void no_more(int count, char **arguments);
void *read_whole(const char *path, size_t *length, size_t limit, const char *rule);
/* The last part of an absolute path. */
void default_label(const char *path, char label[RS_LABEL_MAX]);

int command_up(int count, char **arguments);
int command_run(int count, char **arguments);
int command_edit(int count, char **arguments);
int command_update(int count, char **arguments);
int command_update_all(const char *directory);
