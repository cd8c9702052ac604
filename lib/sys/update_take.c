/* SPDX-License-Identifier: MIT */
/*
 * Live update, the new version's side: the state of the old one, which waits stopped and untouched, is copied. Any refusal here makes RS put the
 * old version back.
 */
#include "base/string.h"
#include "errors.h"
#include "protocols/kernel.h"
#include "sys/log.h"
#include "sys/loop.h"
#include "sys/sef_update.h"

/* Written by entry.S. */
struct service_header {
    uint64_t magic;
    uint64_t layout, layout_end;
    uint64_t state, state_end;
    uint64_t outbox, outbox_end;
    uint64_t derived, derived_end;
    uint64_t journal, journal_end;
};

extern const struct service_header service_header;

/* Copy memory of the old version. */
static int fetch(uint64_t address, void *to, uint64_t length)
{
    struct kernel_statectl_request request = {
        .request = KERNEL_STATE_REQUEST_TAKE, .address = address, .length = length, .to = (uint64_t)(uintptr_t)to
    };
    struct message message = { .type = KERNEL_STATECTL };

    kernel_statectl_request_put(&message, &request);
    return length == 0 ? 0 : kernel_request(&message);
}

int update_take(void)
{
    struct service_header old;
    int result = fetch((uint64_t)(uintptr_t)&service_header, &old, sizeof(old));

    if (result != 0 || old.magic != service_header.magic) {
        log_error("the old version is no service that is linked for %p: error %d", (const void *)&service_header, result);
        return result != 0 ? result : -ENOEXEC;
    }
    if (memcmp(&old, &service_header, sizeof(old)) == 0)
        return resume_take();
    log_error("the old version has another layout");
    return -EINVAL;
}
