"""Whoever taught a section stays its teacher of then, whoever has their number later."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from schooltool_bridge.cli import lists
from schooltool_bridge.events import reading
from schooltool_bridge.events import receiving as events
from schooltool_bridge.hand import deciding, merging, unlinking
from schooltool_bridge.history import as_of
from schooltool_bridge.history.author import Author
from schooltool_bridge.history.finding import find_section
from schooltool_bridge.people import erasing, person_data
from schooltool_bridge.reports import history_lines, progress, section_history, section_report
from schooltool_bridge.store.model import section
from tests.helpers.school import ANNA, PUPIL, SECTION, TOM, A, B, School

ADA: dict[str, Any] = {
    "idnumber": "7", "username": "ada", "firstname": "Ada", "lastname": "L", "moodleid": 42,
}  # fmt: skip
BEN: dict[str, Any] = {
    "idnumber": "7", "username": "ben", "firstname": "Ben", "lastname": "N", "moodleid": 43,
}  # fmt: skip
TAUGHT = {**SECTION, "teacheridnumber": "7"}
ADA_ID = 1


@pytest.fixture
def school(database_url: str) -> Iterator[School]:
    """Ada, number 7, teaches Anna Algebra."""
    school = School.open(database_url, A, B)
    for event, data in (
        ("fetch_user", ADA),
        ("fetch_user", ANNA),
        ("new_section", TAUGHT),
        ("new_enrolment", PUPIL),
    ):
        school.push(event, **data)
    yield school
    school.database.close()


def author(school: School) -> Author:
    school.now += 1
    return Author("carl", school.now)


def decided(school: School, user: dict[str, Any], *, is_one: bool) -> None:
    """The peer tells of a user; a person says who that is, and what waited comes."""
    assert school.fault("fetch_user", **user)[0] == 8409
    (waiting,) = [i for i in school.inbox() if i["event"] == "fetch_user"]
    with school.database.write() as connection:
        source = school.source(None)
        read = reading.read_user(source, user)
        if is_one:
            deciding.one_person(connection, author(school), source, read, None)
        else:
            deciding.keep_apart(connection, author(school), source, read)
        events.retry(connection, source, int(waiting["id"]))


def given_to_ben(school: School) -> None:
    decided(school, BEN, is_one=False)


def cut(school: School) -> None:
    with school.database.write() as connection:
        unlinking.unlink_person(connection, author(school), ADA_ID, school.source(None).peer_id)


def teachers(school: School, at: int | None = None) -> dict[str, str]:
    """By their names, with the code; every reader of a moment says the same."""

    def read(c: Connection) -> dict[str, str]:
        found = as_of.of_section(c, find_section(c, "5"), at)
        listed = {
            (r["person"], r["code"])
            for r in lists.enrolments(c, at_unix_s=at)
            if r["role"] == "teacher"
        }  # fmt: skip - one condition
        listed_people: list[dict[str, Any]] = lists.people(c)
        people = {int(p["id"]): p for p in listed_people}
        states = {w: s.code for (w, role), s in found.enrolments.items() if role == "teacher"}
        numbers = {w: people[w]["idnumber"] or str(w) for w in states}
        assert listed == {(numbers[w], code) for w, code in states.items()}
        for pupil in as_of.of_person(c, 2, at):
            assert {w: s.code for (w, role), s in pupil.enrolments.items() if role == "teacher"} == states  # fmt: skip
        return {people[w]["firstname"]: code for w, code in states.items()}

    return school.read(read)


def said_of(school: School, at: int) -> str:
    """What reports and lists say of a day."""

    def read(c: Connection) -> dict[str, Any]:
        section_id = find_section(c, "5")
        report = section_report.read(c, section_id, at, school.now, UTC)
        return {
            "enrolments": lists.enrolments(c, at_unix_s=at),
            "sections": repr(as_of.of_sections(c, sa.select(section.c.id), at)),
            "progress": progress.as_json(progress.read(c, 2, at, school.now, UTC)),
            "teachers": [t.full_name for t in report.teachers],
        }

    return json.dumps(school.read(read), default=str)


@pytest.mark.requirement("R46", "R69", "1.1")
def test_a_number_given_to_somebody_new_changes_no_day_before(school: School) -> None:
    then = school.now
    before = said_of(school, then)
    given_to_ben(school)
    assert said_of(school, then) == before
    # Nobody said yet that somebody else teaches Algebra.
    assert teachers(school) == {"Ada": "a"}
    at = school.now
    assert school.status("new_section", **TAUGHT) == "updated"
    assert teachers(school) == {"Ada": "w", "Ben": "a"}
    assert said_of(school, then) == before
    assert teachers(school, at) == {"Ada": "a"}
    assert school.status("new_section", **TAUGHT) == "unchanged"


@pytest.mark.requirement("R46", "R69")
def test_nor_does_one_that_was_corrected_before(school: School) -> None:
    then = school.now
    school.push("fetch_user", **{**ADA, "idnumber": "8"})
    before = said_of(school, then)
    assert school.status("fetch_user", **BEN) == "created"
    assert said_of(school, then) == before
    school.push("new_section", **{**TAUGHT, "name": "Algebra II", "timemodified": school.now})
    assert teachers(school) == {"Ada": "w", "Ben": "a"}
    assert said_of(school, then) == before


@pytest.mark.requirement("R46", "1.12")
@pytest.mark.parametrize("is_one", [True, False])
def test_a_former_teacher_who_was_unlinked_is_none_again_by_the_number_alone(
    school: School, *, is_one: bool
) -> None:
    school.push("fetch_user", **TOM)
    school.push("new_section", **{**TAUGHT, "teacheridnumber": "9"})
    then, before = school.now, {"Ada": "w", "Tom": "a"}
    assert teachers(school) == before
    cut(school)
    school.push("new_section", **TAUGHT)
    assert teachers(school) == {"Ada": "w", "Tom": "w"}
    assert teachers(school, then) == before
    decided(school, ADA if is_one else BEN, is_one=is_one)
    assert school.inbox() == []
    after = {"Ada": "a", "Tom": "w"} if is_one else {"Ada": "w", "Tom": "w", "Ben": "a"}
    assert teachers(school) == after
    assert teachers(school, then) == before


@pytest.mark.requirement("1.12")
def test_an_unlinked_teacher_stays_one_until_somebody_decides(school: School) -> None:
    then = school.now
    cut(school)
    school.push("new_section", **{**TAUGHT, "name": "Algebra II"})
    assert teachers(school) == {"Ada": "a"}
    given_to_ben(school)
    assert teachers(school) == {"Ada": "w", "Ben": "a"}
    assert teachers(school, then) == {"Ada": "a"}


@pytest.mark.requirement("R39b", "R46")
def test_two_who_are_one_come_apart_with_what_each_was_named(school: School) -> None:
    school.push("fetch_user", **TOM)
    school.push("new_section", **{**TAUGHT, "teacheridnumber": "9"})
    at, apart = school.now, teachers(school)
    with school.database.write() as connection:
        merging.merge(connection, author(school), ADA_ID, 3)
    assert teachers(school) == teachers(school, at) == {"Ada": "a"}
    with school.database.write() as connection:
        merging.undo(connection, author(school), 3)
    assert teachers(school) == teachers(school, at) == apart


@pytest.mark.requirement("1.12")
def test_a_section_linked_again_names_whom_it_named(school: School) -> None:
    with school.database.write() as connection:
        unlinking.unlink_section(connection, author(school), 1)
    given_to_ben(school)
    with school.database.write() as connection:
        unlinking.link_section_again(connection, author(school), 1)
    assert teachers(school) == {"Ada": "a"}


@pytest.mark.requirement("R38", "R73")
def test_the_history_and_what_is_kept_of_them_name_each_for_what_they_did(school: School) -> None:
    given_to_ben(school)
    school.push("new_section", **TAUGHT)
    assert named(school) == ["Ada L (7)", "Ben N (7)"]
    ben = ADA_ID + 2
    assert [len(rows) for rows in school.read(lambda c: [taught(c, ADA_ID), taught(c, ben)])] == [1, 1]  # fmt: skip
    assert school.read(lambda c: len(of_one(c, ben))) == 1
    with school.database.write() as connection:
        erasing.erase(connection, author(school), ben)
    assert teachers(school) == {"Ada": "w", "Erased": "a"}
    assert named(school)[0] == "Ada L (7)"


def of_one(connection: Connection, who: int) -> list[section_history.LineKey]:
    """The lines about a teacher."""
    return section_history.line_keys(connection, 1, person_id=who, kinds=["teacher"])


def taught(connection: Connection, who: int) -> list[Any]:
    return person_data.taught_under(connection, person_data.known(connection, who))


def named(school: School) -> list[str]:
    def read(c: Connection) -> list[str]:
        keys = section_history.line_keys(c, 1, kinds=["teacher"])
        lines = history_lines.read(c, 1, keys, UTC)
        return sorted(line.after for line in lines)

    return school.read(read)
