# SPDX-License-Identifier: MIT
"""`./planaria chaos --campaign N ...`: one damaged boot after the other, seed by seed, until N faults were executed. Nothing stops it: what went wrong keeps its seed and the
command that repeats it. A campaign that was broken off goes on where it was: each seed's outcome is a file in build/chaos/campaign-KEY."""
import copy
import hashlib
import json
import os
import time

import boots
import chaos as one
import options
import outcome
import page


def folder_of(chaos, base):
    """Campaigns with other options are other campaigns."""
    key = copy.copy(chaos)
    key.campaign, key.seed = 0, 0
    return os.path.join(base, "campaign-" + hashlib.sha256(options.command(key).encode()).hexdigest()[:8])


def load(path):
    with open(path) as handle:
        table = json.load(handle)
    table["faults"] = [outcome.Fault(**fault) for fault in table["faults"]]
    return table


def run_seed(chaos, quiet, folder, speak):
    log = os.path.join(folder, "damaged-%d.log" % chaos.seed)
    damaged = boots.run(chaos, True, log, speak)
    result = one.judge(quiet, damaged)
    bad = not result.good() or any(fault.outcome not in outcome.RECOVERED for fault in result.faults)
    table = dict(result.table(), seed=chaos.seed, command=options.command(chaos), wall=damaged.wall, good=result.good(), text=one.report(result))
    with open(os.path.join(folder, "%d.json" % chaos.seed), "w") as handle:
        json.dump(table, handle)
    if bad:
        with open(os.path.join(folder, "output-%d.txt" % chaos.seed), "w") as handle:
            handle.write(damaged.text)
    else:
        os.remove(log)


class Sum:
    """All seeds together; outcome.summary takes it for an Outcome."""

    def __init__(self, tables):
        self.tables = tables
        self.faults = [fault for table in tables for fault in table["faults"]]
        self.placed, self.updates = (sum(table[key] for table in tables) for key in ("placed", "updates"))
        self.panic, self.halted, self.hung = (sum(bool(table.get(key)) for table in tables) for key in ("panic", "halted", "hung"))
        self.anew = sum(len(table.get("anew", [])) for table in tables)
        self.leaks = [(table["seed"],) + tuple(leak) for table in tables for leak in table["leaks"]]

    count, manifested, detected = outcome.Outcome.count, outcome.Outcome.manifested, outcome.Outcome.detected


def rates(faults):
    """Lines: how the two groups of kinds did, and each service."""
    for name, chosen in (("fail-stop", [f for f in faults if f.kind not in outcome.VALUE_CHANGING]), ("value-changing", [f for f in faults if f.kind in outcome.VALUE_CHANGING])):
        manifested = [f for f in chosen if outcome.is_manifested(f)]
        well = sum(f.outcome in ("transparent", "fresh state") for f in manifested)
        silent = sum(f.outcome == "silent" for f in manifested)
        if manifested:
            yield "%s: executed %d, manifested %d, transparent %d (%.2f %%), degraded %d, stopped %d, silent %d (%.2f %%)" % (
                name, len(chosen), len(manifested), well, 100 * well / len(manifested), sum(f.outcome == "degraded" for f in chosen),
                sum(f.outcome == "stopped" for f in chosen), silent, 100 * silent / len(manifested))
    for key in ("service", "kind"):
        for value in sorted({getattr(f, key) for f in faults}):
            mine = [f for f in faults if getattr(f, key) == value]
            manifested = sum(outcome.is_manifested(f) for f in mine)
            yield "    %-14s executed %5d, manifested %5d, not transparent %d" % (value, len(mine), manifested, sum(f.outcome not in outcome.RECOVERED for f in mine))


def finish(chaos, folder, speak):
    names = sorted((name for name in os.listdir(folder) if name[:-5].isdigit() and name.endswith(".json")), key=lambda name: int(name[:-5]))
    total = Sum([load(os.path.join(folder, name)) for name in names])
    lines = list(rates(total.faults)) + ["recovery: median %.3f ms, 99th percentile %.3f ms, longest %.1f ms" % page.recovery(total.faults)]
    for table in total.tables:
        if not table["good"] or any(fault.outcome not in outcome.RECOVERED for fault in table["faults"]):
            lines += ["", table["command"]] + ["    " + line for line in table["text"].splitlines()[:20]]
    title = "%s: %d boots of %.0f s, %d updates, %d leaks, programs began anew %d times" % (
        options.command(chaos), len(names), sum(table["wall"] for table in total.tables), total.updates, len(total.leaks), total.anew)
    text = "\n".join([title] + lines + ["", outcome.summary(total)])
    page.write(os.path.join(folder, "report.html"), title, lines, outcome.summary(total), total.faults)
    with open(os.path.join(folder, "report.txt"), "w") as handle:
        handle.write(text + "\n")
    with open(os.path.join(folder, "summary.json"), "w") as handle:
        json.dump({"command": options.command(chaos), "boots": len(names), "placed": total.placed, "executed": len(total.faults), "manifested": total.manifested(),
                   "detected": total.detected(), "kernel_crashes": total.panic, "stops": total.halted, "hangs": total.hung, "leaks": len(total.leaks), "anew": total.anew,
                   "outcomes": {what: total.count(what) for what in sorted({fault.outcome for fault in total.faults})}}, handle, indent=1)
    print(text)
    print("report: " + os.path.relpath(os.path.join(folder, "report.html")))
    return total


def run(chaos, base, speak):
    folder = folder_of(chaos, base)
    os.makedirs(folder, exist_ok=True)
    quiet = one.run_quiet(chaos, speak)
    executed, started = 0, time.monotonic()
    while executed < chaos.campaign:
        path = os.path.join(folder, "%d.json" % chaos.seed)
        if not os.path.exists(path):
            run_seed(chaos, quiet, folder, lambda text: None)
        table = load(path)
        executed += len(table["faults"])
        speak("seed %d: %d of %d faults after %.0f s; this boot: %d executed, %d not transparent%s" % (
            chaos.seed, executed, chaos.campaign, time.monotonic() - started, len(table["faults"]),
            sum(fault.outcome not in outcome.RECOVERED for fault in table["faults"]), "" if table["good"] else ", NOT GOOD: " + table["command"]))
        chaos.seed += 1
    total = finish(chaos, folder, speak)
    return 0 if all(table["good"] for table in total.tables) else 1
