/* SPDX-License-Identifier: MIT */
int d;
