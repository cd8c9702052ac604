# SPDX-License-Identifier: MIT
name := pm
kind := service
depends := lib/base lib/sys
serves := pm event
calls := kernel vm vfs sched event rs
linux := pm
test_generated := protocols/kernel_client protocols/vm_client protocols/vfs_client protocols/sched_client protocols/event_client protocols/rs_client linux_pm_dispatch
test_sources := state.c derive.c handlers.c late.c process.c timer.c signal.c deliver.c exit.c wait.c fork.c exec.c exec_strings.c image.c futex.c sleep.c sigcalls.c \
    posix_timer.c ids.c limits.c usage.c system.c attributes.c services.c script.c random.c events.c process_calls.c kernel_calls.c
