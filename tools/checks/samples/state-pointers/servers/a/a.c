/* SPDX-License-Identifier: MIT */
/* A sample that a check must refuse. */
struct a_state {
    int count;
    struct {
        char *name;
    } entry[4];
};
struct a_state a;
