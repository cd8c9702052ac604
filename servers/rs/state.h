/* SPDX-License-Identifier: MIT */
/*
 * All that RS knows. A slot here has the number of the kernel's process slot. The active instance of a service is in its home slot; while a
 * replacement starts, the old instance (its contents changed places with the new one's) is in a second slot, linked both ways.
 */
#pragma once

#include <stdbool.h>

#include "manifest.h"
#include "protocols/service.h"
#include "rs_corpse.h"
#include "rs_start.h"
#include "sys/outbox.h"
#include "sys/variant.h"

struct waiters;

enum {
    RS_FIRST_DYNAMIC = 32, /* slots below belong to boot services */
    RS_OPERATIONS = 64,
    RS_NO_SLOT = 0xffff,
    RS_KEPT = 64,
    RS_IMAGE_PAGES = 2048, /* room for images of services that are started later */
    RS_PAGE_BYTES = 4096,
};

/* behaviour.md RS-40 */
enum rs_slot_flags {
    RS_IN_USE = 0x1,
    RS_EXITING = 0x2,
    RS_REFRESHING = 0x4,
    RS_NOPINGREPLY = 0x8,
    RS_TERMINATED = 0x10, /* dead, waits for its restart */
    RS_LATEREPLY = 0x20,
    RS_INITIALIZING = 0x40,
    RS_UPDATING = 0x80,
    RS_ACTIVE = 0x100,
    RS_REINCARNATE = 0x200,     /* starts over with a new endpoint */
    RS_OLD = 0x1000,            /* the dead instance while its replacement starts */
    RS_RESTARTING = 0x2000,     /* INITIALIZING, but not for the first time */
    RS_FRESH = 0x4000,          /* the state of the old instance is given up */
    RS_PUBLISHED = 0x10000,     /* DS, PM and VFS know it */
    RS_MAY_MUTATE = 0x100000,   /* an operator asked for a mutation fault: it may have its text changed once */
    RS_SCRIPT = 0x200000,       /* TERMINATED, and its recovery script decides */
    RS_REPLICA = 0x20000,       /* not ACTIVE: waits beside the one that is */
    RS_OWN_IMAGE = 0x40000,     /* UPDATING, and the new version has an image of its own */
    RS_SPARE = 0x400000,        /* a further instance of RS, which stands by */
    RS_CORPSE = 0x800000,       /* dead, replaced, and kept for the coroner */
    RS_TAKEN = 0x1000000,       /* CORPSE, and the coroner looks at it */
    RS_ASKS_AGAIN = 0x2000000,  /* it waited for the answer of an RS whose state was lost */
    RS_FALLS = 0x4000000,       /* FRESH, and so are those that depend on it (afresh.c) */
    RS_KNOWN_FLAGS = 0x7f773ff, /* all of these */
};

enum {
    RS_INIT_MS = 10000,
    RS_REINIT_MS = 3000, /* a service that was up before has less to do */
    RS_TERM_MS = 2000,
    RS_SERVED_MS = 10,     /* who served that long and then died is not in a crash loop */
    RS_BACKOFF_MS = 2,     /* first delay in a crash loop, with the image in memory */
    RS_PERIOD_MS = 1000,   /* last one, and the period of those without */
    RS_BACKOFF_CAP = 30,   /* periods */
    RS_TRY_AGAIN_MS = 100, /* what could not be made */
    RS_WATCH_MS = 500,     /* how often RS and those who stand by for it look at each other */
    RS_SPARES = 2,
};

