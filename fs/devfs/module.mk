# SPDX-License-Identifier: MIT
name := devfs
kind := service
depends := lib/base lib/sys
serves := fs devfs
