# SPDX-License-Identifier: MIT
name := probe
kind := service
depends := lib/base lib/sys
calls := ds devfs
