"""What a Moodle hides from students: read, kept as of any day, released by itself, told twice."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from decimal import Decimal
from functools import partial
from typing import Any

import pytest
import sqlalchemy as sa

from schooltool_bridge.hand import assessments, grades, unlinking
from schooltool_bridge.hand.grades import Entry
from schooltool_bridge.history import as_of
from schooltool_bridge.history.author import Author
from schooltool_bridge.store.model import assessment, grade, grade_history
from tests.helpers.school import GRADE, NOW, QUIZ, School

LATER = NOW + 5000
SHOWN, HIDDEN = 0, 1


@pytest.fixture
def school(database_url: str) -> Iterator[School]:
    made = School.open(database_url).begin_term()
    made.now = NOW + 1000
    yield made
    made.database.close()


def said(second: int, hidden: object = ..., **more: Any) -> dict[str, Any]:
    told = {} if hidden is ... else {"hidden": hidden}
    return {**GRADE, "timemodified": NOW + second, "seq": second, **told, **more}


def seen(school: School, at: int | None = None) -> tuple[int, int]:
    """Of the quiz and of Anna's grade in it: whether students see it at a moment."""
    snapshot = school.read(lambda c: as_of.of_section(c, 1, at))
    entries = list(snapshot.entries.values())
    return snapshot.items[0].hidden, entries[0].hidden if entries else SHOWN


def stored(school: School) -> tuple[int, int]:
    """The same as the folded tables have it: as it was said, whatever the time is by now."""
    return school.read(
        lambda c: (
            c.execute(sa.select(assessment.c.hidden)).scalar_one(),
            c.execute(sa.select(grade.c.hidden)).scalar_one(),
        )
    )


def count(school: School) -> int:
    rows = sa.select(sa.func.count()).select_from(grade_history)
    return school.read(lambda c: c.execute(rows).scalar_one())


@pytest.mark.requirement("R67")
@pytest.mark.parametrize(
    ("value", "means"),
    [
        (0, 0), (1, 1), ("0", 0), ("1", 1), ("", 0), (False, 0), (True, 1), ("true", 1),
        ("False", 0), (1.0, 1), (LATER, LATER), (str(LATER), LATER), (f" {LATER} ", LATER),
        (float(LATER), LATER), (2, 0), (2**31 - 1, 2**31 - 1), (7_289_654_399, 7_289_654_399),
    ],
)  # fmt: skip
def test_whether_and_until_when_in_every_shape(school: School, value: object, means: int) -> None:
    assert school.status("new_grade", **said(1, value)) == "created"
    assert school.status("new_assessment", **QUIZ | {"hidden": value}) in ("updated", "unchanged")
    assert seen(school) == (means, means)


@pytest.mark.requirement("R92")
@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("maybe", "hidden must be 0, 1 or the time in seconds"),
        ("12.5", "hidden must be 0, 1 or the time in seconds"),
        (12.5, "hidden must be 0, 1 or the time in seconds"),
        ([1], "hidden must be 0, 1 or the time in seconds"),
        ("\u0661", "hidden must be 0, 1 or the time in seconds"),
        ("9" * 5000, "hidden must be 0, 1 or the time in seconds"),
        (-1, "hidden lies before 1970"),
        (7_289_654_400, "it looks like milliseconds"),
        (LATER * 1000, "it looks like milliseconds"),
        (LATER * 1_000_000, "hidden lies after 2200."),
    ],
)
def test_what_is_no_time_is_refused_and_changes_nothing(
    school: School, value: object, why: str
) -> None:
    before = school.dump()
    for event, data in (
        ("new_grade", said(1, value)),
        ("new_assessment", {**QUIZ, "hidden": value}),
    ):
        code, text = school.fault(event, **data)
        assert (code, text.startswith(f"{event}: ")) == (8400, True)
        assert why in text
    assert {**school.dump(), "waiting": []} == {**before, "waiting": []}


