# SPDX-License-Identifier: MIT
name := kernel
kind := core
depends := lib/base
boots := rs,vm,pm,ds
