/* SPDX-License-Identifier: MIT */
/*
 * Included before everything else in the sources of journaled services: the memory functions are not compiled with the service, so their
 * targets are remembered here.
 */
#pragma once

#include <stddef.h>

#include "base/string.h"

void journal_record(const void *address, size_t bytes);

static inline void *journal_memcpy(void *to, const void *from, size_t length)
{
    journal_record(to, length);
    return memcpy(to, from, length);
}

static inline void *journal_memmove(void *to, const void *from, size_t length)
{
    journal_record(to, length);
    return memmove(to, from, length);
}

static inline void *journal_memset(void *to, int byte, size_t length)
{
    journal_record(to, length);
    return memset(to, byte, length);
}

static inline size_t journal_string_copy(char *to, size_t room, const char *from)
{
    journal_record(to, room);
    return string_copy(to, room, from);
}

#define memcpy(to, from, length)    journal_memcpy(to, from, length)
#define memmove(to, from, length)   journal_memmove(to, from, length)
#define memset(to, byte, length)    journal_memset(to, byte, length)
#define string_copy(to, room, from) journal_string_copy(to, room, from)
