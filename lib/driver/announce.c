/* SPDX-License-Identifier: MIT */
/*
 * The driver-up event.
 */
#include "driver/announce.h"

#include "base/format.h"
#include "protocols/kernel.h"
#include "sys/ds.h"
#include "sys/ipc.h"
#include "sys/log.h"
#include "sys/service.h"

static void clear_references(void)
{
    struct kernel_statectl_request request = { .request = KERNEL_STATE_REQUEST_CLEAR_IPC_REFS };
    struct message message = { .type = KERNEL_STATECTL };

    kernel_statectl_request_put(&message, &request);
    if (ipc_sendrec(ENDPOINT_SYSTEM, &message) != 0 || message.status != 0)
        log_warn("references to the old instance remain: error %d", message.status);
}

void driver_announce(void)
{
    char label[DS_LABEL_MAX];
    char key[DS_KEY_MAX];
    int result;

    clear_references();
    result = ds_retrieve_label_name(service_endpoint(), label);
    if (result != 0)
        service_panic("no label for endpoint %d: error %d", service_endpoint(), result);
    format_string(key, sizeof(key), "drv.vfs.%s", label);
    result = ds_publish_u32(key, DS_EVENT_VALUE_DRIVER_UP, DS_FLAGS_OVERWRITE);
    if (result != 0)
        service_panic("%s cannot be published: error %d", key, result);
}
