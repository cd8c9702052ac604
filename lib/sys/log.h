/* SPDX-License-Identifier: MIT */
/*
 * Levelled log of a service; the library adds the prefix (name). Goes to the kernel log. Quiet: info and debug only if the manifest asks.
 */
#pragma once

void log_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_warn(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_debug(const char *format, ...) __attribute__((format(printf, 1, 2)));
