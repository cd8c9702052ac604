/* SPDX-License-Identifier: MIT */
/* Most of this system is kernel. */
int a;
int b;
int c;
