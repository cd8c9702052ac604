# SPDX-License-Identifier: MIT
# Loops in string.c must not become calls of themselves: hence cflags.
name := base
kind := library
cflags := -fno-tree-loop-distribute-patterns -fno-builtin
