"""Reading a OneRoster package from outside: a folder or a zip, bounded, never unpacked to disk.

Finds out how each file is written (a byte order mark, UTF-16, cp1252, semicolons) and gives its
rows as texts; what they mean is checking.py's. Everything is hostile: names that lead elsewhere,
bombs, endless cells. Source: field-notes D.2, E62.
"""

from __future__ import annotations

import codecs
import csv
import io
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from schooltool_bridge.damaged_zip import DAMAGED_ZIP
from schooltool_bridge.oneroster.writing import OneRosterError

# A million grades take 90 MB; a district's package with all files, less than twice that.
MAX_FILE_BYTES = 150 * 2**20
MAX_PACKAGE_BYTES = 300 * 2**20
# The standard has 22 files.
MAX_FILES = 100
MAX_COLUMNS = 200
MAX_CELL_CHARS = 10_000
_PART_BYTES = 2**16
# How often a progress bar moves.
_ROWS_A_STEP = 2000
_CSV = ".csv"
_ENCRYPTED = 0x1
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


class Package:
    """The CSV files of a folder or zip. As a context manager it closes what it opened."""

    def __init__(self, path: Path) -> None:
        """Look what is there, reading nothing yet; raises OneRosterError."""
        self.path = path
        # Told now and then of a file: how many of its bytes were read, and how many it has.
        self.on_read: Callable[[str, int, int], None] | None = None
        self._archive: zipfile.ZipFile | None = None
        try:
            if path.is_dir():
                self._sizes = _in_folder(path)
            else:
                self._archive = zipfile.ZipFile(path)
                self._sizes = _in_archive(path, self._archive)
        except DAMAGED_ZIP as problem:
            raise OneRosterError(
                f"{path} is neither a folder nor a zip of CSV files that can be read: {problem}."
            ) from None
        _must_be_small(path, self._sizes)

    def __enter__(self) -> Self:
        """Give the package."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Let go of the zip."""
        if self._archive is not None:
            self._archive.close()

    @property
    def names(self) -> set[str]:
        """The files' names without .csv."""
        return {name.removesuffix(_CSV) for name in self._sizes}

    def style(self, name: str) -> Style:
        """Find out how a file is written; reads all of it once. Raises BadRows."""
        try:
            encoding = self._encoding(name)
            with self._open(name) as raw, io.TextIOWrapper(raw, encoding, errors="replace") as text:
                first = text.readline(MAX_COLUMNS * MAX_CELL_CHARS)
        except DAMAGED_ZIP as problem:
            raise BadRows(1, f"cannot be read: {problem}") from None
        return Style(encoding, max(DELIMITERS, key=first.count))

    def rows(self, name: str, style: Style) -> Iterator[tuple[int, list[str]]]:
        """Give a file's rows with their numbers, the header as row 1; raises BadRows."""
        number = 0
        try:
            size_bytes = self._sizes[f"{name}{_CSV}"]
            bounded = self._bounded(name)
            with (
                io.BufferedReader(bounded) as raw,
                io.TextIOWrapper(raw, style.encoding, newline="") as text,
            ):
                for cells in csv.reader(text, delimiter=style.delimiter, strict=True):
                    number += 1
                    if len(cells) > MAX_COLUMNS or any(len(c) > MAX_CELL_CHARS for c in cells):
                        raise BadRows(
                            number,
                            f"has more than {MAX_COLUMNS} cells, or a cell of more than "
                            f"{MAX_CELL_CHARS} characters",
                        )
                    if self.on_read is not None and number % _ROWS_A_STEP == 0:
                        self.on_read(name, bounded.read_bytes, size_bytes)
                    yield number, cells
            if self.on_read is not None:
                self.on_read(name, size_bytes, size_bytes)
        except csv.Error as problem:
            raise BadRows(number + 1, f"is not CSV: {problem}") from None
        except UnicodeDecodeError:
            raise BadRows(number + 1, f"is not in one encoding ({style.encoding})") from None
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

    def _open(self, name: str) -> BinaryIO:
        return io.BufferedReader(self._bounded(name))

    def _bounded(self, name: str) -> _Bounded:
        """Open a file; no more of it is read than it said it has."""
        file = f"{name}{_CSV}"
        if self._archive is None:
            raw: BinaryIO = (self.path / file).open("rb")
        else:
            raw = self._archive.open(file)  # type: ignore[assignment] # it reads as one
        return _Bounded(raw, self._sizes[file])


class _Bounded(io.RawIOBase):
    """As much of a stream as was announced; more is an error (a zip may lie about its sizes)."""

    def __init__(self, raw: BinaryIO, size_bytes: int) -> None:
        self._raw = raw
        self._left_bytes = size_bytes
        self.read_bytes = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview, /) -> int:  # type: ignore[override] # its only use
        data = self._raw.read(len(buffer))
        self._left_bytes -= len(data)
        self.read_bytes += len(data)
        if self._left_bytes < 0:
            raise OSError("it is longer than it says")
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        self._raw.close()
        super().close()


def _in_folder(path: Path) -> dict[str, int]:
    found = {}
    for file in path.iterdir():
        if file.suffix != _CSV:
            continue
        if file.is_symlink() or not file.is_file():
            raise OneRosterError(f"{file} is no plain file; put the file itself there.")
        found[file.name] = file.stat().st_size
    return found


def _in_archive(path: Path, archive: zipfile.ZipFile) -> dict[str, int]:
    found: dict[str, int] = {}
    for entry in archive.infolist():
        name = entry.filename
        if "/" in name or "\\" in name or name.startswith(".."):
            raise OneRosterError(
                f"{path} holds {name[:100]!r}; the CSV files stand at the top of the zip."
            )
        if entry.flag_bits & _ENCRYPTED:
            raise OneRosterError(f"{path} is locked by a password; zip it again without.")
        if name in found:
            raise OneRosterError(f"{path} holds {name[:100]!r} twice.")
        if name.endswith(_CSV):
            found[name] = entry.file_size
    return found


def _must_be_small(path: Path, sizes: Mapping[str, int]) -> None:
    if len(sizes) > MAX_FILES:
        raise OneRosterError(f"{path} holds more than {MAX_FILES} CSV files.")
    for name, size_bytes in sizes.items():
        if size_bytes > MAX_FILE_BYTES:
            raise OneRosterError(
                f"{name} has {size_bytes >> 20} MB; up to {MAX_FILE_BYTES >> 20} are read. "
                "Export fewer classes at once."
            )
    if sum(sizes.values()) > MAX_PACKAGE_BYTES:
        raise OneRosterError(
            f"{path} has more than {MAX_PACKAGE_BYTES >> 20} MB in all; export fewer classes at "
            "once."
        )
