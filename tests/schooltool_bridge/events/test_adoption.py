"""A Moodle's assessment takes over the one of the same name that was made here by hand."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa

from mnet.faults import Fault
from schooltool_bridge.events import receiving as events
from schooltool_bridge.hand import assessments as by_hand
from schooltool_bridge.hand import grades
from schooltool_bridge.history import as_of
from schooltool_bridge.history.author import Author
from schooltool_bridge.store.model import assessment, grade, person, section
from tests.helpers.school import ANNA, GRADE, NOW, PUPIL, QUIZ, SECTION, TOM, School

TOM_THERE: dict[str, Any] = {"sectionid": "5", "userid": "9", "role": "student"}
NFD, NFC = "Cafe\N{COMBINING ACUTE ACCENT}", "Caf\N{LATIN SMALL LETTER E WITH ACUTE}"


@pytest.fixture
def school(database_url: str) -> Iterator[School]:
    """Anna and Tom sit in Algebra."""
    school = School.open(database_url)
    for event, data in (
        ("fetch_user", ANNA),
        ("fetch_user", TOM),
        ("new_section", SECTION),
        ("new_enrolment", PUPIL),
        ("new_enrolment", TOM_THERE),
    ):
        assert school.status(event, **data) == "created"
    yield school
    school.database.close()


def make(school: School, name: str, points: int = 68) -> int:
    school.now += 1
    with school.database.write() as connection:
        author = Author("head", school.now)
        section_id = connection.execute(sa.select(section.c.id)).scalar_one()
        return by_hand.add(connection, author, section_id, name, Decimal(points))


def mark(school: School, assessment_id: int, username: str, points: int | None) -> None:
    school.now += 1
    with school.database.write() as connection:
        who = connection.execute(
            sa.select(person.c.id).where(person.c.username == username)
        ).scalar_one()
        value = None if points is None else Decimal(points)
        grades.enter(connection, Author("head", school.now), assessment_id, who, value)


def items(school: School, at: int | None = None) -> list[tuple[str, str, bool]]:
    """Name, points and whether it is a peer's, of each assessment."""
    with school.database.read() as connection:
        section_id = connection.execute(sa.select(section.c.id)).scalar_one()
        then = as_of.of_section(connection, section_id, at)
    return [(i.name, str(i.points), i.peer is not None) for i in then.items]


def remarks(school: School) -> list[str]:
    return [str(row["reason"]) for row in school.inbox("conflict")]


@pytest.mark.requirement("R64", "R65", "E38")
@pytest.mark.parametrize(
    ("ours", "theirs", "adopted", "remarked"),
    [
        (["Quiz"], "Quiz", True, ""),
        ([NFC], NFD, True, ""),
        (["Quiz", "Test"], "Quiz", True, ""),
        (["Test"], "Quiz", False, ""),
        ([], "Quiz", False, ""),
        (["Quiz", "Quiz"], "Quiz", False, "already has “Quiz” (id 1, by hand), “Quiz” (id 2"),
        (["quiz"], "Quiz", False, "Did you mean “quiz” (id 1, by hand)?"),
        (["Quiz 1"], "Quiz  1", False, "Did you mean"),
        (["Quiz 1"], "Quiz1", False, "Did you mean"),
        (["Quiz"], "Quiz ", False, "Did you mean"),
        (["Quiz", "quiz"], "Quiz", True, ""),
        (["STRASSE"], "straße", False, "Did you mean"),
        (["Quiz."], "Quiz", False, "Did you mean"),
        (["Quiz - 1"], "Quiz 1", False, "Did you mean"),
        (["Resume"], "Résumé", False, "Did you mean"),
        (["Quiz 1.1"], "Quiz 11", False, ""),
        (["Quiz 1.1"], "Quiz 1-1", False, "Did you mean"),
        (["?"], "!", False, ""),
        (["C"], "C++", False, "Did you mean"),
    ],
)
def test_only_exactly_the_same_name_is_taken_over(
    school: School, ours: list[str], theirs: str, adopted: bool, remarked: str
) -> None:
    for name in ours:
        make(school, name)
    answer = school.push("new_assessment", **QUIZ | {"name": theirs})
    assert answer["status"] == ("updated" if adopted else "created")
    assert len(items(school)) == len(ours) + (not adopted)
    assert sum(is_theirs for _name, _points, is_theirs in items(school)) == 1
    assert len(remarks(school)) == bool(remarked)
    assert all(remarked in r and "dismiss" in r for r in remarks(school))


