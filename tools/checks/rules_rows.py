# SPDX-License-Identifier: MIT
"""Rules about the rows of docs/behaviour.md: what tests cover, what is consciously different (docs/differences.md), what is open."""
import re

BEHAVIOUR = "docs/behaviour.md"
DIFFERENCES = "docs/differences.md"
ROW = re.compile(r"^\| *([A-Z]+[A-Z0-9]*-\d+[a-z]?) *\| *([^|]*?) *\|", re.M)
DIFFERENCE = re.compile(r"^\| *([A-Z]+[A-Z0-9]*-\d+[a-z]?) *\| *(.*?) *\| *(.*?) *\|$")
NAMES = re.compile(r"\bcovers:? +([A-Z0-9, -]+)")
NAME = re.compile(r"[A-Z]+[A-Z0-9]*-\d+")
# Sections whose rows must have a test or a difference.
CLOSED_SECTIONS = range(1, 13)


def rows(tree):
    """[(id, capability, section)] in the order of the document."""
    found, section = [], 0
    for line in tree.lines(BEHAVIOUR) if tree.exists(BEHAVIOUR) else []:
        heading = re.match(r"## (\d+)\.", line)
        section = int(heading[1]) if heading else section
        row = ROW.match(line)
        if row:
            found.append((row[1], row[2], section))
    return found


def covers(tree):
    """Yields (row, path, line) of everything that a test says it covers."""
    for path in tree.paths:
        if path.endswith((".c", ".py", ".test")) and ("/test/" in path or path.startswith("tests/")):
            for number, line in enumerate(tree.lines(path), 1):
                match = NAMES.search(line)
                for row in NAME.findall(match[1]) if match else []:
                    yield row, path, number


def differences(tree):
    """Yields (row, what differs, why, line)."""
    for number, line in enumerate(tree.lines(DIFFERENCES) if tree.exists(DIFFERENCES) else [], 1):
        match = DIFFERENCE.match(line)
        if match:
            yield match[1], match[2], match[3], number


def covered_rows(tree):
    """A test or a difference may only name a row which exists."""
    known = {row for row, _, _ in rows(tree)}
    if not known:
        return
    for row, path, number in covers(tree):
        if row not in known:
            yield "%s:%d: there is no row %s in %s" % (path, number, row, BEHAVIOUR)
    seen = set()
    for row, what, why, number in differences(tree):
        if row not in known:
            yield "%s:%d: there is no row %s in %s" % (DIFFERENCES, number, row, BEHAVIOUR)
        if not what or not why:
            yield "%s:%d: %s lacks what differs or why" % (DIFFERENCES, number, row)
        if row in seen:
            yield "%s:%d: %s has two lines" % (DIFFERENCES, number, row)
        seen.add(row)


def open_rows(tree):
    """Each row of the sections that are done has a test, or says why it is different."""
    known = {row for row, _, _ in covers(tree)} | {row for row, _, _, _ in differences(tree)}
    for row, capability, section in rows(tree):
        if section in CLOSED_SECTIONS and row not in known:
            yield "%s (%s) has no test and no line in %s" % (row, capability, DIFFERENCES)


RULES = {
    "covered-rows": covered_rows,
    "open-rows": open_rows,
}
