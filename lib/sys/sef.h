/* SPDX-License-Identifier: MIT */
/*
 * System Event Framework (behaviour.md sections 1-5): init, ping, live update, signals. Names are the field's.
 */
#pragma once

#include <stdbool.h>

#include "message.h"

enum { SEF_INIT_FRESH = 0, SEF_INIT_LU = 1, SEF_INIT_RESTART = 2 };

struct sef_init_info {
    grant_t rproctab_gid;
    endpoint_t endpoint;
    endpoint_t old_endpoint; /* NONE when fresh */
    uint32_t restarts;
    uint32_t fault; /* enum update_fault of service.idl: what is to go wrong in a live update */
};

typedef int (*sef_cb_init_t)(int type, struct sef_init_info *info);
typedef int (*sef_cb_init_response_t)(struct message *message);
typedef void (*sef_cb_ping_reply_t)(endpoint_t source);
typedef void (*sef_cb_signal_handler_t)(int signo);
typedef int (*sef_cb_signal_manager_t)(endpoint_t target, int signo);

void sef_setcb_init_fresh(sef_cb_init_t callback);
/* Default for live update: what the restart callback does; resume then takes the state of the old version. */
void sef_setcb_init_lu(sef_cb_init_t callback);
/* Default for restart: sef_cb_init_resume: .state and arenas are taken from the dead instance, rolled back, checked. */
void sef_setcb_init_restart(sef_cb_init_t callback);
void sef_setcb_init_response(sef_cb_init_response_t callback);
void sef_setcb_ping_reply(sef_cb_ping_reply_t callback);
void sef_setcb_signal_handler(sef_cb_signal_handler_t callback);
/* Without a manager callback the SIGKSIG notification goes to handle_notify (source ENDPOINT_SYSTEM). */
void sef_setcb_signal_manager(sef_cb_signal_manager_t callback);

/* At `service dump LABEL`: tell the log what the service knows, at most some hundred lines. Default: nothing but the library's summary. */
typedef void (*sef_cb_debug_dump_t)(void);
void sef_setcb_debug_dump(sef_cb_debug_dump_t callback);
void sef_cb_debug_dump_null(void);
/* What SEF does when RS asks. */
void sef_dump(void);

int sef_cb_init_null(int type, struct sef_init_info *info);
int sef_cb_init_fail(int type, struct sef_init_info *info);
int sef_cb_init_crash(int type, struct sef_init_info *info);
int sef_cb_init_reset(int type, struct sef_init_info *info);
int sef_cb_init_resume(int type, struct sef_init_info *info);
/* What resume does when the state of the dead instance cannot be used, for a service that has a `salvage` (service.h). */
int sef_cb_init_salvage(int type, struct sef_init_info *info);
int sef_cb_init_lu_as_restart(int type, struct sef_init_info *info);
int sef_cb_init_response_rs_reply(struct message *message);
int sef_cb_init_response_null(struct message *message);
void sef_cb_ping_reply_pong(endpoint_t source);
void sef_cb_ping_reply_null(endpoint_t source);
void sef_cb_signal_handler_null(int signo);
void sef_cb_signal_handler_term(int signo);
void sef_cb_signal_handler_posix_default(int signo);
int sef_cb_signal_manager_null(endpoint_t target, int signo);

/* For the standby of RS, before service_run: wait until the kernel says, as to a backup signal manager, that `endpoint` died of a lethal signal, take
 * its place, and go on as its next instance (init of type restart, old_endpoint is where the dead one is). Returns the signal. While it waits it pings
 * `endpoint` each period, and kills it when two pings in a row are not answered. */
enum { SEF_SIGNAL_HANG = 16 }; /* lethal even to its own signal manager, and raised by nothing else */
int sef_stand_by(endpoint_t endpoint, uint32_t period_ms);

/* For a signal manager: of the process whose signals it got last. */
struct sef_signal_details {
    int32_t code;
    uint32_t trap;
    uint64_t error;
    uint64_t address;
};

const struct sef_signal_details *sef_signal_details(void);
/* ---- live update ---- */

enum {
    SEF_LU_STATE_NULL = 0,
    SEF_LU_STATE_WORK_FREE = 1,
    SEF_LU_STATE_REQUEST_FREE = 2,
    SEF_LU_STATE_PROTOCOL_FREE = 3,
    SEF_LU_STATE_CUSTOM_BASE = 4,
};

#define SEF_LU_STATE_IS_STANDARD(state) ((state) > SEF_LU_STATE_NULL && (state) < SEF_LU_STATE_CUSTOM_BASE)

typedef int (*sef_cb_lu_prepare_t)(int state);
typedef bool (*sef_cb_lu_state_isvalid_t)(int state);
typedef void (*sef_cb_lu_state_changed_t)(int old_state, int state);
typedef void (*sef_cb_lu_state_dump_t)(int state);
typedef int (*sef_cb_lu_state_save_t)(int state);
typedef int (*sef_cb_lu_response_t)(struct message *message);

/* Defaults: always ready, standard states, nothing to save (ADR 0011). */
void sef_setcb_lu_prepare(sef_cb_lu_prepare_t callback);
void sef_setcb_lu_state_isvalid(sef_cb_lu_state_isvalid_t callback);
void sef_setcb_lu_state_changed(sef_cb_lu_state_changed_t callback);
void sef_setcb_lu_state_dump(sef_cb_lu_state_dump_t callback);
void sef_setcb_lu_state_save(sef_cb_lu_state_save_t callback);
void sef_setcb_lu_response(sef_cb_lu_response_t callback);

int sef_cb_lu_prepare_null(int state);
int sef_cb_lu_prepare_always_ready(int state);
int sef_cb_lu_prepare_never_ready(int state);
int sef_cb_lu_prepare_crash(int state);
bool sef_cb_lu_state_isvalid_null(int state);
bool sef_cb_lu_state_isvalid_standard(int state);
bool sef_cb_lu_state_isvalid_workfree(int state);
void sef_cb_lu_state_changed_null(int old_state, int state);
void sef_cb_lu_state_dump_null(int state);
int sef_cb_lu_state_save_null(int state);
int sef_cb_lu_response_null(struct message *message);
int sef_cb_lu_response_rs_reply(struct message *message);

/* For RS, whom nobody asks: become ready for a state before the next receive (NULL: no more). fault: enum update_fault. -EINVAL, -ENOSYS: not for this
 * state. */
int sef_update_self(int state, uint32_t fault);

/* Called by service_run; may be called first by a service that needs to know itself before. */
void sef_startup(void);
int sef_receive(endpoint_t source, struct message *message);
int sef_receive_status(endpoint_t source, struct message *message, uint32_t *status);
void sef_cancel(void);
void sef_exit(int status) __attribute__((noreturn));
