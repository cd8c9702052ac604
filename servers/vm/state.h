/* SPDX-License-Identifier: MIT */
/*
 * Everything that VM knows. The struct in section .state holds counters and roots; the big tables are arenas at fixed addresses (layout.h)
 * that link their records by index, index 0 meaning none. Which frame stands where in a program is written only in its page tables: VM counts references
 * of anonymous frames from the entries that the kernel returns, and frames of objects belong to their object, not to mappings.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "message.h"
#include "sys/variant.h"

enum {
    PAGE_BITS = 12,
    PAGE_BYTES = 1 << PAGE_BITS,
    CHUNK_BITS = 4,
    CHUNK_PAGES = 1 << CHUNK_BITS, /* pages of an object that are kept and mapped together */
    ENTRY_ROOM = 512,              /* page-table entries per kernel call */
    OWNER_POOLS = 64,
    SPACE_LIMIT = PROCESS_SLOTS + 256, /* the kernel's SPACE_COUNT */
    SPACE_FIRST_FREE = SERVICE_SLOTS,  /* lower ids: boot services, id == slot */
    OBJECT_INDEX_BITS = 20,
    VM_NONE = 0,
};

/* ---- frames ---- */

enum frame_kind {
    FRAME_RESERVED, /* not ours: the kernel's, or no memory */
    FRAME_FREE,
    FRAME_ANONYMOUS, /* references = entries in page tables that show it */
    FRAME_OBJECT,    /* belongs to a chunk; not counted */
    FRAME_TABLE,     /* given to the kernel for page tables */
    FRAME_OWN,       /* VM's arenas */
};

struct frame {
    uint32_t next; /* free list; while the state is derived, of an object's frame: the object */
    uint16_t references;
    uint8_t kind;
    uint8_t was; /* while the state is derived: the kind that the dead instance knew */
};

/* ---- growing tables ---- */

struct pool {
    uint64_t base; /* address of record 0 */
    uint64_t present_bytes;
    uint32_t record_bytes;
    uint32_t limit; /* records */
    uint32_t high;  /* records that were ever used, incl. 0 */
    uint32_t free;  /* list through the first word of unused records */
    uint32_t used;
    uint32_t unused;
};

/* ---- regions ---- */

enum region_kind {
    REGION_ANONYMOUS,
    REGION_PRIVATE,  /* of an object, copied at the first write */
    REGION_SHARED,   /* of an object */
    REGION_PHYSICAL, /* memory that VM does not own; offset is its physical address */
};

enum region_flags {
    REGION_GROWSDOWN = 1,
    REGION_PINNED = 2, /* all pages present: services */
    REGION_HEAP = 4,
    REGION_DONTFORK = 8,
    REGION_WIPEONFORK = 16,
    REGION_COPIES = 32, /* may hold anonymous frames */
    REGION_WINDOW = 64, /* a service's window on an object */
    REGION_VDSO = 128,
};

struct region {
    uint32_t left; /* first word: free list */
    uint32_t right;
    uint64_t start;
    uint64_t end;
    uint64_t offset;   /* in the object, of start */
    uint64_t file_end; /* private: the object's bytes from here on read as zero */
    uint32_t previous; /* in the space, by address */
    uint32_t next;
    uint32_t space;
    uint32_t object; /* index, 0 none */
    uint32_t object_previous;
    uint32_t object_next;
    uint32_t device;
    uint32_t inode;
    uint16_t flags;
    uint8_t kind;
    uint8_t protection; /* vm.idl protection */
    uint8_t uncached;
    uint8_t height;
    uint8_t evidence; /* while the state is derived (derive.h) */
    uint8_t unused;
};

/* ---- spaces ---- */

struct space {
    uint32_t free_link;
    uint32_t users; /* slots; 0 with is_used: unborn */
    uint32_t root;
    uint32_t first; /* region with the lowest address */
    uint32_t last;
    uint32_t region_count;
    uint32_t cached; /* region of the last fault */
    uint8_t is_used;
    uint8_t is_service;
    uint8_t is_lent; /* a service's that waits to take another one's place, or has lost it: it goes soon */
    uint8_t unused;
    uint64_t brk_start;
    uint64_t brk;
    uint64_t stack_top;
    uint64_t total_pages;
    uint64_t resident_pages;
    uint64_t limit_total; /* bytes */
    uint64_t limit_data;
    uint64_t limit_stack;
    uint64_t physical_next; /* where the next map_physical goes */
    uint64_t faults;
};

