/* SPDX-License-Identifier: MIT */
/*
 * Memory and string functions for kernel and services (no libc there). The names of C that the compiler may call by itself have
 * C's meaning; string_copy is ours. In programs and host tests these come from libc.
 */
#pragma once

#include <stddef.h>

#if defined(PLANARIA_HOST) || defined(PLANARIA_PROGRAM)
#include <string.h>
#else
void *memcpy(void *restrict to, const void *restrict from, size_t length);
void *memmove(void *to, const void *from, size_t length);
void *memset(void *to, int byte, size_t length);
int memcmp(const void *a, const void *b, size_t length);
void *memchr(const void *text, int byte, size_t length);
size_t strlen(const char *text);
size_t strnlen(const char *text, size_t room);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t length);
char *strchr(const char *text, int c);
char *strrchr(const char *text, int c);
char *strstr(const char *text, const char *part);
#endif

/* Copy with NUL, cut to `room` bytes (NUL included). Returns the length copied, without NUL. */
size_t string_copy(char *to, size_t room, const char *from);
/* Decimal, or hexadecimal with 0x. Returns false if `text` is not exactly one number. */
_Bool string_to_number(const char *text, unsigned long long *value);
