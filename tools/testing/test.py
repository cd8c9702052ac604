#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""`./planaria test [name...]`: unit tests on the host, then tests in the emulator. Prints TAP and, last, `N passed, N failed`.

A job is one program or one boot; it yields results. Kinds of jobs, in this order:
    unit/FOLDER/FILE      host unit tests, build/test (TAP from the program)
    tools/NAME            tools/NAME/test/run.py (TAP, or one result by its exit status)
    core/NAME             build/core/NAME.cpio: kernel and one test service, TAP in the log; on each of CORE_MACHINES
    SUITE/NAME            tests/SUITE/NAME.test (scenario.py), tests/SUITE/NAME.py (guest.py), and tests/SUITE/NAME.c: the same binary on the
                          host's Linux first, then in the guest; both must say ok
Names select jobs by a part of their name. --linux runs the guest's part under Debian's Linux kernel: it shows whether the tests are right. At most two jobs run at once: an emulator may use more than one processor."""
import concurrent.futures
import glob
import os
import re
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path[:0] = [HERE, os.path.join(ROOT, "tools", "emulator")]
import machine  # noqa: E402
import scenario  # noqa: E402

TAP = re.compile(r"^(not )?ok\b *(\d*) *-? *(.*)$")
PLAN = re.compile(r"^1\.\.(\d+)")
PARALLEL = 2
UNIT_TIMEOUT = 300
GUEST_PROGRAM_TIMEOUT = 900
SUITES = ("core", "system", "linux", "recovery", "stress")
NIGHTLY = ("stress",)


@dataclass
class Result:
    name: str
    passed: bool
    detail: str = ""


@dataclass
class Job:
    name: str
    run: object
    weight: int = 0
    parts: list = field(default_factory=list)


def tap_results(name, text, status):
    """Results of a TAP text; a missing plan or a wrong exit status is a failure of its own."""
    results, notes, plan = [], [], None
    for line in text.splitlines():
        match = TAP.match(line)
        if match:
            skipped = "# SKIP" in line
            results.append(Result("%s: %s" % (name, match[3] or match[2]), skipped or not match[1], "\n".join(notes)))
            notes = []
        elif PLAN.match(line):
            plan = int(PLAN.match(line)[1])
        else:
            notes.append(line)
    failed = any(not result.passed for result in results)
    if plan is None or plan != len(results):
        results.append(Result("%s: ends" % name, False, "\n".join(notes[-60:]) + "\nplan %s, %d results, exit status %s" % (plan, len(results), status)))
    elif status != 0 and not failed:
        results.append(Result("%s: exits with 0" % name, False, "\n".join(notes[-60:]) + "\nexit status %s" % status))
    return results


def run_program(command, timeout, environment=None):
    """Returns (text, exit status); -1 after the time is over."""
    try:
        result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, timeout=timeout, cwd=ROOT,
                                env=dict(os.environ, **(environment or {})))
        return result.stdout.decode("utf-8", "replace"), result.returncode
    except subprocess.TimeoutExpired as late:
        return (late.stdout or b"").decode("utf-8", "replace") + "\nno end within %g s" % timeout, -1


def unit_source(path):
    """build/test/FOLDER/FILE comes from FOLDER/test/FILE.c; a binary whose source is gone is old."""
    folder, name = os.path.split(os.path.relpath(path, os.path.join(ROOT, "build", "test")))
    return os.path.join(ROOT, folder, "test", name + ".c")


def unit_job(path):
    name = "unit/" + os.path.relpath(path, os.path.join(ROOT, "build", "test"))
    return Job(name, lambda: tap_results(name, *run_program([path], UNIT_TIMEOUT)))


def tool_job(path):
    name = "tools/" + path.split("/")[-3]

    def run():
        text, status = run_program([sys.executable, path], UNIT_TIMEOUT)
        if PLAN.search(text) or re.search(r"^1\.\.\d+", text, re.M):
            return tap_results(name, text, status)
        return [Result(name, status == 0, text)]
    return Job(name, run)


def python_job(suite, path):
    name = "%s/%s" % (suite, os.path.basename(path)[:-3])
    paths = os.pathsep.join([HERE, os.path.join(ROOT, "tools", "emulator")])
    return Job(name, lambda: tap_results(name, *run_program([sys.executable, path], GUEST_PROGRAM_TIMEOUT, {"PYTHONPATH": paths})), 2)


def scenario_job(scenarios):
    """One boot for one or several scenarios."""
    name = scenarios[0].name if len(scenarios) == 1 else "+".join(one.name for one in scenarios)

    def run():
        log_path = machine.new_log_path()
        timeout = 30 + sum(one.timeout for one in scenarios) if len(scenarios) > 1 else scenarios[0].timeout
        output, ending, _ = scenario.boot(scenario.script(scenarios), scenarios[0].options, timeout, log_path)
        found, rest = scenario.outputs(output)
        log = machine.read_log(log_path)
        results = []
        for index, one in enumerate(scenarios):
            problems = scenario.judge(index, one, found, rest, ending, log)
            results.append(Result(one.name, not problems, "\n".join(problems) + "\nlog: " + os.path.relpath(log_path, ROOT)))
        return results
    return Job(name, run, 2)


CORE_MACHINES = [("", {"smp": 2}), ("-one-processor", {"smp": 1}), ("-without-avx2", {"smp": 2, "cpu": "max,-avx2"})]


def core_job(path, suffix, kind):
    name = "core/" + os.path.basename(path)[:-5] + suffix

    def run():
        log_path = machine.new_log_path()
        options = machine.Options(initrd=path, **kind)
        command = machine.qemu_command(options, path, "null", log_path)
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        end = time.monotonic() + 60
        text = ""
        while time.monotonic() < end and process.poll() is None and not re.search(r"^1\.\.\d+", text, re.M):
            time.sleep(0.1)
            text = core_lines(log_path)
        machine.stop(process)
        results = tap_results(name, core_lines(log_path), 0)
        if not results or any(not one.passed for one in results):
            results[-1].detail += "\nlog: " + os.path.relpath(log_path, ROOT) + "\n" + machine.log_tail(log_path, 30)
        return results
    return Job(name, run, 2)


def core_lines(log_path):
    """The TAP lines of a log, without the prefix that the log puts before them."""
    lines = []
    for line in machine.read_log(log_path).splitlines():
        match = re.search(r"(?:^|[\]: ])((?:not ok|ok) \d+ - .*|1\.\.\d+|# .*)$", line)
        lines.append(match[1] if match else line)
    return "\n".join(lines)


def linux_programs():
    """(suite, name, binary, guest path, options) of each C test; its options stand in a comment of its source: `options: --smp 2`."""
    for source in sorted(glob.glob(os.path.join(ROOT, "tests", "*", "*.c"))):
        suite, name = source.split("/")[-2], os.path.basename(source)[:-2]
        binary = os.path.join(ROOT, "build", "program", suite, name)
        if os.path.exists(binary):
            with open(source) as handle:
                match = re.search(r"\boptions: (--[^*\n]*)", handle.read())
            yield suite, name, binary, "/tests/%s/%s" % (suite, name), match[1].strip() if match else ""


def compare_runs(name, host_text, host_status, guest_text, guest_status):
    """Linux is the oracle: a test that fails there is wrong; one that passes there must pass here, under the same name."""
    host = tap_results(name + " on linux", host_text, host_status)
    guest = tap_results(name, guest_text, guest_status)
    wrong = [result for result in host if not result.passed]
    names = {result.name for result in guest}
    missing = [result.name.replace(" on linux", "") for result in host]
    lost = [Result(one, False, "passes on Linux, never came here") for one in missing if one not in names]
    return wrong + guest + lost


def linux_job(programs, options):
    """All C tests with the same options in one boot."""
    name = "+".join("%s/%s" % (suite, one) for suite, one, _, _, _ in programs)

    def run():
        steps = [scenario.Step("%s 2>&1" % guest, 0) for _, _, _, guest, _ in programs]
        scenarios = [scenario.Scenario("", one, [step]) for (_, one, _, _, _), step in zip(programs, steps)]
        log_path = machine.new_log_path()
        output, ending, _ = scenario.boot(scenario.script(scenarios), options, 60 + 30 * len(programs), log_path)
        found, rest = scenario.outputs(output)
        results = []
        for index, (suite, one, binary, _, _) in enumerate(programs):
            label = "%s/%s" % (suite, one)
            host_text, host_status = run_program([binary], 120)
            if (index, 0) in found:
                text, status = found[index, 0]
                results += compare_runs(label, host_text, host_status, text, int(status))
            else:
                results.append(Result(label + ": ends", False, "last output:\n%s\n%s\nlog: %s" % (rest[-3000:], ending, log_path)))
                break
        seen = {result.name.split(":")[0] for result in results}
        results += [Result("%s/%s: runs" % (suite, one), False, "the boot ended before") for suite, one, _, _, _ in programs
                    if "%s/%s" % (suite, one) not in seen]
        return results
    return Job(name, run, 2)


def malformed_job(name, problem):
    return Job(name, lambda: [Result(name, False, str(problem))])


def scenario_jobs(selected):
    jobs, shared = [], {}
    for path in sorted(glob.glob(os.path.join(ROOT, "tests", "*", "*.test"))):
        name = "%s/%s" % (path.split("/")[-2], os.path.basename(path)[:-5])
        if not selected(name):
            continue
        try:
            one = scenario.parse(path, name)
        except (scenario.Malformed, ValueError) as problem:
            jobs.append(malformed_job(name, problem))
            continue
        if one.shared:
            shared.setdefault(one.options, []).append(one)
        else:
            jobs.append(scenario_job([one]))
    return [scenario_job(group) for group in shared.values()] + jobs


def all_jobs(names):
    def selected(name):
        return any(part in name for part in names) if names else name.split("/")[0] not in NIGHTLY
    jobs = [unit_job(path) for path in sorted(glob.glob(os.path.join(ROOT, "build", "test", "**", "*"), recursive=True))
            if os.path.isfile(path) and os.path.exists(unit_source(path))]
    jobs += [tool_job(path) for path in sorted(glob.glob(os.path.join(ROOT, "tools", "*", "test", "run.py")))]
    jobs += [core_job(path, *kind) for path in sorted(glob.glob(os.path.join(ROOT, "build", "core", "*.cpio"))) for kind in CORE_MACHINES]
    jobs += [python_job(suite, path) for suite in SUITES for path in sorted(glob.glob(os.path.join(ROOT, "tests", suite, "*.py")))]
    jobs = [job for job in jobs if selected(job.name)]
    groups = {}
    for program in linux_programs():
        if selected("%s/%s" % program[:2]):
            groups.setdefault(program[4], []).append(program)
    return jobs + scenario_jobs(selected) + [linux_job(group, options) for options, group in groups.items()]


class Report:
    """Prints TAP as results come in, from whichever thread."""

    def __init__(self):
        self.lock = threading.Lock()
        self.passed = self.failed = 0

    def add(self, results):
        with self.lock:
            for result in results:
                self.passed += result.passed
                self.failed += not result.passed
                print("%s %d - %s" % ("ok" if result.passed else "not ok", self.passed + self.failed, result.name))
                if not result.passed:
                    for line in result.detail.strip("\n").splitlines():
                        print("#   " + line)
            sys.stdout.flush()


def run_job(job, report):
    try:
        results = job.run()
    except Exception as problem:  # a broken test must not end the others
        results = [Result(job.name, False, "the runner failed: %r" % problem)]
    report.add(results)


def main():
    started = time.monotonic()
    report = Report()
    names = sys.argv[1:]
    if "--linux" in names:
        names.remove("--linux")
        os.environ["PLANARIA_LINUX"] = "1"
    wrong = [name for name in names if name.startswith("-")]
    if wrong:
        print("planaria test: unknown option %s; there is --linux" % wrong[0], file=sys.stderr)
        return 2
    jobs = all_jobs(names)
    if not jobs:
        print("planaria test: no test is named like %s" % " or ".join(names), file=sys.stderr)
        return 2
    with concurrent.futures.ThreadPoolExecutor(PARALLEL) as pool:
        for job in jobs:
            pool.submit(run_job, job, report)
    print("1..%d" % (report.passed + report.failed))
    print("# %.0f s" % (time.monotonic() - started))
    print("%d passed, %d failed" % (report.passed, report.failed))
    return 1 if report.failed else 0


if __name__ == "__main__":
    sys.exit(main())
