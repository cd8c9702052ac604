# SPDX-License-Identifier: MIT
name := devfs
kind := service
depends := lib/base lib/sys
serves := fs devfs
test_sources := handle_devfs.c handle_fs.c node.c
test_generated := protocols/devfs_fs_server protocols/devfs_server
