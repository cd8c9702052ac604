# SPDX-License-Identifier: MIT
name := driver
kind := library
depends := lib/base lib/sys
test_depends := none
test_sources := none
