# SPDX-License-Identifier: MIT
name := chaos
kind := program
install := /usr/sbin/chaos-driver
