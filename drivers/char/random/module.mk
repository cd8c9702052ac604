# SPDX-License-Identifier: MIT
name := random
kind := service
depends := lib/base lib/sys lib/driver
serves := char
