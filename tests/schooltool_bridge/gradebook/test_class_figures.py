"""Average and median of a class: who counts, and how they are written."""

from __future__ import annotations

from decimal import Decimal

import pytest

from mnet.language import speaking
from schooltool_bridge.gradebook import class_figures, marks
from schooltool_bridge.gradebook.class_figures import Figures
from schooltool_bridge.gradebook.grid import Cell, Column, Row
from schooltool_bridge.gradebook.marks import Mark
from schooltool_bridge.history.averages import Score, ScoreSystem
from schooltool_bridge.history.snapshot import Item

LETTERS = ScoreSystem(
    1, "Letters", "values", [Score("A", Decimal(95), Decimal(90), True), Score("B", Decimal(85), Decimal(0), True)]
)  # fmt: skip
EXCUSED = Mark(None, is_excused=True)


def column(number: int, system: ScoreSystem | None = None) -> Column:
    item = Item(
        number, str(number), f"Item {number}", Decimal(20), False, "", False, False, None, 1
    )
    return Column(item, system, "")


def row(who: int, share: str, *cells: Mark, before: bool = False) -> Row:
    made = [
        Cell(n, who, "", "", mark=mark, is_before=before and n == 1) for n, mark in enumerate(cells, 1)
    ]  # fmt: skip
    return Row(who, str(who), "", "", made, Decimal(share) if share else None)


def points(text: str) -> Mark:
    return Mark(Decimal(text))


def test_what_is_excused_missing_or_before_enrolment_does_not_count() -> None:
    rows = [
        row(1, "50", points("10"), points("20"), marks.NO_GRADE),
        row(2, "75.5", points("20"), EXCUSED, marks.NO_GRADE),
        row(3, "100", points("0"), points("18"), marks.NO_GRADE, before=True),
        row(4, "", marks.NO_GRADE, points("17"), marks.NO_GRADE),
    ]
    columns = [column(1), column(2, LETTERS), column(3)]
    assert class_figures.of_class(columns, rows) == [
        Figures("Average", "75.17 %", ["15", "A", ""]),
        Figures("Median", "75.5 %", ["15", "A", ""]),
    ]


@pytest.mark.parametrize("rows", [[], [row(1, "", marks.NO_GRADE), row(2, "", EXCUSED)]])
def test_a_class_without_a_grade_has_no_figures(rows: list[Row]) -> None:
    assert class_figures.of_class([column(1)], rows) == []


def test_figures_are_written_as_the_language_does() -> None:
    rows = [row(n, "33.33", points(p)) for n, p in ((1, "1"), (2, "2"), (3, "2"), (4, "2"))]
    with speaking("de"):
        average, median = class_figures.of_class([column(1)], rows)
    assert average.cells == ["1,75"]
    assert median.cells == ["2"]
    assert "33,33" in average.percent
