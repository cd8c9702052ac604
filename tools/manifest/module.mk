# SPDX-License-Identifier: MIT
name := manifest
kind := tool
depends := lib/base
borrows := servers/rs/manifest.c servers/rs/manifest_reader.c
generated := protocols/kernel_trace protocols/vm_trace
cflags := -I.
