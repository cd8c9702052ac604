/* SPDX-License-Identifier: MIT */
/*
 * bench [NAME...]: runs the named operations, or all, and prints a line for each:
 *   bench NAME COUNT TICKS_PER_OPERATION NANOSECONDS_PER_OPERATION SWITCHES_PER_OPERATION
 * switches are those between address spaces, from /proc/counters; -1 where there is no such file (Linux). The first line, boot, is the time from
 * power-on to this program.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"

const char *bench_path;

static const struct operation *const groups[] = { file_operations, process_operations, memory_operations };

void must(int condition, const char *what)
{
    if (!condition) {
        perror(what);
        exit(1);
    }
}

static uint64_t ticks(void)
{
    uint32_t low, high;
    __asm__ volatile("lfence; rdtsc" : "=a"(low), "=d"(high) : : "memory");
    return (uint64_t)high << 32 | low;
}

static uint64_t now_ns(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

/* Switches between address spaces since boot, or -1. */
static long space_switches(void)
{
    FILE *file = fopen("/proc/counters", "r");
    char name[32];
    long value;
    long found = -1;
    while (file != NULL && found < 0 && fscanf(file, "%31s %ld", name, &value) == 2) {
        if (strcmp(name, "space_switches") == 0) {
            found = value;
        }
    }
    if (file != NULL) {
        fclose(file);
    }
    return found;
}

/* What reading the counter itself costs, so that it can be taken off. */
static long switches_between(long before)
{
    long now = space_switches();
    return before < 0 ? -1 : now - before;
}

static void report(const char *name, uint64_t count, uint64_t passed_ticks, uint64_t passed_ns, long switches)
{
    printf("bench %s %lu %.1f %.1f %.2f\n", name, (unsigned long)count, (double)passed_ticks / (double)count,
           (double)passed_ns / (double)count, switches < 0 ? -1.0 : (double)switches / (double)count);
    fflush(stdout);
}

static void measure(const struct operation *operation)
{
    if (operation->prepare != NULL) {
        operation->prepare();
    }
    operation->run(operation->count / 10 + 2);
    long own = switches_between(space_switches());
    long switches = space_switches();
    uint64_t start_ns = now_ns();
    uint64_t start = ticks();
    operation->run(operation->count);
    uint64_t end = ticks();
    uint64_t end_ns = now_ns();
    switches = switches_between(switches);
    if (operation->finish != NULL) {
        operation->finish();
    }
    report(operation->name, operation->count, end - start, end_ns - start_ns, switches < 0 ? -1 : switches - own);
}

static int is_wanted(const char *name, int count, char **names)
{
    for (int i = 0; i < count; i++) {
        if (strcmp(name, names[i]) == 0) {
            return 1;
        }
    }
    return count == 0;
}

int main(int count, char **arguments)
{
    if (count == 2 && strcmp(arguments[1], "--exit") == 0) {
        return 0; /* what the exec operations run */
    }
    bench_path = "/proc/self/exe";
    if (access(bench_path, X_OK) != 0) {
        bench_path = arguments[0];
    }
    int done = is_wanted("boot", count - 1, arguments + 1);
    if (done) {
        report("boot", 1, ticks(), now_ns(), -1);
    }
    for (size_t group = 0; group < sizeof(groups) / sizeof(groups[0]); group++) {
        for (const struct operation *operation = groups[group]; operation->name != NULL; operation++) {
            if (is_wanted(operation->name, count - 1, arguments + 1)) {
                measure(operation);
                done++;
            }
        }
    }
    if (done == 0) {
        fprintf(stderr, "bench: no operation has this name; without names all run\n");
        return 2;
    }
    return 0;
}
