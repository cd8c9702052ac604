# SPDX-License-Identifier: MIT
"""A source tree to be checked: the repository, or a small one under samples/."""
import os
import re
import subprocess

SKIPPED = ("build", ".git", "tools/checks/samples", "tools/idlc/test", "docs/generated", "third_party")
C_SUFFIXES = (".c", ".h")
SERVICE_TOPS = ("servers", "drivers", "fs")


class Tree:
    def __init__(self, root):
        self.root = root
        self.paths = sorted(self._walk())
        self._texts = {}

    def _walk(self):
        """Paths relative to the root of all files that belong to the project."""
        for folder, folders, files in os.walk(self.root):
            relative = os.path.relpath(folder, self.root)
            folders[:] = sorted(name for name in folders if name != "__pycache__" and os.path.normpath(os.path.join(relative, name)) not in SKIPPED)
            for name in files:
                if name == ".git":
                    continue
                path = os.path.normpath(os.path.join(relative, name))
                if not name.endswith((".pyc", ".o")) and os.path.isfile(os.path.join(folder, name)):
                    yield path

    def absolute(self, path):
        return os.path.join(self.root, path)

    def exists(self, path):
        return os.path.exists(self.absolute(path))

    def text(self, path):
        if path not in self._texts:
            with open(self.absolute(path), encoding="utf-8", errors="replace") as handle:
                self._texts[path] = handle.read()
        return self._texts[path]

    def lines(self, path):
        return self.text(path).splitlines()

    def c_files(self):
        return [path for path in self.paths if path.endswith(C_SUFFIXES)]

    def modules(self):
        """{folder: {variable: value}} of all module.mk."""
        found = {}
        for path in self.paths:
            if os.path.basename(path) == "module.mk":
                text = self.text(path).replace("\\\n", " ")
                found[os.path.dirname(path)] = {match[1]: match[2].split("#")[0].strip() for match in re.finditer(r"^(\w+) *:?= *(.*)$", text, re.M)}
        return found

    def services(self):
        return {folder: values for folder, values in self.modules().items() if values.get("kind") == "service"}

    def module_of(self, path):
        """The folder of the nearest module.mk above a file, or None."""
        modules = self.modules() if not hasattr(self, "_modules") else self._modules
        self._modules = modules
        folder = os.path.dirname(path)
        while folder:
            if folder in modules:
                return folder
            folder = os.path.dirname(folder)
        return None

    def dependencies(self, folder):
        """All modules that a module depends on, directly or not."""
        modules = self.modules() if not hasattr(self, "_modules") else self._modules
        found, todo = set(), modules.get(folder, {}).get("depends", "").split()
        while todo:
            one = todo.pop()
            if one not in found:
                found.add(one)
                todo += modules.get(one, {}).get("depends", "").split()
        return found

    def run(self, command):
        return subprocess.run(command, cwd=self.root, capture_output=True, text=True)
