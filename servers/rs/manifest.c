/* SPDX-License-Identifier: MIT */
/*
 * The parser of manifests: one table of keys, each with the function that reads its value and the rule that an error quotes.
 */
#include "manifest.h"

#include "base/string.h"
#include "errors.h"
#include "manifest_reader.h"
#include "protocols/kernel.h"
#include "protocols/protocol_trace.h"
#include "protocols/vm.h"

enum { DEFAULT_LEVEL = 7, DEFAULT_PRIORITY = 4, DEFAULT_QUANTUM_MS = 10, HEARTBEAT_MAX_MS = 3600000, CPU_LAST = 63 };

extern const struct protocol_trace kernel_trace, vm_trace;

/* A key: what reads its value (up to the `;`, which stays), where a number goes and what it may be, and the rule in words. */
struct key {
    const char *name;
    int (*read)(struct reader *reader, struct manifest *manifest, const struct key *key);
    const char *rule;
    size_t offset;
    uint64_t least, most;
    bool repeats;
};

static int broken(struct reader *reader, const struct key *key)
{
    return reader_fail(reader, key->rule);
}

/* ---- single values ---- */

static void *field(struct manifest *manifest, const struct key *key)
{
    return (char *)manifest + key->offset;
}

static int read_number(struct reader *reader, struct manifest *manifest, const struct key *key)
{
    uint64_t value;
    const char *word = reader->word;

    if (!reader_next(reader) || !word_number(&word, 10, &value) || *word != '\0' || value < key->least || value > key->most)
        return broken(reader, key);
    *(uint32_t *)field(manifest, key) = (uint32_t)value;
    return 0;
}

static int read_time(struct reader *reader, struct manifest *manifest, const struct key *key)
{
    uint64_t value;
    const char *word = reader->word;

    if (!reader_next(reader) || !word_number(&word, 10, &value))
        return broken(reader, key);
    if (strcmp(word, "HZ") == 0 && value <= key->most / 1000)
        value *= 1000;
    else if (*word != '\0' || value > key->most)
        return broken(reader, key);
    *(uint32_t *)field(manifest, key) = (uint32_t)value;
    return 0;
}

static int read_cpu(struct reader *reader, struct manifest *manifest, const struct key *key)
{
    uint64_t value;
    const char *word = reader->word;

    if (!reader_next(reader))
        return broken(reader, key);
    if (reader_is(reader, "ANY")) {
        manifest->cpu = MANIFEST_ANY_CPU;
        return 0;
    }
    if (!word_number(&word, 10, &value) || *word != '\0' || value > key->most)
        return broken(reader, key);
    manifest->cpu = (int32_t)value;
    return 0;
}

static int read_restart(struct reader *reader, struct manifest *manifest, const struct key *key)
{
    if (!reader_next(reader) || (!reader_is(reader, "resume") && !reader_is(reader, "fresh")))
        return broken(reader, key);
    manifest->resume = reader_is(reader, "resume");
    return 0;
}

/* A flag without value: `least` is the bit. */
static int read_bit(struct reader *reader, struct manifest *manifest, const struct key *key)
{
    (void)reader;
    manifest->sys_flags |= (uint32_t)key->least;
    return 0;
}

bool manifest_is_label(const char *text)
{
    size_t length = 0;

    while (length < RS_LABEL_MAX && text[length] != '\0' && strchr(RS_LABEL_CHARACTERS, text[length]) != NULL)
        length++;
    return length > 0 && length < RS_LABEL_MAX && text[length] == '\0';
}

static bool is_label(const struct reader *reader)
{
    return manifest_is_label(reader->word);
}

/* A label; rs and KERNEL are the defaults, which are stored as "". */
static int read_label(struct reader *reader, struct manifest *manifest, const struct key *key)
{
    if (!reader_next(reader) || !is_label(reader))
        return broken(reader, key);
    string_copy(field(manifest, key), RS_LABEL_MAX, reader_is(reader, "rs") || reader_is(reader, "KERNEL") ? "" : reader->word);
    return 0;
}

