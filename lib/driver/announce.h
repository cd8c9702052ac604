/* SPDX-License-Identifier: MIT */
/*
 * What a driver does when it starts (behaviour.md DR-1, DR-2).
 */
#pragma once

/* Call at the end of init, on a fresh start and on a restart without the old state: frees callers that still wait for the dead instance, then
 * publishes `drv.vfs.<label>` in DS, which tells VFS to send again what was outstanding. */
void driver_announce(void);
