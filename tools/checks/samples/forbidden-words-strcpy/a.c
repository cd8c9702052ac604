/* SPDX-License-Identifier: MIT */
/* A sample that a check must refuse. */
void f(char *a);

void f(char *a)
{
    strcpy(a, "no");
}
