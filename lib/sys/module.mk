# SPDX-License-Identifier: MIT
name := sys
kind := library
depends := lib/base
test_sources := outbox.c journal.c call.c grant.c
