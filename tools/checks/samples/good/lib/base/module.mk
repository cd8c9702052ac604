# SPDX-License-Identifier: MIT
name := base
kind := library
