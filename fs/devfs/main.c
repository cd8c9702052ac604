/* SPDX-License-Identifier: MIT */
/*
 * devfs: the names of devices, mounted on /dev.
 */
#include "driver/announce.h"
#include "node.h"
#include "protocols/devfs.h"
#include "protocols/devfs_fs_server.h"
#include "protocols/devfs_server.h"
#include "sys/sef.h"
#include "sys/service.h"
#include "sys/syscalls.h"

SERVICE_STATE static struct devfs_state devfs;

static int init_fresh(int type, struct sef_init_info *info)
{
    (void)type;
    (void)info;
    node_table_init(&devfs, sys_realtime());
    driver_announce(); /* VFS may wait for what the one before us was asked */
    return 0;
}

int main(void)
{
    static const struct service_protocol protocols[] = {
        { FS_PROTOCOL, fs_dispatch },
        { DEVFS_PROTOCOL, devfs_dispatch },
    };
    static const struct service service = {
        .name = "devfs",
        .state = &devfs,
        .state_bytes = sizeof(devfs),
        .protocols = protocols,
        .protocol_count = 2,
        .looks_often = true,
        .state_check = devfs_state_check,
    };
    sef_setcb_init_fresh(init_fresh);
    service_run(&service);
}
