# SPDX-License-Identifier: MIT
"""Rules that only read text: form, size, words, includes, files that must exist."""
import os
import re

from tree import SERVICE_TOPS

FUNCTION_LIMIT = 70
FILE_LIMIT = 600
README_SECTIONS = ("Purpose", "Owns", "Talks to", "Recovery", "Invariants", "Start reading at", "Tests")
LICENSED = (".c", ".h", ".S", ".py", ".ld", ".mk", ".sh")
# Joined here so that this file does not break its own rule.
HOST_WORDS = ["/wo" + "rk/", "/root/." + "pyenv", "/ho" + "me/user"]
COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.S)
STRING = re.compile(r'"(?:\\.|[^"\\\n])*"')


def functions(tree, path):
    """Yields (name, first line, number of lines of the body); relies on the brace style that clang-format enforces."""
    name, start, header = None, None, []
    for number, line in enumerate(tree.lines(path), 1):
        if line == "{":
            match = re.findall(r"(\w+)\(", " ".join(header))
            name, start = (match[0] if match else "?"), number
        elif line == "}" and start:
            yield name, start, number - start - 1
            start = None
        if line and (line[0].isalpha() or line[0] == "_") and not line.endswith(";"):
            header = [line]
        elif not start:
            header.append(line)


def code_lines(tree, path):
    """Lines that hold something besides comment and space."""
    text = COMMENT.sub(lambda match: "\n" * match[0].count("\n"), tree.text(path))
    return sum(1 for line in text.splitlines() if line.strip())


def ratchet(tree, list_path, sizes, limit, what):
    """sizes: {key: size}. What is over the limit must be in the allow list with at least its size; entries that are too large must go down."""
    allowed = {}
    if tree.exists(list_path):
        for line in tree.lines(list_path):
            if line.strip() and not line.startswith("#"):
                key, size = line.split()
                allowed[key] = int(size)
    for key, size in sorted(sizes.items()):
        if size > limit and size > allowed.get(key, 0):
            yield "%s: %s has %d lines, the limit is %d" % (key, what, size, allowed.get(key, limit))
    for key, size in allowed.items():
        if sizes.get(key, 0) < size:
            yield "%s: %s has %d lines now: lower or remove its entry" % (list_path, key, sizes.get(key, 0))


def function_length(tree):
    sizes = {"%s:%s" % (path, name): length for path in tree.c_files() if path.endswith(".c") for name, _, length in functions(tree, path)}
    yield from ratchet(tree, "tools/checks/long_functions.allow", sizes, FUNCTION_LIMIT, "function")


def file_length(tree):
    sizes = {path: code_lines(tree, path) for path in tree.paths if path.endswith((".c", ".h", ".S", ".py"))}
    yield from ratchet(tree, "tools/checks/long_files.allow", sizes, FILE_LIMIT, "file")


def license_line(tree):
    for path in tree.paths:
        if path.endswith(LICENSED) and "SPDX-License-Identifier: MIT" not in "\n".join(tree.lines(path)[:2]):
            yield "%s:1: no SPDX-License-Identifier: MIT in the first two lines" % path


def file_comment(tree):
    for path in tree.c_files():
        if not re.match(r"/\* SPDX[^\n]*\*/\n+(/\*|//)", tree.text(path)):
            yield "%s:2: no file comment after the SPDX line" % path


