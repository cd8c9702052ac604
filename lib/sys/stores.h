/* SPDX-License-Identifier: MIT */
/*
 * What the code says about its stores, for the compiler's part of the journal (tools/journal): which of them go to memory that no roll back restores.
 */
#pragma once

#ifdef JOURNALED
/* On a function: its stores need no undo log, because they go to nothing but its callers' variables, or because it runs only in init. */
#define NO_JOURNAL       __attribute__((no_journal))
/* On a function, with numbers of parameters: these point to variables of functions, never to the state. The plugin checks each caller. Where others
 * call it, the mark stands in the header. */
#define CALLERS_OWN(...) __attribute__((callers_own(__VA_ARGS__)))
/* On a member of a structure: it points to what is no part of the state. The plugin checks what is assigned to it. */
#define NOT_STATE        __attribute__((not_state))
/* On a structure: it lies in tables in arenas, never in the static state; on a member: it points there. The copy of the state (mirror.h) need not look
 * at what is stored there. The plugin refuses a static state that has such a structure in it. */
#define IN_TABLES        __attribute__((in_tables))
#else
#define NO_JOURNAL
#define CALLERS_OWN(...)
#define NOT_STATE
#define IN_TABLES
#endif
