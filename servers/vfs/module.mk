# SPDX-License-Identifier: MIT
name := vfs
kind := service
depends := lib/base lib/sys
serves := vfs
calls := fs char vm pm vfs ds
linux := vfs
