/* SPDX-License-Identifier: MIT */
/*
 * One kernel call per line; the prefix is the service's name.
 */
#include "sys/log.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "base/format.h"
#include "protocols/kernel.h"
#include "sys/loop.h"

enum { LOG_ERROR = 3, LOG_WARN = 4, LOG_INFO = 6, LOG_DEBUG = 7, LOG_BYTES = 512 };

#ifndef LOG_LEVEL
#define LOG_LEVEL LOG_INFO
#endif

static void write_line(uint32_t level, const char *format, va_list arguments) __attribute__((format(printf, 2, 0)));

static void write_line(uint32_t level, const char *format, va_list arguments)
{
    char text[LOG_BYTES];
    struct kernel_log_request request = { .level = level, .text = (uint64_t)(uintptr_t)text };
    struct message message = { .type = KERNEL_LOG };
    int length;

    if (level > LOG_LEVEL)
        return;
    length = format_string(text, sizeof(text), "%s: ", service_name());
    length += format_list(text + length, sizeof(text) - 1 - (size_t)length, format, arguments);
    if (length > LOG_BYTES - 2)
        length = LOG_BYTES - 2;
    text[length] = '\n';
    request.length = (uint32_t)length + 1;
    kernel_log_request_put(&message, &request);
    (void)kernel_request(&message);
}

void log_error(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    write_line(LOG_ERROR, format, arguments);
    va_end(arguments);
}

void log_warn(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    write_line(LOG_WARN, format, arguments);
    va_end(arguments);
}

void log_info(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    write_line(LOG_INFO, format, arguments);
    va_end(arguments);
}

void log_debug(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    write_line(LOG_DEBUG, format, arguments);
    va_end(arguments);
}
