/* SPDX-License-Identifier: MIT */
/*
 * The regular expressions of subscriptions: anchored at both ends, extended syntax without groups: literals, `.`, `[a-z]`, `[^a-z]`, a
 * backslash before any character, after each of these `*` `+` or `?`, and `|` between whole alternatives.
 */
#pragma once

#include <stdbool.h>

bool match_is_valid(const char *pattern);
bool match_text(const char *pattern, const char *text);
