# SPDX-License-Identifier: MIT
name := kernel
kind := kernel
depends := lib/base
test_sources := arch/x86_64/acpi_parse.c arch/x86_64/elf_parse.c
