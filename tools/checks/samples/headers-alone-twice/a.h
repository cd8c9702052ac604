/* SPDX-License-Identifier: MIT */
/* A sample that a check must refuse. */
struct a;
