/* SPDX-License-Identifier: MIT */
/*
 * The parser of manifests: every key, every default, every limit, and where and how a mistake is told.
 */
#include "../manifest.h"

#include <stdio.h>

#include "errors.h"
#include "protocols/kernel.h"
#include "protocols/vm.h"
#include "testing/testing.h"

static struct manifest manifest;
static char error[MANIFEST_ERROR_BYTES];

static int read_text(const char *text)
{
    return manifest_read(text, strlen(text), NULL, &manifest, error);
}

static bool may_call(uint32_t type)
{
    return (manifest.call_mask[message_operation(type) / 64] >> message_operation(type) % 64 & 1) != 0;
}

static bool may_call_vm(uint32_t type)
{
    return (manifest.vm_mask >> message_operation(type) & 1) != 0;
}

/* covers ISO-2, RS-41 */
TEST(every_key_is_read)
{
    CHECK_EQ(read_text("# comment\nservice tty { # more\n uid 7; level 6; restart resume; heartbeat 2HZ; cpu 3;\n ipc pm vfs USER SYSTEM;\n"
                       " system BASIC irqctl devio; vm BASIC info;\n io 3f8:8 2f8; irq 4 3; memory bootimage a0000:20000;\n"
                       " device 4 64-67; device 5 1-2 9;\n priority 5; quantum 20; copy; replica; flags core need_replica;\n"
                       " sigmgr SELF; scheduler sched; control hello disk; dependents pm; script /etc/rs.sh;\n"
                       " pci device 8086:100e 10ec:8139; pci class 2 c:3:20; }\n"),
             0);
    CHECK_STR(manifest.label, "tty");
    CHECK_EQ(manifest.uid, 7);
    CHECK_EQ(manifest.level, 6);
    CHECK_EQ(manifest.heartbeat_ms, 2000);
    CHECK_EQ(manifest.cpu, 3);
    CHECK_EQ(manifest.priority, 5);
    CHECK_EQ(manifest.quantum_ms, 20);
    CHECK(manifest.resume && manifest.boot_image && manifest.user_peers && !manifest.all_peers);
    CHECK_EQ(manifest.sys_flags, RS_SYS_USE_COPY | RS_SYS_USE_REPLICA | RS_SYS_CORE | RS_SYS_NEED_REPLICA);
    CHECK_EQ(manifest.peer_count, 2);
    CHECK_STR(manifest.peer[1], "vfs");
    CHECK_STR(manifest.signal_manager, MANIFEST_SELF);
    CHECK_STR(manifest.scheduler, "sched");
    CHECK_STR(manifest.script, "/etc/rs.sh");
    CHECK_EQ(manifest.control_count, 2);
    CHECK_STR(manifest.control[1], "disk");
    CHECK_EQ(manifest.dependent_count, 1);
    CHECK_STR(manifest.dependent[0], "pm");
    CHECK(may_call(KERNEL_IRQCTL) && may_call(KERNEL_EXIT) && !may_call(KERNEL_CREATE));
    CHECK(may_call_vm(VM_INFO) && may_call_vm(VM_ARENA) && !may_call_vm(VM_FORK));
}

/* covers ISO-2, RS-44 */
TEST(every_resource_is_read)
{
    CHECK_EQ(read_text("service a { io 3f8:8 2f8; irq 4 3; memory bootimage a0000:20000; device 4 64-67; device 5 1-2 9;"
                       " pci device 8086:100e 10ec:8139; pci class 2 c:3:20; }"),
             0);
    CHECK(manifest.io[0].base == 0x3f8 && manifest.io[0].count == 8 && manifest.io[1].count == 1);
    CHECK_EQ(manifest.irq[1], 3);
    CHECK_EQ(manifest.memory[0].length, 0x20000);
    CHECK_EQ(manifest.device_count, 3);
    CHECK(manifest.device[2].major == 5 && manifest.device[2].first == 9 && manifest.device[2].last == 9);
    CHECK_EQ(manifest.pci_device_count, 2);
    CHECK(manifest.pci_device[1].vendor == 0x10ec && manifest.pci_device[1].device == 0x8139);
    CHECK_EQ(manifest.pci_class_count, 2);
    CHECK(manifest.pci_class[0].base == 2 && manifest.pci_class[0].depth == 1);
    CHECK(manifest.pci_class[1].interface == 0x20 && manifest.pci_class[1].depth == 3);
}

