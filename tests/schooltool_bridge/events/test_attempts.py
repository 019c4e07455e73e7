"""A grade without a number belongs to the attempt that had begun by then, in whatever order."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.school import GRADE, NOW, School


@pytest.fixture
def term(tmp_path: Path) -> Iterator[School]:
    school = School.open(f"sqlite:///{tmp_path / 's.sqlite'}").begin_term()
    school.now += 1000
    yield school
    school.database.close()


def graded(points: float | None, second: int, **more: Any) -> dict[str, Any]:
    return {**GRADE, "points_earned": points, "timemodified": NOW + second, "seq": second, **more}


def cell(school: School, at: int | None = None) -> Any:
    """What counts as the gradebook says, now or as of a moment."""
    found = school.grades(at=at)
    return found.get(("7", "1"), "nothing")


@pytest.mark.requirement("R72", "R73", "R74")
def test_a_teachers_override_of_attempt_2_counts(term: School) -> None:
    term.push("new_grade", **graded(50, 100, attempt_num=1))
    term.push("new_grade", **graded(55, 200, attempt_num=2))
    assert term.status("new_grade", **graded(61, 300)) == "updated"
    assert (cell(term), cell(term, NOW + 300), cell(term, NOW + 299)) == (61, 61, 55)
    assert term.status("new_grade", **graded(61, 300)) == "unchanged"
    # A third attempt begins anew.
    term.push("new_grade", **graded(40, 400, attempt_num=3))
    assert (cell(term), cell(term, NOW + 300)) == (40, 61)


@pytest.mark.requirement("R72", "R73")
def test_a_fresh_attempt_after_a_course_was_reset_counts_and_the_old_ones_stay(
    term: School,
) -> None:
    """Our plugin counts on from the highest there was, and tells nothing of the reset itself."""
    for attempt, points in ((1, 50), (2, 55), (3, 60)):
        term.push("new_grade", **graded(points, 100 * attempt, attempt_num=attempt))
    term.push("new_grade", **graded(20, 900, attempt_num=4))
    assert [cell(term, NOW + at) for at in (300, 899, 900)] == [60, 60, 20]
    assert cell(term) == 20


@pytest.mark.requirement("R72", "R73", "R74")
def test_it_counts_in_whatever_order_they_arrive(tmp_path: Path) -> None:
    told = [
        graded(50, 100, attempt_num=1),
        graded(48, 150),
        graded(55, 200, attempt_num=2),
        graded(61, 300),
        graded(57, 250, attempt_num=2),
    ]
    for number, order in enumerate(itertools.permutations(told)):
        school = School.open(f"sqlite:///{tmp_path / f'{number}.sqlite'}").begin_term()
        school.now += 1000
        for data in order:
            school.push("new_grade", **data)
        asked = [cell(school, NOW + second) for second in (100, 150, 200, 250, 300)]
        assert (cell(school), asked) == (61, [50, 48, 55, 57, 61])
        school.database.close()


def test_without_any_number_it_is_the_first_attempt(term: School) -> None:
    term.push("new_grade", **graded(50, 100))
    term.push("new_grade", **graded(55, 200, attempt_num=2))
    assert cell(term) == 55
    # An older event tells that attempt 2 had begun before: what came without a number was of it.
    term.push("new_grade", **graded(30, 50, attempt_num=2))
    assert (cell(term), cell(term, NOW + 100), cell(term, NOW + 60)) == (55, 50, 30)


@pytest.mark.requirement("R72", "R73", "R74")
def test_a_cleared_attempt_leaves_the_cell_cleared(term: School) -> None:
    term.push("new_grade", **graded(50, 100, attempt_num=1))
    term.push("new_grade", **graded(55, 200, attempt_num=2))
    term.push("new_grade", **graded(None, 300))
    assert (cell(term), cell(term, NOW + 300)) == (None, None)
    term.push("new_grade", **graded(45, 250, attempt_num=1))
    assert cell(term) is None
    term.push("new_grade", **graded(52, 400))
    assert cell(term) == 52


def test_attempts_may_be_counted_from_nought(term: School) -> None:
    term.push("new_grade", **graded(50, 100, attempt_num=0))
    term.push("new_grade", **graded(55, 200))
    term.push("new_grade", **graded(57, 300, attempt_num=0))
    assert cell(term) == 57
