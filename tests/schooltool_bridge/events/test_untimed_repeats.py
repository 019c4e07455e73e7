"""Events without a time that repeat or wait: the later arrival wins all the same."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
import sqlalchemy as sa

from schooltool_bridge.hand import grades, merging
from schooltool_bridge.history.author import Author
from schooltool_bridge.store.model import assessment, person
from tests.helpers.school import ANNA, GRADE, QUIZ, SECTION, TOM, School


@pytest.fixture
def school(tmp_path: Path) -> Iterator[School]:
    made = School.open(f"sqlite:///{tmp_path / 's.sqlite'}")
    yield made
    made.database.close()


def test_a_teacher_who_arrives_does_not_bring_a_former_name_of_the_section_back(
    school: School,
) -> None:
    school.push("new_section", **SECTION, teacheridnumber=9)
    school.push("new_section", **SECTION | {"name": "Algebra II"}, teacheridnumber=9)
    school.push("fetch_user", **TOM)
    (section,) = school.sections()
    assert (section["name"], section["teachers"]) == ("Algebra II", ["9"])
    assert school.inbox() == []


def test_a_teacher_who_arrives_late_is_not_put_before_their_successor(school: School) -> None:
    school.push("fetch_user", **ANNA)
    school.push("new_section", **SECTION, teacheridnumber=9)
    school.push("new_section", **SECTION | {"name": "Algebra II"}, teacheridnumber=1)
    school.push("fetch_user", **TOM)
    (section,) = school.sections()
    assert (section["name"], section["teachers"]) == ("Algebra II", ["1"])


def test_a_deleted_section_stays_deleted_when_its_teacher_arrives(school: School) -> None:
    school.push("new_section", **SECTION, teacheridnumber=9)
    school.push("delete_section", idnumber=5)
    school.push("fetch_user", **TOM)
    assert [s["status"] for s in school.sections()] == ["deleted"]


def test_of_what_waits_the_last_arrival_counts_also_when_it_says_what_the_first_said(
    school: School,
) -> None:
    for points in (62, 40, 62):
        school.push("new_grade", **GRADE | {"points_earned": points})
        school.now -= 1  # all in the same second
    for event, data in (("fetch_user", ANNA), ("new_section", SECTION), ("new_assessment", QUIZ)):
        school.push(event, **data)
    assert school.grades() == {("7", "1"): 62}
    assert school.inbox() == []


def test_within_one_second_the_last_word_counts_also_when_it_says_what_the_first_said(
    school: School,
) -> None:
    school.begin_term()
    for one in ({"name": "Botany"}, {"name": "Algebra"}, {"name": "Botany"}):
        school.push("new_section", **SECTION | one)
        school.now -= 1  # all in the same second
    for one in ({"name": "Essay"}, {"name": "Quiz"}, {"name": "Essay"}):
        school.push("new_assessment", **QUIZ | one)
        school.now -= 1
    for first in ("Hanna", "Anna", "Hanna"):
        school.push("fetch_user", **ANNA | {"firstname": first})
        school.now -= 1
    assert [s["name"] for s in school.sections()] == ["Botany"]
    assert [p["firstname"] for p in school.people()] == ["Hanna"]
    with school.database.read() as connection:
        assert connection.execute(sa.select(assessment.c.name)).scalars().all() == ["Essay"]


def test_within_one_second_a_section_that_is_deleted_twice_is_deleted(school: School) -> None:
    school.push("new_section", **SECTION)
    for event, said in (("delete_section", {}), ("new_section", SECTION), ("delete_section", {})):
        school.push(event, **{"idnumber": 5, **said})
        school.now -= 1
    assert [s["status"] for s in school.sections()] == ["deleted"]


def test_what_is_sent_again_and_again_while_it_waits_is_kept_once(school: School) -> None:
    for _attempt in range(3):
        school.push("new_grade", **GRADE)
    assert [e["event"] for e in school.inbox()] == ["new_grade"]


@pytest.mark.parametrize("is_merged", [False, True])
def test_a_repeated_grade_is_unchanged_beside_an_entry_by_hand(
    school: School, *, is_merged: bool
) -> None:
    school.begin_term()
    if is_merged:
        merge_a_twin(school)
    assert school.status("new_grade", **GRADE) == "created"
    with school.database.write() as connection:
        item = connection.execute(sa.select(assessment.c.id)).scalar_one()
        pupil = connection.execute(sa.select(sa.func.min(person.c.id))).scalar_one()
        grades.enter(connection, Author("carl", school.now + 1), item, pupil, Decimal(5))
    school.now += 1
    rows = school.counts()
    assert school.status("new_grade", **GRADE) == "unchanged"
    assert school.counts() == rows


def merge_a_twin(school: School) -> None:
    school.push("fetch_user", **ANNA | {"idnumber": 2, "username": "anna2"})
    with school.database.write() as connection:
        first, second = connection.execute(sa.select(person.c.id).order_by(person.c.id)).scalars()
        merging.merge(connection, Author("carl", school.now), first, second)
