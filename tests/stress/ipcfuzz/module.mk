# SPDX-License-Identifier: MIT
name := ipcfuzz
kind := service
depends := lib/base lib/sys
generated := protocols/protocol_names $(patsubst %,protocols/%_trace,$(basename $(notdir $(wildcard abi/protocols/*.idl))))