static int read_script(struct reader *reader, struct manifest *manifest, const struct key *key)
{
    if (!reader_next(reader) || reader->word[0] != '/' || strlen(reader->word) >= MANIFEST_SCRIPT_MAX)
        return broken(reader, key);
    string_copy(manifest->script, sizeof(manifest->script), reader->word);
    return 0;
}

/* ---- lists ---- */

static int read_flags(struct reader *reader, struct manifest *manifest, const struct key *key)
{
    static const struct {
        const char *name;
        uint32_t bit;
    } flags[] = {
        { "core", RS_SYS_CORE },
        { "synch_boot", RS_SYS_SYNCH_BOOT },
        { "need_copy", RS_SYS_NEED_COPY },
        { "need_replica", RS_SYS_NEED_REPLICA },
    };

    while (reader_next_value(reader)) {
        size_t i = 0;

        while (i < sizeof(flags) / sizeof(flags[0]) && !reader_is(reader, flags[i].name))
            i++;
        if (i == sizeof(flags) / sizeof(flags[0]))
            return broken(reader, key);
        manifest->sys_flags |= flags[i].bit;
    }
    return 0;
}

static int read_ipc(struct reader *reader, struct manifest *manifest, const struct key *key)
{
    while (reader_next_value(reader)) {
        if (reader_is(reader, "ALL") || reader_is(reader, "ALL_SYS"))
            manifest->all_peers = 1;
        if (reader_is(reader, "ALL") || reader_is(reader, "USER"))
            manifest->user_peers = 1;
        if (reader_is(reader, "ALL") || reader_is(reader, "ALL_SYS") || reader_is(reader, "USER") || reader_is(reader, "SYSTEM") ||
            reader_is(reader, "NONE"))
            continue;
        if (manifest->peer_count == MANIFEST_PEERS || !is_label(reader))
            return broken(reader, key);
        string_copy(manifest->peer[manifest->peer_count++], RS_LABEL_MAX, reader->word);
    }
    return 0;
}

static int read_labels(struct reader *reader, const struct key *key, char (*label)[RS_LABEL_MAX], uint32_t *count, uint32_t most)
{
    while (reader_next_value(reader)) {
        if (*count == most || !is_label(reader))
            return broken(reader, key);
        string_copy(label[(*count)++], RS_LABEL_MAX, reader->word);
    }
    return 0;
}

static int read_control(struct reader *reader, struct manifest *manifest, const struct key *key)
{
    return read_labels(reader, key, manifest->control, &manifest->control_count, MANIFEST_CONTROL);
}

static int read_dependents(struct reader *reader, struct manifest *manifest, const struct key *key)
{
    return read_labels(reader, key, manifest->dependent, &manifest->dependent_count, MANIFEST_DEPENDENTS);
}

/* ---- sets of calls ---- */

static void allow_call(uint64_t *mask, uint32_t words, uint32_t type)
{
    uint32_t operation = message_operation(type);

    if (operation / 64 < words)
        mask[operation / 64] |= 1ull << (operation % 64);
}

static bool allow_by_name(uint64_t *mask, uint32_t words, const struct protocol_trace *protocol, const char *name)
{
    for (uint32_t i = 0; i < protocol->operation_count; i++) {
        if (strcmp(protocol->operations[i].name, name) == 0) {
            allow_call(mask, words, protocol->operations[i].type);
            return true;
        }
    }
    return false;
}

/* ISO-3: what any service needs to live: memory of others only by grants, its own time, its own end. */
static void allow_basic_kernel(struct manifest *manifest)
{
    static const uint32_t basic[] = {
        KERNEL_EXIT,      KERNEL_WHOAMI,   KERNEL_TIMES, KERNEL_SETALARM, KERNEL_SAFECOPYFROM, KERNEL_SAFECOPYTO,
        KERNEL_VSAFECOPY, KERNEL_SETGRANT, KERNEL_LOG,   KERNEL_STATECTL, KERNEL_CHECKSUM,
    };

    for (size_t i = 0; i < sizeof(basic) / sizeof(basic[0]); i++)
        allow_call(manifest->call_mask, PRIVILEGE_CALL_WORDS, basic[i]);
}

