/* SPDX-License-Identifier: MIT */
/*
 * All that the terminal driver knows. A line is one terminal: a serial port, or a pseudo-terminal (its slave side; the master side is what is at
 * the other end of the cable). Characters come in through `input`, where the line discipline edits them, and leave through `output`.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "message.h"
#include "sys/variant.h"
#include "termios.h"

struct waiters;

enum {
    SERIAL_LINES = 4,
    PTY_LINES = 64,
    TTY_LINES = SERIAL_LINES + PTY_LINES,
    TTY_BUFFER = 4096, /* a power of two; also the longest line, as with Linux */
    TTY_BUFFER_MASK = TTY_BUFFER - 1,
    TTY_ECHO_RESERVE = 256, /* room in `output` that only echoes may use */
    TTY_WAITERS = LAYOUT_GROWN(128),
};

enum tty_major { MAJOR_SERIAL = 4, MAJOR_AUXILIARY = 5, MAJOR_PTS = 136 };

/* The minors by which VFS names an open device after open; different for all majors (char.idl). */
enum tty_minor {
    MINOR_PTS = 0,
    MINOR_SERIAL = 64,
    MINOR_CONSOLE = 900,
    MINOR_MASTER = 1000,
    MINOR_CONSOLE_NODE = 1, /* 5:1 and 5:2 as named by the nodes in /dev */
    MINOR_PTMX_NODE = 2,
};
_Static_assert((int)PTY_LINES <= (int)MINOR_SERIAL, "pts and serial minors must differ");

enum line_kind { LINE_SERIAL = 1, LINE_PTY = 2 };
/* Who looks at a line: a program on the terminal, one that opened it as /dev/console (never hung up), or the master of a pseudo-terminal. */
enum line_side { SIDE_SLAVE, SIDE_CONSOLE, SIDE_MASTER };

struct tty_line {
    /* survives restart: what it is */
    uint8_t kind;
    uint8_t is_present;
    uint8_t is_hung_up;   /* files opened before are dead: read 0, write EIO */
    uint8_t is_exclusive; /* TIOCEXCL */
    LAYOUT_ADDED(variant);
    uint32_t opens; /* open files of the slave and console side */
    struct linux_termios termios;
    struct linux_winsize window;
    LAYOUT_ORDER(uint32_t session, uint32_t foreground);
    uint32_t hangup_session;    /* to get SIGHUP and SIGCONT at the end of the handler: the leader's group */
    uint32_t hangup_foreground; /* and this group */
    uint32_t signals;           /* to be sent to the foreground group at the end of the handler, bit per signal */

    /* survives restart: input. Counters run freely; ring index is counter & TTY_BUFFER_MASK. tail <= canon <= head */
    uint32_t input_head;
    uint32_t input_tail;
    uint32_t canon_head;   /* end of the complete lines */
    uint32_t column;       /* of the cursor */
    uint32_t canon_column; /* where the line being edited starts */
    uint8_t is_literal;    /* LNEXT was typed */
    uint8_t is_erasing;    /* ECHOPRT: between \ and / */
    uint8_t is_pushed;     /* the mark at canon_head - 1 is no delimiter: ICANON was switched on with data waiting */
    uint8_t is_stopped;    /* ^S or TCOOFF: output waits */

    /* survives restart: output */
    uint32_t output_head;
    uint32_t output_tail;

    /* survives restart: pseudo-terminal */
    uint8_t has_master;
    uint8_t is_locked;
    uint8_t is_packet;
    uint8_t packet_status;
    uint8_t is_slave_closed; /* the last slave file was closed and none was opened since: the master reads EIO */
    uint8_t has_node;
    uint8_t unused[2];

    /* survives restart: serial port. `sent` and `received` count bytes since boot, see serial.c */
    uint64_t sent;
    uint64_t received;
    uint32_t interrupts; /* interrupt enable register as it should be */
    uint32_t modem_control;

    /* survives restart: poll conditions that VFS waits for, by side */
    uint32_t watch;
    uint32_t watch_console;
    uint32_t watch_master;
    uint32_t waiting[5]; /* number of waiters by enum waiter_kind */

    uint8_t marks[TTY_BUFFER / 8]; /* input positions that end a line */
    uint8_t input[TTY_BUFFER];
    uint8_t output[TTY_BUFFER];
};

enum waiter_kind { WAITER_FREE, WAITER_READ, WAITER_WRITE, WAITER_IOCTL, WAITER_OPEN };

/* A request in progress: on the stack while it is tried for the first time, in the table once it is parked. */
struct tty_waiter {
    uint8_t kind;
    uint8_t side;
    uint16_t line;
    uint32_t transaction;
    uint64_t sequence; /* order of arrival */
    endpoint_t granter;
    grant_t grant;
    uint32_t flags;   /* enum of char open_flags */
    uint32_t request; /* ioctl number */
    uint64_t argument;
    uint64_t length;
    uint64_t done;
    uint64_t deadline_ns; /* VTIME; 0: none */
    int64_t result;       /* of a step that finished */
};

struct tty_state {
    /* survives restart */
    uint64_t next_sequence;
    uint64_t alarm_ns; /* as armed, 0: none */
    struct tty_waiter waiter[TTY_WAITERS];
    struct tty_line line[TTY_LINES];
};

static inline uint32_t tty_index(const struct tty_state *tty, const struct tty_line *line)
{
    return (uint32_t)(line - tty->line);
}

void tty_state_init(struct tty_state *tty);
/* Make the line a new terminal: default settings, empty buffers. */
void tty_line_reset(struct tty_line *line, enum line_kind kind);
const char *tty_state_check(const void *state);
void tty_mark_waiters(const void *state, struct waiters *waiters);
