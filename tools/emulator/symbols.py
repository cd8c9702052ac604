# SPDX-License-Identifier: MIT
"""Names the addresses in a log: each service is linked at an address of its own, so an address tells the service, and its binary the function and
line. The kernel names its own addresses."""
import bisect
import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SPAN = 0x10000000


class Symbols:
    def __init__(self):
        self.services = {}
        self.tables = {}
        with open(os.path.join(ROOT, "boot", "services.list")) as handle:
            for line in handle:
                fields = line.split("#")[0].split()
                if fields:
                    self.services.setdefault(int(fields[1], 16) // SPAN, fields[0])

    def _table(self, label):
        """Sorted (address, name) of the text symbols of a service; empty if it is not built."""
        if label not in self.tables:
            result = subprocess.run(["nm", "-n", os.path.join(ROOT, "build", "service", label)], capture_output=True, text=True)
            rows = (line.split() for line in result.stdout.splitlines())
            self.tables[label] = [(int(row[0], 16), row[2]) for row in rows if len(row) == 3 and row[1] in "tT"]
        return self.tables[label]

    def name(self, address):
        """`label: function+0xoffset`, or None if the address is in no service's text."""
        label = self.services.get(address // SPAN)
        table = self._table(label) if label else []
        if not table or address > table[-1][0] + 0x10000:
            return None
        index = bisect.bisect_right(table, (address, "~")) - 1
        return "%s: %s+0x%x" % (label, table[index][1], address - table[index][0]) if index >= 0 else None

    def annotate(self, text):
        """The text with a name behind each backtrace line's address: one that is the last word of its line, or follows `rip`."""
        def line(one):
            match = re.search(r"(?:\brip (?:0x)?|:\s+(?:0x)?)([0-9a-f]{8,16})\b", one)
            name = self.name(int(match[1], 16)) if match else None
            return "%s  <%s>" % (one, name) if name else one
        return "\n".join(line(one) for one in text.split("\n"))


def main():
    """symbols.py [LOG]: prints a log (default: the newest) with names."""
    folder = os.path.join(ROOT, "build", "log")
    logs = sorted((os.path.join(folder, name) for name in os.listdir(folder) if name.endswith(".log")), key=os.path.getmtime)
    path = sys.argv[1] if len(sys.argv) > 1 else logs[-1]
    with open(path, errors="replace") as handle:
        print(Symbols().annotate(handle.read().replace("\r", "")), end="")


if __name__ == "__main__":
    main()