def unnumbered_marks(tree):
    pattern = re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X|HA" r"CK)\b(?! ?\(?#\d+)")
    for path in tree.paths:
        if path.endswith((".c", ".h", ".S", ".py", ".sh", ".idl", ".mk")):
            for number, line in enumerate(tree.lines(path), 1):
                match = pattern.search(line)
                if match:
                    yield "%s:%d: %s without an issue number" % (path, number, match[1])


def _code_only(tree, path):
    """Lines of a C file with comments and strings blanked."""
    text = COMMENT.sub(lambda match: "\n" * match[0].count("\n"), tree.text(path))
    return STRING.sub('""', text).splitlines()


FORBIDDEN_WORDS = (
    (r"\bregister\b(?! *\()", "register", lambda path: True),
    (r"\balloca *\(", "alloca", lambda path: True),
    (r"\b(?:v?f|)printf *\(", "printf (use log_info and friends)", lambda path: path.startswith(SERVICE_TOPS + ("lib/sys", "kernel"))),
    (r"\btypedef +struct\b[^\[(]*;|\btypedef +struct *\w* *\{?$", "a typedef of a struct", lambda path: True),
    (r"\bstrcpy *\(|\bstrcat *\(|\bsprintf *\(|\bgets *\(", "a copy without a bound", lambda path: True),
    (r"\bsetjmp *\(|\blongjmp *\(", "setjmp or longjmp", lambda path: path.startswith(SERVICE_TOPS)),
    (r"^ *#if 0\b", "#if 0: delete it", lambda path: True),
)


def _may_print(path):
    return "/test/" in path or path.startswith(("user/", "tests/", "lib/testing/", "tools/"))


def forbidden_words(tree):
    for path in tree.c_files():
        for number, line in enumerate(_code_only(tree, path), 1):
            for pattern, what, applies in FORBIDDEN_WORDS:
                if applies(path) and re.search(pattern, line) and not ("printf" in what and _may_print(path)):
                    yield "%s:%d: %s" % (path, number, what)


def comment_form(tree):
    """No star banners, no commented-out code."""
    for path in tree.c_files():
        for number, line in enumerate(tree.lines(path), 1):
            if re.search(r"\*{5,}|/{5,}|[-=]{40,}", line) and re.match(r"\s*(/\*|\*|//)", line):
                yield "%s:%d: banner" % (path, number)
            if re.match(r"\s*//.*;\s*$", line):
                yield "%s:%d: commented-out code" % (path, number)


def raw_receive(tree):
    """Services receive through SEF only (SEF-1)."""
    for path in tree.c_files():
        if path.startswith(SERVICE_TOPS) and "/test/" not in path:
            for number, line in enumerate(_code_only(tree, path), 1):
                if re.search(r"\bipc_receive\w* *\(", line):
                    yield "%s:%d: a service calls the raw receive; only lib/sys does" % (path, number)


def includes(tree):
    """No include of another service's header, no `..`, no header of a library that the module does not depend on."""
    libraries = {folder for folder, values in tree.modules().items() if values.get("kind") == "library"}
    for path in tree.c_files():
        module = tree.module_of(path)
        for number, line in enumerate(tree.lines(path), 1):
            match = re.match(r'\s*#\s*include\s+"([^"]+)"', line)
            if not match:
                continue
            target, where = match[1], "%s:%d: " % (path, number)
            own_test = "/test/" in path and os.path.dirname(path).endswith("/test") and target.count("../") == 1 and target.startswith("../")
            version = path.startswith("tests/") and target.endswith(".c")  # a service built once more, with another layout of its state
            if ".." in target.split("/") and not own_test and not version:
                yield where + "include with .."
            elif target.split("/")[0] in SERVICE_TOPS and not path.startswith(os.path.dirname(target) + "/") \
                    and not _borrows(tree, module, os.path.dirname(target)):
                yield where + "%s belongs to another service; what two services share is in abi/ or lib/" % target
            elif "lib/" + target.split("/")[0] in libraries and module and not _may_include(tree, module, path, "lib/" + target.split("/")[0]):
                yield where + "%s/module.mk does not depend on lib/%s" % (module, target.split("/")[0])


def _borrows(tree, module, folder):
    """A tool may be linked with sources of a service: both then read the same thing with the same code."""
    return module is not None and any(os.path.dirname(path) == folder for path in tree.modules()[module].get("borrows", "").split())


def _may_include(tree, module, path, library):
    if library == module or library in tree.dependencies(module) or module == "lib/testing":
        return True  # lib/testing speaks of everything that is tested, and links nothing of it
    if library in tree.modules()[module].get("reads", "").split():
        return True
    return "/test/" in path and (library == "lib/testing" or library in tree.modules()[module].get("test_depends", ""))


def service_folder(tree):
    """Each service has manifest, README with all sections, unit tests or a reason, and an address."""
    listed = {line.split()[0] for line in tree.lines("boot/services.list") if line.strip() and not line.startswith("#")} \
        if tree.exists("boot/services.list") else set()
    for folder, values in tree.services().items():
        name = values.get("name", "")
        if name != os.path.basename(folder):
            yield "%s/module.mk: name is '%s', the folder '%s'" % (folder, name, os.path.basename(folder))
        if name not in listed:
            yield "boot/services.list: no line for %s" % name
        conf = folder + "/service.conf"
        if not tree.exists(conf):
            yield "%s: missing" % conf
        elif not re.search(r"^service %s\b" % re.escape(name), tree.text(conf), re.M):
            yield "%s: no `service %s {`" % (conf, name)
        yield from _readme_problems(tree, folder + "/README.md")


def _readme_problems(tree, path):
    if not tree.exists(path):
        yield "%s: missing" % path
        return
    for section in README_SECTIONS:
        if not re.search(r"(^#+ *|\*\*)%s\b" % section, tree.text(path), re.M | re.I):
            yield "%s: no section %s" % (path, section)


def host_words(tree):
    """Nothing of the machine it was written on."""
    for path in tree.paths:
        for number, line in enumerate(tree.lines(path), 1):
            for word in HOST_WORDS:
                if word in line:
                    yield "%s:%d: names %s" % (path, number, word)


def whitespace(tree):
    for path in tree.paths:
        if path.endswith((".c", ".h", ".S", ".py", ".idl", ".md", ".mk", ".conf", ".test", ".ld", ".tbl", ".def")):
            for number, line in enumerate(tree.lines(path), 1):
                if line != line.rstrip() and not path.endswith(".test"):
                    yield "%s:%d: space at the end of the line" % (path, number)
            if tree.text(path) and not tree.text(path).endswith("\n"):
                yield "%s: no line end at the end" % path


RULES = {
    "function-length": function_length,
    "file-length": file_length,
    "license-line": license_line,
    "file-comment": file_comment,
    "unnumbered-marks": unnumbered_marks,
    "forbidden-words": forbidden_words,
    "comment-form": comment_form,
    "raw-receive": raw_receive,
    "includes": includes,
    "service-folder": service_folder,
    "host-words": host_words,
    "whitespace": whitespace,
}
