# SPDX-License-Identifier: MIT
name := bench
kind := program