/* covers ISO-2, ISO-3, ISO-4 */
TEST(what_is_not_said_has_its_default)
{
    static const uint32_t basic[] = {
        KERNEL_EXIT,      KERNEL_WHOAMI,   KERNEL_TIMES, KERNEL_SETALARM, KERNEL_SAFECOPYFROM, KERNEL_SAFECOPYTO,
        KERNEL_VSAFECOPY, KERNEL_SETGRANT, KERNEL_LOG,   KERNEL_STATECTL, KERNEL_CHECKSUM,
    };
    uint32_t calls = 0;

    CHECK_EQ(read_text("service a { }"), 0);
    CHECK(manifest.all_peers && !manifest.user_peers && !manifest.resume);
    CHECK_EQ(manifest.uid, 0);
    CHECK_EQ(manifest.cpu, MANIFEST_ANY_CPU);
    CHECK_EQ(manifest.sys_flags, 0);
    CHECK_STR(manifest.signal_manager, "");
    CHECK_STR(manifest.scheduler, "");
    for (size_t i = 0; i < sizeof(basic) / sizeof(basic[0]); i++)
        CHECK(may_call(basic[i]));
    for (int i = 0; i < PRIVILEGE_CALL_WORDS; i++)
        calls += (uint32_t)__builtin_popcountll(manifest.call_mask[i]);
    CHECK_EQ(calls, sizeof(basic) / sizeof(basic[0]));
    CHECK(may_call_vm(VM_ARENA) && may_call_vm(VM_ARENA_ADOPT) && may_call_vm(VM_MAP_PHYSICAL));
    CHECK_EQ(__builtin_popcountll(manifest.vm_mask), 3);
    CHECK_EQ(read_text("service a { ipc NONE; system NONE; vm NONE; sigmgr rs; scheduler KERNEL; }"), 0);
    CHECK(!manifest.all_peers && manifest.call_mask[0] == 0 && manifest.vm_mask == 0);
    CHECK_STR(manifest.signal_manager, "");
    CHECK_EQ(read_text("service a { ipc ALL; system ALL; vm ALL; }"), 0);
    CHECK(manifest.all_peers && manifest.user_peers && manifest.call_mask[1] == UINT64_MAX && manifest.vm_mask == UINT64_MAX);
}