struct rs_slot {
    uint32_t flags;
    endpoint_t endpoint;
    uint16_t other; /* slot of the other instance, RS_NO_SLOT */
    uint16_t late;  /* operation that waits for init or death, RS_NO_SLOT */
    uint32_t pid;
    uint32_t restarts;                       /* in all */
    uint32_t updates;                        /* live updates in all */
    LAYOUT_WIDER(uint32_t, uint64_t) recent; /* restarts in a row after which it hardly served */
    uint32_t last_signal;
    uint32_t cause; /* enum rs_cause: of the last end */
    LAYOUT_ADDED(variant);
    uint32_t verdict; /* enum rs_cause: why RS has killed it, until it is dead */
    bool pinged;      /* no answer yet */
    bool is_guilty;   /* of the suspects, while RS judges */
    uint8_t unused[2];
    uint32_t unanswered;  /* looks since the ping */
    uint32_t image_first; /* page of the image area, dynamic services */
    uint32_t image_pages;
    uint32_t boot_ready;
    uint32_t replica; /* slot of the instance that waits, 0 none */
    /* Deadlines; 0: none. */
    uint64_t restart_ns;
    uint64_t init_ns; /* it must be up */
    uint64_t stop_ns; /* SIGKILL */
    uint64_t look_ns; /* at its heartbeat */
    uint64_t used_ns; /* processor time when it first had not answered */
    uint64_t image;   /* address in RS */
    uint64_t image_length;
    uint64_t started_ns;
    char command[RS_COMMAND_MAX]; /* path and arguments */
    uint64_t reports_ns;          /* reports are due up to here: runs ahead of the clock by one interval for each */
    struct rs_death death;
    struct manifest manifest;
};

enum rs_stage { RS_STAGE_IDENTIFY = 1, RS_STAGE_LATE = 2 };

/* A request of an operator on its way. */
struct rs_operation {
    uint32_t stage; /* 0: free */
    uint32_t sequence;
    endpoint_t caller;
    uint32_t type;
    uint32_t transaction;
    uint32_t call;
    uint32_t flags;
    uint32_t slot;
    uint64_t address;
    bool is_root; /* PM says so; otherwise the caller is a service */
    uint8_t unused[7];
    char label[RS_LABEL_MAX];
};

/* DONE: of RS itself, by the new version, which still has to say so. */
enum rs_update_phase { RS_UPDATE_NONE = 0, RS_UPDATE_PREPARING = 1, RS_UPDATE_INIT = 2, RS_UPDATE_DONE = 3 };

/* The one live update that may run. While PREPARING `other` of the slot is the new version, in INIT it is the old one. */
struct rs_update_record {
    uint32_t phase;
    uint32_t slot;
    uint32_t state;
    uint32_t operation;   /* RS_NO_SLOT: nobody waits */
    uint32_t transaction; /* of the old version's lu_ready */
    int32_t result;       /* of an update of RS itself */
    uint32_t fault;       /* enum update_fault: what is to go wrong */
    uint32_t unused;
    uint64_t deadline_ns;
};

enum rs_boot_step { RS_BOOT_SYNCH = 1, RS_BOOT_OTHERS = 2, RS_BOOT_DONE = 3 };

/* The program that writes crash reports. */
struct rs_coroner {
    bool is_there;
    bool waits; /* in `operation`, for a dead instance */
    uint8_t unused[2];
    endpoint_t reader;
    uint32_t operation;
    uint32_t missed;      /* deaths without a report */
    uint64_t deadline_ns; /* of its work; 0: it has none */
};

/* A dead VM whose body is not there any more (remains.c). */
struct rs_remains {
    bool is_there;
    bool is_taken; /* and the coroner looks at it */
    uint8_t unused[2];
    uint32_t restarts;
    struct rs_death death;
};

/* The image that a service had before `service update --all` (kept.c). */
struct rs_kept {
    char label[RS_LABEL_MAX];
    uint32_t image_first;
    uint32_t image_pages;
    uint64_t image;
    uint64_t image_length; /* 0: free */
};

struct rs_state {
    uint32_t boot_step;
    uint32_t boot_waiting; /* services of which init_ready is awaited */
    uint32_t shutting_down;
    int32_t public_grant;
    uint32_t vm_standby; /* slot of VM's second instance, which has never run; 0 none */
    bool verbose;
    uint8_t unused[3];
    uint32_t spare[RS_SPARES]; /* slots of those who stand by for us, in the order in which they are called; 0 none */
    uint64_t rescan_ns;        /* when to look for deaths that an RS before us did not deal with */
    uint64_t alarm_ns;         /* when the clock will call; 0: not at all */
    uint64_t rs_settle_ns;     /* when new ones are made */
    uint64_t vm_settle_ns;
    uint64_t archive; /* address in RS */
    uint64_t archive_length;
    uint64_t archive_physical;
    uint64_t manifests; /* address of system.conf in the archive */
    uint64_t manifests_length;
    uint64_t image_area;
    uint64_t boot_started_ns;
    struct rs_update_record update;
    struct rs_coroner coroner;
    struct rs_remains remains;
    struct rs_slot slot[SERVICE_SLOTS];
    struct rs_public table[SERVICE_SLOTS];
    struct rs_operation operation[RS_OPERATIONS];
    uint64_t image_used[RS_IMAGE_PAGES / 64];
    struct rs_kept kept[RS_KEPT];
    uint32_t space[SERVICE_SLOTS]; /* address space of what is in the slot: tells instances apart that changed places */
};

