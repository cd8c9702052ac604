#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""From the build of an earlier commit to this one, live: `python3 tests/stress/previous_build.py [COMMIT]` (default HEAD~1).

Builds COMMIT in build/previous, boots its image with the services of this build added, and runs `service update --all` while the standard workload
runs again and again; what that prints must be what it printed on the quiet machine before. Takes minutes, because of the build. Exit status 77:
the commit is not there (a shallow clone)."""
import glob
import os
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
TREE = os.path.join(ROOT, "build", "previous")
NEW = os.path.join(ROOT, "build", "new-services")
SCRIPT = """
sh /workload.sh >/tmp/quiet 2>&1
(while [ ! -e /tmp/stop ]; do
    sh /workload.sh >/tmp/loud 2>&1
    if cmp -s /tmp/quiet /tmp/loud; then echo same; else echo different; diff /tmp/quiet /tmp/loud; fi
done) >/tmp/outputs 2>&1 &
load=$!
usleep 300000
service update --all /new; echo "status $?"
usleep 1000000
touch /tmp/stop; wait $load
service list
grep -v same /tmp/outputs && exit 1
echo "outputs: $(grep -c same /tmp/outputs) same"
"""


def run(command, **settings):
    return subprocess.run(command, check=True, text=True, **settings)


def checkout(commit):
    known = subprocess.run(["git", "-C", ROOT, "rev-parse", "--verify", "--quiet", commit + "^{commit}"], capture_output=True, text=True)
    if known.returncode != 0:
        print("skipped: %s is not in this clone (a shallow one?): git fetch --unshallow" % commit)
        sys.exit(77)
    shutil.rmtree(TREE, ignore_errors=True)
    os.makedirs(TREE)
    archive = subprocess.run(["git", "-C", ROOT, "archive", known.stdout.strip()], check=True, capture_output=True).stdout
    subprocess.run(["tar", "-x", "-C", TREE], check=True, input=archive)
    downloads = os.path.join(ROOT, "build", "downloads")
    if os.path.isdir(downloads):
        os.makedirs(os.path.join(TREE, "build"), exist_ok=True)
        os.symlink(downloads, os.path.join(TREE, "build", "downloads"))
    return known.stdout.strip()


def main():
    commit = checkout(sys.argv[1] if len(sys.argv) > 1 else "HEAD~1")
    print("building %s ..." % commit[:12], flush=True)
    run([os.path.join(ROOT, "planaria"), "build"], stdout=subprocess.DEVNULL)
    run([os.path.join(TREE, "planaria"), "build"], stdout=subprocess.DEVNULL)
    shutil.rmtree(NEW, ignore_errors=True)
    os.makedirs(NEW)
    for path in glob.glob(os.path.join(ROOT, "build", "service", "*.stripped")):
        shutil.copy(path, os.path.join(NEW, os.path.basename(path)[:-len(".stripped")]))
    print("updating all ...", flush=True)
    done = subprocess.run([os.path.join(TREE, "planaria"), "exec", "--timeout", "170", "--add", NEW + ":/new", "--add",
                           os.path.join(ROOT, "tests", "recovery", "workload.sh") + ":/workload.sh", SCRIPT], text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    print(done.stdout)
    good = done.returncode == 0 and "status 0\n" in done.stdout and "outputs: " in done.stdout
    print("good: %s to this build" % commit[:12] if good else "failed")
    sys.exit(0 if good else 1)


main()
