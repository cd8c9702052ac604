/* SPDX-License-Identifier: MIT */
/*
 * Calls that the kernel makes in the name of a thread (abi/protocols/event.idl) and what their replies do. The thread is blocked as in SENDREC.
 */
#pragma once

#include "arch/x86_64/arch.h"
#include "process/thread.h"

/* All return false if the call cannot be made (no such server, or it would wait for itself); nothing has happened then. */
bool event_page_fault(struct thread *thread);
/* memory: what `fault` says is missing, for a kernel call (WAIT_CALL_MEMORY; thread->request is saved), a trap or a delivery. */
bool event_memory(struct thread *thread, enum event_kind kind, endpoint_t target, const struct copy_fault *fault, uint64_t length);
bool event_signal_ready(struct thread *thread);
bool event_out_of_quantum(struct thread *thread, struct thread *scheduler);

/* The reply has come (or status < 0: the server died). Clears MF_EVENT; the caller has cleared RTS_RECEIVING or will do so. */
void event_reply(struct thread *thread, const struct message *reply);
/* VM's reply to a page fault may carry the page. Called before its receiver is looked up: VM has counted the frame, whether the thread lives or not. */
void event_map_page(const struct message *reply);
