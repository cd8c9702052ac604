# SPDX-License-Identifier: MIT
name := rs
kind := service
depends := lib/base lib/layout lib/sys
serves := rs
calls := kernel vm service ds pm vfs sched
generated := protocols/kernel_trace protocols/vm_trace
test_sources := $(filter-out main.c,$(notdir $(wildcard $(dir)/*.c)))
test_generated := protocols/kernel_trace protocols/vm_trace protocols/kernel_client protocols/vm_client protocols/service_client protocols/ds_client protocols/pm_client protocols/vfs_client protocols/sched_client protocols/rs_client protocols/rs_server
