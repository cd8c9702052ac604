/* SPDX-License-Identifier: MIT */
/* A sample that a check must refuse. */
static int counter;
int next(void);

int next(void)
{
    static int calls;
    calls++;
    return counter += calls;
}
