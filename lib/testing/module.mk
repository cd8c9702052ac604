# SPDX-License-Identifier: MIT
name := testing
kind := library
