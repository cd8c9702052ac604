# SPDX-License-Identifier: MIT
"""The benchmark's table as text and as a page with bars. A column is a system in a unit; columns of the same unit stand next to each other and get a
ratio of the first to the second."""
import html
import os

BAR_WIDTH = 320
STYLE = """body { font: 14px sans-serif; margin: 2em; } table { border-collapse: collapse; }
td, th { padding: 3px 10px; text-align: right; border-bottom: 1px solid #ddd; } td:first-child, th:first-child { text-align: left; }
.bar { height: 9px; margin: 1px 0; } .ours { background: #2a7; } .theirs { background: #999; } .more { color: #b30; } .less { color: #175; }"""


def operations(columns):
    return list(dict.fromkeys(name for column in columns for name in column.values))


def pairs(columns):
    """Yields (column, its partner or None): the partner is the first column of the same unit."""
    first = {}
    for column in columns:
        yield column, first.get(column.unit)
        first.setdefault(column.unit, column)


def ratio(ours, theirs, name):
    if ours is None or name not in ours.values or not theirs.values.get(name):
        return None
    return ours.values[name] / theirs.values[name]


def table(columns):
    head, rows = ["operation"], {name: [name] for name in operations(columns)}
    for column, partner in pairs(columns):
        head.append("%s %s" % (column.title, column.unit))
        for name in rows:
            rows[name].append("%.1f" % column.values[name] if name in column.values else "-")
        if partner:
            head.append("ratio")
            for name in rows:
                value = ratio(partner, column, name)
                rows[name].append("-" if value is None else "%.2f" % value)
        if column.switches:
            head.append("switches")
            for name in rows:
                rows[name].append("%.2f" % column.switches[name] if name in column.switches else "-")
    lines = [head] + list(rows.values())
    widths = [max(len(line[index]) for line in lines) for index in range(len(head))]
    return "\n".join("  ".join(cell.ljust(width) if index == 0 else cell.rjust(width) for index, (cell, width) in enumerate(zip(line, widths)))
                     for line in lines)


def bars(name, column, partner):
    numbers = [("ours", partner.values.get(name)), ("theirs", column.values.get(name))]
    most = max((value for _, value in numbers if value), default=0)
    if not most:
        return ""
    return "".join('<div class="bar %s" style="width:%dpx"></div>' % (kind, max(1, BAR_WIDTH * value / most)) for kind, value in numbers if value)


def html_row(name, columns):
    cells = ["<td>%s</td>" % html.escape(name)]
    for column, partner in pairs(columns):
        cells.append("<td>%s</td>" % ("%.1f" % column.values[name] if name in column.values else "-"))
        if partner:
            value = ratio(partner, column, name)
            kind = "" if value is None else "more" if value > 1 else "less"
            cells.append('<td class="%s">%s</td><td>%s</td>' % (kind, "-" if value is None else "%.2f" % value, bars(name, column, partner)))
        if column.switches:
            cells.append("<td>%s</td>" % ("%.2f" % column.switches[name] if name in column.switches else "-"))
    return "<tr>%s</tr>" % "".join(cells)


def html_head(columns):
    cells = ["<th>operation</th>"]
    for column, partner in pairs(columns):
        cells.append("<th>%s<br>%s</th>" % (column.title, column.unit))
        if partner:
            cells.append("<th>ratio</th><th>green: Planaria, grey: Linux</th>")
        if column.switches:
            cells.append("<th>address-space<br>switches</th>")
    return "<tr>%s</tr>" % "".join(cells)


def write_html(path, columns):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    rows = "\n".join(html_row(name, columns) for name in operations(columns))
    with open(path, "w") as handle:
        handle.write("<!doctype html><meta charset=utf-8><title>Planaria: benchmark</title><style>%s</style><h1>Benchmark</h1><table>\n%s\n%s\n</table>\n"
                     % (STYLE, html_head(columns), rows))
