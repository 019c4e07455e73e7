"""Reading a spreadsheet that somebody uploads: xlsx or text with separators, seen, not named.

Values only: no formula is computed, no macro run, no link followed. Everything is bounded, and
whatever is refused is refused with the place where it stands. Pure. Source: RULES R63, E62-E64.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence

from mnet import language
from mnet.language import _
from schooltool_bridge.gradebook.spreadsheet import (
    _NO_NUMBERS,
    MAX_CHARS,
    MAX_FILE_BYTES,
    MIB,
    BadSheet,
    Table,
    _thousands,
    bounded,
)

CSV_SHEET = ""


_ZIP, _OLE, _PDF = b"PK\x03\x04", b"\xd0\xcf\x11\xe0", b"%PDF"


_BOMS = (
    (b"\xef\xbb\xbf", "utf-8-sig"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)


_DELIMITERS = ";\t,"


def read_tables(data: bytes) -> list[Table]:
    """Return the sheets of a file that hold something; its kind is seen, not named.

    Raises BadSheet.
    """
    if len(data) > MAX_FILE_BYTES:
        raise BadSheet(too_large(len(data)))
    if data.startswith(_ZIP):
        from schooltool_bridge.gradebook import workbook  # noqa: PLC0415 - openpyxl loads slowly

        tables = workbook.read(data)
    elif data.startswith(_OLE):
        raise BadSheet(
            _(
                "This is an old Excel file (.xls) or one that is locked by a password. Save it as "
                ".xlsx without a password."
            )
        )
    elif data.startswith(_PDF):
        raise BadSheet(_("This is a PDF. Save the spreadsheet itself as .xlsx or .csv."))
    else:
        records = ((cells, _NO_NUMBERS) for cells in _records(_text(data)))
        tables = [Table(CSV_SHEET, [*bounded(CSV_SHEET, records)])]
    held = [table for table in tables if table.rows]
    if not held:
        raise BadSheet(_("The file holds no rows."))
    chars = sum(len(c) for table in held for row in table.rows for c in row.cells)
    if chars > MAX_CHARS:
        raise BadSheet(
            _(
                "The file holds more than %(count)s characters; cut it in parts.",
                count=_thousands(MAX_CHARS),
            )
        )
    return held


def too_large(size_bytes: int) -> str:
    """Say that a file is too large."""
    return _(
        "The file has %(size)s MB, and at most %(most)s MB are read. "
        "Is it the right one? Pictures in it may make it large.",
        size=language.number(f"{size_bytes / MIB:.1f}"),
        most=MAX_FILE_BYTES // MIB,
    )


def _text(data: bytes) -> str:
    """Decode a csv file: by its byte order mark, else UTF-8, else as Excel writes in the West."""
    encodings = [e for bom, e in _BOMS if data.startswith(bom)] or ["utf-8", "cp1252"]
    for encoding in encodings:
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text
    raise BadSheet(_("The file is no .xlsx and no text. Save it as .xlsx, or as CSV UTF-8."))


def _records(text: str) -> Iterator[Sequence[str]]:
    """Read a csv file by the delimiter that its first line has most of."""
    first, _end, rest = text.partition("\n")
    named = first.strip().casefold()
    delimiter = ""
    if named.startswith("sep=") and len(named) == len("sep=;"):
        delimiter, text = named[-1], rest  # a line that Excel reads and does not show
        if delimiter not in _DELIMITERS:
            raise BadSheet(_("Row 1: sep= names a sign that is none of ; , and tab."))
    reader = csv.reader(
        io.StringIO(text, newline=""), delimiter=delimiter or _delimiter(text), strict=True
    )
    try:
        yield from reader
    except csv.Error as problem:
        raise BadSheet(
            _(
                "Line %(line)s: %(why)s. Save the file as CSV UTF-8 again.",
                line=reader.line_num,
                why=_why(problem),
            )
        ) from None


def _delimiter(text: str) -> str:
    """The sign that stands most often in the first line, outside quotes."""
    line = next((each for each in text.splitlines() if each.strip()), "")
    bare = "".join(line.split('"')[::2])
    return max(_DELIMITERS, key=lambda d: (bare.count(d), d == ","))


def _why(problem: csv.Error) -> str:
    text = str(problem)
    return _("a quotation mark is not closed") if "end of data" in text else text
