/* SPDX-License-Identifier: MIT */
/*
 * Operations on memory, and switches between processes.
 */
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"

enum { PAGE = 4096, FAULT_PAGES = 64, RING_PROCESSES = 8 };

static volatile char *area;
static int ring[RING_PROCESSES][2];

static void *map_pages(size_t pages)
{
    void *address = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    must(address != MAP_FAILED, "mmap");
    return address;
}

static void map_unmap(uint64_t count)
{
    while (count-- > 0) {
        munmap(map_pages(1), PAGE);
    }
}

static void map_touch_unmap(uint64_t count)
{
    while (count-- > 0) {
        volatile char *page = map_pages(1);
        *page = 1;
        munmap((void *)page, PAGE);
    }
}

static void fault(uint64_t count)
{
    while (count > 0) {
        volatile char *pages = map_pages(FAULT_PAGES);
        uint64_t touched = count < FAULT_PAGES ? count : FAULT_PAGES;
        for (uint64_t i = 0; i < touched; i++) {
            pages[i * PAGE] = 1;
        }
        munmap((void *)pages, FAULT_PAGES * PAGE);
        count -= touched;
    }
}

static void prepare_area(void)
{
    area = map_pages(1);
    *area = 1;
}

static void finish_area(void)
{
    munmap((void *)area, PAGE);
}

static void protect(uint64_t count)
{
    while (count-- > 0) {
        must(mprotect((void *)area, PAGE, PROT_READ) == 0 && mprotect((void *)area, PAGE, PROT_READ | PROT_WRITE) == 0, "mprotect");
    }
}

/* A token goes round a ring of processes; one operation is one hop. */
static void ring_child(int index)
{
    char token;
    for (int i = 0; i < RING_PROCESSES; i++) {
        if (i != index) {
            close(ring[i][0]);
        }
        if (i != (index + 1) % RING_PROCESSES) {
            close(ring[i][1]);
        }
    }
    while (read(ring[index][0], &token, 1) == 1) {
        must(write(ring[(index + 1) % RING_PROCESSES][1], &token, 1) == 1, "ring");
    }
    _exit(0);
}

static void prepare_ring(void)
{
    for (int i = 0; i < RING_PROCESSES; i++) {
        must(pipe(ring[i]) == 0, "pipe");
    }
    for (int i = 1; i < RING_PROCESSES; i++) {
        pid_t child = fork();
        must(child >= 0, "fork");
        if (child == 0) {
            ring_child(i);
        }
    }
}

static void finish_ring(void)
{
    for (int i = 0; i < RING_PROCESSES; i++) {
        close(ring[i][0]);
        close(ring[i][1]);
    }
    for (int i = 1; i < RING_PROCESSES; i++) {
        must(wait(NULL) > 0, "wait");
    }
}

static void ring_hop(uint64_t count)
{
    char token = 't';
    for (uint64_t hops = 0; hops < count; hops += RING_PROCESSES) {
        must(write(ring[1][1], &token, 1) == 1 && read(ring[0][0], &token, 1) == 1, "ring");
    }
}

const struct operation memory_operations[] = {
    { "mmap_munmap", 1000, map_unmap, NULL, NULL },
    { "mmap_touch_munmap", 1000, map_touch_unmap, NULL, NULL },
    { "page_fault", 2048, fault, NULL, NULL },
    { "mprotect_pair", 1000, protect, prepare_area, finish_area },
    { "context_switch_8", 2048, ring_hop, prepare_ring, finish_ring },
    { NULL, 0, NULL, NULL, NULL },
};
