/* SPDX-License-Identifier: MIT */
/*
 * Exactly-once over a crash: the state counts what handlers have committed, the witness what the port has seen. If the witness is ahead after a
 * roll-back, the same message is handled again and produces the same bytes: those that went out already are dropped, those that came in already are
 * taken from the witness's log. Should another message come instead (the first one was given up), sending starts anew from here.
 */
#include "serial.h"

#include "base/string.h"
#include "errors.h"
#include "input.h"
#include "kernel_client.h"
#include "output.h"
#include "sys/ipc.h"
#include "sys/log.h"
#include "sys/service.h"
#include "sys/syscalls.h"

enum uart_register {
    UART_DATA = 0,
    UART_INTERRUPTS = 1,
    UART_IDENTIFY = 2,
    UART_FIFO = 2,
    UART_LINE = 3,
    UART_MODEM = 4,
    UART_STATUS = 5,
    UART_MODEM_STATUS = 6,
    UART_SCRATCH = 7,
};

enum {
    FIFO_ENABLE = 0x01,
    FIFO_TRIGGER_8 = 0x80,
    FIFO_BYTES = 16,
    LINE_DIVISOR = 0x80,
    LINE_BREAK = 0x40,
    INTERRUPT_RECEIVE = 1,
    INTERRUPT_SEND = 2,
    INTERRUPT_LINE = 4,
    IDENTIFY_NONE = 1,
    IDENTIFY_MASK = 0x0f,
    STATUS_DATA = 0x01,
    STATUS_OVERRUN = 0x02,
    STATUS_PARITY = 0x04,
    STATUS_FRAMING = 0x08,
    STATUS_BREAK = 0x10,
    STATUS_SEND_EMPTY = 0x20,
    STATUS_IDLE = 0x40,
    MODEM_DTR = 1,
    MODEM_RTS = 2,
    MODEM_OUT2 = 8,
    CLOCK_HZ = 115200,
    RECEIVE_MAX = WITNESS_LOG / 2, /* bytes in one handler: the log must hold them */
    CALL_MAX = 256,                /* bytes in one kernel call, during which nobody else gets into the kernel */
    SEND_MAX = 4096,               /* bytes of one port in one handler: other requests want their turn */
};

struct uart {
    uint16_t base;
    uint8_t irq;
};

static const struct uart uarts[SERIAL_LINES] = {
    { 0x3f8, 4 }, { 0, 0 }, { 0x3e8, 5 }, { 0x2e8, 7 }
}; /* 0x2f8 belongs to the kernel's log */

SERVICE_DERIVED struct serial_witness serial_witness;

static uint8_t in(uint32_t port, enum uart_register number)
{
    uint8_t value = 0;

    sys_in8((uint16_t)(uarts[port].base + number), &value);
    return value;
}

static void out(uint32_t port, enum uart_register number, uint8_t value)
{
    sys_out8((uint16_t)(uarts[port].base + number), value);
}

static void set_interrupts(struct tty_line *line, uint32_t port, uint32_t interrupts)
{
    if (line->interrupts == interrupts)
        return;
    line->interrupts = interrupts;
    out(port, UART_INTERRUPTS, (uint8_t)interrupts);
}

void serial_settings(struct tty_line *line, uint32_t port)
{
    uint32_t cflag = line->termios.cflag;
    uint32_t speed = line->termios.ospeed;
    uint32_t divisor = speed == 0 || speed > CLOCK_HZ ? 1 : CLOCK_HZ / speed;
    uint32_t format = (cflag & CSIZE) >> 4;

    if (cflag & CSTOPB)
        format |= 4;
    if (cflag & PARENB)
        format |= cflag & PARODD ? 8 : 0x18;
    out(port, UART_LINE, (uint8_t)(format | LINE_DIVISOR));
    out(port, 0, (uint8_t)divisor);
    out(port, 1, (uint8_t)(divisor >> 8));
    out(port, UART_LINE, (uint8_t)format);
}

