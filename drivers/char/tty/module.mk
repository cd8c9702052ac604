# SPDX-License-Identifier: MIT
name := tty
kind := service
depends := lib/base lib/sys lib/driver
serves := char
calls := char pm vfs devfs kernel
test_depends := none lib/base
test_sources := state.c input.c edit.c output.c transfer.c waiter.c settle.c settings.c ioctl.c job.c pty.c serial.c handle_char.c
test_generated := protocols/tty_char_server protocols/char_client protocols/pm_client protocols/vfs_client protocols/devfs_client protocols/kernel_client
