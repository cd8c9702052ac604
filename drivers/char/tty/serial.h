/* SPDX-License-Identifier: MIT */
/*
 * 16550 serial ports. Bytes that went through a port cannot be taken back when a handler is rolled back, so what really happened is noted in a
 * witness outside of the state; see serial.c.
 */
#pragma once

#include "state.h"

enum { WITNESS_LOG = 256 };

/* What the ports have done. Kept over a restart, but not rolled back. */
struct serial_witness {
    uint64_t sent[SERIAL_LINES];            /* bytes written to the port since boot */
    uint64_t received[SERIAL_LINES];        /* bytes taken from the port since boot */
    uint64_t token;                         /* the message in whose handler that was */
    int64_t budget;                         /* bytes that this handler may still send */
    uint8_t log[SERIAL_LINES][WITNESS_LOG]; /* the last ones received */
    struct message call;                    /* the kernel call that sends; its answer stands here before the next instruction can crash */
    uint64_t call_sent;                     /* sent[] before it */
    uint32_t call_port;                     /* plus one; 0: it is accounted for */
};

extern struct serial_witness serial_witness;

/* Find the ports and set them up; after a restart too (nothing in their FIFOs is lost). */
void serial_start(struct tty_state *tty);
/* At the start of each handler: token names the message. */
void serial_begin(struct tty_state *tty, uint64_t token);
/* Interrupt of a port: receive. Sending goes on in serial_send. */
void serial_interrupt(struct tty_line *line, uint32_t port);
/* Send what is queued, as far as the port takes it; the rest goes out with its next interrupt. */
void serial_send(struct tty_line *line, uint32_t port);
/* Let the port interrupt again once there is room (or keep its bytes in its FIFO, so that the other end waits). */
void serial_throttle(struct tty_line *line, uint32_t port);
void serial_modem_control(struct tty_line *line, uint32_t port, uint32_t bits);
uint32_t serial_modem_status(const struct tty_line *line, uint32_t port);
/* Speed and character format as in the settings. */
void serial_settings(struct tty_line *line, uint32_t port);
bool serial_is_idle(uint32_t port);
