/* SPDX-License-Identifier: MIT */
/* A directory of its own for tests about files. It is made at the first use and left behind empty or not: the tests clean up. */
#pragma once

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static inline void scratch_enter(void)
{
    static char directory[64];

    if (directory[0] == '\0') {
        snprintf(directory, sizeof(directory), "/tmp/scratch.XXXXXX");
        if (mkdtemp(directory) == NULL || chmod(directory, 0777) != 0) {
            perror("scratch");
            exit(1);
        }
    }
    if (chdir(directory) != 0) {
        perror("scratch");
        exit(1);
    }
}

static inline void scratch_file(const char *name, const char *text)
{
    int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0644);

    if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text)) {
        perror(name);
        exit(1);
    }
    close(fd);
}
