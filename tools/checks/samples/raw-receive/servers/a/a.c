/* SPDX-License-Identifier: MIT */
/* A sample that a check must refuse. */
void f(void);

void f(void)
{
    ipc_receive(0, 0, 0);
}
