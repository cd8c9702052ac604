# SPDX-License-Identifier: MIT
name := linux
kind := tests
