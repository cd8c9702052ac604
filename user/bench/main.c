/* SPDX-License-Identifier: MIT */
/*
 * bench [NAME...]: runs the named operations, or all, and prints a line for each:
 *   bench NAME COUNT TICKS_PER_OPERATION NANOSECONDS_PER_OPERATION
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"

const char *bench_path;

static const struct operation *const groups[] = {file_operations, process_operations, memory_operations};

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

static void measure(const struct operation *operation)
{
    if (operation->prepare != NULL) {
        operation->prepare();
    }
    operation->run(operation->count / 10 + 2);
    uint64_t start_ns = now_ns();
    uint64_t start = ticks();
    operation->run(operation->count);
    uint64_t end = ticks();
    uint64_t end_ns = now_ns();
    if (operation->finish != NULL) {
        operation->finish();
    }
    printf("bench %s %lu %.1f %.1f\n", operation->name, (unsigned long)operation->count, (double)(end - start) / (double)operation->count,
           (double)(end_ns - start_ns) / (double)operation->count);
    fflush(stdout);
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
    int done = 0;
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