/* ISO-4: memory of its own, and the devices that `memory` names. */
static void allow_basic_vm(struct manifest *manifest)
{
    allow_call(&manifest->vm_mask, 1, VM_ARENA);
    allow_call(&manifest->vm_mask, 1, VM_ARENA_ADOPT);
    allow_call(&manifest->vm_mask, 1, VM_MAP_PHYSICAL);
}

static int read_system(struct reader *reader, struct manifest *manifest, const struct key *key)
{
    while (reader_next_value(reader)) {
        if (reader_is(reader, "ALL"))
            memset(manifest->call_mask, 0xff, sizeof(manifest->call_mask));
        else if (reader_is(reader, "BASIC"))
            allow_basic_kernel(manifest);
        else if (!reader_is(reader, "NONE") && !allow_by_name(manifest->call_mask, PRIVILEGE_CALL_WORDS, &kernel_trace, reader->word))
            return broken(reader, key);
    }
    return 0;
}

static int read_vm(struct reader *reader, struct manifest *manifest, const struct key *key)
{
    while (reader_next_value(reader)) {
        if (reader_is(reader, "ALL"))
            manifest->vm_mask = UINT64_MAX;
        else if (reader_is(reader, "BASIC"))
            allow_basic_vm(manifest);
        else if (!reader_is(reader, "NONE") && !allow_by_name(&manifest->vm_mask, 1, &vm_trace, reader->word))
            return broken(reader, key);
    }
    return 0;
}

/* ---- resources ---- */

static int read_io(struct reader *reader, struct manifest *manifest, const struct key *key)
{
    while (reader_next_value(reader)) {
        struct privilege_io_range *range = &manifest->io[manifest->io_count];
        uint64_t base, count = 1;

        if (manifest->io_count == MANIFEST_IO || !word_pair(reader->word, 16, ':', &base, &count) || base > key->most || count == 0 ||
            count > key->most + 1 - base)
            return broken(reader, key);
        range->base = (uint16_t)base;
        range->count = (uint16_t)count;
        manifest->io_count++;
    }
    return 0;
}

static int read_irq(struct reader *reader, struct manifest *manifest, const struct key *key)
{
    while (reader_next_value(reader)) {
        uint64_t line;
        const char *word = reader->word;

        if (manifest->irq_count == PRIVILEGE_IRQS || !word_number(&word, 10, &line) || *word != '\0' || line > key->most)
            return broken(reader, key);
        manifest->irq[manifest->irq_count++] = (uint32_t)line;
    }
    return 0;
}

static int read_memory(struct reader *reader, struct manifest *manifest, const struct key *key)
{
    while (reader_next_value(reader)) {
        uint64_t base, length = 4096;

        if (reader_is(reader, "bootimage")) {
            manifest->boot_image = 1;
            continue;
        }
        if (manifest->memory_count == MANIFEST_MEMORY || !word_pair(reader->word, 16, ':', &base, &length) ||
            ((base | length) & 0xfff) != 0 || length == 0 || base + length < base)
            return broken(reader, key);
        manifest->memory[manifest->memory_count++] = (struct privilege_memory_range){ base, length };
    }
    return 0;
}

/* device MAJOR FIRST-LAST... */
static int read_device(struct reader *reader, struct manifest *manifest, const struct key *key)
{
    uint64_t major;
    const char *word = reader->word;

    if (!reader_next(reader) || !word_number(&word, 10, &major) || *word != '\0' || major > key->most)
        return broken(reader, key);
    while (reader_next_value(reader)) {
        uint64_t first, last = UINT64_MAX;

        if (manifest->device_count == MANIFEST_DEVICES || !word_pair(reader->word, 10, '-', &first, &last))
            return broken(reader, key);
        last = last == UINT64_MAX ? first : last;
        if (last < first || last >= 1 << 20)
            return broken(reader, key);
        manifest->device[manifest->device_count++] = (struct manifest_device){ (uint32_t)major, (uint32_t)first, (uint32_t)last };
    }
    return 0;
}

