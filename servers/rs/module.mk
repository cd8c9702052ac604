# SPDX-License-Identifier: MIT
name := rs
kind := service
depends := lib/base lib/layout lib/sys
serves := rs
calls := kernel vm service ds pm vfs
generated := protocols/kernel_trace
test_sources := manifest.c instance.c recovery.c clock.c request.c image.c up.c standby.c successor.c privileges.c announce.c boot.c update.c update_layout.c
test_generated := protocols/kernel_trace protocols/kernel_client protocols/vm_client protocols/service_client protocols/ds_client protocols/pm_client protocols/vfs_client protocols/rs_client protocols/rs_server
