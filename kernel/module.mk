# SPDX-License-Identifier: MIT
name := kernel
kind := kernel
depends := lib/base