/* Each key with a value that breaks its rule; the error must stand at the value. covers ISO-2 */
static const struct {
    const char *text;
    const char *error;
} mistakes[] = {
    { "service a {\n  fly 1;\n}", "2:3: expected a key, not 'fly'" },
    { "service a { uid x; }", "1:17: uid: expected a user id from 0 to 65534, not 'x'" },
    { "service a { uid 65535; }", "1:17: uid: expected" },
    { "service a { uid 1; uid 2; }", "1:20: expected a key that was not given before, not 'uid'" },
    { "service a { uid 0 }", "1:19: uid: expected ';', not '}'" },
    { "service a { uid 0;", "1:19: expected '}', not 'the end'" },
    { "service a { level 10; }", "1:19: level: expected" },
    { "service a { priority 16; }", "1:22: priority: expected" },
    { "service a { quantum 0; }", "1:21: quantum: expected" },
    { "service a { cpu some; }", "1:17: cpu: expected" },
    { "service a { heartbeat 2KHZ; }", "1:23: heartbeat: expected" },
    { "service a { heartbeat 3600001; }", "1:23: heartbeat: expected" },
    { "service a { restart never; }", "1:21: restart: expected resume or fresh, not 'never'" },
    { "service a { script sh; }", "1:20: script: expected an absolute path" },
    { "service a { copy 1; }", "1:18: copy: expected ';', not '1'" },
    { "service a { replica 2; }", "1:21: replica: expected ';'" },
    { "service a { flags brave; }", "1:19: flags: expected core" },
    { "service a { sigmgr a_label_of_sixteen; }", "1:20: sigmgr: expected" },
    { "service a { scheduler ; }", "1:23: scheduler: expected" },
    { "service a { ipc a_label_of_sixteen; }", "1:17: ipc: expected" },
    { "service a { control 1 2 3 4 5 6 7 8 9; }", "1:37: control: expected at most 8" },
    { "service a { control x/y; }", "1:21: control: expected at most 8" },
    { "service a { dependents 1 2 3 4 5 6 7 8 9; }", "1:40: dependents: expected at most 8" },
    { "service a { system fly; }", "1:20: system: expected" },
    { "service a { vm fly; }", "1:16: vm: expected" },
    { "service a { io fff0:11; }", "1:16: io: expected" },
    { "service a { io 10000; }", "1:16: io: expected" },
    { "service a { irq 256; }", "1:17: irq: expected" },
    { "service a { irq 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1; }", "1:49: irq: expected at most 16" },
    { "service a { memory 123; }", "1:20: memory: expected" },
    { "service a { device x; }", "1:20: device: expected" },
    { "service a { device 4 9-8; }", "1:22: device: expected" },
    { "service a { pci card 1; }", "1:17: pci: expected" },
    { "service a { pci device 10000:1; }", "1:24: pci: expected" },
    { "service a { pci class 1:; }", "1:23: pci: expected" },
    { "service a { pci class 1:2:3:4; }", "1:23: pci: expected" },
    { "server a { }", "1:1: expected 'service', not 'server'" },
    { "service a_label_of_sixteen { }", "1:9: expected a label of at most 15 characters" },
    { "service a uid 0;", "1:11: expected '{', not 'uid'" },
};

TEST(every_mistake_names_place_key_and_rule)
{
    for (size_t i = 0; i < sizeof(mistakes) / sizeof(mistakes[0]); i++) {
        CHECK_EQ(read_text(mistakes[i].text), -EINVAL);
        if (strncmp(error, mistakes[i].error, strlen(mistakes[i].error)) != 0)
            CHECK_STR(error, mistakes[i].error);
    }
}

TEST(every_key_has_a_mistake_above)
{
    const char *name, *rule;

    for (size_t i = 0; (name = manifest_key(i, &rule)) != NULL; i++) {
        char part[32];
        size_t k = 0;

        snprintf(part, sizeof(part), " %s: expected", name);
        while (k < sizeof(mistakes) / sizeof(mistakes[0]) && strstr(mistakes[k].error, part) == NULL)
            k++;
        CHECK(k < sizeof(mistakes) / sizeof(mistakes[0]));
    }
}

TEST(services_are_found_by_label_and_in_order)
{
    const char *text = "service a { uid 1; } service b { uid 2; }";
    size_t at = 0;

    CHECK_EQ(manifest_read(text, strlen(text), "b", &manifest, error), 0);
    CHECK_EQ(manifest.uid, 2);
    CHECK_EQ(manifest_read(text, strlen(text), "c", &manifest, error), -ESRCH);
    CHECK_EQ(manifest_read_next(text, strlen(text), &at, &manifest, error), 0);
    CHECK_STR(manifest.label, "a");
    CHECK_EQ(manifest_read_next(text, strlen(text), &at, &manifest, error), 0);
    CHECK_STR(manifest.label, "b");
    CHECK_EQ(manifest_read_next(text, strlen(text), &at, &manifest, error), -ESRCH);
}
