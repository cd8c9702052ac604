/* SPDX-License-Identifier: MIT */
/*
 * tmpfs: file trees in memory; the first one is the root file system, filled from the boot archive.
 */
#include "errors.h"
#include "mount.h"
#include "protocols/kernel.h"
#include "protocols/tmpfs_fs_server.h"
#include "protocols/vm_client.h"
#include "state.h"
#include "sys/log.h"
#include "sys/sef.h"
#include "sys/service.h"
#include "sys/syscalls.h"
#include "unpack.h"

enum { ROOT_MODE = 0755 };

SERVICE_STATE static struct tmpfs_state tmpfs;

static int attach_tables(void)
{
    tmpfs_tables = SERVICE_TABLE(tables, struct tmpfs_tables, 1);
    return tmpfs_tables == NULL ? -ENOMEM : 0;
}

static int unpack_boot_archive(void)
{
    struct boot_info boot;
    size_t length;
    int result = sys_getinfo(KERNEL_INFO_BOOT, &boot, sizeof(boot), &length);
    if (result != 0) {
        return result;
    }
    struct vm_map_physical_request request = { .physical = boot.archive_base, .length = boot.archive_length };
    struct vm_map_physical_reply reply;
    result = vm_call_map_physical(ENDPOINT_VM, &request, &reply);
    if (result == 0) {
        result = unpack_archive(&tmpfs, (const uint8_t *)(uintptr_t)reply.address, boot.archive_length);
    }
    return result;
}

static int init_fresh(int type, struct sef_init_info *info)
{
    (void)type;
    (void)info;
    int result = attach_tables();
    if (result != 0) {
        log_error("no memory for %lu bytes of tables", (unsigned long)sizeof(*tmpfs_tables));
        return result;
    }
    struct vm_object_forget_request forget = { .pool = VM_ALL_POOLS };
    result = vm_call_object_forget(ENDPOINT_VM, &forget);
    if (result != 0) {
        return result;
    }
    tmpfs_tables_init(&tmpfs);
    mount_make_root(&tmpfs, 0, ROOT_MODE);
    result = mount_set_limit(0, mount_default_limit());
    return result == 0 ? unpack_boot_archive() : result;
}

int main(void)
{
    static const struct service_protocol protocols[] = { { FS_PROTOCOL, fs_dispatch } };
    static const struct service service = {
        .name = "tmpfs",
        .state = &tmpfs,
        .state_bytes = sizeof(tmpfs),
        .protocols = protocols,
        .protocol_count = 1,
        .state_check = tmpfs_state_check,
        .attach = attach_tables,
    };
    sef_setcb_init_fresh(init_fresh);
    service_run(&service);
}
