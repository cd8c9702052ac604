/* SPDX-License-Identifier: MIT */
/*
 * printf's useful part for kernel and services: %d %i %u %x %X %o %c %s %p %% with flags `-`, `0`, `+`, `#`, width, precision, `*`, and
 * lengths hh h l ll z j t. No floating point. Both return the length the whole text would have, like snprintf; room 0 is allowed.
 */
#pragma once

#include <stdarg.h>
#include <stddef.h>

int format_string(char *to, size_t room, const char *format, ...) __attribute__((format(printf, 3, 4)));
int format_list(char *to, size_t room, const char *format, va_list arguments) __attribute__((format(printf, 3, 0)));
