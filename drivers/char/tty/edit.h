/* SPDX-License-Identifier: MIT */
/*
 * Editing of the line that is being typed, and what the screen shows of it.
 */
#pragma once

#include "state.h"

/* ERASE, KILL or WERASE was typed. */
void edit_erase(struct tty_line *line, uint8_t c);
void edit_reprint(struct tty_line *line, uint8_t c);
/* LNEXT was typed: ^ under the cursor. */
void edit_echo_literal(struct tty_line *line);
/* Echo a character, control characters as ^X with ECHOCTL. */
void edit_echo(struct tty_line *line, uint8_t c);
/* The same, as part of the line's text: notes where the line starts. */
void edit_echo_text(struct tty_line *line, uint8_t c);
/* ECHOPRT: close the text that was erased. */
void edit_finish_erasing(struct tty_line *line);
