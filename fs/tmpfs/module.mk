# SPDX-License-Identifier: MIT
name := tmpfs
kind := service
depends := lib/base lib/sys
serves := fs
calls := vm
