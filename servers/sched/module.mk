# SPDX-License-Identifier: MIT
name := sched
kind := service
depends := lib/base lib/sys
serves := sched event
calls := kernel
test_sources := sched.c
test_generated := protocols/kernel_client protocols/sched_server
