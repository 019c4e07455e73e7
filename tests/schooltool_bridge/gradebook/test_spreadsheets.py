"""Spreadsheets from anywhere: what is read of them, and what is refused with its place."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Callable
from datetime import date
from typing import Any

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schooltool_bridge.gradebook.reading import read_tables
from schooltool_bridge.gradebook.spreadsheet import MAX_CELL_CHARS, BadSheet

TEXT = "Name;Größe\n“Übung”;1,5\n"
SHEET = "xl/worksheets/sheet1.xml"


def cells(data: bytes) -> list[list[str]]:
    (table,) = read_tables(data)
    return [list(row.cells) for row in table.rows]


def workbook(*rows: list[Any], change: Callable[[Any], None] | None = None) -> bytes:
    book = openpyxl.Workbook()
    assert book.active is not None
    for row in rows:
        book.active.append(row)
    if change:
        change(book)
    made = io.BytesIO()
    book.save(made)
    return made.getvalue()


def repacked(data: bytes, **parts: bytes | None) -> bytes:
    """The same workbook with parts put in, replaced, or left out."""
    named = {n.replace("__", "/").replace("_xml", ".xml"): b for n, b in parts.items()}
    made = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(data)) as old,
        zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for info in old.infolist():
            if info.filename not in named:
                new.writestr(info.filename, old.read(info.filename))
        for name, body in named.items():
            if body is not None:
                new.writestr(name, body)
    return made.getvalue()


@pytest.mark.requirement("E62")
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_every_common_encoding_is_read(encoding: str) -> None:
    assert cells(TEXT.encode(encoding)) == [["Name", "Größe"], ["“Übung”", "1,5"]]
    assert cells(TEXT.replace("\n", "\r\n").encode(encoding))[1] == ["“Übung”", "1,5"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a,b\n1,2", [["a", "b"], ["1", "2"]]),
        ("a;b\n1,5;2", [["a", "b"], ["1,5", "2"]]),
        ("a\tb\n1;2\t3", [["a", "b"], ["1;2", "3"]]),
        ('"x;y;z",b\n1,2', [["x;y;z", "b"], ["1", "2"]]),
        ("sep=;\na;b,c,d\n", [["a", "b,c,d"]]),
        ('a,b\n"two\nlines",2\n', [["a", "b"], ["two\nlines", "2"]]),
        (" a , b \n\n ,,\n1", [["a", "b"], ["1"]]),
        ("only", [["only"]]),
        ("a,b\n=1+1,=cmd|' /C calc'!A0", [["a", "b"], ["=1+1", "=cmd|' /C calc'!A0"]]),
    ],
)
def test_csv_of_every_kind_is_read_as_text(text: str, expected: list[list[str]]) -> None:
    assert cells(text.encode()) == expected


def test_rows_keep_the_numbers_that_the_spreadsheet_shows() -> None:
    (table,) = read_tables(b"a\n\n\nb\n")
    assert [row.number for row in table.rows] == [1, 4]
    (table,) = read_tables(workbook(["a"], [], [None, " "], ["b"]))
    assert [row.number for row in table.rows] == [1, 4]


PLAIN = st.text(st.characters(codec="utf-8", exclude_characters="\0\r"), max_size=20)


@given(st.lists(st.lists(PLAIN, min_size=2, max_size=5), max_size=8), st.sampled_from(",;\t"))
def test_what_python_writes_as_csv_is_read_back(rows: list[list[str]], delimiter: str) -> None:
    made = io.StringIO(newline="")
    # Headings that hold no delimiter, as nobody's do.
    csv.writer(made, delimiter=delimiter).writerows([["first", "second"], *rows])
    (table,) = read_tables(made.getvalue().encode("utf-8-sig"))
    trimmed = []
    for row in rows:
        kept = [c.strip() for c in row]
        while kept and not kept[-1]:
            kept.pop()
        trimmed += [kept] if kept else []
    assert [list(row.cells) for row in table.rows[1:]] == trimmed


def refusal(data: bytes) -> str:
    """Why a file is refused; empty when it is read."""
    try:
        tables = read_tables(data)
    except BadSheet as problem:
        return str(problem)
    return "" if all(table.rows for table in tables) else "an empty sheet"


@given(st.binary(max_size=400))
def test_whatever_comes_is_read_or_refused_with_a_sentence(data: bytes) -> None:
    assert refusal(data)[-1:] in ("", ".", "?")


@given(st.data())
def test_a_damaged_workbook_is_read_or_refused(data: st.DataObject) -> None:
    whole = bytearray(WORKBOOK)
    for _flip in range(data.draw(st.integers(1, 4))):
        whole[data.draw(st.integers(4, len(whole) - 1))] = data.draw(st.integers(0, 255))
    assert refusal(bytes(whole))[-1:] in ("", ".", "?")


def test_values_of_a_workbook_are_read_as_they_are_shown() -> None:
    def with_percent(book: Any) -> None:
        book.active["E1"] = 0.855
        book.active["E1"].number_format = "0.0%"

    data = workbook(
        [1.0, 2.5, 0.1 + 0.2, True], [date(2026, 11, 30), 10**15, "x "], change=with_percent
    )
    assert cells(data) == [
        ["1", "2.5", "0.3", "yes", "85.5%"],
        ["2026-11-30", "1000000000000000", "x"],
    ]


def test_hidden_and_empty_sheets_are_left_alone_and_others_read() -> None:
    def more(book: Any) -> None:
        book.create_sheet("Hidden").append(["no"])
        book["Hidden"].sheet_state = "hidden"
        book.create_sheet("Empty")
        book.create_sheet("Second").append(["b"])

    tables = read_tables(workbook(["a"], change=more))
    assert [t.title for t in tables] == ["Sheet", "Second"]


def bomb() -> bytes:
    return repacked(
        WORKBOOK, xl__worksheets__sheet1_xml=b"<a>" + b" " * (60 * 1024 * 1024) + b"</a>"
    )


def lying_bomb() -> bytes:
    """Says of a part that it is small."""
    data = bytearray(bomb())
    size = (60 * 1024 * 1024 + 7).to_bytes(4, "little")
    return bytes(data).replace(size, (100).to_bytes(4, "little"))


ENTITIES = b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>'
WORKBOOK = workbook(["name", "points"], ["Quiz", 20])


@pytest.mark.requirement("R63")
@pytest.mark.parametrize(
    ("data", "said"),
    [
        (bomb(), "unpacks to more"),
        (lying_bomb(), "damaged"),
        (repacked(WORKBOOK, xl__worksheets__sheet1_xml=ENTITIES), "refers to other files"),
        (repacked(WORKBOOK, xl__sharedStrings_xml=ENTITIES), "refers to other files"),
        (
            repacked(WORKBOOK, xl__styles_xml=ENTITIES.decode().encode("utf-16")),
            "written in an odd way",
        ),
        (
            repacked(WORKBOOK, xl__styles_xml=b'<?xml version="1.0" encoding="cp037"?><a/>'),
            "written in an odd way",
        ),
        (repacked(WORKBOOK, **{"xl__vbaProject.bin": b"macro"}), "holds macros"),
        (repacked(WORKBOOK, **{"[Content_Types]_xml": None}), "zip file but no spreadsheet"),
        (repacked(WORKBOOK, mimetype=b"application/vnd.oasis"), "OpenDocument"),
        (repacked(WORKBOOK, xl__workbook_xml=b"<a"), "cannot be read"),
        (WORKBOOK[:-30], "damaged"),
        (workbook(["x"], ["=1+1"]), "row 2, column A: a formula without a value"),
        (workbook(["#REF!"]), "row 1, column A: the cell says #REF!"),
        (workbook(["x"] * 201), "row 1, column GS: at most 200 columns"),
        (b"\xd0\xcf\x11\xe0" + b"\0" * 600, "old Excel file"),
        (b"%PDF-1.7", "This is a PDF"),
        (b"\0\1\2\3", "no .xlsx and no text"),
        (b"\x81\x8d", "no .xlsx and no text"),
        (b'a,b\n"x,1\n', "a quotation mark is not closed"),
        (b"a\n" * 2001, "Row 2001: at most 2,000 rows"),
        (b"x" * (MAX_CELL_CHARS + 1), "Row 1, column A: longer than 5,000"),
        ((b"y" * 4000 + b"\n") * 300, "more than 1,000,000 characters"),
        (b"", "holds no rows"),
        (b" \n;;\n", "holds no rows"),
        (b"x" * (5 * 1024 * 1024 + 1), "5.0 MB, and at most 5 MB"),
    ],
)
def test_what_is_hostile_or_no_table_is_refused(data: bytes, said: str) -> None:
    with pytest.raises(BadSheet) as refused:
        read_tables(data)
    assert said in str(refused.value)


def test_a_sheet_that_says_it_is_huge_is_read_no_further_than_the_limit() -> None:
    with zipfile.ZipFile(io.BytesIO(WORKBOOK)) as archive:
        sheet = archive.read(SHEET).decode()
    far = sheet.replace(
        "</sheetData>", '<row r="99999999999"><c r="A1"><v>1</v></c></row></sheetData>'
    )
    wide = sheet.replace('<dimension ref="A1:B2"', '<dimension ref="A1:XFD1048576"')
    assert far != sheet != wide
    with pytest.raises(BadSheet, match=r"rows beyond|cannot be read"):
        read_tables(repacked(WORKBOOK, xl__worksheets__sheet1_xml=far.encode()))
    assert cells(repacked(WORKBOOK, xl__worksheets__sheet1_xml=wide.encode()))[1] == ["Quiz", "20"]


def test_a_formula_counts_as_the_value_that_was_stored_with_it() -> None:
    with zipfile.ZipFile(io.BytesIO(WORKBOOK)) as archive:
        sheet = archive.read(SHEET).decode()
    with_formula = sheet.replace("<v>20</v>", "<f>10+10</f><v>20</v>")
    assert with_formula != sheet
    data = repacked(WORKBOOK, xl__worksheets__sheet1_xml=with_formula.encode())
    assert cells(data)[1] == ["Quiz", "20"]
