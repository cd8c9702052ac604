/* SPDX-License-Identifier: MIT */
/*
 * The steps by which VM's state is derived after a crash, in the order in which they must come. The records may be damaged: an index in them, a
 * length, a flag is believed only as far as it makes sense, and what the kernel says goes before what they say. What makes none is dropped and counted.
 */
#pragma once

#include "facts.h"
#include "region.h"
#include "state.h"

/* What of the old instance made no sense. */
struct losses {
    uint32_t regions;
    uint32_t objects;
    uint32_t chunks;
    uint32_t pages; /* of objects */
    uint32_t spaces;
    uint32_t slots;
    uint32_t waiting; /* parked calls */
    uint64_t entries; /* of page tables */
};

/* What the neighbours in its list say of a record: that it belongs there, that it does not, or nothing. The lists of the old instance are used for
 * nothing else, so this is noted before any of them is made anew. */
enum evidence { EVIDENCE_NONE, EVIDENCE_FOR, EVIDENCE_AGAINST, EVIDENCE_SPENT /* the record is free */ };

void derive_evidence(struct vm_state *state);
/* Who lives where. A space in which nobody lives, and nobody is about to, is gone. */
void derive_spaces(struct vm_state *state, const struct facts *facts, struct losses *losses);
void derive_objects(struct vm_state *state, struct losses *losses);
/* Chunks of objects claim their frames. */
void derive_chunks(struct vm_state *state, struct losses *losses);
void derive_regions(struct vm_state *state, struct losses *losses);
/* Page tables and regions of all spaces: references of frames; entries that no region explains go. */
void derive_pages(struct vm_state *state, struct losses *losses);
/* What else is known of a space, when its regions are there. */
void derive_limits(struct vm_state *state);