@pytest.mark.requirement("R10", "R66")
def test_grades_by_hand_stay_and_the_others_flow_in(school: School) -> None:
    quiz = make(school, "Quiz")
    mark(school, quiz, "anna", 50)
    assert school.push("new_assessment", **QUIZ)["id"] == str(quiz)
    answer = school.push("new_grade", **GRADE)
    assert "by hand counts" in str(answer["message"])
    assert school.status("new_grade", **GRADE | {"userid": 9, "points_earned": 40}) == "created"
    assert school.grades() == {("7", "1"): 50, ("7", "9"): 40}
    with school.database.read() as connection:
        then = as_of.of_section(connection, 1)
        anna = connection.execute(sa.select(person.c.id).where(person.c.username == "anna"))
        cell = then.entries[quiz, anna.scalar_one()]
    assert (cell.authority, str(cell.points), str(cell.peer_points)) == ("manual", "50", "62")


@pytest.mark.requirement("R64", "R65", "E37")
def test_a_peers_word_counts_from_then_on_however_old_it_is(school: School) -> None:
    make(school, "Quiz", points=20)
    old = QUIZ | {"timemodified": NOW - 1000}
    assert school.status("new_assessment", **old) == "updated"
    assert items(school) == [("Quiz", "68", True)]
    assert "worth 20 points here and is worth 68 there" in remarks(school)[0]
    for _again in range(2):
        assert school.status("new_assessment", **old) == "unchanged"
    renamed = old | {"name": "Quiz II", "timemodified": NOW - 500}
    assert school.status("new_assessment", **renamed) == "updated"
    assert items(school) == [("Quiz II", "68", True)]
    assert items(school, NOW - 700) == [("Quiz", "68", True)]
    assert items(school, NOW - 2000) == []
    assert len(remarks(school)) == 1


@pytest.mark.requirement("E36")
def test_a_second_one_of_that_name_is_created_beside(school: School) -> None:
    make(school, "Quiz")
    assert school.status("new_assessment", **QUIZ) == "updated"
    assert school.status("new_assessment", **QUIZ | {"idnumber": 8}) == "created"
    assert remarks(school) == [], "none made by hand is left to choose from"
    make(school, "Quiz")
    assert school.status("new_assessment", **QUIZ | {"idnumber": 9}) == "created"
    assert "from a Moodle" in remarks(school)[0]
    assert len(items(school)) == 4


def test_one_that_its_peer_brought_before_or_that_was_deleted_is_left_alone(
    school: School,
) -> None:
    assert school.status("new_assessment", **QUIZ) == "created"
    make(school, "Quiz")
    assert school.status("new_assessment", **QUIZ | {"pointval": 70}) == "updated"
    gone = make(school, "Gone")
    with school.database.write() as connection:
        by_hand.delete(connection, Author("head", school.now), gone)
    assert school.status("new_assessment", **QUIZ | {"idnumber": 8, "name": "Gone"}) == "created"
    assert remarks(school) == []


@pytest.mark.requirement("R66")
def test_what_was_made_here_stays_by_hand_when_its_moodle_deletes_it(school: School) -> None:
    quiz = make(school, "Quiz", points=20)
    school.push("new_assessment", **QUIZ)
    mark(school, quiz, "anna", 50)
    school.push("new_grade", **GRADE | {"userid": 9, "points_earned": 40})
    gone = {"idnumber": QUIZ["idnumber"], "timemodified": school.now + 10}
    school.now += 20
    assert school.status("delete_assessment", **gone) == "updated"
    assert items(school) == [("Quiz", "68", False)], "as it stood, and nobody's but the school's"
    assert school.grades() == {("7", "1"): 50, ("7", "9"): 40}
    assert items(school, gone["timemodified"] - 1) == [("Quiz", "68", True)]
    assert "stays here, by hand again" in remarks(school)[-1]
    assert school.status("delete_assessment", **gone) == "unchanged", "told once more"
    mark(school, quiz, "tom", 41)
    with school.database.write() as connection:
        by_hand.change(
            connection, Author("head", school.now), quiz, name="Quiz 1", points=Decimal(70),
            extra_credit=False,
        )  # fmt: skip
    assert items(school) == [("Quiz 1", "70", False)]
    assert school.grades() == {("7", "1"): 50, ("7", "9"): 41}
    with school.database.write() as connection:
        by_hand.delete(connection, Author("head", school.now), quiz)
    assert items(school) == []


