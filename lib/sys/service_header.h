/* SPDX-License-Identifier: MIT */
/*
 * What stands at the beginning of each service's image (entry.S): where its state and its crash notes are; the build id follows. A new version
 * finds the old one's in its memory, RS in its file, the coroner in the memory of a dead instance.
 */
#pragma once

#include <stdint.h>

#include "layout/layout.h"

#define SERVICE_HEADER_MAGIC 0x31305244484c50ull

struct service_border {
    uint64_t start;
    uint64_t end;
};

struct service_header {
    uint64_t magic;
    uint64_t layout, layout_end;
    struct service_border section[LAYOUT_SECTIONS]; /* in the order of the numbers in layout.h */
};

/* Not compared between versions. */
struct service_image {
    struct service_header header;
    uint64_t crash_notes;
};
