# SPDX-License-Identifier: MIT
"""Reads one .idl file into a model.Protocol: tokens, then recursive descent.

The grammar is small on purpose (README.md has all of it). Only the shape is
checked here; meaning (layout, names, rules) is check.py's.
"""

import re

from model import Constant, Field, Operation, Protocol, Values
from output import Refused

TOKEN = re.compile(r"(?P<space>[ \t\r]+)|(?P<newline>\n)|(?P<comment>//[^\n]*)"
                   r"|(?P<number>-?(0[xX][0-9a-fA-F]+|[0-9]+)\b)"
                   r"|(?P<word>[A-Za-z_][A-Za-z0-9_]*)|(?P<mark>[{}()\[\];,=])")


class Token:
    def __init__(self, kind, text, line, doc):
        self.kind, self.text, self.line = kind, text, line
        self.doc = doc              # comment lines directly above
        self.trailing = []          # comment behind it on the same line


def tokenize(file, text):
    """All tokens, each with the comment block above it and behind it."""
    tokens, doc, line, position, blank = [], [], 1, 0, True
    detached = []                   # first comment block of the file, cut off by a blank line
    while position < len(text):
        match = TOKEN.match(text, position)
        if not match:
            raise Refused(file, line, f"unexpected character '{text[position]}'")
        position, kind, word = match.end(), match.lastgroup, match.group()
        if match.group("number"):
            kind = "number"
        if kind == "newline":
            if blank and doc:
                detached, doc = detached or (doc if not tokens else []), []
            line, blank = line + 1, True
        elif kind == "comment":
            words = word[2:].strip()
            if not blank and tokens and tokens[-1].line == line:
                tokens[-1].trailing.append(words)
            else:
                if not words.startswith("----"):    # a section line is nobody's doc
                    doc.append(words)
            blank = False
        elif kind != "space":
            tokens.append(Token(kind, word, line, doc))
            doc, blank = [], False
    tokens.append(Token("end", "end of file", line, []))
    return tokens, detached


class Parser:
    def __init__(self, file, text):
        self.file = file
        self.tokens, self.file_doc = tokenize(file, text)
        self.position = 0

    # --- tokens ---

    @property
    def token(self):
        return self.tokens[self.position]

    def refuse(self, reason, line=None):
        raise Refused(self.file, line or self.token.line, reason)

    def take(self):
        token = self.token
        self.position += 1
        return token

    def accept(self, text):
        if self.token.text != text:
            return False
        self.position += 1
        return True

    def expect(self, text):
        if self.token.text != text:
            self.refuse(f"expected '{text}', found '{self.token.text}'")
        return self.take()

    def word(self, what):
        if self.token.kind != "word":
            self.refuse(f"expected {what}, found '{self.token.text}'")
        return self.take()

    def number(self, what):
        if self.token.kind != "number":
            self.refuse(f"expected {what}, found '{self.token.text}'")
        text = self.take().text
        digits = text.lstrip("-")
        value = int(digits, 16 if digits[:2].lower() == "0x" else 10)
        return -value if text.startswith("-") else value

    def semicolon(self):
        """The end of a statement; returns the comment behind it."""
        return self.expect(";").trailing

    # --- grammar ---

    def parse(self):
        protocol = Protocol(self.file)
        start = self.expect("protocol")
        protocol.line = start.line
        protocol.name = self.word("a protocol name").text
        self.expect("=")
        protocol.number = self.number("a protocol number")
        protocol.doc = start.doc or self.file_doc
        protocol.doc += self.semicolon()
        rules = {"const": self.constant, "enum": self.values, "flags": self.values,
                 "call": self.operation, "event": self.operation, "notify": self.operation,
                 "reserved": self.reserved}
        while self.token.kind != "end":
            rule = rules.get(self.token.text)
            if not rule:
                self.refuse(f"expected one of {', '.join(rules)}, found '{self.token.text}'")
            rule(protocol, self.take())
        return protocol

    def constant(self, protocol, start):
        name = self.word("a constant name")
        self.expect("=")
        value = self.number("a number")
        doc = start.doc + self.semicolon()
        protocol.constants.append(Constant(name.text, value, name.line, doc))

    def values(self, protocol, start):
        name = self.word("a type name")
        result = Values(start.text, name.text, name.line, start.doc + self.expect("{").trailing)
        while not self.accept("}"):
            value = self.word("a value name")
            self.expect("=")
            number = self.number("a number")
            doc = value.doc + self.tokens[self.position - 1].trailing
            if self.token.text == ",":
                doc += self.take().trailing
            elif self.token.text != "}":
                self.refuse(f"expected ',' or '}}', found '{self.token.text}'")
            result.values.append((value.text, number, value.line, doc))
        self.accept(";")
        if not result.values:
            self.refuse(f"{start.text} {name.text} has no values", name.line)
        protocol.sets.append(result)

    def reserved(self, protocol, start):
        protocol.reserved.append((self.number("a retired number"), start.line))
        while self.accept(","):
            protocol.reserved.append((self.number("a retired number"), start.line))
        self.semicolon()

    def operation(self, protocol, start):
        name = self.word(f"a name for the {start.text}")
        self.expect("=")
        result = Operation(start.text, name.text, 0, name.line, list(start.doc))
        result.number = self.number("an operation number")
        protocol.operations.append(result)
        if start.text == "notify" and self.token.text == ";":
            result.doc += self.semicolon()
            result.allow = ["any"]
            return
        result.doc += self.expect("{").trailing
        while not self.accept("}"):
            self.property(result)
        self.accept(";")
        if start.text == "notify" and not result.allow:
            result.allow = ["any"]

    def property(self, operation):
        start = self.take()
        if start.text in ("idempotent", "may_park"):
            setattr(operation, start.text, True)
            self.semicolon()
        elif start.text == "optional":
            self.absent_handler(operation)
        elif start.text == "allow":
            operation.allow += [token.text for token in self.names("a caller")]
        elif start.text == "errors":
            operation.errors += [(token.text, token.line) for token in self.names("an error symbol")]
        elif start.text == "in":
            operation.request.append(self.field(start))
        elif start.text == "out":
            operation.reply.append(self.field(start))
        else:
            self.refuse("expected allow, idempotent, may_park, optional, in, out or errors, "
                        f"found '{start.text}'", start.line)

    def absent_handler(self, operation):
        operation.optional = True
        if self.token.text == "0":
            operation.absent = self.take().text
        elif self.token.text != ";":
            operation.absent = self.word("an error symbol or 0").text
        self.semicolon()

    def names(self, what):
        names = [self.word(what)]
        while self.accept(","):
            names.append(self.word(what))
        self.semicolon()
        return names

    def field(self, start):
        kind = self.word("a type")
        access = ""
        if kind.text == "grant":
            self.expect("(")
            access = self.word("read, write or readwrite").text
            self.expect(")")
        name = self.word("a field name")
        result = Field(name.text, kind.text, name.line, list(start.doc), access)
        if self.accept("["):
            if self.token.kind not in ("number", "word"):
                self.refuse("expected an array size")
            result.size_text = self.take().text
            self.expect("]")
        result.doc += self.semicolon()
        return result


def parse_file(path):
    with open(path, encoding="utf-8") as file:
        return Parser(path, file.read()).parse()
