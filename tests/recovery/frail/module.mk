# SPDX-License-Identifier: MIT
name := frail
kind := service
depends := lib/base lib/sys lib/driver
serves := char
calls := pm
