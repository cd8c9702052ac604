# SPDX-License-Identifier: MIT
name := vfs
kind := service
depends := lib/base lib/sys
serves := vfs
calls := kernel fs char vm pm vfs ds
linux := vfs
