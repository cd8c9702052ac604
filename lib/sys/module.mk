# SPDX-License-Identifier: MIT
name := sys
kind := library
depends := lib/base lib/layout
calls := ds
test_sources := instruction.c mutate.c outbox.c journal.c mirror.c call.c grant.c
journal := grant.c
