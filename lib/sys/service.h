/* SPDX-License-Identifier: MIT */
/*
 * What makes a process a service: main() fills a struct service, sets SEF callbacks, and calls service_run(), which never returns.
 * The loop: receive; SEF takes its own; caller check; dispatch to the typed handler; commit (state stands, outbox and reply leave together).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "message.h"
#include "sys/call.h"
#include "sys/outbox.h"
#include "sys/stores.h"
#include "sys/waiters.h"

/* SERVICE_STATE: the one state object. SERVICE_DERIVED: statics that follow from it (arena pointers, caches), or that remember what a handler has
 * done to the world: a restart of the same binary keeps them as they were at the crash (they are not rolled back), an update rebuilds them. All
 * start as zeros. SERVICE_INSTANCE: of this one instance, lost in a restart on purpose. There are no other statics. */
#ifdef PLANARIA_HOST
#define SERVICE_STATE
#define SERVICE_DERIVED
#define SERVICE_INSTANCE
#else
#define SERVICE_STATE    __attribute__((section(".bss.state")))
#define SERVICE_DERIVED  __attribute__((section(".bss.derived")))
#define SERVICE_INSTANCE __attribute__((section(".bss.instance")))
#endif

struct service_protocol {
    uint32_t protocol;
    int (*dispatch)(void *state, struct call *call); /* generated; PROTOCOL_LINUX and PROTOCOL_EVENT (event) too */
};

typedef int (*service_upgrade_t)(void *state);

enum service_start { SERVICE_FRESH, SERVICE_RESTART, SERVICE_UPDATE };

struct service {
    const char *name;
    void *state; /* the one object in section .state */
    size_t state_bytes;
    const struct service_protocol *protocols;
    size_t protocol_count;
    /* Reply to one of our outbox requests; status -EDEADSRCDST if the peer died for good. NULL if we never send requests. */
    void (*handle_reply)(void *state, const struct message *reply, struct outbox *outbox);
    /* Notifications other than SEF's: source CLOCK (word[1] = uptime ns), HARDWARE (word[0] = hook bits), or a service's endpoint. */
    void (*handle_notify)(void *state, endpoint_t source, const struct message *message, struct outbox *outbox);
    /* Mark the callers of all requests that parked records stand for, those of programs at least (sys/waiters.h). After a restart a program that waits without
     * one is released: its Linux call ends with EIO, a kernel's event comes again. NULL: the service parks no calls. */
    void (*mark_waiters)(const void *state, struct waiters *waiters);
    /* First broken invariant as text, or NULL. Run after restart before commit, in debug builds after each message, and on panic. */
    const char *(*state_check)(const void *state);
    /* Get the tables in arenas (SERVICE_TABLE), all of them. The service's own init does it when it starts afresh; a restart and a live update need them before
     * there is any state. NULL: there are none. */
    int (*attach)(void);
    /* After a restart with the old state: bring back what lives outside of it (devices, mappings). NULL: nothing to do. */
    int (*rebuild)(void *state);
    /* After a crash `rebuild` makes the state anew from what it can trust (VM): it has no arenas, nothing of it is rolled back, and it is not checked before. */
    bool derives;
    /* The text is looked at before nearly every handler (integrity.h). For services whose requests cost more than a look, and that programs do not call all the time. */
    bool looks_often;
    /* After a restart: neither the state nor a copy of it passes the check. Drop what makes no sense, or make it anew. NULL: all of it is given up. */
    void (*mend)(void *state);
    /* After a restart whose old state cannot be used: everything is as when the service starts afresh, but for the arenas, which are attached and hold
     * what the dead instance left in them. Derive a state. NULL: this restart fails, and RS starts the service afresh. */
    int (*salvage)(void *state);
    /* Live update from an older state version: [n] takes the state from version n to n + 1. They run when all fields that fit were copied by name,
     * and read what the old version had with service_past(). Not 0: the old version goes on. */
    const service_upgrade_t *upgrades;
    uint32_t upgrade_count;
};

/* In an upgrade function: bytes of the old version by path, "x_state.member" or "table" (SERVICE_TABLE). NULL: it had no such thing. */
const void *service_past(const char *path, size_t *bytes);

void service_run(const struct service *service) __attribute__((noreturn));

/* This service's own endpoint and label. */
endpoint_t service_endpoint(void);
const char *service_name(void);

/* What stands behind this service's path on the command line that started it (`-args`), NUL-terminated in `room` bytes; "" for boot services.
 * 0 or a negative error. */
int service_arguments(char *text, size_t room);

/* The broken-own-invariant exit: logs, dumps, dies with SIGABRT; RS restarts us. printf-like subset of base/format.h. */
void service_panic(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));

/* Memory for tables sized at start-up (frame table, caches): page-aligned, zeroed, part of the state for restart and update (design.md, arenas).
 * Call it only in init, in the same order each time. NULL when there is no memory. */
void *service_arena(const char *name, size_t bytes);

/* How the service's own sources are compiled (tools/build/modules.mk), for mirror.c and journal_debug.c. */
enum { JOURNALED_WITHOUT_COPY = 1, JOURNALED_WITH_COPY = 2 };

#ifdef JOURNAL_MARK
static const char journaled_mark __attribute__((section(".journaled"), used)) = JOURNAL_MARK;
#endif

/* A table of `count` entries in an arena of its own; NULL when there is no memory. Name, entry type and count are part of the layout of the service's
 * state: a live update matches tables by name. The array takes no memory (section .arenas is not loaded); tools/layout finds it. */
#ifdef PLANARIA_HOST
#define SERVICE_TABLE(name, type, count) ((type *)service_arena(#name, sizeof(type) * (count)))
#else
#define SERVICE_TABLE(name, type, count)                                                                                      \
    ({                                                                                                                        \
        static type name##_table[count] __attribute__((section(".arenas,\"aw\",@nobits#"), used)); /* # ends what gcc adds */ \
        (type *)service_arena(#name, sizeof(name##_table));                                                                   \
    })
#endif

/* Once, in a source of the service: the version of its state layout, and the oldest one that `upgrades` of struct service leads from. Without this a
 * service has version 1: fields are matched by name, and what does not fit is refused. */
#ifdef PLANARIA_HOST
#define SERVICE_STATE_VERSION(number, upgrades_from) _Static_assert((number) > (upgrades_from), "a version comes after what it upgrades")
#else
#define SERVICE_STATE_VERSION(number, upgrades_from)                                                    \
    __asm__(".globl service_state_version, service_upgrades_from\n.set service_state_version, " #number \
            "\n.set service_upgrades_from, " #upgrades_from)
#endif
