"""A section made here and one that a Moodle brought are one: what people see, and back again."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa

from peers import audit
from schooltool_bridge.common.refusals import Refused
from schooltool_bridge.hand import assessments, enrolments, grades, joining_sections, sections
from schooltool_bridge.hand.joining_plan import Plan
from schooltool_bridge.history import as_of, rows
from schooltool_bridge.history.author import Author
from schooltool_bridge.history.snapshot import SectionSnapshot
from schooltool_bridge.store.model import person
from schooltool_bridge.store.model import section as section_table
from tests.helpers.school import ANNA, GRADE, PUPIL, QUIZ, SECTION, TOM, A, B, School

BEA = {"idnumber": "11", "username": "bea", "firstname": "Bea", "lastname": "B"}
CARL = {"idnumber": "12", "username": "carl", "firstname": "Carl", "lastname": "C"}
OURS, THEIRS = 1, 2
# Made by hand in ours; the Moodle's.
OWN_QUIZ, ESSAY, THEIR_QUIZ = 1, 2, 3


@pytest.fixture
def school(database_url: str) -> Iterator[School]:
    """Algebra by hand, with Anna and Bea; the Moodle's, with Anna, Tom and a teacher, Carl."""
    school = School.open(database_url, A, B)
    for who in (ANNA, TOM, BEA, CARL):
        school.push("fetch_user", A, **who)
    with school.database.write() as connection:
        author = head(school)
        assert sections.add(connection, author, "Algebra I", idnumber="5", segment="1") == OURS
        for name in ("anna", "bea"):
            enrolments.set_state(connection, author, OURS, who_is(connection, name), "student", "a")
        assert assessments.add(connection, author, OURS, "Quiz", Decimal(20)) == OWN_QUIZ
        assert assessments.add(connection, author, OURS, "Essay", Decimal(10)) == ESSAY
        for item, name, points in (
            (OWN_QUIZ, "anna", 15),
            (OWN_QUIZ, "bea", 10),
            (ESSAY, "bea", 9),
        ):
            grades.enter(connection, author, item, who_is(connection, name), Decimal(points))
    assert school.push("new_section", A, **SECTION, teacheridnumber="12")["id"] == str(THEIRS)
    for number in ("1", "9"):
        school.push("new_enrolment", A, **PUPIL | {"userid": number})
    assert school.push("new_assessment", A, **QUIZ)["id"] == str(THEIR_QUIZ)
    school.push("new_grade", A, **GRADE)
    school.push("new_grade", A, **GRADE | {"userid": "9", "points_earned": 34})
    yield school
    school.database.close()


def head(school: School, why: str = "") -> Author:
    school.now += 1
    return Author("head", school.now, why)


def who_is(connection: sa.Connection, username: str) -> int:
    wanted = sa.select(person.c.id).where(person.c.username == username)
    return int(connection.execute(wanted).scalar_one())


def join(school: School, ours: int = OURS, theirs: int = THEIRS) -> list[Plan]:
    author = head(school, "the same class")
    with school.database.write() as connection:
        return joining_sections.join(connection, author, ours, theirs)


def take_apart(school: School, section_id: int = OURS) -> joining_sections.Apart:
    author = head(school)
    with school.database.write() as connection:
        return joining_sections.take_apart(connection, author, section_id)


def section(school: School, section_id: int, at: int | None = None) -> SectionSnapshot:
    return school.read(lambda connection: as_of.of_section(connection, section_id, at))


def told(school: School, at: int | None = None) -> dict[str, Any]:
    """All sections by name: who is in them as what, and the points of everybody."""
    with school.database.read() as connection:
        found = as_of.of_sections(connection, sa.select(section_table.c.id), at)
        rows = connection.execute(sa.select(person.c.id, person.c.username))
        names = {row.id: row.username for row in rows}
    return {
        f"{s.id} {s.name}": (
            {f"{names[who]} {role}": state.code for (who, role), state in s.enrolments.items()},
            {
                item.name: {
                    names[who]: (str(e.points), e.authority)
                    for (of, who), e in s.entries.items()
                    if of == item.id
                }
                for item in s.items
            },
        )
        for s in found
        if s.enrolments or s.items
    }


BEFORE = {
    "1 Algebra I": (
        {"anna student": "a", "bea student": "a"},
        {
            "Quiz": {"anna": ("15", "manual"), "bea": ("10", "manual")},
            "Essay": {"bea": ("9", "manual")},
        },
    ),
    "2 Algebra": (
        {"anna student": "a", "tom student": "a", "carl teacher": "a"},
        {"Quiz": {"anna": ("62", "peer"), "tom": ("34", "peer")}},
    ),
}
JOINED = {
    "1 Algebra I": (
        {
            "anna student": "a",
            "bea student": "a",
            "tom student": "a",
            "carl teacher": "a",
        },
        {
            "Essay": {"bea": ("9", "manual")},
            "Quiz": {"anna": ("51", "manual"), "bea": ("34", "manual"), "tom": ("34", "peer")},
        },
    )
}


