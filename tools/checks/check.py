#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""`./planaria check [name...]`: the lints. Each rule is a function of a Tree in rules_*.py that yields problems; it is tested by a tree under
samples/ that must fail it (test/run.py). A problem that begins with "warning: " is told and fails nothing. Prints TAP, the problems as file:line: text, and last `N passed, N failed`."""
import os
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import rules_base  # noqa: E402
import rules_build  # noqa: E402
import rules_rows  # noqa: E402
import rules_text  # noqa: E402
from tree import Tree  # noqa: E402

ROOT = os.path.dirname(os.path.dirname(HERE))


def all_rules():
    """{name: function}, in the order in which they are run."""
    return {**rules_text.RULES, **rules_rows.RULES, **rules_base.RULES, **rules_build.RULES}


def main():
    tree = Tree(ROOT)
    passed = failed = 0
    for name, rule in all_rules().items():
        if sys.argv[1:] and name not in sys.argv[1:]:
            continue
        started = time.monotonic()
        problems = list(rule(tree))
        is_bad = any(not problem.startswith("warning: ") for problem in problems)
        passed += not is_bad
        failed += is_bad
        print("%s %d - check %s" % ("not ok" if is_bad else "ok", passed + failed, name))
        for problem in problems[:100]:
            print("#   " + problem)
        if len(problems) > 100:
            print("#   and %d more" % (len(problems) - 100))
        if time.monotonic() - started > 5:
            print("#   (%.1f s)" % (time.monotonic() - started))
        sys.stdout.flush()
    if passed + failed == 0:
        print("planaria check: no check is named %s; there are %s" % (" ".join(sys.argv[1:]), " ".join(all_rules())), file=sys.stderr)
        return 2
    print("1..%d" % (passed + failed))
    print("%d passed, %d failed" % (passed, failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
