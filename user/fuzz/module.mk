# SPDX-License-Identifier: MIT
name := fuzz-calls
kind := program
