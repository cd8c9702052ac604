/* SPDX-License-Identifier: MIT */
/*
 * What reaches PM besides typed requests: Linux calls on their way to the generated dispatcher, replies of VFS, notifications.
 */
#pragma once

#include "message.h"

struct call;
struct outbox;

int pm_linux_entry(void *state, struct call *call);
void pm_handle_reply(void *state, const struct message *reply, struct outbox *outbox);
void pm_handle_notify(void *state, endpoint_t source, const struct message *message, struct outbox *outbox);
