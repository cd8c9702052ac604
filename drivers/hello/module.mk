# SPDX-License-Identifier: MIT
name := hello
kind := service
depends := lib/base lib/sys lib/driver
serves := char
test_sources := hello.c carry.c
test_depends := none lib/base
test_generated := protocols/hello_char_server
journal := no
