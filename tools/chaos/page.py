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


def recovery(faults):
    """Median, 99th percentile and maximum of the recovery time in milliseconds."""
    times = sorted((fault.back - fault.time) * 1000 for fault in faults if fault.back is not None)
    return (times[len(times) // 2], times[len(times) * 99 // 100], times[-1]) if times else (0, 0, 0)


def detection(faults):
    found = {}
    for fault in faults:
        key = (fault.kind, fault.detected or "not detected")
        found[key] = found.get(key, 0) + 1
    rows = "".join("<tr><td>%s<td>%s<td>%d" % (kind, by_what, number) for (kind, by_what), number in sorted(found.items()))
    return "<table><tr><th>fault<th>detected by<th>faults%s</table>" % rows


def losses(faults):
    rows = "".join("<tr><td>%.6f<td>%s<td>%s %s<td>%s<td>%s<td>%s" % tuple(html.escape(str(one)) if isinstance(one, str) else one for one in (
        fault.time, fault.service, fault.kind, fault.mistake, fault.call, fault.outcome, fault.reason))
        for fault in faults if fault.outcome not in outcome.RECOVERED)
    return "<table><tr><th>at<th>service<th>fault<th>call<th>outcome<th>reason%s</table>" % rows if rows else "<p>none</p>"


def write(path, title, notes, summary, faults):
    """title: a line about the run; notes: lines of text; faults: outcome.Fault of one run or of a campaign."""
    parts = [
        "<!doctype html><meta charset=utf-8><title>chaos</title><style>%s</style><h1>Chaos</h1>" % STYLE,
        "<p><b>%s</b></p><p>%s</p>" % (html.escape(summary), html.escape(title)),
        "<p>" + legend() + "</p><h2>By service</h2>", stacked(by(faults, lambda fault: fault.service)),
        "<h2>By kind of fault</h2>", stacked(by(faults, lambda fault: fault.kind)),
        "<h2>Mutations</h2>", stacked(by([fault for fault in faults if fault.mistake], lambda fault: fault.mistake)),
        "<h2>Detection</h2>", detection(faults),
        "<h2>From the fault to the new instance's first message</h2><p>median %.3f ms, 99th percentile %.3f ms, longest %.1f ms (virtual)</p>" % recovery(faults),
        histogram(faults), "<h2>What was not transparent</h2>", losses(faults), "<h2>Notes</h2><pre>%s</pre>" % html.escape("\n".join(notes) or "none")]
    with open(path, "w") as handle:
        handle.write("\n".join(parts))