static int read_pci_device(struct reader *reader, struct manifest *manifest, const struct key *key)
{
    uint64_t vendor, device = UINT64_MAX;

    if (manifest->pci_device_count == MANIFEST_PCI_DEVICES || !word_pair(reader->word, 16, ':', &vendor, &device) || vendor > 0xffff ||
        device > 0xffff)
        return broken(reader, key);
    manifest->pci_device[manifest->pci_device_count++] = (struct manifest_pci_device){ (uint16_t)vendor, (uint16_t)device };
    return 0;
}

static int read_pci_class(struct reader *reader, struct manifest *manifest, const struct key *key)
{
    struct manifest_pci_class *class = &manifest->pci_class[manifest->pci_class_count];
    const char *word = reader->word;
    uint64_t part[3] = { 0 };
    uint8_t depth = 0;

    for (;; word++) {
        if (manifest->pci_class_count == MANIFEST_PCI_CLASSES || depth == 3 || !word_number(&word, 16, &part[depth]) || part[depth] > 0xff)
            return broken(reader, key);
        depth++;
        if (*word != ':')
            break;
    }
    if (*word != '\0')
        return broken(reader, key);
    *class = (struct manifest_pci_class){ (uint8_t)part[0], (uint8_t)part[1], (uint8_t)part[2], depth };
    manifest->pci_class_count++;
    return 0;
}

/* pci device V:D..., pci class B[:S[:I]]... */
static int read_pci(struct reader *reader, struct manifest *manifest, const struct key *key)
{
    bool is_class = reader_next(reader) && reader_is(reader, "class");

    if (!is_class && !reader_is(reader, "device"))
        return broken(reader, key);
    while (reader_next_value(reader)) {
        int result = is_class ? read_pci_class(reader, manifest, key) : read_pci_device(reader, manifest, key);

        if (result != 0)
            return result;
    }
    return 0;
}

/* ---- the table ---- */

#define NUMBER(member) .read = read_number, .offset = offsetof(struct manifest, member)

static const struct key keys[] = {
    { "uid", NUMBER(uid), .most = 65534, .rule = "a user id from 0 to 65534" },
    { "level", NUMBER(level), .most = 9, .rule = "a number from 0 to 9" },
    { "priority", NUMBER(priority), .most = 15, .rule = "a number from 0 (highest) to 15" },
    { "quantum", NUMBER(quantum_ms), .least = 1, .most = 10000, .rule = "milliseconds from 1 to 10000" },
    { "cpu", read_cpu, .most = CPU_LAST, .rule = "ANY or a processor from 0 to 63" },
    { "heartbeat", read_time, .offset = offsetof(struct manifest, heartbeat_ms), .most = HEARTBEAT_MAX_MS,
      .rule = "milliseconds from 0 (none) to 3600000, or seconds as 2HZ" },
    { "restart", read_restart, .rule = "resume or fresh" },
    { "script", read_script, .rule = "an absolute path of at most 255 characters" },
    { "copy", read_bit, .least = RS_SYS_USE_COPY, .rule = "no value" },
    { "replica", read_bit, .least = RS_SYS_USE_REPLICA, .rule = "no value" },
    { "flags", read_flags, .rule = "core, synch_boot, need_copy or need_replica" },
    { "sigmgr", read_label, .offset = offsetof(struct manifest, signal_manager), .rule = "SELF or a label of at most 15 characters" },
    { "scheduler", read_label, .offset = offsetof(struct manifest, scheduler), .rule = "KERNEL or a label of at most 15 characters" },
    { "ipc", read_ipc, .rule = "ALL, ALL_SYS, NONE, USER, SYSTEM or at most 24 labels of at most 15 characters", .repeats = true },
    { "control", read_control, .rule = "at most 8 labels of at most 15 characters", .repeats = true },
    { "dependents", read_dependents, .rule = "at most 8 labels of at most 15 characters", .repeats = true },
    { "system", read_system, .rule = "ALL, BASIC, NONE or names of kernel calls", .repeats = true },
    { "vm", read_vm, .rule = "ALL, BASIC, NONE or names of calls of vm", .repeats = true },
    { "io", read_io, .most = 0xffff, .rule = "at most 64 ranges BASE or BASE:COUNT, hexadecimal, up to port ffff", .repeats = true },
    { "irq", read_irq, .most = 255, .rule = "at most 16 interrupt lines from 0 to 255", .repeats = true },
    { "memory", read_memory, .rule = "bootimage or at most 19 ranges BASE or BASE:LENGTH, hexadecimal, whole pages", .repeats = true },
    { "device", read_device, .most = 4095,
      .rule = "a major number up to 4095, then minors FIRST or FIRST-LAST up to 1048575, at most 8 ranges in all", .repeats = true },
    { "pci", read_pci, .rule = "device and at most 32 VENDOR:DEVICE, or class and at most 4 BASE[:SUB[:INTERFACE]], hexadecimal",
      .repeats = true },
};

