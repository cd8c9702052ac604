/* SPDX-License-Identifier: MIT */
/*
 * The arguments and environment of one execve in its buffer: copied in, changed for #! lines, written out as the new stack.
 */
#pragma once

#include "sys/stores.h"

#include "image.h"
#include "state.h"

/* Copy from the caller: arguments[0..2] of execve. 0, -EFAULT, -E2BIG, -ENAMETOOLONG, -ENOENT. */
int exec_strings_copy(struct exec_buffer *buffer, endpoint_t caller, const uint64_t arguments[3]);
/* For the first program, which nobody calls. */
void exec_strings_first(struct exec_buffer *buffer, const char *path, const char *const *environment, uint32_t count);
/* For a program that PM itself runs: these arguments, no environment. */
void exec_strings_given(struct exec_buffer *buffer, const char *path, const char *const *arguments, uint32_t count);
/* Put what a #! line says in front: interpreter, its argument, the script's path. The path to open becomes the interpreter's. */
int exec_strings_add_script(struct exec_buffer *buffer, const struct script_line *line);

struct auxiliary_values {
    uint64_t headers;
    uint64_t header_count;
    uint64_t base;
    uint64_t entry;
    uint64_t vdso; /* 0: none */
    uint32_t uid, euid, gid, egid;
    bool is_secure;
    uint8_t random[16];
};

/* Lay out the stack below STACK_TOP in `block`, as one contiguous image of *length bytes. Returns the stack pointer, 0 if `room` bytes are too few. */
CALLERS_OWN(3)
uint64_t exec_strings_make_stack(const struct exec_buffer *buffer, const struct auxiliary_values *values, void *block, uint64_t room,
                                 uint64_t *length);
/* The same for any size: lay it out and write it into the unborn space. Returns the stack pointer, 0 on failure. */
uint64_t exec_strings_write_stack(struct exec_buffer *buffer, uint32_t space, const struct auxiliary_values *values);
/* Address of a byte of the buffer in the new program. */
uint64_t exec_strings_address(const struct exec_buffer *buffer, uint32_t offset);
/* Bytes that the stack needs at once. */
uint64_t exec_strings_stack_bytes(const struct exec_buffer *buffer);