/* ---- slots (instance.c) ---- */
struct rs_slot *rs_find_label(struct rs_state *state, const char *label);
struct rs_slot *rs_find_endpoint(struct rs_state *state, endpoint_t endpoint);
uint32_t rs_index(const struct rs_state *state, const struct rs_slot *slot);
uint32_t rs_free_slot(const struct rs_state *state);
void rs_publish_row(struct rs_state *state, const struct rs_slot *slot);
/* Make a process in kernel slot `index` from the slot's image and manifest. It does not run yet. */
/* A new instance in slot `index`. stay PASSES: it is to take another one's place, and the other one goes (vm.load_service: lent). */
enum rs_stay { RS_STAYS, RS_PASSES };
int rs_create(struct rs_state *state, const struct rs_slot *model, uint32_t index, uint32_t flags, enum rs_stay stay, endpoint_t *endpoint);
void rs_destroy(endpoint_t endpoint);
/* Privileges and scheduling of a process that does not run yet. */
int rs_prepare(const struct rs_state *state, const struct manifest *manifest, endpoint_t process, uint32_t flags);
int rs_schedule(const struct manifest *manifest, endpoint_t process);
int rs_allow(endpoint_t endpoint);
/* Let it run and tell it to initialise. kind: enum service_init_type. */
void rs_send_init(struct rs_state *state, struct rs_slot *slot, uint32_t kind, endpoint_t old, struct outbox *outbox);
void rs_release_image(struct rs_state *state, const struct rs_slot *slot);
/* Take a slot out of use, image included. */
void rs_release(struct rs_state *state, struct rs_slot *slot);

/* ---- privileges.c ---- */
void rs_privileges(const struct rs_state *state, const struct manifest *manifest, uint32_t flags, struct privilege *privilege);
/* Tell VM which of its calls the service in a slot may make: after it was loaded, before it runs. */
int rs_set_vm_mask(const struct manifest *manifest, uint32_t slot);
/* All of them again: a VM that took over has what was left of the old one's. */
void rs_set_vm_masks(const struct rs_state *state);
/* What a manifest says about other services: are they there? -EINVAL: error says which one is not. */
int rs_check_manifest(const struct rs_state *state, const struct manifest *manifest, char error[MANIFEST_ERROR_BYTES]);
bool rs_is_peer(const struct manifest *manifest, const char *label);
/* Can `from` send to `to` (ISO-5: symmetric)? */
bool rs_may_talk(const struct manifest *from, const struct manifest *to);
/* After a service came, or has other settings: whether the others may send to it. */
void rs_update_peers(struct rs_state *state, const struct rs_slot *slot);

/* ---- announce.c: DS, PM, VFS ---- */
void rs_announce(struct rs_state *state, struct rs_slot *slot, struct outbox *outbox);
/* A replica is a process, too: PM knows it. */
void rs_announce_replica(struct rs_state *state, const struct rs_slot *replica, struct outbox *outbox);
void rs_withdraw_replica(const struct rs_slot *replica, struct outbox *outbox);
void rs_announce_all_to(struct rs_state *state, endpoint_t listener, struct outbox *outbox);
void rs_withdraw(struct rs_state *state, struct rs_slot *slot, struct outbox *outbox);
/* true: the reply was one of announce's. */
bool rs_announce_reply(struct rs_state *state, const struct message *reply, struct outbox *outbox);

