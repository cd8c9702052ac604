#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Tests of the compiler's part of the journal: stores.c is built with the plugin and runs, and marks that are not true do not compile. TAP."""
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(HERE)))
PLUGIN = os.path.join(ROOT, "build", "tool", "journal.so")
FLAGS = ["-std=gnu17", "-O2", "-fno-strict-aliasing", "-Wall", "-Wextra", "-Werror", "-fplugin=" + PLUGIN, "-DJOURNALED", "-I" + os.path.join(ROOT, "lib")]
HEADER = '#include "sys/stores.h"\nstruct thing { int number; struct thing *next NOT_STATE; };\nextern struct thing state;\n'
MUST_LEAD = "must lead to a variable"

# (what, a header of its own or "", source, what the compiler says or "" if it takes it)
SAMPLES = [
    ("the state is given where a caller's variable is promised", "",
     "CALLERS_OWN(1) static void fill(struct thing *out) { out->number = 1; }\nvoid run(void); void run(void) { fill(&state); }", MUST_LEAD),
    ("a pointer of unknown origin is given", "",
     "CALLERS_OWN(1) static void fill(struct thing *out) { out->number = 1; }\nvoid run(struct thing *any); void run(struct thing *any) { fill(any); }",
     MUST_LEAD),
    ("one way of two leads to the state", "",
     "CALLERS_OWN(1) static void fill(struct thing *out) { out->number = 1; }\n"
     "void run(int which); void run(int which) { struct thing own; fill(which ? &own : &state); }", MUST_LEAD),
    ("a function that is called through a pointer has a mark", "",
     "CALLERS_OWN(1) static void fill(struct thing *out) { out->number = 1; }\nextern void (*table)(struct thing *);\n"
     "void run(void); void run(void) { table = fill; }", "through a pointer"),
    ("a function for other files has its mark in the source only", "void fill(struct thing *out);",
     "CALLERS_OWN(1) void fill(struct thing *out) { out->number = 1; }", "belongs into its header"),
    ("the mark names no pointer", "", "CALLERS_OWN(1) static void fill(int number) { state.number = number; }\nvoid run(void); void run(void) { fill(1); }",
     "no such pointer"),
    ("a member that leads to no state is made to", "", "void run(struct thing *out); void run(struct thing *out) { out->next = &state; }", "this member"),
    ("the state has a structure in it that is in tables only", "",
     "struct row { int number; } IN_TABLES;\nstruct outer { int first; struct row rows[3]; };\n"
     "struct outer here __attribute__((section(\".bss.state\")));", "in tables only"),
    ("a mark in a header holds for the source", "CALLERS_OWN(1) void fill(struct thing *out);",
     "void fill(struct thing *out) { out->number = 1; }\nvoid run(void); void run(void) { struct thing own; fill(&own); }", ""),
]


def gcc(folder, *arguments):
    return subprocess.run(["gcc", *FLAGS, "-I" + folder, *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)


def check_sample(folder, header, source, said):
    """What is wrong, or None."""
    for name, text in (("own.h", header), ("sample.c", HEADER + '#include "own.h"\n' + source + "\n")):
        with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
            file.write(text + "\n")
    result = gcc(folder, "-c", "-o", os.path.join(folder, "sample.o"), os.path.join(folder, "sample.c"))
    if (result.returncode == 0) != (said == "") or said not in result.stdout:
        return result.stdout or "it compiles"
    return None


def run_stores(folder):
    program = os.path.join(folder, "stores")
    # The mark that the plugin takes away; without it the program does not link.
    built = gcc(folder, "-o", program, os.path.join(HERE, "stores.c"))
    if built.returncode != 0:
        return built.stdout
    ran = subprocess.run([program], stdout=subprocess.PIPE, text=True, check=False)
    return None if ran.returncode == 0 else ran.stdout


def main():
    failed = 0
    print("1..%d" % (len(SAMPLES) + 1))
    with tempfile.TemporaryDirectory() as folder:
        jobs = [("each store has its entry, and no other word has", lambda: run_stores(folder))]
        jobs += [(what, lambda rest=rest: check_sample(folder, *rest)) for what, *rest in SAMPLES]
        for number, (what, job) in enumerate(jobs, 1):
            problem = job()
            for line in (problem or "").splitlines():
                print("# " + line)
            print("%sok %d - %s" % ("not " if problem else "", number, what))
            failed += problem is not None
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