def test_a_deletion_that_comes_before_the_news_ends_the_same(school: School) -> None:
    make(school, "Quiz")
    school.push("new_assessment", **QUIZ | {"timemodified": NOW - 100})
    school.push("delete_assessment", idnumber=QUIZ["idnumber"], timemodified=NOW - 50)
    late = QUIZ | {"name": "Quiz II", "timemodified": NOW - 70}
    school.push("new_assessment", **late)
    assert items(school) == [("Quiz II", "68", False)]
    school.push("new_assessment", **late | {"timemodified": NOW - 10})
    assert items(school) == [("Quiz II", "68", True)], "it is there again"


def test_one_given_back_is_taken_over_by_the_next_of_its_name(school: School) -> None:
    quiz = make(school, "Quiz")
    school.push("new_assessment", **QUIZ | {"moodle_id": 70})
    mark(school, quiz, "anna", 50)
    school.now += 5
    school.push("delete_assessment", idnumber=QUIZ["idnumber"], timemodified=school.now)
    school.now += 5
    answer = school.push("new_assessment", **QUIZ | {"idnumber": 8, "timemodified": school.now})
    assert (answer["status"], answer["id"]) == ("updated", str(quiz))
    assert items(school) == [("Quiz", "68", True)]
    assert school.grades() == {("8", "1"): 50}


def test_one_that_only_a_moodle_brought_goes_when_it_is_deleted_there(school: School) -> None:
    school.push("new_assessment", **QUIZ)
    school.now += 5
    school.push("delete_assessment", idnumber=QUIZ["idnumber"], timemodified=school.now)
    assert (items(school), remarks(school)) == ([], [])


def test_a_remark_goes_when_somebody_settles_it_and_does_not_come_again(school: School) -> None:
    make(school, "quiz")
    school.push("new_assessment", **QUIZ)
    row_id = int(school.inbox("conflict")[0]["id"])
    with school.database.write() as connection:
        assert events.retry(connection, school.source(None), row_id)[0] == "done"
    assert school.status("new_assessment", **QUIZ) == "unchanged"
    assert remarks(school) == []


@pytest.mark.requirement("R64", "R65")
def test_whatever_comes_first_the_end_is_the_same(database_url: str) -> None:
    pushed = [("new_section", SECTION), ("new_enrolment", PUPIL), ("fetch_user", ANNA)]
    timed = [
        ("new_assessment", QUIZ | {"timemodified": NOW - 100}),
        ("new_grade", GRADE | {"timemodified": NOW - 50}),
    ]
    school = School.open(database_url, *(f"http://m{n}.example.org" for n in range(24)))
    ends = set()
    for peer, order in zip(school.sources, itertools.permutations(range(4)), strict=True):
        n = peer.removeprefix("http://m").partition(".")[0]

        def own(data: dict[str, Any], n: str = n) -> dict[str, Any]:
            ids = {"idnumber", "sectionid", "userid", "assessmentid", "username"}
            return {k: f"{v}-{n}" if k in ids else v for k, v in data.items()}

        school.push("new_section", peer, **own(SECTION))
        with school.database.write() as connection:
            where = connection.execute(
                sa.select(section.c.id).where(section.c.idnumber == f"5-{n}")
            ).scalar_one()
            author = Author("head", NOW)
            quiz = by_hand.add(connection, author, where, "Quiz", Decimal(20))
        steps = [*pushed[1:], *timed]
        for step in order:
            try:
                school.push(steps[step][0], peer, **own(steps[step][1]))
            except Fault as fault:
                raise AssertionError(order) from fault
        with school.database.read() as connection:
            then = as_of.of_section(connection, where)
            (item,) = then.items
            entries = [(str(e.points), e.authority) for e in then.entries.values()]
            linked = connection.execute(
                sa.select(assessment.c.idnumber).where(assessment.c.id == quiz)
            ).scalar_one()
            ends.add((item.name, str(item.points), tuple(entries), linked == f"7-{n}"))
    assert ends == {("Quiz", "68", (("62", "peer"),), True)}
    school.database.close()


