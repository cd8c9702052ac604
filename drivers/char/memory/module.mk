# SPDX-License-Identifier: MIT
name := memory
kind := service
depends := lib/base lib/sys lib/driver
serves := char
calls := kernel
test_sources := record.c
test_depends := none lib/base
