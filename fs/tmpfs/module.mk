# SPDX-License-Identifier: MIT
name := tmpfs
kind := service
depends := lib/base lib/sys
serves := fs
calls := vm
test_sources := directory.c handle_names.c handle_nodes.c inode.c mount.c state.c unpack.c
test_generated := protocols/tmpfs_fs_server protocols/vm_client
