/* SPDX-License-Identifier: MIT */
/*
 * The debug dump of PM.
 */
#pragma once

/* Each process as a line of the log, the first hundred of them. SEF's debug dump callback. */
void pm_debug_dump(void);