def points(school: School, at: int | None = None) -> dict[Any, Any]:
    """What stands in the cells, now or then, by person."""
    return {person: found for (_item, person), found in school.grades(at=at).items()}


@pytest.mark.requirement("R66")
def test_with_another_maximum_what_was_entered_keeps_its_percentage_and_a_person_is_asked(
    school: School,
) -> None:
    made = make(school, "Quiz", 10)
    mark(school, made, "anna", 8)
    before = school.now
    school.push("new_assessment", **QUIZ | {"pointval": 100})
    school.push("new_grade", **GRADE | {"points_earned": 30})
    (asked,) = remarks(school)
    assert "worth 10 points here and is worth 100 there" in asked
    assert (points(school), points(school, school.now + 9)) == ({"1": 80}, {"1": 80})
    assert points(school, before) == {"1": 8}
    assert stored(school) == ["80"]
    # Where the points themselves were meant, they are entered again, as they are now.
    mark(school, made, "anna", 80)
    assert points(school) == {"1": 80}
    mark(school, made, "anna", 8)
    mark(school, made, "tom", 50)
    assert points(school) == points(school, school.now + 9) == {"1": 8, "9": 50}
    # And the Moodle's maximum may change once more.
    school.push("new_assessment", **QUIZ | {"pointval": 50})
    assert points(school) == {"1": 8, "9": 50}


def test_a_percentage_is_kept_whatever_the_maximum_becomes(school: School) -> None:
    mark(school, make(school, "Quiz", 10), "anna", 8)
    for maximum, kept in ((100, 80), (30, 24), (10, 8), (15, 12)):
        school.push("new_assessment", **QUIZ | {"pointval": maximum})
        assert (points(school), stored(school)) == ({"1": kept}, [str(kept)])


def test_a_second_taking_over_keeps_the_percentage_and_asks_as_well(school: School) -> None:
    made = make(school, "Quiz", 10)
    mark(school, made, "anna", 8)
    school.push("new_assessment", **QUIZ | {"pointval": 100, "timemodified": school.now})
    school.now += 5
    school.push("delete_assessment", idnumber=QUIZ["idnumber"], timemodified=school.now)
    mark(school, made, "tom", 50)
    before = school.now
    assert (points(school), len(remarks(school))) == ({"1": 80, "9": 50}, 2)
    school.now += 5
    other = QUIZ | {"idnumber": 8, "pointval": 200, "timemodified": school.now}
    assert school.push("new_assessment", **other)["id"] == str(made)
    assert points(school) == points(school, school.now + 9) == {"1": 160, "9": 100}
    assert points(school, before) == {"1": 80, "9": 50}
    assert stored(school) == ["160", "100"]
    assert "worth 100 points here and is worth 200 there" in remarks(school)[-1]


def test_one_that_its_own_peer_brings_again_with_another_maximum_asks_as_well(
    school: School,
) -> None:
    made = make(school, "Quiz", 100)
    first = QUIZ | {"pointval": 100, "timemodified": school.now}
    school.push("new_assessment", **first)
    school.now += 5
    school.push("delete_assessment", idnumber=QUIZ["idnumber"], timemodified=school.now)
    mark(school, made, "anna", 80)
    school.now += 5
    again = first | {"pointval": 50, "timemodified": school.now}
    assert school.status("new_assessment", **again) == "updated"
    assert points(school) == points(school, school.now + 9) == {"1": 40}
    assert "worth 100 points here and is worth 50 there" in remarks(school)[-1]
    assert len(remarks(school)) == 2
    assert school.status("new_assessment", **again) == "unchanged"
    assert len(remarks(school)) == 2


def stored(school: School) -> list[str | None]:
    """The cells as they are kept up to date."""
    with school.database.read() as connection:
        return list(connection.execute(sa.select(grade.c.points).order_by(grade.c.id)).scalars())