@pytest.mark.requirement("R69", "R72")
def test_what_was_hidden_on_a_day_is_hidden_on_that_day(school: School) -> None:
    school.push("new_grade", **said(100, 0))
    assert school.status("new_grade", **said(200, 1)) == "updated"
    assert school.status("new_grade", **said(300, 0)) == "updated"
    school.push("new_assessment", **QUIZ, hidden=1, timemodified=NOW + 250)
    school.push("new_assessment", **QUIZ, hidden=0, timemodified=NOW + 350)
    assert [seen(school, NOW + s) for s in (100, 199, 200, 249, 250, 299, 300, 349, 350)] == [
        (0, 0), (0, 0), (0, 1), (0, 1), (1, 1), (1, 1), (1, 0), (1, 0), (0, 0),
    ]  # fmt: skip
    assert seen(school) == stored(school) == (0, 0)


@pytest.mark.requirement("R69")
def test_it_is_released_by_itself_at_that_second(school: School) -> None:
    until = school.now + 500
    school.push("new_grade", **said(100, until))
    school.push("new_assessment", **QUIZ, hidden=until + 100, timemodified=NOW + 100)
    for moment, expected in (
        (until - 1, (until + 100, until)),
        (until, (until + 100, 0)),
        (until + 99, (until + 100, 0)),
        (until + 100, (0, 0)),
    ):
        school.now = moment
        assert seen(school) == seen(school, moment) == expected
        # The end of this day is not over yet.
        assert seen(school, until + 86_400) == expected
    assert seen(school, until - 1) == (until + 100, until), "of a past moment it stays as it was"
    assert stored(school) == (until + 100, until)


@pytest.mark.requirement("R89")
def test_the_order_of_arrival_does_not_matter(school: School) -> None:
    told = [said(100, 0), said(200, 1), said(300), said(400, LATER, attempt_num=2)]
    for number, order in enumerate(itertools.permutations(told)):
        quiz = {**QUIZ, "idnumber": f"q{number}"}
        school.push("new_assessment", **quiz, timemodified=NOW)
        for data in order:
            school.push("new_grade", **data | {"assessmentid": f"q{number}"})
    for second, expected in ((100, 0), (199, 0), (200, 1), (300, 1), (399, 1), (400, LATER)):
        snapshot = school.read(partial(as_of.of_section, section_id=1, at_unix_s=NOW + second))
        assert {e.hidden for e in snapshot.entries.values()} == {expected}, second
    hidden = sa.select(grade.c.hidden, sa.func.count()).group_by(grade.c.hidden)
    assert school.read(lambda c: c.execute(hidden).all()) == [(LATER, 24)]


@pytest.mark.requirement("R82")
def test_the_same_again_is_unchanged(school: School) -> None:
    for data in (said(100, 1), said(200, 0), said(300, LATER)):
        assert school.status("new_grade", **data) in ("created", "updated")
        before = count(school)
        assert school.status("new_grade", **data) == "unchanged"
        assert school.status("new_grade", **data | {"seq": 0}) == "unchanged"
        told_less = {k: v for k, v in data.items() if k != "hidden"}
        assert school.status("new_grade", **told_less) == "unchanged"
        assert count(school) == before
    quiz = {**QUIZ, "hidden": 1, "timemodified": NOW + 100, "seq": 4}
    assert school.status("new_assessment", **quiz) == "updated"
    assert school.status("new_assessment", **quiz) == "unchanged"
    assert school.status("new_assessment", **quiz | {"seq": 0}) == "unchanged"
    assert seen(school) == stored(school) == (1, LATER)


def test_what_came_before_there_was_such_a_word_is_known_by_a_full_sync(school: School) -> None:
    """Rows from before say nothing; that they are shown adds nothing, that they are hidden does."""
    school.push("new_grade", **said(100))
    before = count(school)
    assert school.status("new_grade", **said(100, 0) | {"seq": 0}) == "unchanged"
    assert count(school) == before
    assert school.status("new_grade", **said(100, 1) | {"seq": 0}) == "updated"
    assert seen(school) == (0, 1)
    assert school.status("new_grade", **said(100, 1) | {"seq": 0}) == "unchanged"
    assert count(school) == before + 1
    quiz = {**QUIZ, "timemodified": NOW + 100}
    school.push("new_assessment", **quiz, seq=3)
    assert school.status("new_assessment", **quiz, hidden=0, seq=0) == "unchanged"
    assert school.status("new_assessment", **quiz, hidden=1, seq=0) == "updated"
    assert seen(school) == (1, 1)


