"""Which withdrawal it was goes by the grades that count, now as on any day: "w" or "wn"."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from schooltool_bridge.hand import assessments as by_hand
from schooltool_bridge.hand import grades
from schooltool_bridge.history.author import Author
from tests.helpers.school import GRADE, NOW, PUPIL, QUIZ, School

PLACE = ("5", "1", "student")


@pytest.fixture
def withdrawn(tmp_path: Path) -> Iterator[School]:
    """Anna left Algebra with a grade for its one quiz."""
    school = School.open(f"sqlite:///{tmp_path / 's.sqlite'}").begin_term()
    school.push("new_grade", **GRADE)
    school.push("end_enrolment", sectionid="5", userid="1")
    assert codes(school) == ["w", "w"]
    yield school
    school.database.close()


def codes(school: School) -> list[str]:
    """Return what is stored, and what is folded anew as of a later moment."""
    return [school.enrolments()[PLACE], school.enrolments(at=NOW + 1_000)[PLACE]]


def test_a_grade_of_a_deleted_assessment_is_none(withdrawn: School) -> None:
    withdrawn.push("delete_assessment", idnumber=7)
    assert codes(withdrawn) == ["wn", "wn"]
    withdrawn.push("new_assessment", **QUIZ)
    assert codes(withdrawn) == ["w", "w"]


def test_whoever_leaves_after_the_assessment_was_deleted_has_no_grade(withdrawn: School) -> None:
    withdrawn.push("new_enrolment", **PUPIL)
    withdrawn.push("delete_assessment", idnumber=7)
    withdrawn.push("end_enrolment", sectionid="5", userid="1")
    assert codes(withdrawn) == ["wn", "wn"]


def test_a_late_grade_for_a_deleted_assessment_is_none(withdrawn: School) -> None:
    withdrawn.push("delete_grade", assessmentid=7, userid=1)
    withdrawn.push("delete_assessment", idnumber=7)
    withdrawn.push("new_grade", **GRADE)
    assert codes(withdrawn) == ["wn", "wn"]


def test_a_grade_of_an_assessment_deleted_by_hand_is_none(withdrawn: School) -> None:
    withdrawn.push("delete_grade", assessmentid=7, userid=1)
    author = Author("carl", withdrawn.now)
    section_id, pupil = _ids(withdrawn)
    with withdrawn.database.write() as connection:
        made = by_hand.add(connection, author, section_id, "Essay", Decimal(10))
        grades.enter(connection, author, made, pupil, Decimal(5))
    assert codes(withdrawn) == ["w", "w"]
    with withdrawn.database.write() as connection:
        by_hand.delete(connection, author, made)
    assert codes(withdrawn) == ["wn", "wn"]


def _ids(school: School) -> tuple[int, int]:
    """Our ids of the section and of Anna."""
    return int(str(school.sections()[0]["id"])), int(str(school.people()[0]["id"]))
