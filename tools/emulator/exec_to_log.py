#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""exec with a log file of the caller's choice: exec_to_log.py LOG [options] -- COMMAND. The test runner reads the log afterwards."""
import sys

import cli
import session

if __name__ == "__main__":
    chosen, words = cli.parse(sys.argv[2:])
    sys.exit(session.execute(chosen, words[0], log_path=sys.argv[1]))