/* ---- objects ---- */

struct object {
    uint32_t free_link;
    uint32_t generation;
    uint64_t size; /* bytes, as far as VM was told; a page beyond it is a SIGBUS */
    uint64_t pages;
    uint64_t page_end; /* no pages from here on */
    uint32_t chunks;   /* list */
    uint32_t recent;   /* chunk of the last look-up */
    uint32_t regions;  /* list */
    uint16_t owner_pool;
    uint8_t is_used;
    uint8_t is_released; /* the owner let go */
};

struct chunk {
    uint32_t hash_next; /* first word: free list */
    uint32_t object;
    uint32_t number; /* page >> CHUNK_BITS */
    uint32_t previous;
    uint32_t next;
    uint32_t used;
    uint32_t frame[CHUNK_PAGES];
};

_Static_assert(sizeof(struct region) % 8 == 0 && sizeof(struct space) % 8 == 0 && sizeof(struct object) % 8 == 0 &&
                   sizeof(struct chunk) % 8 == 0,
               "pool.c clears records by words");

struct owner_pool {
    endpoint_t owner;
    uint32_t number;
    uint64_t limit;
    uint64_t used;
    uint32_t is_used;
    uint32_t unused;
};

/* ---- mmap of a file: waits for VFS ---- */

enum parked_use { PARKED_FREE, PARKED_WAITS, PARKED_ANSWERED };

struct parked {
    uint32_t free_link;
    endpoint_t caller; /* 0 with is_used: the caller is gone */
    uint32_t transaction;
    uint32_t is_used; /* enum parked_use */
    uint64_t address;
    uint64_t length;
    uint64_t offset;
    uint32_t protection;
    uint32_t flags;
};

struct vm_state {
    uint32_t own_space; /* the kernel's id of the space VM runs in */
    uint32_t unused_id;
    LAYOUT_ADDED(added);

    /* frames */
    uint32_t frame_count;
    uint32_t frame_free; /* list */
    uint64_t frames_total;
    uint64_t frames_free;
    uint64_t frames_reserve; /* left for tables and services */
    uint64_t frames_table;
    uint64_t frames_own;
    uint64_t object_pages;
    uint64_t faults;
    uint32_t dying;    /* list of spaces that the kernel could not destroy yet */
    uint32_t is_short; /* memory is out: already in the log */
    uint32_t hash_mask;
    uint32_t replies_in_row; /* pages mapped by replies since the last kernel call that maps */

    struct pool regions;
    struct pool objects;
    struct pool chunks;
    struct pool spaces;
    struct pool parked;

    uint64_t refused_calls[SERVICE_SLOTS]; /* bit = operation of vm.idl; RS says so (mask.c) */
    struct owner_pool owner_pool[OWNER_POOLS];
    uint32_t transaction; /* sequence of requests to VFS */
    uint32_t answered;    /* the last parked record that was */
    uint64_t note_of;     /* repeat.h: the message it belongs to */
    uint64_t note_value;
    LAYOUT_ORDER(uint64_t vdso_base, uint64_t vdso_bytes);
    uint64_t time_page;
    uint64_t seal;                      /* of what follows from the machine alone (vm_constants_seal) */
    uint32_t slot_space[PROCESS_SLOTS]; /* 0 none */
    uint16_t exchanged[SERVICE_SLOTS]; /* the slot + 1 of the other instance, while both are there (vm.update); 0 none. Lost in a restart */
    uint32_t slot_pending[PROCESS_SLOTS]; /* space between exec_begin and commit */
};

/* Space ids are indexes; the boot service in slot 0 has space 0 in the kernel, so ids are stored here plus one. */
static inline uint32_t space_index(uint32_t id)
{
    return id + 1;
}

static inline uint32_t space_id(uint32_t index)
{
    return index - 1;
}

static inline uint64_t page_down(uint64_t address)
{
    return address & ~(uint64_t)(PAGE_BYTES - 1);
}

static inline uint64_t page_up(uint64_t address)
{
    return (address + PAGE_BYTES - 1) & ~(uint64_t)(PAGE_BYTES - 1);
}

/* A checksum of the fields that never change after the start. */
uint64_t vm_constants_seal(const struct vm_state *state);
/* First broken invariant as text, or NULL. */
const char *vm_state_check(const void *state);
/* For a new version: are the tables of the kind that it knows? Without the frames, of which there are too many to look at each. */
const char *vm_state_check_tables(const struct vm_state *state);
