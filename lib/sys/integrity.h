/* SPDX-License-Identifier: MIT */
/*
 * Does the service still stand? Its text is what was built, and its state has no broken invariant. Asked at each heartbeat: what a wild store or a
 * bad bit has done is found within a period, before it spreads. The text is looked at more often: before a handler runs, unless the last look was
 * less than 24 processor cycles for each byte of text ago (1 to 5 million cycles), 2 for services that look often. So a service with little to do does not run changed text at all, a
 * busy one for some milliseconds at most. The kernel sums the text up with vector registers (kernel.idl, checksum): looking takes a sixth of a percent of
 * the processor at most, two percent if it is often. Where it cannot, we do, and it is four times that.
 */
#pragma once

/* Text and state. Panics if not. */
void integrity_check(void);
/* The text, if a look is due; the message in hand is handled by the next instance. Panics if it has changed. */
void integrity_look(void);
