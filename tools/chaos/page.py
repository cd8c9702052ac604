# SPDX-License-Identifier: MIT
"""build/chaos/report.html: outcomes per service as bars, a histogram of the recovery times, and the rounds that differ. One file, no scripts."""
import html

import outcome

COLOURS = (("transparent", "#3a923a"), ("no effect", "#9bbf9b"), ("fresh state", "#3274a1"), ("degraded", "#e1a13c"), ("stopped", "#c03d3e"), ("silent", "#6b0f1a"))
EDGES_MS = (0.25, 0.5, 1, 2, 4, 8, 16, 100, 500, 1000, 2000, 8000)
WIDTH, BAR, GAP, LEFT = 640, 18, 6, 110

STYLE = "body{font:14px sans-serif;max-width:900px;margin:2em auto;color:#222}td,th{padding:2px 10px;text-align:right}pre{background:#f4f4f4;padding:8px}"


def text(x, y, words, anchor="start"):
    return '<text x="%g" y="%g" font-size="12" text-anchor="%s">%s</text>' % (x, y, anchor, html.escape(str(words)))


def stacked(rows):
    """rows: (name, [(colour, number)])."""
    most = max([sum(number for _, number in parts) for _, parts in rows] + [1])
    out = ['<svg width="%d" height="%d">' % (LEFT + WIDTH + 60, len(rows) * (BAR + GAP))]
    for index, (name, parts) in enumerate(rows):
        y, x = index * (BAR + GAP), LEFT
        out.append(text(LEFT - 8, y + 13, name, "end"))
        for colour, number in parts:
            width = WIDTH * number / most
            out.append('<rect x="%g" y="%d" width="%g" height="%d" fill="%s"/>' % (x, y, width, BAR, colour))
            x += width
        out.append(text(x + 6, y + 13, sum(number for _, number in parts)))
    return "\n".join(out + ["</svg>"])


def by(faults, key):
    names = sorted({key(fault) for fault in faults})
    return [(name, [(colour, sum(1 for fault in faults if key(fault) == name and fault.outcome == what)) for what, colour in COLOURS]) for name in names]


def histogram(faults):
    times = [(fault.back - fault.time) * 1000 for fault in faults if fault.back is not None]
    rows, low = [], 0
    for edge in EDGES_MS + (float("inf"),):
        number = sum(1 for one in times if low <= one < edge)
        rows.append(("%g-%g ms" % (low, edge), [("#3274a1", number)]))
        low = edge
    return stacked(rows)


def legend():
    return " ".join('<span style="background:%s;color:white;padding:1px 6px">%s</span>' % (colour, what) for what, colour in COLOURS)


def write(path, chaos, quiet, damaged, result):
    different = "\n".join("round %d, status %d\n    %s" % (number, status, "\n    ".join(lines))
                          for number, lines, status in result.silent_rounds + result.degraded_rounds) or "none"
    parts = [
        "<!doctype html><meta charset=utf-8><title>chaos</title><style>%s</style><h1>Chaos</h1>" % STYLE,
        "<p><b>%s</b></p>" % html.escape(outcome.summary(result)),
        "<p>Workload <code>%s</code>, seed %d, a fault every %d ms, an update every %d ms (0: never), %s, %d processors; %d rounds; %.0f s and %.0f s of real time.</p>" % (
            html.escape(chaos.workload), chaos.seed, chaos.kill_every, chaos.update_every, "wall clock" if chaos.wall else "icount", chaos.options.smp,
            result.rounds, quiet.wall, damaged.wall),
        "<p>" + legend() + "</p><h2>By service</h2>", stacked(by(result.faults, lambda fault: fault.service)),
        "<h2>By kind of fault</h2>", stacked(by(result.faults, lambda fault: fault.kind)),
        "<h2>From the fault to the new instance's first message</h2><p>RS lets a service that crashed in the last 30 seconds wait for its next tick, up to a second.</p>",
        histogram(result.faults), "<h2>Rounds that differ</h2><pre>%s</pre>" % html.escape(different)]
    with open(path, "w") as handle:
        handle.write("\n".join(parts))
