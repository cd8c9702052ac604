/* SPDX-License-Identifier: MIT */
/*
 * What standby.c (VM dies) and vm_update.c (VM is updated) share: steps with two instances of VM. None of them needs VM.
 */
#pragma once

#include "kernel_info.h"
#include "state.h"

/* What the kernel says about the process in a slot. False: there is none. */
bool vm_instance_look(endpoint_t endpoint, struct process_info *info);
bool vm_instance_has_died(void);
/* The instance in VM's place and the one at `other` change places. */
int vm_instance_swap(endpoint_t other);
/* Why VM has died, unless that is noted. result: of the wait for it (-EDEADEPT: a signal, about which the kernel is asked; -EINTR: it was too slow). */
void vm_instance_note_death(struct rs_state *state, int result);
/* The instance that was swapped in may run; wait until it has said that it is ready to serve, and for how it went. It waits for an answer then. */
int vm_instance_start(struct rs_state *state, uint64_t deadline_ns);
/* Receive a message of this type from VM: 0, -EDEADEPT (it died), -EINTR (too late). */
int vm_instance_receive(struct rs_state *state, uint32_t type, struct message *message, uint64_t deadline_ns);
/* Answer the message that VM waits with. */
void vm_instance_answer(const struct message *request, int status);
/* The dead instance in VM's place and the others: make the one in `slot` as good as new in the memory that it has. */
int vm_instance_renew(struct rs_state *state, struct rs_slot *slot);
/* A new instance of `model`'s image that does not run yet, in a slot of its own. NULL: error in *result. */
struct rs_slot *vm_instance_make(struct rs_state *state, const struct rs_slot *model, uint32_t flags, int *result);
/* Take an instance that does not run out of the world. */
void vm_instance_drop(struct rs_state *state, struct rs_slot *slot);
