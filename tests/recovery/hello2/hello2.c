/* SPDX-License-Identifier: MIT */
/*
 * The driver hello, built with another layout of its state (HELLO_LAYOUT_2): what `service update hello -binary /service/hello2` goes to.
 */
#include "../../../drivers/hello/carry.c"
#include "../../../drivers/hello/hello.c"
#include "../../../drivers/hello/main.c"
