"""Times by a sender's clock: what is none, one that is ahead, and what was stored before."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa

from mnet.xmlrpc import FaultResponse
from schooltool_bridge.cli import lists
from schooltool_bridge.common.days import iso
from schooltool_bridge.hand import enrolments, grades
from schooltool_bridge.history import as_of, averages
from schooltool_bridge.history.author import Author
from schooltool_bridge.history.finding import find_person, find_section
from schooltool_bridge.notices import facts as notices_facts
from schooltool_bridge.notices.rules import Limits, standing
from schooltool_bridge.reports import progress, section_history, section_report
from schooltool_bridge.store.model import enrolment_history, grade_history
from schooltool_bridge.store.model import grade as grade_table
from tests.helpers.rig import SIS, START_UNIX_S, make_rig
from tests.helpers.school import ANNA, GRADE, NOW, PUPIL, QUIZ, SECTION, School

HOUR_S, DAY_S = 3600, 86_400
MS = NOW * 1000
LAST_OF_2200 = 7_289_654_399


@pytest.fixture
def school(database_url: str) -> Iterator[School]:
    school = School.open(database_url)
    yield school
    school.database.close()


@pytest.fixture
def term(school: School) -> School:
    return school.begin_term()


@pytest.mark.requirement("R91")
@pytest.mark.parametrize("field", ["timemodified", "timestart", "timeend"])
def test_what_is_no_time_is_refused_and_says_why(tmp_path: Path, field: str) -> None:
    term = School.open(f"sqlite:///{tmp_path}/s.sqlite").begin_term()
    before = term.counts()
    wrong: list[tuple[Any, str]] = [
        (MS, "milliseconds"),
        (str(MS), "milliseconds"),
        (float(MS), "milliseconds"),
        (LAST_OF_2200 + 1, "after 2200"),
        (10**15, "after 2200"),
        (-1, "before 1970"),
        ("-86400", "before 1970"),
        ("yesterday", "whole number"),
    ]
    for given, said in wrong:
        code, text = term.fault("new_enrolment", **{**PUPIL, field: given})
        assert (code, field in text, said in text) == (8400, True, True), (given, text)
    assert term.counts() == before
    empty: list[Any] = [0, "", None, [], "0", 0.0, False]
    for nothing in empty:
        assert term.status("new_enrolment", **{**PUPIL, field: nothing}) == "unchanged", nothing
    term.database.close()


def test_an_end_that_never_comes_is_none(term: School) -> None:
    term.push(
        "new_enrolment", **PUPIL, timemodified=NOW - 50, timeend=2**31 - 1, timestart=NOW - 60
    )
    term.push("new_enrolment", **PUPIL, timemodified=NOW - 40, timeend=LAST_OF_2200)
    told = sa.select(enrolment_history.c.timeend_unix_s).order_by(
        enrolment_history.c.effective_unix_s
    )
    ends = term.read(lambda c: c.execute(told).scalars().all())
    assert ends[:2] == [None, LAST_OF_2200]


def rows(school: School) -> list[Any]:
    """Everything that the lists say, now; then the same as of now."""
    with school.database.read() as connection:
        section_id = find_section(connection, "5")
        return [
            (
                lists.enrolments(connection, at_unix_s=at),
                lists.grades(connection, section_id, at),
            )
            for at in (None, school.now)
        ]


TOLD: list[tuple[str, dict[str, Any]]] = [
    ("fetch_user", ANNA),
    ("new_section", {**SECTION, "teacheridnumber": 9}),
    ("new_enrolment", PUPIL),
    ("new_assessment", QUIZ),
    ("new_grade", GRADE),
    ("new_grade", {**GRADE, "points_earned": 63}),
    ("new_assessment", {**QUIZ, "pointval": 70}),
    ("end_enrolment", {"sectionid": 5, "userid": 1}),
    ("new_enrolment", PUPIL),
    ("fetch_user", {"idnumber": 9, "username": "tom", "firstname": "Tom", "lastname": "T"}),
]


@pytest.mark.requirement("R91")
@pytest.mark.parametrize("is_backwards", [False, True])
def test_a_clock_an_hour_ahead_changes_nothing_of_what_holds(
    school: School, is_backwards: bool
) -> None:
    """Sent, held, sent again, sent all anew: now and as of now are one, and it is `unchanged`."""
    begun = school.now
    told = [
        (event, {**data, "timemodified": begun + HOUR_S + n, "seq": n})
        for n, (event, data) in enumerate(TOLD)
    ]
    for event, data in reversed(told) if is_backwards else told:
        assert school.status(event, **data) in ("created", "updated", "unchanged", "held")
        assert school.status(event, **data) in ("unchanged", "held"), event
        if school.sections():
            now, as_of_now = rows(school)
            assert now == as_of_now
    assert school.inbox() == []
    assert (school.grades(), school.enrolments()[("5", "1", "student")]) == ({("7", "1"): 63}, "a")
    before, held = school.counts(), rows(school)
    for _again in range(2):
        assert {school.status(event, **data) for event, data in told} == {"unchanged"}
        assert (school.counts(), rows(school)) == (before, held)
    # Nothing of it held before it came, nor does anything begin when that hour has come.
    assert (school.enrolments(at=begun), school.grades(at=begun)) == ({}, {})
    assert all(str(r["since"]) <= iso(school.now) for r in held[0][0])
    for later in (begun + HOUR_S, begun + HOUR_S + 20, begun + 9 * DAY_S):
        assert school.grades(at=later) == school.grades()
        assert school.enrolments(at=later) == school.enrolments()
    # The order is the sender's, so an older word of its is still older.
    assert school.status("new_grade", **{**GRADE, "points_earned": 1}, timemodified=begun + HOUR_S) == "unchanged"  # fmt: skip


@pytest.mark.requirement("R91")
def test_what_a_person_writes_after_a_clock_that_was_ahead_counts(term: School) -> None:
    term.push("new_enrolment", **PUPIL, timemodified=term.now + HOUR_S)
    term.push("new_grade", **GRADE, timemodified=term.now + HOUR_S)
    where, who = term.read(lambda c: (find_section(c, "5"), find_person(c, "1")))
    with term.database.write() as connection:
        item = as_of.of_section(connection, where).items[0].id
        author = Author("head", term.now + 5)
        enrolments.set_state(connection, author, where, who, "student", "wp")
        grades.enter(connection, author, item, who, None)
    term.now += 5
    now, as_of_now = rows(term)
    assert now == as_of_now
    assert (term.enrolments(), term.grades()) == ({("5", "1", "student"): "wp"}, {("7", "1"): None})


@pytest.mark.requirement("R91")
def test_more_than_a_day_ahead_is_no_time(term: School) -> None:
    code, text = term.fault("new_grade", **GRADE, timemodified=term.now + DAY_S + 10)
    assert (code, "a day ahead" in text) == (8400, True)
    assert [row["status"] for row in term.inbox()] == ["rejected"]
    assert term.status("new_grade", **GRADE, timemodified=term.now + DAY_S) == "created"


@pytest.mark.requirement("R91")
def test_a_peer_whose_whole_clock_is_ahead_shall_try_again_and_a_notice_says_so(
    tmp_path: Path,
) -> None:
    rig = make_rig(tmp_path)
    peer = rig.add("http://moodle.example.org")
    ahead = START_UNIX_S + 40 * HOUR_S
    user: dict[str, Any] = {**ANNA, "timemodified": ahead}
    pushed: list[Any] = [{"event": "fetch_user", "data": user}]
    calls: list[tuple[str, Any]] = [("fetch_user", user), ("push_events", pushed)]
    for method, sent in calls:
        body = rig.app.exchange.answer(peer.request(rig.pem, SIS + method, [sent], timestamp=ahead))
        opened = peer.open(body.body)
        assert not isinstance(opened, bytes)
        assert b"8503" in opened.payload
        assert b"40 hours" in opened.payload
        for work in body.afterwards:
            work()
    with rig.app.database.read() as connection:
        assert lists.people(connection) == []
        facts = notices_facts.gather(connection, START_UNIX_S)
    found = [n for n in standing(facts, START_UNIX_S, Limits()) if n.key.startswith("clocks")]
    assert [n.severity for n in found] == ["warning"]
    assert "40 hours" in found[0].text
    # The same time from a clock that is right is no time.
    answer = rig.call(peer, SIS + "fetch_user", user, timestamp=START_UNIX_S)
    assert isinstance(answer, FaultResponse)
    assert answer.code == 8400
    rig.app.database.close()


def store_as_before(term: School) -> None:
    """A start and a grade's time in milliseconds, as they were taken once; then a later grade."""
    with term.database.write() as connection:
        section_id = find_section(connection, "5")
        who = find_person(connection, "1")
        cell = connection.execute(sa.select(grade_table.c.id)).scalar_one()
        told = {"effective_unix_s": MS, "seq": -1, "recorded_unix_s": NOW + 20}
        connection.execute(
            sa.insert(grade_history).values(
                grade_id=cell, raw_points="9", excepted=False, attempt=1, deleted=False, **told
            )
        )
        connection.execute(
            sa.insert(enrolment_history).values(
                section_id=section_id, person_id=who, role="student", code="a", note="",
                timestart_unix_s=MS, timeend_unix_s=MS + 1, **told,
            )
        )  # fmt: skip


