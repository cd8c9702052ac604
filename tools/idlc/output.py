# SPDX-License-Identifier: MIT
"""Output files and refusals, shared by the generators in tools/.

Writes are deterministic and happen only if the contents changed, so that make
does not rebuild the world. A mistake in an input is one `Refused` with a
file and a line; the caller prints it and exits with 1.
"""

import os


class Refused(Exception):
    """The input breaks a rule; the text is 'file:line: reason'."""

    def __init__(self, file, line, reason):
        super().__init__(f"{file}:{line}: {reason}")


def write_if_changed(path, text):
    """Writes the file unless it already holds exactly this text."""
    try:
        with open(path, encoding="utf-8") as file:
            if file.read() == text:
                return False
    except FileNotFoundError:
        pass
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    temporary = path + ".new"
    with open(temporary, "w", encoding="utf-8") as file:
        file.write(text)
    os.replace(temporary, path)
    return True


def heading(source, purpose=()):
    """The first lines of a generated C file."""
    lines = ["/* SPDX-License-Identifier: MIT */",
             f"/* Generated from {source}; do not edit. */"]
    if purpose:
        lines += [""] + comment(purpose)
    return lines + [""]


def comment(text, indent=""):
    """A C comment from a list of lines; empty for an empty list."""
    text = [line.replace("*/", "* /") for line in text]
    if not text:
        return []
    if len(text) == 1:
        return [f"{indent}/* {text[0]} */"]
    middle = [f"{indent} * {line}".rstrip() for line in text[1:-1]]
    return [f"{indent}/* {text[0]}"] + middle + [f"{indent} * {text[-1]} */"]


def source_name(path):
    """A path as it appears in generated files: from the repository root."""
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    relative = os.path.relpath(os.path.abspath(path), root)
    return os.path.basename(path) if relative.startswith("..") else relative
