/* SPDX-License-Identifier: MIT */
/*
 * What stands at the same place in each version of a service (entry.S), so that a new version, and whoever looks at a dead instance, finds all of it:
 * where its sections are, and its crash notes. The build id (an ELF note) follows.
 */
#pragma once

#include <stdint.h>

#define SERVICE_HEADER_MAGIC 0x31305244484c50ull /* "PLHDR01" */

struct service_header {
    uint64_t magic;
    uint64_t layout, layout_end;
    uint64_t state, state_end;
    uint64_t outbox, outbox_end;
    uint64_t derived, derived_end;
    uint64_t journal, journal_end;
};

/* Not compared between versions. */
struct service_image {
    struct service_header header;
    uint64_t crash_notes;
};
