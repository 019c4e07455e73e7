"""Many PDFs that typeset.py made, joined into one: every page as it is, a bookmark for each.

Only for files of that shape (numbered objects, one table of them, no object streams); any other is
refused, so that a later typst cannot make wrong pages of it. What many have in common, such as a
colour profile, is written once. The tags for readers of screens stay in the single files. Pure.
Source: ISO 32000-1, 7.3, 7.5.
"""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise

# "12 0 R", unless it stands in a string; and what begins and ends strings and dictionaries.
_TOKEN = re.compile(rb"\(|<<|>>|<[0-9A-Fa-f]*>|(?<![0-9])([0-9]{1,9}) 0 R")
_IN_STRING = re.compile(rb"[\\()]")
_NUMBER = rb"([0-9]{1,10})"
_START = re.compile(rb"startxref\n" + _NUMBER)
_COUNT = re.compile(rb"xref\n0 " + _NUMBER + rb"\n")
_ROOT = re.compile(rb"/Root " + _NUMBER + rb" 0 R")
_PAGES = re.compile(rb"/Pages " + _NUMBER + rb" 0 R")
_ROW_BYTES = 20
_OFFSET_DIGITS = 10
_TAIL_BYTES = 1024
# The first numbers of what is written here: all pages, the catalogue, the bookmarks.
_ALL_PAGES, _CATALOGUE, _BOOKMARKS = 1, 2, 3
# Shorter ones are not worth looking for.
_COMMON_BYTES = 200


class BadPdf(ValueError):
    """A file is of another shape than this program's own."""


@dataclass(slots=True)
class _File:
    """A file's objects by number, without "obj" and "endobj"."""

    bodies: dict[int, bytes]
    pages: int
    kids: list[int]


def join(files: Iterable[tuple[str, bytes]]) -> bytes:
    """Join PDFs, each with the words of its bookmark; raises BadPdf."""
    writing = _Writing()
    for title, data in files:
        writing.add(title, _read(data))
    return writing.end()


