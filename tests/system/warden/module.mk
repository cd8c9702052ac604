# SPDX-License-Identifier: MIT
name := warden
kind := service
depends := lib/base lib/sys
calls := rs kernel
