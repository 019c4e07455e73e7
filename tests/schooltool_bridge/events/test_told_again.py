"""What is told again changes nothing; by a full sync it adds nothing to the history either."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from schooltool_bridge.store import model
from tests.helpers.school import ANNA, GRADE, NOW, PUPIL, QUIZ, SECTION, School

HISTORIES = (
    model.person_history,
    model.section_history,
    model.enrolment_history,
    model.assessment_history,
    model.grade_history,
)
STORY: tuple[tuple[str, dict[str, Any]], ...] = (
    ("fetch_user", ANNA),
    ("new_section", SECTION),
    ("new_enrolment", PUPIL),
    ("new_assessment", QUIZ),
    ("new_grade", GRADE),
)


@pytest.fixture
def school(tmp_path: Path) -> Iterator[School]:
    made = School.open(f"sqlite:///{tmp_path / 's.sqlite'}")
    for seq, (event, data) in enumerate(STORY, start=1):
        made.push(event, **data, timemodified=NOW, seq=seq)
    yield made
    made.database.close()


def rows(school: School) -> list[int]:
    with school.database.read() as connection:
        return [
            connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()
            for table in HISTORIES
        ]


@pytest.mark.requirement("R82")
@pytest.mark.parametrize("again", [{}, {"seq": 0}], ids=["without a number", "0"])
def test_told_again_without_a_number_of_its_own(school: School, again: dict[str, Any]) -> None:
    before = rows(school)
    assert before == [1] * len(HISTORIES)
    for event, data in STORY:
        answer = school.push(event, **data, timemodified=NOW, **again)
        assert answer["status"] == "unchanged"
    assert rows(school) == before


@pytest.mark.requirement("R82", "1.3")
def test_told_again_with_a_number_of_its_own_changes_nothing(school: School) -> None:
    """As our plugin's "Send everything again" does: a word more in the history, and no more."""
    before = what_holds(school)
    for seq, (event, data) in enumerate(STORY, start=20):
        answer = school.push(event, **data, timemodified=NOW, seq=seq)
        assert answer["status"] == "unchanged", event
    assert what_holds(school) == before


def what_holds(school: School) -> dict[str, Any]:
    return {name: rows for name, rows in school.dump().items() if name != "history"}


CHANGED: tuple[tuple[str, dict[str, Any]], ...] = (
    ("fetch_user", ANNA | {"firstname": "Anne"}),
    ("new_section", SECTION | {"teacheridnumber": 1}),
    ("new_enrolment", PUPIL | {"status": "suspended"}),
    ("new_assessment", QUIZ | {"pointval": 67}),
    ("new_grade", GRADE | {"points_earned": 61}),
)


@pytest.mark.requirement("R82", "1.3")
@pytest.mark.parametrize(("event", "changed"), CHANGED, ids=[event for event, _ in CHANGED])
def test_what_was_missed_in_the_second_of_an_event_is_repaired_by_a_number_of_its_own(
    school: School, event: str, changed: dict[str, Any]
) -> None:
    """Such as points counted otherwise by another setting, which leaves no time in Moodle's row."""
    assert school.status(event, **changed, timemodified=NOW, seq=20) == "updated"
    assert school.status(event, **changed, timemodified=NOW, seq=20) == "unchanged"


def test_a_new_number_is_a_new_word(school: School) -> None:
    school.push("new_grade", **GRADE | {"points_earned": 5}, timemodified=NOW, seq=9)
    school.push("new_grade", **GRADE, timemodified=NOW, seq=10)
    assert rows(school)[-1] == 3


def test_what_nobody_said_in_that_second_is_kept_though_it_comes_first_in_it(
    school: School,
) -> None:
    answer = school.push("new_grade", **GRADE | {"points_earned": 5}, timemodified=NOW, seq=0)
    assert answer["status"] == "unchanged"
    assert rows(school)[-1] == 2
