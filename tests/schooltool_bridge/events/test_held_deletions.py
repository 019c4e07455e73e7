"""A deletion of a grade that waits for it is applied once the grade is there, however it came."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from schooltool_bridge.hand import grades, merging
from schooltool_bridge.history.author import Author
from schooltool_bridge.store.model import assessment, person
from tests.helpers.school import GRADE, NOW, School

DELETION: dict[str, Any] = {"assessmentid": 7, "userid": 1, "timemodified": NOW + 500}
EARLIER: dict[str, Any] = {**GRADE, "timemodified": NOW + 400}
CELL = ("7", "1")


@pytest.fixture
def school(tmp_path: Path) -> Iterator[School]:
    """Nobody has a grade yet, and one is taken back."""
    made = School.open(f"sqlite:///{tmp_path / 's.sqlite'}").begin_term()
    assert made.status("delete_grade", **DELETION) == "held"
    yield made
    made.database.close()


def by_hand(school: School, *, released: bool) -> None:
    item, pupil = _ids(school)
    author = Author("carl", school.now)
    with school.database.write() as connection:
        grades.enter(connection, author, item, pupil, Decimal(5))
        if released:
            grades.release(connection, author, item, pupil)


def _ids(school: School) -> tuple[int, int]:
    with school.database.read() as connection:
        item = connection.execute(sa.select(assessment.c.id)).scalar_one()
        return item, connection.execute(sa.select(person.c.id)).scalar_one()


def test_it_is_applied_when_the_peers_grade_comes(school: School) -> None:
    school.push("new_grade", **EARLIER)
    assert (school.grades(), school.inbox()) == ({}, [])


def test_it_is_applied_though_an_entry_by_hand_made_the_cell(school: School) -> None:
    by_hand(school, released=False)
    school.push("new_grade", **EARLIER)
    assert school.inbox() == []
    assert school.grades() == {CELL: 5}, "what was entered by hand stays"


def test_it_is_applied_though_an_entry_by_hand_was_there_and_went(school: School) -> None:
    by_hand(school, released=True)
    school.push("new_grade", **EARLIER)
    assert (school.grades(), school.inbox()) == ({}, [])


def test_it_is_applied_though_a_grade_of_the_same_person_under_another_name_came(
    school: School,
) -> None:
    twin: dict[str, Any] = {
        "idnumber": 2,
        "username": "anna2",
        "firstname": "Anna",
        "lastname": "O",
    }
    school.push("fetch_user", **twin)
    with school.database.write() as connection:
        first, second = connection.execute(sa.select(person.c.id).order_by(person.c.id)).scalars()
        merging.merge(connection, Author("carl", school.now), first, second)
    school.push("new_grade", **EARLIER | {"userid": 2})
    assert [e["event"] for e in school.inbox()] == ["delete_grade"]
    school.push("new_grade", **EARLIER)
    assert school.inbox() == []