def test_an_absent_word_says_nothing(school: School) -> None:
    school.push("new_grade", **said(100, 1))
    school.push("new_assessment", **QUIZ, hidden=1, timemodified=NOW + 100)
    school.push("new_grade", **said(200, points_earned=9))
    school.push("new_grade", **said(210, None, points_earned=8))
    school.push("new_grade", **said(220, [], points_earned=7, attempt_num=4))
    school.push("new_assessment", **QUIZ | {"name": "Quiz 1"}, timemodified=NOW + 200)
    assert seen(school) == stored(school) == (1, 1)


def test_it_is_the_cell_that_is_hidden_whichever_attempt_counts(school: School) -> None:
    school.push("new_grade", **said(100, 0, attempt_num=1))
    school.push("new_grade", **said(200, 0, attempt_num=2))
    assert school.status("new_grade", **said(300, 1, attempt_num=1)) == "updated"
    assert seen(school) == stored(school) == (0, 1)
    school.push("delete_grade", assessmentid=7, userid=1, attempt_num=2, timemodified=NOW + 400)
    assert seen(school) == stored(school) == (0, 1)


def test_what_is_taken_back_begins_anew(school: School) -> None:
    school.push("new_grade", **said(100, 1))
    school.push("new_assessment", **QUIZ, hidden=1, timemodified=NOW + 100)
    school.push("delete_grade", assessmentid=7, userid=1, timemodified=NOW + 200)
    school.push("delete_assessment", idnumber=7, timemodified=NOW + 200)
    school.push("new_assessment", **QUIZ, timemodified=NOW + 300)
    school.push("new_grade", **said(300))
    assert seen(school) == stored(school) == (0, 0)
    assert seen(school, NOW + 150) == (1, 1)


@pytest.mark.requirement("R66", "E39")
def test_an_entry_by_hand_in_a_hidden_cell_is_hidden_until_the_peer_says_otherwise(
    school: School,
) -> None:
    school.push("new_grade", **said(100, 1))
    author = Author("carl", school.now)
    with school.database.write() as connection:
        grades.enter_all(connection, author, [Entry(1, 1, Decimal(9))])
    assert seen(school) == stored(school) == (0, 1)
    school.push("new_grade", **said(200, 0))
    assert seen(school) == stored(school) == (0, 0)


@pytest.mark.requirement("R66")
def test_what_is_the_schools_own_again_is_shown(school: School) -> None:
    """A peer's item that had taken over one made by hand goes: nobody hides it any more."""
    with school.database.write() as connection:
        assessments.add(connection, Author("carl", school.now), 1, "Essay", Decimal(10))
    essay: dict[str, Any] = {"sectionid": "5", "idnumber": 8, "name": "Essay", "pointval": 10}
    school.push("new_assessment", **essay, hidden=1, timemodified=NOW + 2000)

    def hidden() -> dict[str, int]:
        snapshot = school.read(lambda c: as_of.of_section(c, 1))
        return {item.name: item.hidden for item in snapshot.items}

    assert hidden() == {"Quiz": 0, "Essay": 1}
    school.push("delete_assessment", idnumber=8, timemodified=NOW + 2001)
    assert hidden() == {"Quiz": 0, "Essay": 0}


@pytest.mark.requirement("R10")
def test_unlinked_it_is_shown_and_linked_again_hidden_as_before(school: School) -> None:
    school.push("new_assessment", **QUIZ, hidden=1, timemodified=NOW + 100)
    school.push("new_assessment", **QUIZ | {"name": "Quiz 1"}, timemodified=NOW + 150)
    school.push("new_grade", **said(200, 1))
    assert seen(school) == (1, 1)
    for change, expected in (
        (unlinking.unlink_assessment, (0, 0)),
        (unlinking.link_assessment_again, (1, 1)),
    ):
        school.now += 10
        with school.database.write() as connection:
            change(connection, Author("carl", school.now), 1)
        assert seen(school) == expected
    assert seen(school, school.now - 11) == (1, 1)
    assert seen(school, school.now - 1) == (0, 0)
