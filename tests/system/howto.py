# SPDX-License-Identifier: MIT
"""docs/howto-write-a-service.md, executed in a copy of the tree: each console block is run line by line and must print what stands there, each diff is applied. Then the
checks that the document promises."""
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

import scenario

ROOT = scenario.ROOT
DOCUMENT = os.path.join(ROOT, "docs", "howto-write-a-service.md")
NOT_COPIED = ("log", "downloads", "replay", "bench", "chaos", "journal-off")


def copy_tree(target):
    """All files of the tree with what is built, so that only the new service is to be built."""
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    for path in listed:
        if os.path.exists(os.path.join(ROOT, path)):
            os.makedirs(os.path.dirname(os.path.join(target, path)), exist_ok=True)
            shutil.copy2(os.path.join(ROOT, path), os.path.join(target, path), follow_symlinks=False)
    shutil.copytree(os.path.join(ROOT, "build"), os.path.join(target, "build"), symlinks=True,
                    ignore=lambda folder, names: [name for name in names if folder == os.path.join(ROOT, "build") and name in NOT_COPIED])
    if os.path.isdir(os.path.join(ROOT, "build", "downloads")):
        os.symlink(os.path.join(ROOT, "build", "downloads"), os.path.join(target, "build", "downloads"))
    subprocess.run("git init -q . && git add -A . && git -c user.name=test -c user.email=test@localhost commit -qm copy", shell=True, cwd=target, check=True)


def blocks():
    with open(DOCUMENT) as handle:
        return re.findall(r"^```(console|diff)\n(.*?)^```$", handle.read(), re.M | re.S)


def commands(text):
    """[(command, expected lines)] of a console block; a here-document belongs to its command."""
    found, end = [], None
    for line in text.splitlines():
        if end:
            found[-1][0].append(line)
            end = None if line == end else end
        elif line.startswith("$ "):
            found.append(([line[2:]], []))
            match = re.search(r"<<'(\w+)'", line)
            end = match[1] if match else None
        else:
            found[-1][1].append(line)
    return [("\n".join(command), expected) for command, expected in found]


def run(command, expected, tree):
    result = subprocess.run(["bash", "-c", command], cwd=tree, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, stdin=subprocess.DEVNULL)
    lines = result.stdout.replace("\r", "").splitlines()
    if not scenario.lines_match(lines, expected):
        return "$ %s\nprinted:\n%s\nexpected:\n%s\n%s" % (command, "\n".join(lines), "\n".join(expected), result.stderr[-1500:])
    return None


def follow(tree):
    """Problems, and how many steps there were."""
    count = 0
    for kind, text in blocks():
        if kind == "diff":
            count += 1
            applied = subprocess.run(["git", "apply", "--unidiff-zero", "-"], input=text, cwd=tree, capture_output=True, text=True)
            if applied.returncode != 0:
                return "the diff does not apply:\n" + applied.stdout + applied.stderr, count
            continue
        for command, expected in commands(text):
            count += 1
            problem = run(command, expected, tree)
            if problem:
                return problem, count
    return None, count


def refusals(tree):
    for name, why in (("Tally", "small letter"), ("tally", "already"), ("", "small letter")):
        result = subprocess.run([os.path.join(tree, "planaria"), "new-service", name], capture_output=True, text=True)
        if result.returncode != 2 or why not in result.stderr:
            yield "new-service '%s': %d: %s" % (name, result.returncode, result.stderr)


def check(tree):
    result = subprocess.run([os.path.join(tree, "planaria"), "check"], capture_output=True, text=True)
    lines = result.stdout.splitlines()
    return "\n".join(line for number, line in enumerate(lines) if line.startswith("not ok") or
                     (line.startswith("#") and "tally" in line)) if any("tally" in line for line in lines) else None


started = time.monotonic()
with tempfile.TemporaryDirectory(prefix="planaria-howto-") as scratch:
    copy_tree(scratch)
    found, steps = follow(scratch)
    problems = [found] if found else [problem for problem in list(refusals(scratch)) + [check(scratch)] if problem]
    if steps < 8:
        problems.append("only %d steps were found in the document" % steps)
for one in problems:
    print("# " + one.replace("\n", "\n# "))
print("# %d steps, %.0f s" % (steps, time.monotonic() - started))
print("%s 1 - the howto works word for word\n1..1" % ("not ok" if problems else "ok"))
sys.exit(1 if problems else 0)
