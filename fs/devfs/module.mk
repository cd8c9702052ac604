# SPDX-License-Identifier: MIT
name := devfs
kind := service
depends := lib/base lib/sys lib/driver
serves := fs devfs
test_depends := none lib/base
test_sources := handle_devfs.c handle_fs.c node.c
test_generated := protocols/devfs_fs_server protocols/devfs_server
