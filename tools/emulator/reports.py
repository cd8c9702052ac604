# SPDX-License-Identifier: MIT
"""Crash reports that the guest sends on its fourth serial line (user/coroner): each becomes build/log/RUN-N.report, with the commit of the build and the
names of the addresses."""
import os
import re
import subprocess

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
FIRST_LINE = "planaria crash report 1"


def stream(log_path):
    """Where QEMU puts what comes on the line."""
    return re.sub(r"\.log$", "", log_path) + ".reports"


def run_of(name):
    """The run that a file of build/log belongs to: run-20261121-032114-25293-0-2.report -> run-20261121-032114-25293-0."""
    return re.match(r"run(-\d+){0,4}", name)[0]


def commit():
    """What the build was made from: a hash, and -dirty if files differ from it."""
    result = subprocess.run(["git", "-C", ROOT, "describe", "--always", "--abbrev=40", "--dirty", "--match", ""], capture_output=True, text=True)
    return result.stdout.strip() or "unknown"


def split(text):
    """The reports in a stream, each a text that begins with FIRST_LINE; the last one may be cut off."""
    parts = text.replace("\r", "").split(FIRST_LINE + "\n")
    return [FIRST_LINE + "\n" + part for part in parts[1:]]


def annotated(text, names):
    """The report with the commit, and a name behind each frame."""
    lines = []
    for line in text.splitlines():
        match = re.match(r"frame: (0x[0-9a-f]+)$", line)
        name = names.name(int(match[1], 16)) if match else None
        lines.append("%s <%s>" % (line, name) if name else line)
        if line.startswith("service: "):
            lines.append("commit: " + commit())
    return "\n".join(lines) + "\n"


def collect(log_path):
    """Makes files of what came; returns their paths."""
    import symbols
    path = stream(log_path)
    try:
        with open(path, "rb") as handle:
            text = handle.read().decode("utf-8", "replace")
        os.unlink(path)
    except FileNotFoundError:
        return []
    names = symbols.Symbols()
    written = []
    for number, report in enumerate(split(text), 1):
        target = re.sub(r"\.log$", "", log_path) + "-%d.report" % number
        with open(target, "w") as handle:
            handle.write(annotated(report, names))
        written.append(target)
    return written


def hint(paths):
    """One line that says where they lie; empty if there are none."""
    if not paths:
        return ""
    first = os.path.relpath(paths[0])
    more = " and %d more" % (len(paths) - 1) if len(paths) > 1 else ""
    return "crash report: %s%s (./planaria replay %s)" % (first, more, first)
