/* SPDX-License-Identifier: MIT */
/*
 * Pseudo-terminal pairs: opening /dev/ptmx makes one, with a node /dev/pts/N; closing the master hangs the slave up.
 */
#pragma once

#include "state.h"

struct call;
struct message;
struct outbox;

/* Open /dev/ptmx for a process: CALL_PARKED (answered when devfs has made the node), or an error. */
int pty_open_master(struct tty_state *tty, struct call *call, endpoint_t process);
/* devfs has answered. */
void pty_node_made(struct tty_state *tty, const struct message *reply, struct outbox *outbox);
void pty_close_master(struct tty_state *tty, struct tty_line *line, struct outbox *outbox);
/* The last file of the slave is closed. */
void pty_slave_closed(struct tty_line *line);
