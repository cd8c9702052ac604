# SPDX-License-Identifier: MIT
name := events
kind := service
depends := lib/base lib/sys
