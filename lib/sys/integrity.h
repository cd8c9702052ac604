/* SPDX-License-Identifier: MIT */
/*
 * Does the service still stand? Its text is what was built, and its state has no broken invariant. Asked at each heartbeat: what a wild store or a
 * bad bit has done is found within a period, before it spreads. The text is looked at more often: before a handler runs, if the last look was not in
 * the same window of 2^24 processor cycles. So a service with little to do does not run changed text at all, a busy one for some milliseconds at most.
 * It costs 0.1 to 0.3 % of a busy service's time.
 */
#pragma once

/* Text and state. Panics if not. */
void integrity_check(void);
/* The text, once in a window; the message in hand is handled by the next instance. Panics if it has changed. */
void integrity_look(void);
