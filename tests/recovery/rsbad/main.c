/* SPDX-License-Identifier: MIT */
/*
 * A new version of RS that does not come up: it takes RS's state and then, by the state that the update asked for, crashes (1), fails (2) or hangs (3).
 */
#include "errors.h"
#include "state.h"
#include "sys/sef.h"
#include "sys/service.h"

static struct rs_state rs_state SERVICE_STATE;

static int rebuild(void *state)
{
    const struct rs_state *rs = state;

    while (rs->update.state == SEF_LU_STATE_PROTOCOL_FREE)
        __asm__ volatile("" : : : "memory");
    if (rs->update.state == SEF_LU_STATE_WORK_FREE)
        service_panic("crash in the init of a new rs, as asked");
    return -EGENERIC;
}

static int init_lu(int type, struct sef_init_info *info)
{
    info->old_endpoint = ENDPOINT_ANY; /* the kernel knows it */
    return sef_cb_init_resume(type, info);
}

static int attach(void)
{
    rs_state.image_area = (uint64_t)(uintptr_t)SERVICE_TABLE(images, uint8_t, RS_IMAGE_PAGES * RS_PAGE_BYTES);
    return 0;
}

int main(void)
{
    static const struct service service = {
        .name = "rs",
        .state = &rs_state,
        .state_bytes = sizeof(rs_state),
        .attach = attach,
        .rebuild = rebuild,
    };

    sef_setcb_init_lu(init_lu);
    service_run(&service);
}
