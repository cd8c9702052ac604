/* SPDX-License-Identifier: MIT */
/* A sample that a check must refuse. */
#pragma once
typedef struct a a_t;
