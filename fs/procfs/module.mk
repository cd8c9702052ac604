# SPDX-License-Identifier: MIT
name := procfs
kind := service
depends := lib/base lib/sys
serves := fs
calls := pm vm vfs fs
