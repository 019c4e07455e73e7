"""Reading an xlsx file that a stranger may have made: looked over as a zip, then by openpyxl.

Nothing is unpacked before it is known how large it becomes, and no part with a document type (a
door to other files) reaches a parser. openpyxl gets the parts as they were looked over, packed
anew, and never the stranger's own zip. Pure. Source: RULES R63.
"""

from __future__ import annotations

import io
import re
import warnings
import zipfile
from collections.abc import Iterator, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from math import isfinite
from typing import Any

import openpyxl

from mnet import language
from mnet.language import _
from schooltool_bridge.common import outside_zip
from schooltool_bridge.gradebook import number_format
from schooltool_bridge.gradebook.spreadsheet import (
    MAX_COLUMNS,
    MAX_SHEETS,
    MIB,
    BadSheet,
    Table,
    bounded,
    location_at,
)

# Ten times what may come, as tables of text unpack; a bomb unpacks a thousandfold.
MAX_UNZIPPED_BYTES = 25 * MIB
MAX_PARTS = 500
_MACROS = "vbaproject.bin"
_DOCTYPE = re.compile(rb"<!(?:DOCTYPE|ENTITY)", re.IGNORECASE)
_ENCODING = re.compile(rb"encoding\s*=\s*[\"']([^\"']*)[\"']")
_UTF8_BOM = b"\xef\xbb\xbf"
_DECLARATION_BYTES = 200
_VISIBLE = "visible"
_ERROR = "e"


def read(data: bytes) -> list[Table]:
    """Return the visible sheets; raises BadSheet."""
    plain = _look_over(data)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of parts that we do not read
            values = openpyxl.load_workbook(
                io.BytesIO(plain), read_only=True, data_only=True, keep_links=False
            )
            formulas = openpyxl.load_workbook(
                io.BytesIO(plain), read_only=True, data_only=False, keep_links=False
            )
            return _tables(values, formulas)
    except BadSheet:
        raise
    except Exception as problem:  # a damaged file can make openpyxl raise anything
        raise BadSheet(
            _(
                "The file says it is a spreadsheet but cannot be read. Open it and save it as "
                ".xlsx again."
            )
        ) from problem


def _look_over(data: bytes) -> bytes:
    """Return the same workbook, stored plainly; raises BadSheet.

    Refuses what is no workbook of tables, or unpacks to too much.
    """
    plain = io.BytesIO()
    try:
        with (
            outside_zip.opened(io.BytesIO(data)) as archive,
            zipfile.ZipFile(plain, "w", zipfile.ZIP_STORED) as looked_over,
        ):
            for part in _parts(archive):
                content = outside_zip.content(archive, part)
                _must_be_plain(part.filename.casefold(), content)
                looked_over.writestr(part.filename, content)
    except BadSheet:
        raise
    except outside_zip.DAMAGED_ZIP as problem:
        raise BadSheet(_("The file is damaged or locked. Save it as .xlsx again.")) from problem
    return plain.getvalue()


def _parts(archive: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    """Return what is to be unpacked, once it is known that it may be; raises BadSheet."""
    parts = archive.infolist()
    names = {p.filename.casefold() for p in parts}
    if "content.xml" in names or "mimetype" in names:
        raise BadSheet(_("This is an OpenDocument file. Save it as .xlsx."))
    if "[content_types].xml" not in names:
        raise BadSheet(_("This is a zip file but no spreadsheet. Choose the .xlsx itself."))
    if any(name.rpartition("/")[2] == _MACROS for name in names):
        raise BadSheet(_("This workbook holds macros. Save it as .xlsx, without them."))
    size_bytes = sum(p.file_size for p in parts)
    if len(parts) > MAX_PARTS or size_bytes > MAX_UNZIPPED_BYTES:
        raise BadSheet(
            _(
                "The file unpacks to more than this page reads (%(size)s MB). Copy the "
                "table into a new file.",
                size=MAX_UNZIPPED_BYTES // MIB,
            )
        )
    if len(names) < len(parts):
        raise BadSheet(_("The file is written in an odd way. Save it as .xlsx again."))
    return parts


def _must_be_plain(name: str, part: bytes) -> None:
    """Take UTF-8 without a document type alone: in another encoding the word could hide."""
    if _DOCTYPE.search(part):
        raise BadSheet(_("The file refers to other files. Save it as .xlsx again."))
    if not name.endswith((".xml", ".rels", ".vml")):
        return
    text = part.removeprefix(_UTF8_BOM)
    declared = _ENCODING.search(text[:_DECLARATION_BYTES])
    is_utf8 = declared is None or declared[1].lower() in (b"utf-8", b"us-ascii", b"ascii")
    if not text.lstrip().startswith(b"<") or b"\0" in text or not is_utf8:
        raise BadSheet(_("The file is written in an odd way. Save it as .xlsx again."))


def _tables(values: Any, formulas: Any) -> list[Table]:
    sheets = [s for s in values.worksheets if s.sheet_state == _VISIBLE]
    if len(sheets) > MAX_SHEETS:
        raise BadSheet(
            _("The workbook has more than %(count)s sheets; delete or hide some.", count=MAX_SHEETS)
        )
    return [
        Table(sheet.title, [*bounded(sheet.title, _records(sheet, formulas[sheet.title]))])
        for sheet in sheets
    ]


def _records(sheet: Any, formulas: Any) -> Iterator[tuple[Sequence[str], frozenset[int]]]:
    for each in (sheet, formulas):
        each.reset_dimensions()  # what the file says of its size may be wrong
    wide = MAX_COLUMNS + 1
    rows = zip(sheet.iter_rows(max_col=wide), formulas.iter_rows(max_col=wide), strict=True)
    for number, (cells, written) in enumerate(rows, 1):
        found = []
        numbers = set()
        for column, (cell, formula) in enumerate(zip(cells, written, strict=True)):
            if cell.value is None and formula.value is not None:
                raise BadSheet(
                    _(
                        "%(place)s: a formula without a value. Replace it by its value.",
                        place=location_at(sheet.title, number, column),
                    )
                )
            text = "" if cell.value is None else _text(sheet.title, number, column, cell)
            shown = _number(cell) if _is_number(cell) else None
            if shown is not None:
                text, is_number = shown
                numbers.update([column] if is_number else [])
            found.append(text)
        yield found, frozenset(numbers)


def _text(title: str, number: int, column: int, cell: Any) -> str:
    """Write a cell's value as the page of a gradebook would take it; raises BadSheet."""
    value = cell.value
    if cell.data_type == _ERROR:
        raise BadSheet(
            _(
                "%(place)s: the cell says %(value)s.",
                place=location_at(title, number, column),
                value=value,
            )
        )
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        at_midnight = value.time() == time()
        return value.date().isoformat() if at_midnight else value.isoformat(" ")
    return value.isoformat() if isinstance(value, (date, time)) else str(value)


def _is_number(cell: Any) -> bool:
    value = cell.value
    return isinstance(value, (int, float)) and not isinstance(value, bool) and isfinite(value)


def _number(cell: Any) -> tuple[str, bool]:
    """Write a number as the cell shows it and the language does; tell whether it is one alone."""
    value = cell.value
    # 0.1 + 0.2 is shown as 0.3, and is stored so.
    exact = Decimal(format(value, ".12g")) if isinstance(value, float) else Decimal(value)
    text, is_number = number_format.shown(exact, str(cell.number_format))
    return (language.number(text) if is_number else text), is_number
