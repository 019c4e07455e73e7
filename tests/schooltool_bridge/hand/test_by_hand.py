"""What people here write by hand, beside what a Moodle pushes, on SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa

from schooltool_bridge.cli import lists
from schooltool_bridge.common.days import iso
from schooltool_bridge.common.refusals import Refused
from schooltool_bridge.hand import assessments, enrolments, grades, people, sections
from schooltool_bridge.hand.assessments import Detail
from schooltool_bridge.hand.people import Names
from schooltool_bridge.history import as_of
from schooltool_bridge.history.author import Author
from schooltool_bridge.history.finding import find_person, find_section
from schooltool_bridge.store.model import enrolment_history, enrolment_state, grade, grade_history
from schooltool_bridge.store.model_people import person_record
from schooltool_bridge.store.model_school import category
from tests.helpers.school import ANNA, GRADE, NOW, PUPIL, A, School


@pytest.fixture
def school(database_url: str) -> Iterator[School]:
    school = School.open(database_url, A)
    school.begin_term()
    yield school
    school.database.close()


def write(school: School, function: Callable[..., Any], *arguments: Any, **more: Any) -> Any:
    why = more.pop("why", "")
    school.now += 1
    with school.database.write() as connection:
        author = Author("account head", school.now, why)
        return function(connection, author, *arguments, **more)


def ids(school: School) -> tuple[int, int, int]:
    """Our ids of Anna, Algebra and the quiz."""
    with school.database.read() as connection:
        then = as_of.of_section(connection, find_section(connection, "5"))
        return find_person(connection, "1"), then.id, then.items[0].id


def cell(school: School) -> dict[str, object]:
    with school.database.read() as connection:
        row = connection.execute(sa.select(grade)).mappings().one()
        return {name: row[name] for name in ("points", "authority", "peer_points", "excepted")}


@pytest.mark.requirement("E39")
def test_an_entry_by_hand_wins_until_it_is_released(school: School) -> None:
    anna, _section, quiz = ids(school)
    school.push("new_grade", **GRADE)
    assert write(school, grades.enter, quiz, anna, Decimal(50), why="handed in late")
    by_hand = {"points": "50", "authority": "manual", "peer_points": "62", "excepted": False}
    assert cell(school) == by_hand
    answer = school.push("new_grade", **GRADE | {"points_earned": 65})
    assert answer["status"] == "updated"
    assert "kept beside" in str(answer["message"])
    assert cell(school) == by_hand | {"peer_points": "65"}
    assert not write(school, grades.enter, quiz, anna, Decimal("50.0"))
    assert write(school, grades.release, quiz, anna)
    assert cell(school) == {
        "points": "65",
        "authority": "peer",
        "peer_points": None,
        "excepted": False,
    }  # fmt: skip - a row
    assert not write(school, grades.release, quiz, anna)


@pytest.mark.requirement("E40")
def test_no_grade_by_hand_is_not_zero_and_hides_the_peers(school: School) -> None:
    anna, _section, quiz = ids(school)
    school.push("new_grade", **GRADE)
    write(school, grades.enter, quiz, anna, None)
    assert cell(school) == {
        "points": None,
        "authority": "manual",
        "peer_points": "62",
        "excepted": False,
    }  # fmt: skip - a row
    assert school.grades() == {("7", "1"): None}


def test_who_wrote_a_grade_and_why_stays(school: School) -> None:
    anna, _section, quiz = ids(school)
    write(school, grades.enter, quiz, anna, Decimal(50), why="oral exam")
    with school.database.read() as connection:
        row = connection.execute(sa.select(grade_history)).one()
    assert (row.by_actor, row.why, row.raw_points) == ("account head", "oral exam", "50")


@pytest.mark.parametrize(
    ("points", "field"),
    [
        (Decimal(-1), "points"),
        (Decimal("NaN"), "points"),
        (Decimal("Infinity"), "points"),
        (Decimal(10) ** 12, "points"),
    ],
)
def test_points_that_are_none_are_refused(school: School, points: Decimal, field: str) -> None:
    anna, _section, quiz = ids(school)
    with pytest.raises(Refused) as refused:
        write(school, grades.enter, quiz, anna, points)
    assert refused.value.field == field
    assert school.grades() == {}


def test_only_a_student_of_the_section_is_graded(school: School) -> None:
    _anna, _section, quiz = ids(school)
    bob = write(school, people.add, Names("bob", "Bob", "B"))
    with pytest.raises(Refused, match="enrol them first"):
        write(school, grades.enter, quiz, bob, Decimal(1))
    with pytest.raises(Refused, match="There is nobody"):
        write(school, grades.enter, quiz, 999, Decimal(1))


@pytest.mark.requirement("R53")
def test_a_counselor_gives_a_withdrawal_its_code_and_note(school: School) -> None:
    anna, section, _quiz = ids(school)
    school.push("end_enrolment", sectionid="5", userid="1")
    assert school.enrolments() == {("5", "1", "student"): "wn"}
    write(school, enrolments.set_state, section, anna, "student", "wp", text="moved away")
    row = school.read(lists.enrolments)[0]
    assert (row["code"], row["note"]) == ("wp", "moved away")
    # Told again of the ending, by a full sync: the code that a person gave stands.
    school.push("end_enrolment", sectionid="5", userid="1", timemodified=school.now + 5)
    assert school.enrolments() == {("5", "1", "student"): "wp"}
    write(school, enrolments.set_state, section, anna, "student", "wp", text="moved to Dover")
    assert school.read(lists.enrolments)[0]["note"] == "moved to Dover"
    school.push("new_enrolment", sectionid="5", userid="1", role="student")
    assert school.enrolments() == {("5", "1", "student"): "a"}
    with school.database.read() as connection:
        told = connection.execute(sa.select(enrolment_history.c.by_actor)).scalars().all()
    assert told.count("account head") == 2


def test_a_state_is_written_for_a_day_before_but_not_for_tomorrow(school: School) -> None:
    anna, section, _quiz = ids(school)
    arguments = (section, anna, "student", "wf")
    with pytest.raises(Refused, match="still to come"):
        write(school, enrolments.set_state, *arguments, effective_unix_s=NOW + 10**6)
    with pytest.raises(Refused, match="no enrolment state"):
        write(school, enrolments.set_state, section, anna, "student", "x")
    when = school.now
    school.now += 86400
    write(school, enrolments.set_state, *arguments, effective_unix_s=when + 10)
    with school.database.read() as connection:
        before = lists.enrolments(connection, at_unix_s=when + 9)
        after = lists.enrolments(connection, at_unix_s=when + 10)
    assert [r["code"] for r in before] == ["a"]
    assert [r["code"] for r in after] == ["wf"]


def test_what_a_peer_says_first_is_no_repeat_of_what_was_written_by_hand(school: School) -> None:
    anna, section, _quiz = ids(school)
    when = school.now + 10
    school.now += 86400
    for code in ("a", "wf"):
        arguments = (section, anna, "student", code)
        write(school, enrolments.set_state, *arguments, effective_unix_s=when)
    again: dict[str, Any] = {**PUPIL, "timemodified": when}
    school.push("new_enrolment", **again)
    assert school.enrolments() == {("5", "1", "student"): "a"}
    assert school.status("new_enrolment", **again) == "unchanged"


@pytest.mark.requirement("R10", "R47", "R59", "R60")
def test_a_section_of_our_own_runs_like_any_other(school: School) -> None:
    section = write(school, sections.add, "Drama", idnumber="D1")
    bob = write(school, people.add, Names("bob", "Bob", "Ōquist", idnumber="77"))
    write(school, enrolments.set_state, section, bob, "student", "a")
    play = write(school, assessments.add, section, "Play", Decimal(20))
    write(school, grades.enter, play, bob, Decimal(15))
    assert school.read(lambda c: lists.grades(c, section)) == [
        {
            "assessment": str(play),
            "segment": "1",
            "name": "Play",
            "person": "77",
            "points": 15,
            "max": 20,
            "excepted": False,
            "attempt": 0,
            "authority": "manual",
            "recorded_at": iso(school.now),
            "hidden": False,
        }
    ]
    with pytest.raises(Refused, match="already"):
        write(school, sections.add, "Other", idnumber="D1")
    write(school, sections.rename, section, "Theatre")
    write(school, assessments.change, play, name="Play", points=Decimal(30), extra_credit=False)
    write(school, sections.remove, section)
    listed = {s["id"]: s for s in school.read(lists.all_sections)}
    assert (listed[str(section)]["name"], listed[str(section)]["status"]) == ("Theatre", "deleted")
    assert listed[str(section)]["peer"] is None


def test_what_a_moodle_brought_is_changed_there(school: School) -> None:
    _anna, section, quiz = ids(school)
    with pytest.raises(Refused, match="change it there"):
        write(school, sections.rename, section, "Mine")
    with pytest.raises(Refused, match="change it there"):
        write(school, assessments.delete, quiz)


def test_the_school_describes_any_assessment_from_a_moment_on(school: School) -> None:
    _anna, section, quiz = ids(school)
    with school.database.read() as connection:
        exam = connection.execute(
            sa.select(category.c.id).where(category.c.title == "Exam")
        ).scalar_one()
    before = school.now
    due = date(2026, 12, 1)
    write(school, assessments.describe, quiz, Detail("Q1", "By hand", exam, due_day=due))
    school.push("new_assessment", sectionid="5", idnumber=7, name="Quiz one", pointval=70)
    with school.database.read() as connection:
        now = as_of.of_section(connection, section).items[0]
        then = as_of.of_section(connection, section, before).items[0]
    assert (now.name, now.points, now.label, now.category_id, now.due_day) == (
        "Quiz one",
        Decimal(70),
        "Q1",
        exam,
        due,
    )  # fmt: skip - two rows
    assert (then.name, then.label, then.category_id) == ("Quiz", "", None)
    with pytest.raises(Refused, match="no category"):
        write(school, assessments.describe, quiz, Detail(category_id=999))


def test_names_corrected_by_hand_follow_no_peer_any_more(school: School) -> None:
    anna, _section, _quiz = ids(school)
    names = Names("anna", "Anna Maria", "Öquist", "1", "anna@example.org")
    assert write(school, people.change, anna, names, why="marriage")
    assert not write(school, people.change, anna, names)
    school.push("fetch_user", **ANNA | {"firstname": "Nobody"})
    person = school.people()[0]
    assert (person["firstname"], person["lastname"]) == ("Anna Maria", "Öquist")
    with school.database.read() as connection:
        row = connection.execute(sa.select(person_record)).one()
    assert row.changed["firstname"] == ["Anna", "Anna Maria"]
    assert (row.by_actor, row.why) == ("account head", "marriage")


@pytest.mark.parametrize(
    ("names", "field"),
    [
        (Names("ANNA", "B", "B"), "username"),
        (Names("bob", "B", "B", idnumber="1"), "idnumber"),
        (Names("", "B", "B"), "username"),
        (Names("bob", " ", "B"), "firstname"),
        (Names("bob", "B", "B" * 1334), "lastname"),
        (Names("bob", "B\x00", "B"), "firstname"),
        (Names("bob", "B", "B", idnumber="#4"), "idnumber"),
    ],
)
def test_a_person_who_cannot_be_is_refused(school: School, names: Names, field: str) -> None:
    with pytest.raises(Refused) as refused:
        write(school, people.add, names)
    assert refused.value.field == field
    assert len(school.people()) == 1


def test_a_state_of_the_schools_own_that_means_active_is_ended_like_any(school: School) -> None:
    anna, section, _quiz = ids(school)
    with school.database.write() as connection:
        connection.execute(
            sa.insert(enrolment_state).values(code="au", meaning="active", title="Auditing")
        )
    write(school, enrolments.set_state, section, anna, "student", "au")
    assert school.enrolments() == {("5", "1", "student"): "au"}
    school.push("end_enrolment", sectionid="5", userid="1")
    assert school.enrolments() == {("5", "1", "student"): "wn"}
    then = school.read(lambda c: as_of.of_section(c, section, school.now - 1))
    assert then.enrolments[anna, "student"].code == "au"
    assert then.enrolments[anna, "student"].holds
