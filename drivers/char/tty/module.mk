# SPDX-License-Identifier: MIT
name := tty
kind := service
depends := lib/base lib/sys
serves := char
calls := char pm vfs devfs kernel
test_sources := state.c input.c edit.c output.c