/* ---- successor.c: a second RS ---- */
void rs_successor_tick(struct rs_state *state);
/* As many as there should be, now. */
void rs_make_spares(struct rs_state *state);
bool rs_has_successor(const struct rs_state *state);
/* It is there already. */
void rs_add_spare(struct rs_state *state, uint32_t index, endpoint_t endpoint);
void rs_drop_spare(struct rs_state *state, struct rs_slot *slot);
void rs_spare_pings(struct rs_slot *slot);
/* In a wait for VM: those who stand by for us need not think that we hang. */
void rs_is_alive(void);
/* The backup signal manager of a process, NONE. */
endpoint_t rs_backup_of(endpoint_t process);
int rs_get_privileges(endpoint_t process, struct privilege *privilege);
int rs_set_privileges(endpoint_t process, struct privilege *privilege);
/* As an operator asks: in the next call of the type that is named, or else when the request is answered. */
void rs_crash_myself(struct rs_state *state, const struct service_crash_request *request);
/* At the end of a tick: the one that was to come between two messages. */
void rs_take_waiting_fault(void);

/* ---- takeover.c ---- */
/* How far an instance is in becoming RS; the next one reads it if this one dies over it. UNPROVEN: it serves, but has not yet done a tick's work. */
enum rs_place { RS_PLACE_SERVES = 0, RS_PLACE_VM_IS_NOT_TOLD = 1, RS_PLACE_STATE_IS_NOT_TAKEN = 2, RS_PLACE_UNPROVEN = 3 };

/* What a new RS believes of the dead one's state: all of it; of its records those that agree with the kernel; nothing. */
enum rs_trust { RS_TRUST_STATE = 0, RS_TRUST_RECORDS = 1, RS_TRUST_NOTHING = 2 };

struct rs_taking {
    uint32_t stage;  /* enum rs_place */
    uint32_t trust;  /* enum rs_trust */
    endpoint_t dead; /* the RS before us */
};

/* The kernel has put us into RS's place; the dead one is at `old`. Afterwards our predecessor for the kernel is the last RS that served. What it says
 * of itself decides what we believe of its state. */
int rs_take_place(struct rs_state *state, endpoint_t old);
const struct rs_taking *rs_how_taken(void);
/* The state that was taken over cannot be used. */
void rs_trust_less(void);
void rs_place_is_taken(void);
/* We do all that an RS has to do. */
void rs_is_proven(void);
/* Note in RS's own slot that it is the next instance; soon it will look for what was left undone. */
void rs_note_succession(struct rs_state *state, uint32_t signo);
/* We are the successor, with the state of the dead RS: bring back what was not in it. */
int rs_succeed(struct rs_state *state, uint32_t signo);
/* Make what the kernel and VM have what the state says. signo: of what RS before us died, 0: it did not. */
int rs_settle(struct rs_state *state, uint32_t signo);
/* What the kernel has in each slot of a service (endpoint NONE: nothing); NULL if it does not say. */
const struct process_info *rs_ask_kernel(void);
/* Deaths that the RS before us was told of. */
void rs_rescan(struct rs_state *state, struct outbox *outbox);

/* Processes from slot `first` on, at most `room`; returns how many. */
uint32_t rs_list_processes(uint64_t first, struct process_info *list, uint32_t room);
/* Two instances in slots of the kernel have changed places, but that was not committed: change them back. */
void rs_change_back(uint32_t active, uint32_t index);

/* ---- salvage.c ---- */
/* We are the successor, and the dead RS's state cannot be used. */
int rs_salvage(struct rs_state *state, uint32_t signo);

/* ---- remains.c ---- */
/* Copy what a report of VM's death needs from its body, an instance of `model`'s image. The copy is known by the time of the death. */
void rs_remains_keep(const struct rs_slot *model, endpoint_t body, uint64_t time_ns);
/* False: there is no copy of this death (any more). */
bool rs_remains_registers(uint64_t time_ns, uint64_t registers[RS_CORPSE_REGISTERS]);
int rs_remains_read(endpoint_t reader, uint64_t from, uint64_t to, uint64_t length);

/* ---- corpse.c ---- */
/* Why the active instance has died (enum rs_cause); signal details are those of the signal that is being managed. */
void rs_note_death(struct rs_slot *slot, uint32_t cause, int signo, int result);
/* Take a dead instance out of the world, now or when the coroner has seen it. */
void rs_bury(struct rs_state *state, struct rs_slot *dead);
/* VM's death, once it has been noted: its body, an instance of `model`'s image, is needed for something else now. restarts: before it. is_resumed: the next
 * instance goes on with its state. */
