# SPDX-License-Identifier: MIT
name := layout
kind := library
depends := lib/base
