/* SPDX-License-Identifier: MIT */
/*
 * A manifest: what a service is allowed to do and how RS treats it. manifest.md describes the syntax and every key. RS reads manifests with
 * this; so does the image build (tools/manifest), so that what boots has been read before.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "privilege.h"
#include "rs_start.h"

enum {
    MANIFEST_PEERS = 24,
    MANIFEST_DEVICES = 8,
    MANIFEST_IO = PRIVILEGE_IO_RANGES,
    MANIFEST_MEMORY = PRIVILEGE_MEMORY_RANGES - 1, /* one is the boot archive's */
    MANIFEST_CONTROL = 8,
    MANIFEST_DEPENDENTS = 8,
    MANIFEST_PCI_DEVICES = 32,
    MANIFEST_PCI_CLASSES = 4,
    MANIFEST_SCRIPT_MAX = 256,
    MANIFEST_ERROR_BYTES = RS_ERROR_MAX,
    MANIFEST_ANY_CPU = -1,
};

struct manifest_device {
    uint32_t major;
    uint32_t first;
    uint32_t last;
};

struct manifest_pci_device {
    uint16_t vendor;
    uint16_t device;
};

/* depth: how many of the three numbers count. */
struct manifest_pci_class {
    uint8_t base, sub, interface, depth;
};

struct manifest {
    char label[RS_LABEL_MAX];
    uint32_t uid;
    uint32_t level;
    uint32_t heartbeat_ms;
    uint32_t priority;
    uint32_t quantum_ms;
    int32_t cpu;
    uint32_t sys_flags; /* enum rs_sys_flags */
    uint8_t resume;     /* a restart takes the old state over */
    uint8_t all_peers;
    uint8_t user_peers; /* may send to user processes */
    uint8_t boot_image; /* may map the boot archive */
    uint32_t peer_count;
    uint32_t control_count;
    uint32_t device_count;
    uint32_t io_count;
    uint32_t irq_count;
    uint32_t memory_count;
    uint32_t pci_device_count;
    uint32_t pci_class_count;
    uint32_t dependent_count;
    uint64_t call_mask[PRIVILEGE_CALL_WORDS]; /* kernel calls */
    uint64_t vm_mask;                         /* calls of VM: bit = operation of abi/protocols/vm.idl */
    char signal_manager[RS_LABEL_MAX];        /* "": rs; MANIFEST_SELF: itself */
    char scheduler[RS_LABEL_MAX];             /* "": the kernel */
    char peer[MANIFEST_PEERS][RS_LABEL_MAX];
    char control[MANIFEST_CONTROL][RS_LABEL_MAX];      /* services about which it may ask RS */
    char dependent[MANIFEST_DEPENDENTS][RS_LABEL_MAX]; /* services that start afresh when it does */
    char script[MANIFEST_SCRIPT_MAX];                  /* "": none */
    struct manifest_device device[MANIFEST_DEVICES];
    struct manifest_pci_device pci_device[MANIFEST_PCI_DEVICES];
    struct manifest_pci_class pci_class[MANIFEST_PCI_CLASSES];
    struct privilege_io_range io[MANIFEST_IO];
    struct privilege_memory_range memory[MANIFEST_MEMORY];
    uint32_t irq[PRIVILEGE_IRQS];
};

#define MANIFEST_SELF "SELF"

/*
 * Find `service label` in a text and read it. label NULL: the first one. -ESRCH: not there; -EINVAL: error is "LINE:COLUMN: KEY: the rule".
 */
int manifest_read(const char *text, size_t length, const char *label, struct manifest *manifest, char error[MANIFEST_ERROR_BYTES]);
/* All manifests one after the other: *at is 0 first; -ESRCH says that there are no more. */
int manifest_read_next(const char *text, size_t length, size_t *at, struct manifest *manifest, char error[MANIFEST_ERROR_BYTES]);
/* Is it a label: 1 to RS_LABEL_MAX - 1 of RS_LABEL_CHARACTERS? Reads RS_LABEL_MAX bytes at most. */
bool manifest_is_label(const char *text);
/* Is it one that the reader can have made? For memory that may be damaged: afterwards nothing reads behind its ends. */
bool manifest_is_sound(const struct manifest *manifest);
/* The keys and the rule that the value of each must keep; NULL: no more. */
const char *manifest_key(size_t index, const char **rule);
