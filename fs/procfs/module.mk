# SPDX-License-Identifier: MIT
name := procfs
kind := service
depends := lib/base lib/sys lib/driver
serves := fs
calls := pm vm vfs fs rs
generated := protocols/kernel_trace protocols/vm_trace
test_depends := none lib/base
test_sources := fixed_text.c handle_fs.c handle_refused.c inode.c load.c node.c parked.c process_text.c service.c text.c
test_generated := protocols/procfs_fs_server protocols/pm_client protocols/vm_client protocols/vfs_client protocols/fs_client protocols/rs_client protocols/kernel_trace protocols/vm_trace