@pytest.mark.requirement("1.4", "1.5")
def test_people_see_one_section_from_then_on_and_yesterday_stays(school: School) -> None:
    assert told(school) == BEFORE
    before, listed = school.now, school.enrolments(school.now)
    (plan,) = join(school)
    assert [(c.role, c.before, c.after) for c in plan.changes] == [
        ("student", None, "a"),
        ("teacher", None, "a"),
    ]
    (shared,) = plan.shared
    assert (shared.name, f"{shared.points_before}/{shared.points_after}") == ("Quiz", "20/68")
    assert told(school) == JOINED
    assert told(school, school.now) == JOINED
    assert told(school, before) == BEFORE
    assert [(s["name"], s["peer"]) for s in school.sections()] == [("Algebra I", None)]
    assert set(school.enrolments()) == {
        ("5", "1", "student"), ("5", "11", "student"), ("5", "9", "student"), ("5", "12", "teacher")
    }  # fmt: skip
    assert school.enrolments(before) == listed
    entry = school.read(lambda connection: audit.entries(connection)[0])
    assert (entry.action, entry.subject) == ("sections joined", "section 1")


@pytest.mark.requirement("1.4")
def test_what_the_moodle_says_later_stands_in_ours(school: School) -> None:
    join(school)
    dan = {"idnumber": "13", "username": "dan", "firstname": "Dan", "lastname": "D"}
    school.push("fetch_user", A, **dan)
    school.push("new_enrolment", A, **PUPIL | {"userid": "13"})
    school.push("end_enrolment", A, sectionid="5", userid="9")
    school.push("new_assessment", A, **QUIZ | {"idnumber": 8, "name": "Test"})
    school.push("new_grade", A, assessmentid=8, userid="13", points_earned=5)
    school.push("new_section", A, **SECTION, teacheridnumber="9")
    people, items = told(school)["1 Algebra I"]
    assert people == {
        "anna student": "a", "bea student": "a", "tom student": "w", "dan student": "a",
        "carl teacher": "w", "tom teacher": "a",
    }  # fmt: skip
    assert items["Test"] == {"dan": ("5", "peer")}
    stored = school.enrolments()
    assert stored["5", "9", "student"] == "w", "he has a grade"
    assert stored["5", "13", "student"] == "a"
    assert (stored["5", "12", "teacher"], stored["5", "9", "teacher"]) == ("w", "a")


def test_whose_word_is_the_latest_counts_as_in_a_moodles_own_section(school: School) -> None:
    with school.database.write() as connection:
        author, anna = head(school), who_is(connection, "anna")
        enrolments.set_state(connection, author, OURS, anna, "student", "wf", text="moved away")
    join(school)
    assert school.enrolments()["5", "1", "student"] == "wf"
    assert section(school, OURS).enrolments[1, "student"].note == "moved away"
    school.push("new_enrolment", A, **PUPIL | {"timemodified": school.now})
    assert school.enrolments()["5", "1", "student"] == "a"


def test_an_event_that_was_delayed_is_applied_and_leaves_our_yesterday(school: School) -> None:
    before = school.now
    join(school)
    ours = section(school, OURS, before)
    school.push("new_assessment", A, **QUIZ | {"name": "Quiz 1", "timemodified": before - 1})
    school.push("new_assessment", A, sectionid="5", idnumber=9, name="Old", pointval=3,
                timemodified=before - 1)  # fmt: skip
    assert section(school, OURS, before) == ours
    names = {item.name for item in section(school, OURS).items}
    assert names == {"Essay", "Quiz 1", "Old"}
    assert "Old" in {item.name for item in section(school, THEIRS, before).items}


def test_an_item_of_one_name_that_arrives_later_is_adopted(school: School) -> None:
    join(school)
    answer = school.push("new_assessment", A, sectionid="5", idnumber=9, name="Essay", pointval=10)
    assert answer["status"] == "updated"
    _people, items = told(school)["1 Algebra I"]
    assert items["Essay"] == {"bea": ("9", "manual")}
    assert school.inbox() == []
    school.push("new_grade", A, assessmentid=9, userid="11", points_earned=2)
    assert told(school)["1 Algebra I"][1]["Essay"] == {"bea": ("9", "manual")}


def test_one_of_another_worth_asks(school: School) -> None:
    join(school)
    school.push("new_assessment", A, sectionid="5", idnumber=9, name="Essay", pointval=20)
    assert told(school)["1 Algebra I"][1]["Essay"] == {"bea": ("18", "manual")}
    (row,) = school.inbox("conflict")
    assert "was worth 10 points here and is worth 20 there" in row["reason"]


def test_two_of_one_name_stay_side_by_side(school: School) -> None:
    with school.database.write() as connection:
        assessments.add(connection, head(school), OURS, "Quiz", Decimal(5))
    (plan,) = join(school)
    assert (list(plan.shared), list(plan.beside)) == ([], ["Quiz"])
    assert [i.name for i in section(school, OURS).items].count("Quiz") == 3


