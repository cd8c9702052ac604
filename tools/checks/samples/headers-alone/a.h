/* SPDX-License-Identifier: MIT */
/* A sample that a check must refuse. */
#pragma once
struct a {
    uint32_t b;
};