void rs_bury_vm(struct rs_state *state, const struct rs_slot *model, endpoint_t body, uint32_t restarts, bool is_resumed);
/* A death of which there will be no report. */
void rs_miss_report(struct rs_state *state);
/* Where the image of a service begins; 0: it has none. Each version of a service is linked at the same address, and its entry point comes first. */
uint64_t rs_image_entry(const struct rs_slot *slot);
void rs_coroner_tick(struct rs_state *state);
/* The system is up: the coroner is one of the first programs. Who dies before it asks is kept for it, for as long as for a slow one. */
void rs_coroner_expect(struct rs_state *state);
/* It was a program, and all programs have ended. */
void rs_coroner_has_ended(struct rs_state *state);
/* The memory of dead instances is needed. False: there were none. */
bool rs_drop_corpses(struct rs_state *state);
/* How many dead instances of a service wait for it. */
uint32_t rs_count_corpses(const struct rs_state *state, const char *label);
int rs_corpse_wait(struct rs_state *state, struct rs_operation *operation);

/* ---- self_update.c ---- */
/* The new version of RS is made: give it its rights, and get ready at the next commit. */
int rs_self_prepare(struct rs_state *state);
/* At the commit: 0 or why there is no update now. Returns only in the version that goes on being the old one. */
int rs_self_hand_over(struct rs_state *state, int result);
/* The old version is RS again. */
int rs_self_came_back(struct rs_state *state);
/* The new version has the state: make the world follow. */
int rs_self_took_over(struct rs_state *state);
/* The RS before us died; if it was being updated, that is over. */
void rs_self_interrupted(struct rs_state *state);

/* ---- standby.c: a second VM ---- */
/* Which one it is, as the kernel has it. */
struct process_info;
void rs_standby_find(struct rs_state *state, const struct process_info *process);
/* Make one if there is none. */
void rs_standby_tick(struct rs_state *state);
/* After a crash of RS: is the standby what the state says? */
void rs_standby_recheck(struct rs_state *state, const struct process_info *process);
/* VM has died. False: nobody could take over. */
bool rs_standby_takes_over(struct rs_state *state);
/* The same; without a VM the machine stops. */
void rs_vm_died(struct rs_state *state, struct outbox *outbox);
/* From now on our own calls to VM come back when VM dies or hangs. */
void rs_standby_watch(struct rs_state *state);
/* Until it is called with false: a call of which VM dies fails with -EINTR. */
void rs_standby_ask_once(bool once);

/* Make the instance in this slot, which was VM until now, the next standby. */
void rs_standby_renew(struct rs_state *state, struct rs_slot *slot);
/* The boot archive is mapped here. */
void rs_standby_can_renew(void);

/* ---- vm_update.c ---- */
/* The whole update, while nobody else is served: 0 or why the old version goes on. */
int rs_update_vm(struct rs_state *state, const struct rs_operation *operation, const struct rs_update *request);

/* ---- boot.c ---- */
enum { RS_PROBLEM_BYTES = MANIFEST_ERROR_BYTES + 64 };

/* Map the boot archive; after a restart the images move to where it is now. */
int rs_map_archive(struct rs_state *state);
/* A table without any service. */
void rs_reset(struct rs_state *state);
/* The table of the services of the boot image, as its manifests say. An error is told in `problem`. */
int rs_read_boot_image(struct rs_state *state, char problem[RS_PROBLEM_BYTES]);
int rs_boot(struct rs_state *state, struct outbox *outbox);
void rs_boot_ready(struct rs_state *state, struct rs_slot *slot, struct outbox *outbox);

/* ---- recovery.c ---- */
int rs_signal(struct rs_state *state, endpoint_t target, int signo, struct outbox *outbox);
/* The active instance has died of a signal, whose details are those of sef_signal_details: why that is. */
void rs_note_signal(struct rs_slot *slot, int signo);
/* Its process does not exist any more. */
void rs_is_gone(struct rs_state *state, struct rs_slot *slot, struct outbox *outbox);
/* Two instances have changed places. */
void rs_spaces_changed(struct rs_state *state, uint32_t a, uint32_t b);
void rs_init_done(struct rs_state *state, struct rs_slot *slot, int result, struct outbox *outbox);
void rs_stop(struct rs_state *state, struct rs_slot *slot, struct outbox *outbox);
/* Remove a service with all its instances; who waits for its end is answered. */
void rs_remove(struct rs_state *state, struct rs_slot *slot, struct outbox *outbox);
/* Destroy the processes of a service: active, old, replica. */
void rs_clear_instances(struct rs_state *state, struct rs_slot *slot, struct outbox *outbox);
/* It is dead: the built-in policy. */
void rs_recover(struct rs_state *state, struct rs_slot *slot, struct outbox *outbox);
/* Start it again now (it is dead). */
void rs_restart(struct rs_state *state, struct rs_slot *slot, struct outbox *outbox);