enum { KEYS = sizeof(keys) / sizeof(keys[0]) };

const char *manifest_key(size_t index, const char **rule)
{
    if (index >= KEYS)
        return NULL;
    *rule = keys[index].rule;
    return keys[index].name;
}

/* ---- a manifest in memory ---- */

static bool has_end(const char *text, size_t room)
{
    return memchr(text, '\0', room) != NULL;
}

static bool are_labels(const char (*label)[RS_LABEL_MAX], uint32_t count, uint32_t most)
{
    if (count > most)
        return false;
    for (uint32_t i = 0; i < count; i++) {
        if (!has_end(label[i], RS_LABEL_MAX))
            return false;
    }
    return true;
}

static bool are_numbers_sound(const struct manifest *manifest)
{
    for (size_t i = 0; i < KEYS; i++) {
        uint32_t value;

        if (keys[i].read != read_number && keys[i].read != read_time)
            continue;
        memcpy(&value, (const char *)manifest + keys[i].offset, sizeof(value));
        if (value < keys[i].least || value > keys[i].most)
            return false;
    }
    return manifest->cpu >= MANIFEST_ANY_CPU && manifest->cpu <= CPU_LAST;
}

bool manifest_is_sound(const struct manifest *manifest)
{
    const uint32_t flags = RS_SYS_IMMUTABLE | RS_SYS_USE_COPY | RS_SYS_USE_REPLICA;

    return manifest->label[0] != '\0' && has_end(manifest->label, RS_LABEL_MAX) && are_numbers_sound(manifest) &&
           (manifest->sys_flags & ~flags) == 0 &&
           (manifest->resume | manifest->all_peers | manifest->user_peers | manifest->boot_image) <= 1 &&
           has_end(manifest->signal_manager, RS_LABEL_MAX) && has_end(manifest->scheduler, RS_LABEL_MAX) &&
           has_end(manifest->script, MANIFEST_SCRIPT_MAX) && are_labels(manifest->peer, manifest->peer_count, MANIFEST_PEERS) &&
           are_labels(manifest->control, manifest->control_count, MANIFEST_CONTROL) &&
           are_labels(manifest->dependent, manifest->dependent_count, MANIFEST_DEPENDENTS) && manifest->device_count <= MANIFEST_DEVICES &&
           manifest->io_count <= MANIFEST_IO && manifest->irq_count <= PRIVILEGE_IRQS && manifest->memory_count <= MANIFEST_MEMORY &&
           manifest->pci_device_count <= MANIFEST_PCI_DEVICES && manifest->pci_class_count <= MANIFEST_PCI_CLASSES;
}

