/* SPDX-License-Identifier: MIT */
/*
 * Linux's terminal ABI on x86-64 (asm-generic/termbits.h, ioctls.h): structures that programs pass, flags, indices of control characters,
 * ioctl numbers. Prefixed TTY_ or kept as Linux names them, so that grep finds both.
 */
#pragma once

#include <stdint.h>

enum { NCC = 8, NCCS = 19 };

struct linux_termios {
    uint32_t iflag;
    uint32_t oflag;
    uint32_t cflag;
    uint32_t lflag;
    uint8_t line;
    uint8_t cc[NCCS];
    /* struct termios ends here; termios2 goes on */
    uint32_t ispeed;
    uint32_t ospeed;
};

enum { TERMIOS_BYTES = 36, TERMIOS2_BYTES = 44 };
_Static_assert(sizeof(struct linux_termios) == TERMIOS2_BYTES, "termios2");

struct linux_termio {
    uint16_t iflag;
    uint16_t oflag;
    uint16_t cflag;
    uint16_t lflag;
    uint8_t line;
    uint8_t cc[NCC];
    uint8_t unused;
};

struct linux_winsize {
    uint16_t rows;
    uint16_t columns;
    uint16_t x_pixels;
    uint16_t y_pixels;
};

enum control_character {
    VINTR,
    VQUIT,
    VERASE,
    VKILL,
    VEOF,
    VTIME,
    VMIN,
    VSWTC,
    VSTART,
    VSTOP,
    VSUSP,
    VEOL,
    VREPRINT,
    VDISCARD,
    VWERASE,
    VLNEXT,
    VEOL2,
};

enum {
    IGNBRK = 1,
    BRKINT = 2,
    IGNPAR = 4,
    PARMRK = 010,
    INPCK = 020,
    ISTRIP = 040,
    INLCR = 0100,
    IGNCR = 0200,
    ICRNL = 0400,
    IUCLC = 01000,
    IXON = 02000,
    IXANY = 04000,
    IXOFF = 010000,
    IMAXBEL = 020000,
    IUTF8 = 040000,
};

enum {
    OPOST = 1,
    OLCUC = 2,
    ONLCR = 4,
    OCRNL = 010,
    ONOCR = 020,
    ONLRET = 040,
    TABDLY = 014000,
    XTABS = 014000,
};

enum {
    CBAUD = 0010017,
    B0 = 0,
    B9600 = 015,
    B38400 = 017,
    B115200 = 0010002,
    CSIZE = 060,
    CS5 = 0,
    CS6 = 020,
    CS7 = 040,
    CS8 = 060,
    CSTOPB = 0100,
    CREAD = 0200,
    PARENB = 0400,
    PARODD = 01000,
    HUPCL = 02000,
    CLOCAL = 04000,
    BOTHER = 0010000,
};

enum {
    ISIG = 1,
    ICANON = 2,
    XCASE = 4,
    ECHO = 010,
    ECHOE = 020,
    ECHOK = 040,
    ECHONL = 0100,
    NOFLSH = 0200,
    TOSTOP = 0400,
    ECHOCTL = 01000,
    ECHOPRT = 02000,
    ECHOKE = 04000,
    FLUSHO = 010000,
    PENDIN = 040000,
    IEXTEN = 0100000,
    EXTPROC = 0200000,
};

enum tty_ioctl {
    TCGETS = 0x5401,
    TCSETS = 0x5402,
    TCSETSW = 0x5403,
    TCSETSF = 0x5404,
    TCGETA = 0x5405,
    TCSETA = 0x5406,
    TCSETAW = 0x5407,
    TCSETAF = 0x5408,
    TCSBRK = 0x5409,
    TCXONC = 0x540a,
    TCFLSH = 0x540b,
    TIOCEXCL = 0x540c,
    TIOCNXCL = 0x540d,
    TIOCSCTTY = 0x540e,
    TIOCGPGRP = 0x540f,
    TIOCSPGRP = 0x5410,
    TIOCOUTQ = 0x5411,
    TIOCSTI = 0x5412,
    TIOCGWINSZ = 0x5413,
    TIOCSWINSZ = 0x5414,
    TIOCMGET = 0x5415,
    TIOCMBIS = 0x5416,
    TIOCMBIC = 0x5417,
    TIOCMSET = 0x5418,
    TIOCGSOFTCAR = 0x5419,
    TIOCSSOFTCAR = 0x541a,
    FIONREAD = 0x541b,
    TIOCPKT = 0x5420,
    TIOCNOTTY = 0x5422,
    TIOCSETD = 0x5423,
    TIOCGETD = 0x5424,
    TCSBRKP = 0x5425,
    TIOCSBRK = 0x5427,
    TIOCCBRK = 0x5428,
    TIOCGSID = 0x5429,
    TIOCVHANGUP = 0x5437,
};
/* Those made with _IOR and _IOW. */
#define TCGETS2    0x802c542au
#define TCSETS2    0x402c542bu
#define TCSETSW2   0x402c542cu
#define TCSETSF2   0x402c542du
#define TIOCGPTN   0x80045430u
#define TIOCSPTLCK 0x40045431u
#define TIOCSIG    0x40045436u
#define TIOCGPKT   0x80045438u
#define TIOCGPTLCK 0x80045439u
#define TIOCGEXCL  0x80045440u

enum { TCIFLUSH = 0, TCOFLUSH = 1, TCIOFLUSH = 2, TCOOFF = 0, TCOON = 1, TCIOFF = 2, TCION = 3 };

enum packet_status {
    TIOCPKT_DATA = 0,
    TIOCPKT_FLUSHREAD = 1,
    TIOCPKT_FLUSHWRITE = 2,
    TIOCPKT_STOP = 4,
    TIOCPKT_START = 8,
    TIOCPKT_NOSTOP = 16,
    TIOCPKT_DOSTOP = 32,
};

enum { TIOCM_DTR = 2, TIOCM_RTS = 4, TIOCM_CTS = 0x20, TIOCM_CAR = 0x40, TIOCM_RNG = 0x80, TIOCM_DSR = 0x100 };

enum linux_signal { SIGHUP = 1, SIGINT = 2, SIGQUIT = 3, SIGCONT = 18, SIGTSTP = 20, SIGTTIN = 21, SIGTTOU = 22, SIGWINCH = 28 };

enum poll_event { POLLIN = 1, POLLPRI = 2, POLLOUT = 4, POLLERR = 8, POLLHUP = 0x10, POLLRDNORM = 0x40, POLLWRNORM = 0x100 };
