#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Tests of the checks: every rule must refuse its samples and let the good tree pass. samples/RULE or samples/RULE-CASE is a small tree;
its C files are compiled as the build would compile a service where a rule looks at objects."""
import os
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
CHECKS = os.path.dirname(HERE)
ROOT = os.path.dirname(os.path.dirname(CHECKS))
sys.path.insert(0, CHECKS)
import check  # noqa: E402
from tree import Tree  # noqa: E402

COMPILE = ["gcc", "-g", "-fPIE", "-ffreestanding", "-Ilib", "-c"]
NEEDS_OBJECTS = ("stray-state", "state-pointers", "good")
NEEDS_TOOLS = ("golden-layouts", "good")


def prepare(sample, folder):
    """Copies a sample and adds what it needs of the repository."""
    shutil.copytree(os.path.join(CHECKS, "samples", sample), folder)
    shutil.copy(os.path.join(ROOT, ".clang-format"), folder)
    if sample.startswith(NEEDS_TOOLS):
        shutil.copytree(os.path.join(ROOT, "tools", "idlc"), os.path.join(folder, "tools", "idlc"))
        shutil.copy(os.path.join(ROOT, "abi", "errors.def"), os.path.join(folder, "abi") if sample != "good" else folder)
    if sample.startswith(NEEDS_OBJECTS):
        target = os.path.join(folder, "build", "obj", "service", "servers", "a")
        os.makedirs(target)
        os.makedirs(os.path.join(folder, "build", "service"))
        subprocess.run(COMPILE + ["servers/a/a.c", "-o", os.path.join(target, "a.o")], cwd=folder, check=True)
        shutil.copy(os.path.join(target, "a.o"), os.path.join(folder, "build", "service", "a"))


def problems(sample, names):
    with tempfile.TemporaryDirectory() as top:
        folder = os.path.join(top, "tree")
        prepare(sample, folder)
        tree = Tree(folder)
        return [problem for name in names for problem in check.all_rules()[name](tree)]


def rule_of(sample):
    fitting = [name for name in check.all_rules() if sample == name or sample.startswith(name + "-")]
    return max(fitting, key=len, default=None)


def main():
    results = []

    def say(name, condition, detail=""):
        results.append(condition)
        print("%s %d - %s" % ("ok" if condition else "not ok", len(results), name) + ("" if condition else "\n# " + detail))
    samples = sorted(os.listdir(os.path.join(CHECKS, "samples")))
    for sample in samples:
        if sample != "good":
            say("%s_is_refused" % sample, rule_of(sample) is not None and bool(problems(sample, [rule_of(sample)])))
    found = problems("good", check.all_rules())
    say("good_tree_passes_all_rules", not found, "\n# ".join(found))
    lacking = [name for name in check.all_rules() if name not in map(rule_of, samples)]
    say("every_rule_has_a_sample", not lacking, " ".join(lacking))
    print("1..%d" % len(results))
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