/* ---- afresh.c ---- */
/* A dead service is about to start with a new state: so are those that depend on it. */
void rs_start_afresh(struct rs_state *state, struct rs_slot *slot, struct outbox *outbox);

/* ---- clock.c ---- */
/* The alarm rang: do what is due. */
void rs_tick(struct rs_state *state, struct outbox *outbox);
/* So many milliseconds from now; the alarm will ring by then. */
uint64_t rs_deadline(struct rs_state *state, uint32_t milliseconds);
void rs_arm(struct rs_state *state, uint64_t deadline_ns);
/* Set the alarm anew. */
void rs_arm_first(struct rs_state *state);
/* True once, when a deadline has passed. */
bool rs_is_due(uint64_t *deadline_ns, uint64_t now);

/* ---- heartbeat.c ---- */
/* Look at a service that is up when its period has passed. */
void rs_look_later(struct rs_state *state, struct rs_slot *slot);
/* It has. Only who uses its time is suspected with a free pass. */
void rs_look(struct rs_state *state, struct rs_slot *slot, uint64_t now, bool free_pass);
/* All have been looked at: kill who hangs. */
void rs_judge(struct rs_state *state);
void rs_pong(struct rs_state *state, endpoint_t source);
/* cause: enum rs_cause. */
void rs_kill(struct rs_slot *slot, uint32_t cause, const char *why);

/* ---- update.c ---- */
int rs_update(struct rs_state *state, struct rs_operation *operation, struct outbox *outbox);
void rs_update_tick(struct rs_state *state, struct outbox *outbox);
/* Both return true if it was the new version's affair and is settled. */
bool rs_update_init_done(struct rs_state *state, struct rs_slot *slot, int result, struct outbox *outbox);
bool rs_update_died(struct rs_state *state, struct rs_slot *slot, struct outbox *outbox);
/* The image of the new version is the service's from now on. */
void rs_update_adopt_image(struct rs_state *state, struct rs_slot *slot);

/* ---- kept.c ---- */
/* A request that is no update: compare layouts, keep an image, forget it. */
bool rs_is_about_images(const struct rs_update *request);
int rs_update_images(struct rs_state *state, const struct rs_slot *slot, const struct rs_operation *operation,
                     const struct rs_update *request);
/* The image of the new version: from the caller, or the kept one. */
int rs_update_image(struct rs_state *state, struct rs_slot *slot, const struct rs_operation *operation, const struct rs_update *request);
/* Are these pages of the image area those of a kept image? */
bool rs_is_kept(const struct rs_state *state, uint32_t first_page);

/* ---- update_layout.c ---- */
/* Compare the layouts in the images of two versions; problem: what does not fit, and why. */
int rs_check_layouts(const struct rs_slot *old, const struct rs_slot *new, char problem[SERVICE_PROBLEM_BYTES]);
/* The bytes in the image that will stand at an address; NULL: the file has none. */
const void *rs_image_at(const struct rs_slot *slot, uint64_t address, uint64_t length);
/* Tell the operator who waits for the update why there is none. */
void rs_explain(const struct rs_operation *operation, const char *label, const char *problem);
/* The same with the text that a new version has at this address. */
void rs_explain_init(struct rs_state *state, const struct rs_slot *slot, uint64_t address);

/* ---- image.c, up.c ---- */
/* Copy a program from the caller's memory into the image area. */
int rs_take_image(struct rs_state *state, struct rs_slot *slot, endpoint_t caller, uint64_t image, uint64_t length);
/* The image that another service of the same program has; false: nobody has it. */
bool rs_reuse_image(struct rs_state *state, struct rs_slot *slot);
int rs_up(struct rs_state *state, struct rs_operation *operation, struct outbox *outbox);
/* The request's structure, its texts checked. */
int rs_read_start(const struct rs_operation *operation, struct rs_start *start);
int rs_take_manifest(struct rs_state *state, endpoint_t caller, const struct rs_start *start, struct manifest *manifest);
/* What the command line adds to a manifest. flags: enum rs_up_flags. */
int rs_take_options(const struct rs_start *start, uint32_t flags, struct manifest *manifest);
bool rs_device_is_taken(const struct rs_state *state, const struct manifest *manifest, const struct rs_slot *except);

