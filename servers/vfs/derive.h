/* SPDX-License-Identifier: MIT */
/* What a new VFS makes anew of the nodes that it has taken over: a wrong index there would kill each instance again. */
#pragma once

#include "state.h"

/* The hash of nodes, and which window shows which node. Nothing is mapped yet (vnode_windows_forget). */
void derive_indexes(struct vfs_state *vfs);
