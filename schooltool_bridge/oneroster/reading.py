"""Reading a OneRoster package from outside: a folder or a zip, bounded, never unpacked to disk.

Finds the files (whatever the capitals of their names, also in one folder of a zip), finds out how
each is written (a byte order mark, UTF-16, cp1252, semicolons) and gives its rows as texts; what
they mean is checking.py's. Everything is hostile: names that lead elsewhere, bombs, endless cells.
Source: RULES D.2, E62.
"""

from __future__ import annotations

import codecs
import csv
import io
import zipfile
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import Self

from schooltool_bridge.common import outside_zip
from schooltool_bridge.common.outside_zip import DAMAGED_ZIP
from schooltool_bridge.oneroster.tables import FILES
from schooltool_bridge.oneroster.writing import OneRosterError

# A million grades take 90 MB; a district's package with all files, less than twice that.
MAX_FILE_BYTES = 150 * 2**20
MAX_PACKAGE_BYTES = 300 * 2**20
# The standard has 22 files.
MAX_FILES = 100
MAX_COLUMNS = 200
MAX_CELL_CHARS = 10_000
MAX_ROW_CHARS = MAX_COLUMNS * MAX_CELL_CHARS
_PART_BYTES = 2**16
# How often a progress bar moves.
_ROWS_A_STEP = 2000
_CSV = ".csv"
_ENCRYPTED = 0x1
# What a Mac puts beside each file: not the sender's words.
_MAC_FOLDER, _HIDDEN = "__MACOSX", "."
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
DELIMITERS = ",;\t"


class BadRows(Exception):
    """A file cannot be read on from this row; the text says why."""

    def __init__(self, row: int, sentence: str) -> None:
        """Keep the row; the header is row 1."""
        super().__init__(sentence)
        self.row = row


@dataclass(frozen=True, slots=True)
class Style:
    """How a file is written."""

    encoding: str
    delimiter: str

    @property
    def is_plain(self) -> bool:
        """Tell whether it is as the standard wants it."""
        return self.encoding == "utf-8" and self.delimiter == ","


@dataclass(frozen=True, slots=True)
class _File:
    """A file of a package: where it stands, what it is called there, and its size."""

    source: Path | zipfile.ZipInfo
    called: str
    size_bytes: int


class Package:
    """The CSV files of a folder or zip. As a context manager it closes what it opened."""

    def __init__(self, path: Path) -> None:
        """Look what is there, reading nothing yet; raises OneRosterError."""
        self.path = path
        # Told now and then of a file: how many of its bytes were read, and how many it has.
        self.on_read: Callable[[str, int, int], None] | None = None
        # What is unusual about the files themselves: which, and what to say of it.
        self.oddities: list[tuple[str, str]] = []
        self._archive: zipfile.ZipFile | None = None
        with ExitStack() as opened:
            try:
                if path.is_dir():
                    found = _in_folder(path)
                else:
                    stream = opened.enter_context(path.open("rb"))
                    self._archive = opened.enter_context(outside_zip.opened(stream))
                    found = self._at_the_top(_in_archive(path, self._archive))
            except DAMAGED_ZIP as problem:
                raise OneRosterError(
                    f"{path} is neither a folder nor a zip of CSV files that can be read: "
                    f"{problem}."
                ) from None
            _must_be_small(path, found)
            self._files = self._named(found)
            self._opened = opened.pop_all()

    def _at_the_top(self, found: list[_File]) -> list[_File]:
        """The files of a zip, which may stand in one folder together."""
        folders = {PurePosixPath(file.called).parent for file in found}
        if len(folders) > 1:
            names = ", ".join(sorted(repr(str(f))[:60] for f in folders)[:3])
            raise OneRosterError(
                f"{self.path} has CSV files in several folders ({names}); zip one package alone."
            )
        folder = next(iter(folders), PurePosixPath())
        if folder != PurePosixPath():
            message = f"stand in the folder {str(folder)[:60]!r}; the standard has them at the top"
            self.oddities.append((self.path.name, f"the files {message}"))
        return [_File(f.source, PurePosixPath(f.called).name, f.size_bytes) for f in found]

    def _named(self, found: Iterable[_File]) -> dict[str, _File]:
        """The files by the standard's names, without .csv."""
        named: dict[str, _File] = {}
        for file in found:
            name = file.called[: -len(_CSV)]
            known = _BY_FOLDED_NAME.get(name.casefold(), name)
            if known in named:
                raise OneRosterError(f"{self.path} holds {known[:100]!r} twice.")
            if known not in _NAMES:
                self.oddities.append((file.called[:100], "is no file of OneRoster; left out"))
                continue
            if file.called != f"{known}{_CSV}":
                self.oddities.append((file.called, f"was read as {known}{_CSV}"))
            named[known] = file
        return named

    def __enter__(self) -> Self:
        """Give the package."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the zip."""
        self._opened.close()

    @property
    def names(self) -> set[str]:
        """The files' names without .csv, as the standard has them."""
        return set(self._files)

    def style(self, name: str) -> Style:
        """Find out how a file is written; reads all of it once. Raises BadRows."""
        try:
            encoding = self._encoding(name)
            with self._open(name) as raw, io.TextIOWrapper(raw, encoding, errors="replace") as text:
                first = text.readline(MAX_ROW_CHARS)
        except DAMAGED_ZIP as problem:
            raise BadRows(1, f"cannot be read: {problem}") from None
        return Style(encoding, max(DELIMITERS, key=first.count))

    def rows(self, name: str, style: Style) -> Iterator[tuple[int, list[str]]]:
        """Give a file's rows with their numbers, the header as row 1; raises BadRows."""
        number = 0
        try:
            bounded = self._bounded(name)
            with (
                io.BufferedReader(bounded) as raw,
                io.TextIOWrapper(raw, style.encoding, newline="") as text,
            ):
                lines = _Lines(text)
                for cells in csv.reader(lines, delimiter=style.delimiter, strict=True):
                    number += 1
                    lines.end_row()
                    if len(cells) > MAX_COLUMNS or any(len(c) > MAX_CELL_CHARS for c in cells):
                        raise BadRows(number, _TOO_WIDE)
                    if self.on_read is not None and number % _ROWS_A_STEP == 0:
                        self.on_read(name, bounded.read_bytes, bounded.size_bytes)
                    yield number, cells
            if self.on_read is not None:
                self.on_read(name, bounded.size_bytes, bounded.size_bytes)
        except csv.Error as problem:
            raise BadRows(number + 1, f"is not CSV: {problem}") from None
        except UnicodeDecodeError:
            raise BadRows(number + 1, f"is not in one encoding ({style.encoding})") from None
        except _RowTooLong:
            raise BadRows(number + 1, _TOO_WIDE) from None
        except DAMAGED_ZIP as problem:
            raise BadRows(number + 1, f"cannot be read: {problem}") from None

    def _encoding(self, name: str) -> str:
        """UTF-8 when all of it is; else by its mark, its zero bytes, or what Excel writes."""
        with self._open(name) as raw:
            head = raw.read(_PART_BYTES)
            for mark, encoding in _MARKS:
                if head.startswith(mark):
                    return encoding
            if b"\0" in head[:2]:
                return "utf-16-be" if head.startswith(b"\0") else "utf-16-le"
            decoder = codecs.getincrementaldecoder("utf-8")()
            try:
                while head:
                    decoder.decode(head)
                    head = raw.read(_PART_BYTES)
                decoder.decode(b"", final=True)
            except UnicodeDecodeError:
                return "cp1252"
        return "utf-8"

    def _open(self, name: str) -> io.BufferedReader:
        return io.BufferedReader(self._bounded(name))

    def _bounded(self, name: str) -> _Bounded:
        """Open a file; no more of it is read than it said it has."""
        file = self._files[name]
        if isinstance(file.source, Path):
            return _Bounded(file.source.open("rb", buffering=0), file.size_bytes)
        assert self._archive is not None
        return _Bounded(outside_zip.Part(self._archive, file.source), file.size_bytes)


