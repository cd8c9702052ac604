# SPDX-License-Identifier: MIT
name := hello2
kind := service
depends := lib/base lib/sys lib/driver
generated := protocols/hello_char_server
cflags := -DHELLO_LAYOUT_2
journal := no