@pytest.mark.requirement("R91")
def test_whatever_is_stored_is_shown_and_freezes_nothing(term: School) -> None:
    term.push("new_grade", **{**GRADE, "attempt_num": 1}, timemodified=NOW + 6)
    store_as_before(term)
    term.now = NOW + 30
    # What came after it counts.
    assert term.status("new_grade", **{**GRADE, "points_earned": 50, "attempt_num": 1}) == "updated"
    assert term.grades() == term.grades(at=term.now) == {("7", "1"): 50}
    assert term.grades(at=NOW + 25) == {("7", "1"): 9}
    assert term.grades(at=NOW + 19) == {("7", "1"): 62}
    zone = ZoneInfo("Europe/Paris")
    with term.database.read() as connection:
        where, who = find_section(connection, "5"), find_person(connection, "1")
        then = as_of.of_section(connection, where)
        assert not averages.is_before(then, then.items[0], who, zone)
        progress.paper_of(progress.read(connection, who, None, term.now, zone), zone)
        report = section_report.read(connection, where, None, term.now, zone)
        for paper in (
            section_report.report_of,
            section_report.gradebook_of,
            section_report.roster_of,
        ):
            paper(report, zone)
        lines = section_history.line_keys(connection, where)
        assert max(line.effective_unix_s for line in lines) <= term.now
        assert all(str(r["since"])[:4].isdigit() for r in lists.enrolments(connection))
