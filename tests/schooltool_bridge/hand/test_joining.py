"""Two assessments of nearly one name are joined by a person; whose grades count, and back again."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import pytest
import sqlalchemy as sa

from peers import audit
from schooltool_bridge.common.refusals import Refused
from schooltool_bridge.hand import assessments, grades, joining
from schooltool_bridge.hand.assessments import Detail
from schooltool_bridge.history import as_of
from schooltool_bridge.history.author import Author
from schooltool_bridge.history.cells import MANUAL, PEER
from schooltool_bridge.store.model import person
from tests.helpers.school import ANNA, GRADE, PUPIL, QUIZ, SECTION, TOM, School

BEA = {"idnumber": "11", "username": "bea", "firstname": "Bea", "lastname": "B"}
OURS, THEIRS = 1, 2


@pytest.fixture
def school(database_url: str) -> Iterator[School]:
    """“quiz” by hand and “Quiz” from a Moodle; Anna and Tom have grades by hand in the first."""
    school = School.open(database_url)
    for who in (ANNA, TOM, BEA):
        school.push("fetch_user", **who)
    school.push("new_section", **SECTION)
    for who in (ANNA, TOM, BEA):
        school.push("new_enrolment", **PUPIL | {"userid": str(who["idnumber"])})
    with school.database.write() as connection:
        detail = Detail(label="Q")
        assert (
            assessments.add(connection, head(school), 1, "quiz", Decimal(20), detail=detail) == OURS
        )
    enter(school, OURS, "anna", 15)
    enter(school, OURS, "tom", 12)
    assert school.push("new_assessment", **QUIZ)["id"] == str(THEIRS)
    school.push("new_grade", **GRADE)
    school.push("new_grade", **GRADE | {"userid": "11", "points_earned": 40})
    yield school
    school.database.close()


def head(school: School, why: str = "") -> Author:
    school.now += 1
    return Author("head", school.now, why)


def enter(school: School, item_id: int, username: str, points: int) -> None:
    author = head(school)
    with school.database.write() as connection:
        wanted = sa.select(person.c.id).where(person.c.username == username)
        who = connection.execute(wanted).scalar_one()
        grades.enter(connection, author, item_id, who, Decimal(points))


def join(school: School) -> joining.Plan:
    author = head(school, "the same test")
    with school.database.write() as connection:
        return joining.join(connection, author, 1, OURS, THEIRS)


def take_apart(school: School) -> int:
    author = head(school)
    with school.database.write() as connection:
        return joining.take_apart(connection, author, 1, OURS, THEIRS)


def book(school: School, at: int | None = None) -> dict[str, dict[str, tuple[str, str]]]:
    """Points and authority by item and student."""
    with school.database.read() as connection:
        then = as_of.of_section(connection, 1, at)
        people = connection.execute(sa.select(person.c.id, person.c.username))
        names = {row.id: row.username for row in people}
    found: dict[str, dict[str, tuple[str, str]]] = {item.name: {} for item in then.items}
    items = {item.id: item.name for item in then.items}
    for (item_id, who), entry in then.entries.items():
        found[items[item_id]][names[who]] = str(entry.points), entry.authority
    return found


BEFORE = {
    "quiz": {"anna": ("15", MANUAL), "tom": ("12", MANUAL)},
    "Quiz": {"anna": ("62", PEER), "bea": ("40", PEER)},
}
JOINED = {"Quiz": {"anna": ("15", MANUAL), "tom": ("12", MANUAL), "bea": ("40", PEER)}}


@pytest.mark.requirement("E36")
def test_what_was_entered_by_hand_counts_and_the_moodles_grades_stay(school: School) -> None:
    before, at = book(school), school.now
    assert before == BEFORE
    done = join(school)
    assert [(c.goes_over, c.theirs is not None) for c in done.cells] == [
        (True, True),
        (True, False),
    ]
    assert (done.untouched, done.with_detail) == (1, True)
    assert book(school) == JOINED
    assert book(school, at) == BEFORE, "a report of a day before shows both"
    with school.database.read() as connection:
        (item,) = as_of.of_section(connection, 1).items
        assert (item.id, item.label, item.peer is not None) == (THEIRS, "Q", True)
        entry = audit.entries(connection)[0]
    assert (entry.actor, entry.action, entry.subject) == (
        "head",
        "assessments joined",
        "assessment 2",
    )
    assert dict(entry.detail) == {"by hand": OURS, "grades": 2, "why": "the same test"}


def test_a_grade_that_the_moodle_sends_later_stands_beside(school: School) -> None:
    join(school)
    school.push("new_grade", **GRADE | {"points_earned": 65, "attempt_num": 2})
    school.push("new_grade", **GRADE | {"userid": "11", "points_earned": 41, "attempt_num": 2})
    assert book(school)["Quiz"] == JOINED["Quiz"] | {"bea": ("41", PEER)}


def test_an_entry_by_hand_in_the_moodles_own_stays_before_the_other(school: School) -> None:
    enter(school, THEIRS, "anna", 60)
    assert [c.goes_over for c in join(school).cells] == [False, True]
    assert book(school)["Quiz"]["anna"] == ("60", MANUAL)


@pytest.mark.requirement("R10")
def test_taken_apart_both_are_as_they_were(school: School) -> None:
    join(school)
    assert take_apart(school) == 2
    assert book(school) == BEFORE
    assert join(school).untouched == 1
    assert book(school) == JOINED, "and joined once more"


def test_what_was_entered_since_stays_when_they_are_taken_apart(school: School) -> None:
    join(school)
    enter(school, THEIRS, "tom", 50)
    assert take_apart(school) == 1
    assert book(school)["Quiz"] == BEFORE["Quiz"] | {"tom": ("50", MANUAL)}
    assert book(school)["quiz"] == BEFORE["quiz"]


def test_joined_it_stays_by_hand_when_its_moodle_deletes_it(school: School) -> None:
    join(school)
    school.now += 5
    school.push("delete_assessment", idnumber=QUIZ["idnumber"], timemodified=school.now)
    assert book(school) == JOINED
    assert any("by hand again" in str(row["reason"]) for row in school.inbox("conflict"))


def test_taken_apart_it_goes_when_its_moodle_deletes_it(school: School) -> None:
    join(school)
    take_apart(school)
    school.now += 5
    school.push("delete_assessment", idnumber=QUIZ["idnumber"], timemodified=school.now)
    assert book(school) == {"quiz": BEFORE["quiz"]}


@pytest.mark.parametrize("pair", [(THEIRS, OURS), (OURS, OURS), (OURS, 99), (99, THEIRS)])
def test_only_one_by_hand_and_one_of_a_moodle_in_this_section(
    school: School, pair: tuple[int, int]
) -> None:
    with school.database.write() as connection, pytest.raises(Refused):
        joining.join(connection, head(school), 1, *pair)
    assert book(school) == BEFORE


def test_what_changed_since_it_was_looked_at_is_looked_at_again(school: School) -> None:
    with school.database.read() as connection:
        seen = joining.plan(as_of.of_section(connection, 1), OURS, THEIRS).digest
    enter(school, OURS, "bea", 3)
    with school.database.write() as connection, pytest.raises(Refused, match="meanwhile"):
        joining.join(connection, head(school), 1, OURS, THEIRS, shown=seen)
    assert book(school)["quiz"] == BEFORE["quiz"] | {"bea": ("3", MANUAL)}


def test_what_was_never_joined_is_not_taken_apart(school: School) -> None:
    with pytest.raises(Refused, match="not joined"):
        take_apart(school)
    join(school)
    take_apart(school)
    with pytest.raises(Refused, match="not joined"):
        take_apart(school)
