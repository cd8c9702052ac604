/* SPDX-License-Identifier: MIT */
/*
 * Reads manifests on the host with the parser of RS: `manifest FILE...` tells every mistake as FILE:LINE:COLUMN: text, and otherwise prints what
 * policy.py wants to know of each service; `manifest --keys` prints the keys and their rules.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "errors.h"
#include "protocols/protocol_trace.h"
#include "servers/rs/manifest.h"

extern const struct protocol_trace kernel_trace, vm_trace;

static char *read_whole(const char *path, size_t *length)
{
    FILE *file = fopen(path, "r");
    char *text = malloc(1 << 20);

    if (file == NULL || text == NULL) {
        perror(path);
        exit(2);
    }
    *length = fread(text, 1, 1 << 20, file);
    fclose(file);
    return text;
}

static void print_calls(const char *key, const struct protocol_trace *protocol, const uint64_t *mask, uint32_t words)
{
    printf("%s", key);
    for (uint32_t i = 0; i < protocol->operation_count; i++) {
        uint32_t operation = message_operation(protocol->operations[i].type);

        if (operation / 64 < words && (mask[operation / 64] >> operation % 64 & 1) != 0)
            printf(" %s", protocol->operations[i].name);
    }
    printf("\n");
}

static void print_labels(const char *key, const char labels[][RS_LABEL_MAX], uint32_t count, bool all)
{
    printf("%s%s", key, all ? " ALL" : "");
    for (uint32_t i = 0; i < count; i++)
        printf(" %s", labels[i]);
    printf("\n");
}

static void print_service(const char *path, const struct manifest *manifest)
{
    printf("service %s %s\n", manifest->label, path);
    printf("level %u\n", manifest->level);
    print_labels("ipc", manifest->peer, manifest->peer_count, manifest->all_peers);
    print_labels("control", manifest->control, manifest->control_count, false);
    printf("refers %s %s\n", strcmp(manifest->signal_manager, MANIFEST_SELF) == 0 ? "" : manifest->signal_manager, manifest->scheduler);
    print_calls("system", &kernel_trace, manifest->call_mask, PRIVILEGE_CALL_WORDS);
    print_calls("vm", &vm_trace, &manifest->vm_mask, 1);
}

static int read_file(const char *path)
{
    struct manifest manifest;
    char error[MANIFEST_ERROR_BYTES];
    size_t length, at = 0;
    char *text = read_whole(path, &length);
    int result;

    while ((result = manifest_read_next(text, length, &at, &manifest, error)) == 0)
        print_service(path, &manifest);
    free(text);
    if (result == -ESRCH)
        return 0;
    fprintf(stderr, "%s:%s\n", path, error);
    return 1;
}

int main(int count, char **arguments)
{
    const char *name, *rule;
    int failed = 0;

    if (count == 2 && strcmp(arguments[1], "--keys") == 0) {
        for (size_t i = 0; (name = manifest_key(i, &rule)) != NULL; i++)
            printf("%s\t%s\n", name, rule);
        return 0;
    }
    for (int i = 1; i < count; i++)
        failed |= read_file(arguments[i]);
    return failed;
}