/* ---- edit.c ---- */
int rs_edit(struct rs_state *state, struct rs_operation *operation, struct outbox *outbox);
/* The label that stands for all programs. */
bool rs_is_programs(const char *label);

/* ---- replica.c ---- */
int rs_clone(struct rs_state *state, struct rs_slot *slot, struct outbox *outbox);
bool rs_wants_replica(const struct rs_slot *slot);
int rs_replica_make(struct rs_state *state, struct rs_slot *slot, struct outbox *outbox);
/* Make one if it is wanted and missing. */
void rs_replica_keep(struct rs_state *state, struct rs_slot *slot, struct outbox *outbox);
void rs_replica_drop(struct rs_state *state, struct rs_slot *slot, struct outbox *outbox);
/* The program or its rights have changed: another one, if it has one. */
void rs_replica_renew(struct rs_state *state, struct rs_slot *slot, struct outbox *outbox);
/* Its slot and endpoint, for the crash; the slot's entry is free. RS_NO_SLOT: there is none. */
uint32_t rs_replica_take(struct rs_state *state, struct rs_slot *slot, endpoint_t *endpoint, struct outbox *outbox);

/* ---- script.c ---- */
bool rs_has_script(const struct rs_slot *slot);
/* Nobody will say what the script decided: the built-in policy applies. */
void rs_script_give_up(struct rs_state *state, struct rs_slot *slot, struct outbox *outbox);
/* reason: enum pm_script_reason. */
void rs_script_start(struct rs_state *state, struct rs_slot *slot, uint32_t reason, struct outbox *outbox);
void rs_script_answered(struct rs_state *state, const struct message *reply, struct outbox *outbox);

/* ---- reincarnation.c ---- */
bool rs_may_reincarnate(const struct rs_slot *slot);
void rs_reincarnate(struct rs_state *state, struct rs_slot *slot, struct outbox *outbox);

/* ---- permission.c ---- */
bool rs_controls(const struct manifest *controller, const char *label);
/* May this be done now? label: of the service it is about, NULL: of all. target: that service, NULL: not there yet. 0, -EPERM or -EBUSY. */
int rs_permission(struct rs_state *state, const struct rs_operation *operation, const char *label, const struct rs_slot *target);

/* ---- info.c ---- */
/* Bytes of a table, 0: there is none of this kind. kind: enum rs_sysinfo. */
size_t rs_sysinfo_bytes(uint32_t kind);
int rs_getsysinfo(struct rs_state *state, const struct rs_operation *operation);

/* ---- request.c ---- */
/* RS-25: from now on nothing is started again. */
int rs_shutdown(struct rs_state *state);
void rs_finish(struct rs_operation *operation, int status, struct outbox *outbox);
void rs_identified(struct rs_state *state, const struct message *reply, struct outbox *outbox);
/* The fault that an operator asked for is armed, or (reply NULL) the service died of something before. */
void rs_crash_armed(struct rs_state *state, const struct message *reply, const struct rs_slot *slot, struct outbox *outbox);
/* Answer the operation that waits for this slot, if any. */
void rs_late_reply(struct rs_state *state, struct rs_slot *slot, int status, struct outbox *outbox);

/* ---- check.c ---- */
/* Are these pages of the image area, and is the image in them? */
bool rs_is_in_area(const struct rs_state *state, uint32_t first, uint32_t pages, uint64_t image, uint64_t length);
const char *rs_state_check(const void *state);
void rs_mark_waiters(const void *state, struct waiters *waiters);

/* Transactions of our asynchronous requests: who gets the reply. */
enum rs_transaction { RS_FOR_OPERATION = 1, RS_FOR_DS = 2, RS_FOR_PM = 3, RS_FOR_VFS = 4, RS_FOR_CRASH = 5, RS_FOR_SCRIPT = 6 };

static inline uint32_t rs_transaction(enum rs_transaction kind, uint32_t index, uint32_t sequence)
{
    return (uint32_t)kind << 28 | (sequence & 0xfff) << 16 | index;
}
