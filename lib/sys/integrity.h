/* SPDX-License-Identifier: MIT */
/*
 * Does the service still stand? Its text is what was built, and its state has no broken invariant. Asked at each heartbeat: what a wild store or a
 * bad bit has done is found within a period, before it spreads.
 */
#pragma once

/* Panics if not. */
void integrity_check(void);
