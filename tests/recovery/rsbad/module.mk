# SPDX-License-Identifier: MIT
name := rsbad
kind := service
depends := lib/base lib/layout lib/sys
calls := kernel vm service
cflags := -Iservers/rs