static bool is_there(uint32_t port)
{
    if (uarts[port].base == 0)
        return false;
    out(port, UART_SCRATCH, 0x5a);
    return in(port, UART_SCRATCH) == 0x5a;
}

static void start_port(struct tty_line *line, uint32_t port)
{
    int status;

    out(port, UART_INTERRUPTS, 0);
    serial_settings(line, port);
    out(port, UART_FIFO, FIFO_ENABLE | FIFO_TRIGGER_8);
    serial_modem_control(line, port, line->modem_control);
    status = sys_irq_set_policy(uarts[port].irq, port);
    if (status == 0)
        status = sys_irq_enable(port);
    if (status != 0)
        log_error("ttyS%u: interrupt %u: error %d", port, uarts[port].irq, status);
    line->interrupts = 0;
    set_interrupts(line, port, INTERRUPT_RECEIVE | INTERRUPT_LINE);
}

/* What the last call has sent is told by its answer alone, which the kernel wrote: a crash right behind the call loses nothing. */
static uint32_t account_for_call(void)
{
    struct serial_witness *witness = &serial_witness;
    struct kernel_sdevio_reply reply = { 0 };

    if (witness->call_port == 0)
        return 0;
    if ((witness->call.type & MESSAGE_REPLY) != 0 && witness->call.status == 0)
        kernel_sdevio_reply_get(&witness->call, &reply);
    witness->sent[witness->call_port - 1] = witness->call_sent + reply.done;
    witness->call_port = 0;
    return (uint32_t)reply.done;
}

void serial_start(struct tty_state *tty)
{
    (void)account_for_call();
    for (uint32_t port = 0; port < SERIAL_LINES; port++) {
        struct tty_line *line = &tty->line[port];

        line->is_present = is_there(port);
        if (!line->is_present)
            continue;
        if (serial_witness.sent[port] < line->sent) /* after an update the witness is new */
            serial_witness.sent[port] = line->sent;
        if (serial_witness.received[port] < line->received)
            serial_witness.received[port] = line->received;
        if (line->modem_control == 0)
            line->modem_control = TIOCM_DTR | TIOCM_RTS;
        start_port(line, port);
        if (output_used(line) > 0)
            set_interrupts(line, port, line->interrupts | INTERRUPT_SEND);
    }
}

void serial_begin(struct tty_state *tty, uint64_t token)
{
    (void)account_for_call();
    serial_witness.budget = SEND_MAX;
    if (token == serial_witness.token)
        return;
    serial_witness.token = token;
    for (uint32_t port = 0; port < SERIAL_LINES; port++) {
        if (tty->line[port].sent != serial_witness.sent[port])
            tty->line[port].sent = serial_witness.sent[port];
    }
}

static void receive_byte(struct tty_line *line, uint32_t status, uint8_t c)
{
    if (!(line->termios.cflag & CREAD))
        return;
    if (status & STATUS_BREAK)
        input_receive_error(line, INPUT_BREAK, 0);
    else if (status & (STATUS_PARITY | STATUS_FRAMING))
        input_receive_error(line, INPUT_PARITY, c);
    else
        input_receive(line, c);
}

/* Returns true if there may be more. */
static bool receive(struct tty_line *line, uint32_t port)
{
    while (line->received < serial_witness.received[port] && input_has_room(line))
        input_receive(line, serial_witness.log[port][line->received++ % WITNESS_LOG]);
    for (uint32_t count = 0; count < RECEIVE_MAX && input_has_room(line); count++) {
        uint32_t status = in(port, UART_STATUS);
        uint8_t c;

        if (!(status & STATUS_DATA))
            return false;
        c = in(port, UART_DATA);
        serial_witness.log[port][serial_witness.received[port]++ % WITNESS_LOG] = c;
        line->received++;
        receive_byte(line, status, c);
    }
    return true;
}