/* ---- the whole ---- */

static bool was_given(uint32_t given, const char *name)
{
    size_t i = 0;

    while (strcmp(keys[i].name, name) != 0)
        i++;
    return (given >> i & 1) != 0;
}

static int read_key(struct reader *reader, struct manifest *manifest, uint32_t *given)
{
    size_t i = 0;
    int result;

    while (i < KEYS && !reader_is(reader, keys[i].name))
        i++;
    if (i == KEYS)
        return reader_fail(reader, "a key");
    if ((*given >> i & 1) != 0 && !keys[i].repeats)
        return reader_fail(reader, "a key that was not given before");
    *given |= 1u << i;
    reader->key = keys[i].name;
    result = keys[i].read(reader, manifest, &keys[i]);
    if (result == 0 && (!reader_next(reader) || !reader_is(reader, ";")))
        result = reader_fail(reader, "';'");
    reader->key = NULL;
    return result;
}

/* What holds if nothing is said (ISO-2). */
static void set_defaults(struct manifest *manifest, const char *label)
{
    memset(manifest, 0, sizeof(*manifest));
    string_copy(manifest->label, sizeof(manifest->label), label);
    manifest->level = DEFAULT_LEVEL;
    manifest->priority = DEFAULT_PRIORITY;
    manifest->quantum_ms = DEFAULT_QUANTUM_MS;
    manifest->cpu = MANIFEST_ANY_CPU;
}

static void set_default_rights(struct manifest *manifest, uint32_t given)
{
    if (!was_given(given, "ipc"))
        manifest->all_peers = 1;
    if (!was_given(given, "system"))
        allow_basic_kernel(manifest);
    if (!was_given(given, "vm"))
        allow_basic_vm(manifest);
}

static int read_body(struct reader *reader, struct manifest *manifest)
{
    uint32_t given = 0;

    while (reader_next(reader)) {
        int result;

        if (reader_is(reader, "}")) {
            set_default_rights(manifest, given);
            return 0;
        }
        result = read_key(reader, manifest, &given);
        if (result != 0)
            return result;
    }
    return reader_fail(reader, "'}'");
}

/* `service LABEL {`; -ESRCH: the text is over. */
static int read_head(struct reader *reader, char label[RS_LABEL_MAX])
{
    if (!reader_next(reader))
        return -ESRCH;
    if (!reader_is(reader, "service"))
        return reader_fail(reader, "'service'");
    if (!reader_next(reader) || !is_label(reader))
        return reader_fail(reader, "a label of at most 15 characters");
    string_copy(label, RS_LABEL_MAX, reader->word);
    if (!reader_next(reader) || !reader_is(reader, "{"))
        return reader_fail(reader, "'{'");
    return 0;
}

static void skip_body(struct reader *reader)
{
    while (reader_next(reader) && !reader_is(reader, "}")) {
    }
}

int manifest_read_next(const char *text, size_t length, size_t *at, struct manifest *manifest, char error[MANIFEST_ERROR_BYTES])
{
    struct reader reader = { .text = text, .length = length, .at = *at, .error = error };
    char label[RS_LABEL_MAX];
    int result = read_head(&reader, label);

    if (result == 0) {
        set_defaults(manifest, label);
        result = read_body(&reader, manifest);
    }
    *at = reader.at;
    return result;
}

int manifest_read(const char *text, size_t length, const char *label, struct manifest *manifest, char error[MANIFEST_ERROR_BYTES])
{
    struct reader reader = { .text = text, .length = length, .error = error };
    char found[RS_LABEL_MAX];
    int result;

    error[0] = '\0';
    while ((result = read_head(&reader, found)) == 0) {
        if (label == NULL || strcmp(found, label) == 0) {
            set_defaults(manifest, found);
            return read_body(&reader, manifest);
        }
        skip_body(&reader);
    }
    if (result == -ESRCH)
        string_copy(error, MANIFEST_ERROR_BYTES, "no manifest of this service");
    return result;
}
