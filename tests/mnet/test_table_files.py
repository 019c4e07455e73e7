"""Tables as files: text stays text in every spreadsheet, and comes back as it was."""

from __future__ import annotations

import csv
import io
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import load_workbook

from mnet.table_files import Cell, as_csv, as_xlsx

FORMULAS = ("=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", '=HYPERLINK("http://a")')
# What both kinds of file hold as it is.
WRITABLE = st.text(st.characters(exclude_categories=["C"], exclude_characters="\xa0"), max_size=40)


def from_csv(made: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(made.decode("utf-8-sig"), newline="")))


def from_xlsx(made: bytes) -> list[list[Any]]:
    sheet = load_workbook(io.BytesIO(made)).worksheets[0]
    return [list(row) for row in sheet.iter_rows()]


@pytest.mark.parametrize("text", FORMULAS)
def test_what_looks_like_a_formula_is_text(text: str) -> None:
    heads, row = [text], [text]
    assert all(cell == "'" + text for (cell,) in from_csv(as_csv(heads, [row])))
    for (cell,) in from_xlsx(as_xlsx("People", heads, [row])):
        assert (cell.data_type, cell.value.strip()) == ("s", text.strip())


@settings(max_examples=50)
@given(st.lists(st.tuples(st.just("x"), WRITABLE), max_size=5))
def test_text_comes_back_as_it_was(rows: list[tuple[str, str]]) -> None:
    read = from_csv(as_csv(["a", "b"], rows))[1:]
    assert [[c[1:] if c[:2] in {"'=", "'+", "'-", "'@"} else c for c in row] for row in read] == [
        list(row) for row in rows
    ]
    cells = from_xlsx(as_xlsx("x", ["a", "b"], rows))[1:]
    assert [[c.value or "" for c in row] for row in cells] == [list(row) for row in rows]


# As the school's clock shows it.
MOMENT = datetime(2026, 3, 1, 8, 5, tzinfo=UTC).replace(tzinfo=None)


def test_numbers_and_days_are_such_and_a_minus_is_no_formula() -> None:
    row: list[Cell] = [-3, Decimal("-0.50"), date(2026, 3, 1), MOMENT, None]
    heads = ["a", "b", "c", "d", "e"]
    assert from_csv(as_csv(heads, [row]))[1] == [
        "-3",
        "-0.5",
        "1 Mar 2026",
        "1 Mar 2026, 08:05",
        "",
    ]
    cells = from_xlsx(as_xlsx("x", heads, [row]))[1]
    assert [c.value for c in cells] == [
        -3, -0.5, MOMENT.replace(hour=0, minute=0), MOMENT, None,
    ]  # fmt: skip
    assert [c.data_type for c in cells] == ["n", "n", "d", "d", "n"]


def test_a_workbook_takes_any_title_and_any_text() -> None:
    long = "\x00\x0b\ud800" + "a" * 40_000
    made = as_xlsx("[a]:*?/\\'" + "b" * 40, ["x"], [[long]])
    book = load_workbook(io.BytesIO(made))
    assert len(book.sheetnames[0]) == 31
    (cell,) = from_xlsx(made)[1]
    assert cell.value.strip() == "a" * (32_767 - 3)
