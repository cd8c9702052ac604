/* SPDX-License-Identifier: MIT */
/*
 * The counter goes to a new version through the data store. The state carries itself (ADR 0011); this is how a service hands over what it wants to say in its
 * own words.
 */
#include "state.h"
#include "sys/ds.h"
#include "sys/log.h"

static const char key[] = "open_counter";

int hello_save(const struct hello_state *state)
{
    return ds_publish_u32(key, (uint32_t)state->open_counter, DS_FLAGS_OVERWRITE);
}

void hello_forget(void)
{
    int result = ds_delete_u32(key);

    if (result != 0)
        log_warn("%s cannot be deleted: error %d", key, result);
}

int hello_restore(struct hello_state *state)
{
    uint32_t value;
    int result = ds_retrieve_u32(key, &value);

    if (result != 0)
        return result;
    state->open_counter = value;
    hello_forget();
    return 0;
}
