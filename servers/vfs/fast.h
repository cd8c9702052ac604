/* SPDX-License-Identifier: MIT */
/*
 * Short ways for the calls that programs make most: everything is in the caches and nothing special is asked for. What is not so takes the
 * general way, which also finds the exact error.
 */
#pragma once

#include "sys/service.h"

#include "operation.h"

/* A function that writes to nothing but its own variables: its stores need no journal. */
#define LOCAL_STORES NO_JOURNAL __attribute__((noinline))

/*
 * Walk a path in the scratch text. A vnode; -ENOENT: known not to exist; 0: take the general way (a name that is not cached, "..", a symbolic link that is
 * to be followed, no permission, a descriptor to start from ..).
 */
int64_t fast_walk(struct vfs_state *vfs, const struct process *process, const char *text, bool follow);
/* The part of a path before its last name, as far as it is cached and plain: where that leads; *offset: what is left begins there. */
uint32_t fast_prefix(struct vfs_state *vfs, const struct process *process, const char *text, uint32_t from, uint32_t *offset);
/* Copy the path of a call into the scratch text and walk it. Errors of the copy come back as they are. */
int64_t fast_path(struct vfs_state *vfs, const struct process *process, endpoint_t caller, uint64_t address, bool follow);