@pytest.mark.requirement("1.4")
def test_taken_apart_each_has_again_what_is_its_own(school: School) -> None:
    before = school.now
    join(school)
    school.push("new_assessment", A, sectionid="5", idnumber=9, name="Essay", pointval=10)
    school.push("new_assessment", A, **QUIZ | {"idnumber": 8, "name": "Test"})
    school.push("new_grade", A, assessmentid=8, userid="9", points_earned=5)
    between = school.now
    then = told(school)
    assert told(school, between) == then
    apart = take_apart(school)
    assert (apart.ours_id, apart.theirs_id, apart.back) == (OURS, THEIRS, 2)
    after = told(school)
    assert after["1 Algebra I"][0] == BEFORE["1 Algebra I"][0]
    assert after["1 Algebra I"][1] == BEFORE["1 Algebra I"][1]
    assert after["2 Algebra"] == (
        BEFORE["2 Algebra"][0],
        BEFORE["2 Algebra"][1] | {"Essay": {}, "Test": {"tom": ("5", "peer")}},
    )
    assert told(school, between) == then
    assert told(school, before) == BEFORE
    assert len(school.sections()) == 2
    school.push("new_grade", A, assessmentid=8, userid="1", points_earned=6)
    assert told(school)["2 Algebra"][1]["Test"]["anna"] == ("6", "peer")
    join(school)
    assert told(school, between) == then
    assert len(school.sections()) == 1


def test_somebody_with_a_grade_by_hand_stays_when_they_are_taken_apart(school: School) -> None:
    join(school)
    with school.database.write() as connection:
        grades.enter(connection, head(school), ESSAY, who_is(connection, "tom"), Decimal(7))
    assert take_apart(school).kept == 1
    people, items = told(school)["1 Algebra I"]
    assert people["tom student"] == "a"
    assert items["Essay"]["tom"] == ("7", "manual")


def test_a_section_deleted_at_its_peer_shows_so_in_ours(school: School) -> None:
    join(school)
    school.push("delete_section", A, idnumber="5")
    assert section(school, OURS).deleted
    take_apart(school)
    assert not section(school, OURS).deleted
    assert section(school, THEIRS).deleted


@pytest.mark.parametrize(
    ("ours", "theirs", "says"),
    [
        (OURS, 99, "There is no section with id 99"),
        (THEIRS, OURS, "Only one that was made here and one from a Moodle"),
        (OURS, OURS, "Only one that was made here and one from a Moodle"),
    ],
)
def test_what_does_not_fit_is_refused(school: School, ours: int, theirs: int, says: str) -> None:
    before = school.counts()
    with pytest.raises(Refused, match=says):
        join(school, ours, theirs)
    assert school.counts() == before


def test_one_that_is_joined_is_joined_with_no_other(school: School) -> None:
    third = int(str(school.push("new_section", B, **SECTION)["id"]))
    join(school)
    with pytest.raises(Refused, match="joined already"):
        join(school, OURS, third)
    with school.database.write() as connection:
        other = sections.add(connection, head(school), "Other")
    with pytest.raises(Refused, match="joined already"):
        join(school, other, THEIRS)
    take_apart(school, THEIRS)
    with pytest.raises(Refused, match="joined with no other"):
        take_apart(school)
    join(school, OURS, third)


def test_what_was_shown_is_what_is_done(school: School) -> None:
    shown = school.read(
        lambda connection: joining_sections.digest_of(
            joining_sections.plans(connection, OURS, THEIRS)
        )
    )
    school.push("new_enrolment", A, **PUPIL | {"userid": "11"})
    school.push("new_assessment", A, **QUIZ | {"idnumber": 8, "name": "Test"})
    with school.database.write() as connection, pytest.raises(Refused, match="meanwhile"):
        joining_sections.join(connection, head(school), OURS, THEIRS, shown=shown)


def test_parts_are_joined_by_their_segments(school: School) -> None:
    with school.database.write() as connection:
        second = sections.add(connection, head(school), "Algebra I", idnumber="5", segment="2")
    theirs = int(str(school.push("new_section", A, **SECTION | {"segment": "2"})["id"]))
    done = join(school)
    assert [(p.ours_id, p.theirs_id) for p in done] == [(OURS, THEIRS), (second, theirs)]


def test_many_sections_are_read_as_few_are(school: School, monkeypatch: pytest.MonkeyPatch) -> None:
    def everything() -> list[Any]:
        with school.database.read() as connection:
            every = sa.select(section_table.c.id)
            return [
                part
                for at in (before, between, school.now, None)
                for part in (
                    as_of.of_sections(connection, every, at),
                    *(as_of.of_person(connection, who, at) for who in (1, 2, 3, 4)),
                )
            ]

    before = school.now
    join(school)
    between = school.now
    take_apart(school)
    join(school)
    few = everything()
    monkeypatch.setattr(rows, "NAMED_AT_MOST", 0)
    assert everything() == few
    assert len({str(part) for part in few}) > 8, "they differ by moment and by person"
