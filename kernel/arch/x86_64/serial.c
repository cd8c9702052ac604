/* SPDX-License-Identifier: MIT */
/*
 * The log's serial port, polled: COM2 if a UART answers there, else COM1 (a machine with one port shows log and console on it).
 */
#include "internal.h"

enum { COM1 = 0x3f8, COM2 = 0x2f8, FIFO_BYTES = 16 };
enum { DATA = 0, INTERRUPT_ENABLE = 1, FIFO_CONTROL = 2, LINE_CONTROL = 3, MODEM_CONTROL = 4, LINE_STATUS = 5, SCRATCH = 7 };
enum { LINE_8N1 = 3, LINE_DIVISOR = 0x80, STATUS_EMPTY = 0x20 };

static uint16_t port; /* 0: none */

static bool uart_answers(uint16_t base)
{
    out8(base + SCRATCH, 0x5a);
    if (in8(base + SCRATCH) != 0x5a)
        return false;
    out8(base + SCRATCH, 0xa5);
    return in8(base + SCRATCH) == 0xa5;
}

void serial_init(void)
{
    port = uart_answers(COM2) ? COM2 : uart_answers(COM1) ? COM1 : 0;
    if (port == 0)
        return;
    out8(port + INTERRUPT_ENABLE, 0);
    out8(port + LINE_CONTROL, LINE_DIVISOR);
    out8(port + DATA, 1); /* 115200 */
    out8(port + INTERRUPT_ENABLE, 0);
    out8(port + LINE_CONTROL, LINE_8N1);
    out8(port + FIFO_CONTROL, 7);
    out8(port + MODEM_CONTROL, 3);
}

static void wait_empty(void)
{
    for (uint32_t tries = 0; tries < 100000; tries++)
        if (in8(port + LINE_STATUS) & STATUS_EMPTY)
            return;
}

void serial_write(const char *text, size_t length)
{
    if (port == 0)
        return;
    uint32_t room = 0;
    for (size_t i = 0; i < length; i++) {
        if (room == 0) {
            wait_empty();
            room = FIFO_BYTES;
        }
        out8(port + DATA, (uint8_t)text[i]);
        room--;
    }
}
