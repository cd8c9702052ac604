# SPDX-License-Identifier: MIT
name := vm
kind := service
depends := lib/base lib/sys
serves := vm event
calls := vfs rs
linux := vm
test_sources := frame.c pool.c region.c object.c space.c fault.c program.c image.c arena.c window.c information.c linux_map.c linux_advice.c boot.c check.c facts.c restart.c derive_spaces.c derive_objects.c derive_regions.c derive_pages.c
test_depends := lib/base
test_generated := protocols/vfs_client
# After a crash VM derives its state from the page tables instead of rolling back (restart.c): no journal of its stores.
journal := no
