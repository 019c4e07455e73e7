"""Courses older than the school's first year are history, and no work that waits."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from peers.accounts import CLERK, MANAGER
from schooltool_bridge.cli import lists
from schooltool_bridge.history.author import Author
from schooltool_bridge.reports import progress, transcript
from schooltool_bridge.school import courses, filing, lookup, years
from schooltool_bridge.school.lookup import Wanted
from tests.helpers.framed import signed_in
from tests.helpers.rig import SIS, START_UNIX_S, FakePeer, Rig, make_rig

MOODLE = "http://moodle.example.org"
HEAD = Author("head", START_UNIX_S)


def unix_s(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


# Section, its dates, and whether it is history once the first year begins on 2026-08-01.
COURSES: tuple[tuple[str, dict[str, Any], bool], ...] = (
    ("ended", {"startdate": unix_s("2024-09-01"), "enddate": unix_s("2025-07-01")}, True),
    ("last day", {"startdate": 1, "enddate": unix_s("2026-07-31T23:00")}, True),
    (
        "over the summer",
        {"startdate": unix_s("2025-09-01"), "enddate": unix_s("2026-09-01")},
        False,
    ),
    ("old, without an end", {"startdate": unix_s("2024-09-01"), "enddate": 0}, True),
    ("first day", {"startdate": unix_s("2026-08-01")}, False),
    ("tells nothing", {}, False),
    ("tells nonsense", {"startdate": "last year", "enddate": ["x"]}, False),
)


@pytest.fixture
def rig(tmp_path: Path, database_url: str) -> Iterator[Rig]:
    made = make_rig(tmp_path, database_url)
    with made.app:
        brought(made, made.add(MOODLE))
        yield made


def brought(rig: Rig, peer: FakePeer) -> None:
    ada: dict[str, Any] = {"idnumber": "1", "username": "ada", "firstname": "Ada", "lastname": "L"}
    rig.call(peer, SIS + "fetch_user", ada)
    for name, dates, _is_past in COURSES:
        told: dict[str, Any] = {"idnumber": name, "name": name, **dates}
        answer: Any = rig.call(peer, SIS + "new_section", told)
        assert answer["status"] == "created", name
        pupil: dict[str, Any] = {"sectionid": name, "userid": "1", "role": "student"}
        rig.call(peer, SIS + "new_enrolment", pupil)


def first_year(rig: Rig, first_day: date = date(2026, 8, 1)) -> None:
    with rig.app.database.write() as connection:
        last_day = date(first_day.year + 1, 7, 31)
        title = f"{first_day.year}"
        years.add_year(connection, HEAD, title=title, first_day=first_day, last_day=last_day)


def found(rig: Rig, **wanted: Any) -> set[str]:
    with rig.app.database.read() as connection:
        rows, total = lookup.find(connection, Wanted(**wanted), limit=100)
    assert total == len(rows)
    return {row.name for row in rows}


PAST = {name for name, _dates, is_past in COURSES if is_past}
ALL = {name for name, _dates, _is_past in COURSES}


@pytest.mark.requirement("R41", "R43", "R80")
def test_what_is_older_than_the_first_year_does_not_wait_to_be_filed(rig: Rig) -> None:
    assert (found(rig, past=True), found(rig, ongoing=True)) == (set(), ALL), "no year yet"
    first_year(rig)
    assert found(rig, past=True) == PAST
    assert found(rig, ongoing=True) == ALL - PAST
    assert found(rig) == ALL
    with rig.app.database.read() as connection:
        listed: list[dict[str, Any]] = lists.all_sections(connection)
    assert {s["name"] for s in listed if s["before_first_year"]} == PAST
    # With earlier years they are sections as any other.
    for year in (2025, 2024):
        first_year(rig, date(year, 8, 1))
    assert (found(rig, past=True), found(rig, ongoing=True)) == (set(), ALL)


def test_it_stands_in_reports_as_past_and_is_filed_by_whoever_wants(rig: Rig) -> None:
    first_year(rig)
    with rig.app.database.read() as connection:
        zone = rig.app.settings.zone
        now = int(rig.clock.now)
        told = progress.read(connection, 1, None, now, zone)
    assert {s.snapshot.name for s in told.sections if s.filed == "Before our first year"} == PAST
    with rig.app.database.read() as connection:
        taken = transcript.read(connection, 1, now).taken
        tables = transcript.paper_of(transcript.read(connection, 1, now), zone).tables
    assert {t.snapshot.name for t in taken[: len(PAST)]} == PAST, "the oldest come first"
    assert [table.title for table in tables] == ["Before our first year", "Ongoing"]
    with rig.app.database.write() as connection:
        course = courses.add(connection, HEAD, code="M", title="Maths")
        year = years.all_years(connection)[0]
        days = {"first_day": date(2026, 8, 1), "last_day": date(2027, 1, 1)}
        term = years.add_term(connection, HEAD, year_id=year.id, title="Autumn", **days)
        rows, _total = lookup.find(connection, Wanted(past=True), limit=1)
        filing.file(connection, HEAD, [rows[0].id], course_id=course, term_id=term)
    assert len(found(rig, past=True)) == len(PAST) - 1


def test_a_later_word_about_the_dates_counts_and_an_older_one_does_not(rig: Rig) -> None:
    first_year(rig)
    peer = rig.peers[MOODLE]
    told: dict[str, Any] = {"idnumber": "ended", "name": "ended", "timemodified": START_UNIX_S + 9}
    rig.clock.now += 60
    later: Any = rig.call(peer, SIS + "new_section", {**told, "enddate": unix_s("2027-01-01")})
    assert later["status"] == "updated"
    assert "ended" not in found(rig, past=True)
    old = {**told, "timemodified": START_UNIX_S - 9, "enddate": unix_s("2025-01-01")}
    rig.call(peer, SIS + "new_section", old)
    assert "ended" not in found(rig, past=True)


def test_the_pages_have_them_in_a_place_of_their_own(rig: Rig) -> None:
    first_year(rig)
    clerk = signed_in(rig, CLERK)
    shown = clerk.get("/admin/sections?place=past").text
    assert [name for name in ALL if f">{name}<" in shown and name in PAST]
    assert "over the summer" not in shown
    assert "Before our first year" in shown
    assert (
        "3 sections from before our first year" in signed_in(rig, MANAGER).get("/admin/school").text
    )