@dataclass(slots=True)
class _Writing:
    """The file that is made."""

    out: io.BytesIO = field(default_factory=lambda: io.BytesIO(b"%PDF-1.7\n%\x80\x80\x80\x80\n"))
    offsets: dict[int, int] = field(default_factory=dict)
    last: int = _BOOKMARKS
    pages: list[int] = field(default_factory=list)
    bookmarks: list[tuple[str, int]] = field(default_factory=list)
    common: dict[bytes, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.out.seek(0, io.SEEK_END)

    def add(self, title: str, file: _File) -> None:
        """Write a file's pages and all that they need."""
        new = {file.pages: _ALL_PAGES}
        waiting = list(reversed(file.kids))
        for kid in file.kids:
            new[kid] = self._next()
        self.pages += [new[kid] for kid in file.kids]
        self.bookmarks.append((title, new[file.kids[0]]))
        while waiting:
            number = waiting.pop()
            body = file.bodies[number]
            found = list(_references(body))
            for _start, _end, other in found:
                if other not in file.bodies:
                    raise BadPdf(f"object {other} is missing")
                if other not in new:
                    new[other], is_there = self._number_of(file.bodies[other])
                    if not is_there:
                        waiting.append(other)
            self._write(new[number], _renumbered(body, found, new))

    def end(self) -> bytes:
        """Write what holds the pages together, and return the whole."""
        if not self.pages:
            raise BadPdf("there are no pages")
        kids = b" ".join(b"%d 0 R" % page for page in self.pages)
        pages = b"<</Type/Pages/Count %d/Kids[%b]>>" % (len(self.pages), kids)
        self._write(_ALL_PAGES, pages)
        first = self.last + 1
        for at, (title, page) in enumerate(self.bookmarks):
            beside = b"/Prev %d 0 R" % (first + at - 1) if at else b""
            if at + 1 < len(self.bookmarks):
                beside += b"/Next %d 0 R" % (first + at + 1)
            words = ("\ufeff" + title).encode("utf-16-be", "replace").hex().upper().encode()
            where = b"/Dest[%d 0 R/Fit]" % page
            entry = b"<</Title<%b>/Parent %d 0 R%b%b>>" % (words, _BOOKMARKS, beside, where)
            self._write(self._next(), entry)
        count = len(self.bookmarks)
        ends = b"/First %d 0 R/Last %d 0 R/Count %d" % (first, first + count - 1, count)
        self._write(_BOOKMARKS, b"<</Type/Outlines%b>>" % ends)
        parts = b"/Pages %d 0 R/Outlines %d 0 R" % (_ALL_PAGES, _BOOKMARKS)
        self._write(_CATALOGUE, b"<</Type/Catalog%b>>" % parts)
        start = self.out.tell()
        self.out.write(b"xref\n0 %d\n0000000000 65535 f \n" % (self.last + 1))
        for number in range(1, self.last + 1):
            self.out.write(b"%010d 00000 n \n" % self.offsets[number])
        ending = (self.last + 1, _CATALOGUE, start)
        self.out.write(b"trailer\n<</Size %d/Root %d 0 R>>\nstartxref\n%d\n%%%%EOF\n" % ending)
        return self.out.getvalue()

    def _next(self) -> int:
        self.last += 1
        return self.last

    def _number_of(self, body: bytes) -> tuple[int, bool]:
        """Return an object's new number, and whether the same was written before."""
        if len(body) < _COMMON_BYTES or any(_references(body)):
            return self._next(), False
        digest = hashlib.sha256(body).digest()
        known = self.common.get(digest)
        if known is not None:
            return known, True
        self.common[digest] = self._next()
        return self.last, False

    def _write(self, number: int, body: bytes) -> None:
        self.offsets[number] = self.out.tell()
        self.out.write(b"%d 0 obj\n%b\nendobj\n" % (number, body))


def _read(data: bytes) -> _File:
    """Take a file apart by its table; raises BadPdf."""
    try:
        start = int(_only(_START, data[-_TAIL_BYTES:]))
        head = _COUNT.match(data, start)
        if head is None:
            raise BadPdf("it has no table of objects")
        bodies = _objects(data, start, head.end(), int(head.group(1)))
        tail = data[start:]
        pages = int(_only(_PAGES, bodies[int(_only(_ROOT, tail))]))
        kids = [number for _start, _end, number in _references(bodies[pages])]
        is_flat = all(bodies[k].startswith(b"<</Type/Page/") for k in kids)
    except (KeyError, IndexError) as problem:
        raise BadPdf(f"it lacks something: {problem}") from None
    if not kids or not is_flat:
        raise BadPdf("its pages are not one list")
    return _File(bodies, pages, kids)


def _objects(data: bytes, start: int, rows_at: int, count: int) -> dict[int, bytes]:
    rows = (data[rows_at + n * _ROW_BYTES :][:_OFFSET_DIGITS] for n in range(1, count))
    try:
        offsets = {number: int(row) for number, row in enumerate(rows, start=1)}
    except ValueError:
        raise BadPdf("its table of objects has what is no number") from None
    ends = sorted([*offsets.values(), start])
    after = dict(pairwise(ends))
    bodies = {}
    for number, offset in offsets.items():
        whole = data[offset : after[offset]]
        begin, end = b"%d 0 obj\n" % number, whole.rfind(b"\nendobj")
        if not whole.startswith(begin) or end < len(begin):
            raise BadPdf(f"object {number} is not where its table says")
        bodies[number] = whole[len(begin) : end]
        if bodies[number].startswith(b"<</Type/ObjStm"):
            raise BadPdf("it keeps objects in streams")
    return bodies


def _only(wanted: re.Pattern[bytes], data: bytes) -> bytes:
    found = wanted.search(data)
    if found is None:
        raise BadPdf(f"it has no {wanted.pattern.decode()}")
    return found.group(1)


def _references(body: bytes) -> Iterator[tuple[int, int, int]]:
    """Yield where an object names others, and which; not in its strings nor its stream."""
    at, depth, is_dictionary = 0, 0, body.startswith(b"<<")
    while (token := _TOKEN.search(body, at)) is not None:
        at = token.end()
        word = token.group()
        if word == b"(":
            at = _after_string(body, at)
        elif token.group(1) is not None:
            yield token.start(1), token.end(1), int(word.split(b" ")[0])
        elif word == b"<<":
            depth += 1
        elif word == b">>":
            depth -= 1
            if is_dictionary and not depth:
                return


def _after_string(body: bytes, at: int) -> int:
    depth = 1
    while (found := _IN_STRING.search(body, at)) is not None:
        at = found.end()
        if found.group() == b"\\":
            at += 1
        else:
            depth += 1 if found.group() == b"(" else -1
            if not depth:
                return at
    raise BadPdf("a string does not end")


def _renumbered(body: bytes, found: Iterable[tuple[int, int, int]], new: dict[int, int]) -> bytes:
    parts, done = [], 0
    for start, end, number in found:
        parts += [body[done:start], b"%d" % new[number]]
        done = end
    return b"".join([*parts, body[done:]])