void serial_interrupt(struct tty_line *line, uint32_t port)
{
    /* Unmask first: what the port wants after it has been served below makes a new edge. */
    sys_irq_enable(port);
    if (receive(line, port))
        set_interrupts(line, port, 0); /* and on again below: the request line falls and rises */
    serial_throttle(line, port);
    (void)in(port, UART_MODEM_STATUS);
    (void)in(port, UART_IDENTIFY); /* acknowledges "send register empty"; serial_send comes next */
}

void serial_throttle(struct tty_line *line, uint32_t port)
{
    uint32_t interrupts = line->interrupts & ~(uint32_t)(INTERRUPT_RECEIVE | INTERRUPT_LINE);

    if (input_has_room(line))
        interrupts |= INTERRUPT_RECEIVE | INTERRUPT_LINE;
    set_interrupts(line, port, interrupts);
}

/* The port takes a FIFO full each time it has run empty. Returns how many bytes it took. */
static uint32_t put_bytes(uint32_t port, const uint8_t *bytes, uint32_t count)
{
    struct kernel_sdevio_request request = {
        .request = KERNEL_IO_REQUEST_OUT8,
        .port = uarts[port].base,
        .address = (uint64_t)(uintptr_t)bytes,
        .count = count,
        .burst = FIFO_BYTES,
        .status_port = (uint32_t)(uarts[port].base + UART_STATUS),
        .status_mask = STATUS_SEND_EMPTY,
    };

    serial_witness.call = (struct message){ .type = KERNEL_SDEVIO };
    kernel_sdevio_request_put(&serial_witness.call, &request);
    serial_witness.call_sent = serial_witness.sent[port];
    serial_witness.call_port = port + 1;
    (void)ipc_sendrec(ENDPOINT_SYSTEM, &serial_witness.call);
    return account_for_call();
}

void serial_send(struct tty_line *line, uint32_t port)
{
    uint64_t sent = line->sent;
    uint32_t interrupts = line->interrupts & ~(uint32_t)INTERRUPT_SEND;
    bool is_full = false;

    while (output_used(line) > 0 && !line->is_stopped && !is_full) {
        const uint8_t *bytes;
        uint32_t count = output_peek(line, &bytes);

        if (sent < serial_witness.sent[port]) { /* went out before the roll-back */
            uint64_t ahead = serial_witness.sent[port] - sent;

            if (count > ahead)
                count = (uint32_t)ahead;
        } else {
            uint32_t wanted = count < CALL_MAX ? count : CALL_MAX;

            count = serial_witness.budget > 0 ? put_bytes(port, bytes, wanted) : 0;
            serial_witness.budget -= count;
            is_full = count < wanted;
        }
        sent += count;
        output_consume(line, count);
    }
    if (is_full)
        interrupts |= INTERRUPT_SEND;
    if (sent != line->sent)
        line->sent = sent;
    set_interrupts(line, port, interrupts);
}

void serial_modem_control(struct tty_line *line, uint32_t port, uint32_t bits)
{
    uint32_t value = MODEM_OUT2; /* gates the interrupt */

    if (bits & TIOCM_DTR)
        value |= MODEM_DTR;
    if (bits & TIOCM_RTS)
        value |= MODEM_RTS;
    line->modem_control = bits & (TIOCM_DTR | TIOCM_RTS);
    out(port, UART_MODEM, (uint8_t)value);
}

uint32_t serial_modem_status(const struct tty_line *line, uint32_t port)
{
    uint32_t status = in(port, UART_MODEM_STATUS);
    uint32_t bits = line->modem_control;

    if (status & 0x10)
        bits |= TIOCM_CTS;
    if (status & 0x20)
        bits |= TIOCM_DSR;
    if (status & 0x40)
        bits |= TIOCM_RNG;
    if (status & 0x80)
        bits |= TIOCM_CAR;
    return bits;
}

bool serial_is_idle(uint32_t port)
{
    return (in(port, UART_STATUS) & STATUS_IDLE) != 0;
}
