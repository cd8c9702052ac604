# SPDX-License-Identifier: MIT
name := coroner
kind := program
install := /usr/sbin/coroner
reads := lib/sys
