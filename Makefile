# SPDX-License-Identifier: MIT
#
# The whole build, non-recursive. Each folder that is built has a module.mk of a few lines (see docs/building.md);
# tools/build/modules.mk turns each into rules. Everything is written below build/.
#   make         kernel, services, programs, initrd
#   make help    the other targets

.DEFAULT_GOAL := all
.SUFFIXES:
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules
SHELL := /bin/bash

V ?= 0
ifeq ($(V),0)
  Q := @
  say = @printf '  %-8s %s\n' '$(1)' '$(patsubst $(CURDIR)/%,%,$(2))'
else
  Q :=
  say = @:
endif

B := build
CC := gcc
CXX := g++
MUSL_CC := musl-gcc
PYTHON := python3

include tools/build/flags.mk
include tools/build/modules.mk
include tools/build/image.mk

.PHONY: all kernel services programs variants tests-host help clean format
all: kernel services programs initrd

kernel: $(if $(kernel_modules),$(B)/kernel.elf)
services: $(service_binaries)
programs: $(program_binaries)
tests-host: $(test_binaries) $(core_images) $(variant_binaries)
variants: $(variant_binaries)

clean:
	rm -rf $(filter-out $(B)/downloads $(B)/log,$(wildcard $(B)/*))

format:
	git ls-files '*.c' '*.h' | grep -v -e ^tools/idlc/test -e ^tools/checks/samples | xargs clang-format -i

help:
	@echo 'make            kernel, services, programs, initrd'
	@echo 'make kernel     build/kernel.elf'
	@echo 'make services   build/service/LABEL for each service'
	@echo 'make programs   build/program/NAME for each Linux program of ours'
	@echo 'make variants   build/variant/LABEL: each service with another layout of its state'
	@echo 'make initrd     build/initrd.cpio'
	@echo 'make generated  headers, stubs and tables from abi/'
	@echo 'make tests-host unit tests for the host: build/test/MODULE/NAME; images of tests/core'
	@echo 'make format     clang-format for the whole tree'
	@echo 'make golden     accepts the wire layouts as they are now'
	@echo 'make clean      remove build/ except downloads and logs'
	@echo 'V=1 shows commands; SLOW_ASSERTS=1 turns assert_slow on; SANITIZE=1 adds UBSan traps to the kernel'

-include $(all_dependency_files)
