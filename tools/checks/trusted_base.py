#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes trusted-base.md into the folder that is named (`./planaria docs`), or prints it."""
import os
import sys

import rules_base
from tree import Tree

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def main():
    text = "\n".join(rules_base.page(Tree(ROOT))) + "\n"
    if len(sys.argv) < 2:
        print(text, end="")
        return 0
    with open(os.path.join(sys.argv[1], "trusted-base.md"), "w") as handle:
        handle.write(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
