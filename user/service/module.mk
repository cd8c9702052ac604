# SPDX-License-Identifier: MIT
name := service
kind := program
install := /sbin/service
generated := error_names linux_syscall_names protocols/protocol_names \
             $(patsubst %,protocols/%_trace,$(basename $(notdir $(wildcard abi/protocols/*.idl))))