_NAMES = frozenset(FILES)
_BY_FOLDED_NAME = {name.casefold(): name for name in FILES}
_TOO_WIDE = f"has more than {MAX_COLUMNS} cells, or a cell of more than {MAX_CELL_CHARS} characters"


class _RowTooLong(Exception):
    """A row has more characters than all its cells may have together."""


class _Lines:
    """Lines of a text for a reader of CSV, bounded: a row may have several."""

    def __init__(self, text: io.TextIOWrapper) -> None:
        self._text = text
        self._row_chars = 0

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> str:
        line = self._text.readline(MAX_ROW_CHARS + 1)
        if not line:
            raise StopIteration
        self._row_chars += len(line)
        if self._row_chars > MAX_ROW_CHARS:
            raise _RowTooLong
        return line

    def end_row(self) -> None:
        """Begin to count anew."""
        self._row_chars = 0


class _Bounded(io.RawIOBase):
    """As much of a stream as was announced; more is an error (a file may grow meanwhile)."""

    def __init__(self, raw: io.RawIOBase, size_bytes: int) -> None:
        self._raw = raw
        self.size_bytes = size_bytes
        self.read_bytes = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview, /) -> int:  # type: ignore[override] # its only use
        data = self._raw.read(len(buffer)) or b""
        self.read_bytes += len(data)
        if self.read_bytes > self.size_bytes:
            raise OSError("it is longer than it says")
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        self._raw.close()
        super().close()


def _in_folder(path: Path) -> list[_File]:
    found = []
    for file in sorted(path.iterdir()):
        if file.suffix.casefold() != _CSV or file.name.startswith(_HIDDEN):
            continue
        if file.is_symlink() or not file.is_file():
            raise OneRosterError(f"{file} is no plain file; put the file itself there.")
        found.append(_File(file, file.name, file.stat().st_size))
    return found


def _in_archive(path: Path, archive: zipfile.ZipFile) -> list[_File]:
    found: list[_File] = []
    for entry in archive.infolist():
        name = entry.filename
        parts = name.split("/")
        if "\\" in name or name.startswith("/") or ".." in parts:
            raise OneRosterError(
                f"{path} holds {name[:100]!r}; the CSV files stand at the top of the zip."
            )
        is_csv = parts[-1].casefold().endswith(_CSV) and not parts[-1].startswith(_HIDDEN)
        if not is_csv or parts[0] == _MAC_FOLDER:
            continue
        if entry.flag_bits & _ENCRYPTED:
            raise OneRosterError(f"{path} is locked by a password; zip it again without.")
        found.append(_File(entry, name, entry.file_size))
    return found


def _must_be_small(path: Path, found: Collection[_File]) -> None:
    if len(found) > MAX_FILES:
        raise OneRosterError(f"{path} holds more than {MAX_FILES} CSV files.")
    for file in found:
        if file.size_bytes > MAX_FILE_BYTES:
            raise OneRosterError(
                f"{file.called} has {file.size_bytes >> 20} MB; up to {MAX_FILE_BYTES >> 20} are "
                "read. Export fewer classes at once."
            )
    if sum(file.size_bytes for file in found) > MAX_PACKAGE_BYTES:
        raise OneRosterError(
            f"{path} has more than {MAX_PACKAGE_BYTES >> 20} MB in all; export fewer classes at "
            "once."
        )
