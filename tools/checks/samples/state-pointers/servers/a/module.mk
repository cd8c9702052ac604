# SPDX-License-Identifier: MIT
name := a
kind := service
