"""What a student has reached: sums, weights, what is left out, and how marks are written."""

from __future__ import annotations

from datetime import UTC, date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mnet.language import plain
from schooltool_bridge.history.averages import (
    Score,
    ScoreSystem,
    idle_extra_credit,
    is_before,
    number,
    percent_of,
)
from schooltool_bridge.history.cells import PEER
from schooltool_bridge.history.snapshot import Entry, Item, SectionSnapshot

EXAM, HOMEWORK = 1, 2


def item(number: int, points: int, category: int | None = None, *, extra: bool = False) -> Item:
    return Item(
        number,
        str(number),
        f"Item {number}",
        Decimal(points),
        extra,
        "",
        False,
        False,
        None,
        100,
        category_id=category,
    )  # fmt: skip - in the order of the fields


def entry(points: str | None, *, excepted: bool = False) -> Entry:
    value = None if points is None else Decimal(points)
    return Entry(value, excepted, 1, PEER, 100, 100)


def section(
    *cells: tuple[Item, Entry | None], weights: dict[int, Decimal] | None = None
) -> SectionSnapshot:
    return SectionSnapshot(
        1,
        "5",
        "1",
        "Algebra",
        False,
        None,
        None,
        None,
        items=[i for i, _e in cells],
        entries={(i.id, 7): e for i, e in cells if e is not None},
        weights=weights or {},
        joined={7: 1_000},
    )  # fmt: skip - a section


@pytest.mark.requirement("E41")
@pytest.mark.parametrize(
    ("cells", "percent"),
    [
        ([], None),
        ([(item(1, 10), None)], None),
        ([(item(1, 10), entry("5"))], "50"),
        ([(item(1, 10), entry("5")), (item(2, 30), entry("30"))], "87.5"),
        ([(item(1, 10), entry("0")), (item(2, 10), None)], "0"),
        ([(item(1, 10), entry("10")), (item(2, 10), entry(None))], "100"),
        ([(item(1, 10), entry("5")), (item(2, 90), entry("0", excepted=True))], "50"),
        ([(item(1, 10), entry("12"))], "120"),
        ([(item(1, 10), entry("9")), (item(2, 5, extra=True), entry("2"))], "110"),
        ([(item(2, 5, extra=True), entry("2"))], None),
        ([(item(1, 3), entry("1"))], "33.33"),
        ([(item(1, 0), entry("0"))], None),
    ],
)
def test_points_reached_of_points_possible(
    cells: list[tuple[Item, Entry | None]], percent: str | None
) -> None:
    expected = None if percent is None else Decimal(percent)
    assert percent_of(section(*cells), 7) == expected


def test_weights_count_among_categories_that_are_graded() -> None:
    cells = [(item(1, 10, EXAM), entry("5")), (item(2, 100, HOMEWORK), entry("100"))]
    weights = {EXAM: Decimal(3), HOMEWORK: Decimal(1)}
    assert percent_of(section(*cells, weights=weights), 7) == Decimal("62.5")
    assert percent_of(section(cells[0], weights=weights), 7) == Decimal(50)
    unsorted = (item(3, 10), entry("0"))
    assert percent_of(section(*cells, unsorted, weights=weights), 7) == Decimal("62.5")
    assert percent_of(section(unsorted, weights=weights), 7) is None


@given(
    st.lists(st.tuples(st.integers(1, 100), st.integers(0, 100)), min_size=1, max_size=8),
    st.integers(1, 50),
)
def test_equal_weights_of_one_category_change_nothing(
    marks: list[tuple[int, int]], weight: int
) -> None:
    cells = [
        (item(n, most, EXAM), entry(str(min(got, most)))) for n, (most, got) in enumerate(marks)
    ]
    weighted = section(*cells, weights={EXAM: Decimal(weight)})
    assert percent_of(weighted, 7) == percent_of(section(*cells), 7)


LETTERS = ScoreSystem(
    1,
    "Letters",
    "values",
    (
        Score("A", Decimal(95), Decimal(90), passes=True),
        Score("B", Decimal(85), Decimal(80), passes=True),
        Score("F", Decimal(50), Decimal(0), passes=False),
    ),
)


@pytest.mark.parametrize(
    ("percent", "mark"),
    [("120", "A"), ("90", "A"), ("89.99", "B"), ("79.99", "F"), ("0", "F"), ("-5", "F")],
)
def test_a_percentage_makes_a_mark(percent: str, mark: str) -> None:
    assert LETTERS.mark(Decimal(percent)) == mark


def test_a_mark_means_a_percentage() -> None:
    assert LETTERS.percent(" b ") == Decimal(85)
    assert LETTERS.percent("E") is None
    assert LETTERS.mark(None) == ""
    assert ScoreSystem(2, "Percent", "percent").mark(Decimal("62.50")) == "62.5 %"


def test_what_was_due_before_a_student_came_is_told_apart() -> None:
    due = item(1, 10)
    assert is_before(section((due, None)), due, 7, UTC)
    assert not is_before(section((due, entry("3"))), due, 7, UTC)
    assert not is_before(section((due, None)), due, 8, UTC)
    later = Item(**{n: getattr(due, n) for n in Item.__slots__} | {"due_day": date(1970, 1, 2)})
    assert not is_before(section((later, None)), later, 7, UTC)


def test_extra_credit_alone_in_its_category_is_known_to_add_nothing() -> None:
    exam = (item(1, 10, EXAM), entry("8"))
    bonus = (item(2, 5, HOMEWORK, extra=True), entry("4"))
    weights = {EXAM: Decimal(60), HOMEWORK: Decimal(40)}
    assert percent_of(section(exam, bonus, weights=weights), 7) == 80
    assert idle_extra_credit(section(exam, bonus, weights=weights), 7) == {HOMEWORK}
    homework = (item(3, 10, HOMEWORK), entry("5"))
    assert idle_extra_credit(section(exam, bonus, homework, weights=weights), 7) == set()
    ungraded = (item(3, 10, HOMEWORK), None)
    assert idle_extra_credit(section(exam, bonus, ungraded, weights=weights), 7) == {HOMEWORK}
    # Without weights every point counts, extra credit too; a category without weight never does.
    assert idle_extra_credit(section(exam, bonus), 7) == set()
    assert idle_extra_credit(section(exam, bonus, weights={EXAM: Decimal(1)}), 7) == set()


@pytest.mark.parametrize("text", ["-0", "-0.00", "0", "0.000", "-0E+3"])
def test_nothing_has_no_sign(text: str) -> None:
    assert plain(Decimal(text)) == number(Decimal(text)) == "0"
    assert percent_of(section((item(1, 30_000), entry("-1"))), 7) == 0
    assert plain(percent_of(section((item(1, 30_000), entry("-1"))), 7) or Decimal("-0.00")) == "0"
