# SPDX-License-Identifier: MIT
def
