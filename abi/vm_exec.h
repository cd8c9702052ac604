/* SPDX-License-Identifier: MIT */
/*
 * What PM hands to VM to build the space of a new program in one call (vm.idl exec_build): pieces in the order in which they are made.
 */
#pragma once

#include <stdint.h>

enum vm_exec_kind {
    VM_PIECE_OBJECT = 1,    /* as exec_map_object */
    VM_PIECE_ANONYMOUS = 2, /* as exec_map_anonymous; object 1: grows down */
    VM_PIECE_WRITE = 3,     /* as exec_write; offset: address in the caller */
};

enum { VM_PIECES = 72 };

struct vm_exec_piece {
    uint32_t kind;
    uint32_t protection;
    uint32_t object;
    uint32_t reserved;
    uint64_t address;
    uint64_t offset;
    uint64_t length;
    uint64_t file_length;
};
