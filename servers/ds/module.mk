# SPDX-License-Identifier: MIT
name := ds
kind := service
depends := lib/base lib/sys
serves := ds
test_sources := ds.c match.c
test_generated := protocols/ds_server
