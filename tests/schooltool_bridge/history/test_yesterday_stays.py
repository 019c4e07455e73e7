"""What is set today changes nothing said of yesterday: every policy, weight, category and state."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from mnet.database import Database
from peers import store
from peers.policy import DATES, OUT_OF_RANGE, PeerPolicy
from schooltool_bridge.cli import lists
from schooltool_bridge.hand import assessments as by_hand
from schooltool_bridge.hand import enrolments
from schooltool_bridge.history import as_of
from schooltool_bridge.history.author import Author
from schooltool_bridge.history.finding import find_person, find_section
from schooltool_bridge.reports import progress, section_report, transcript
from schooltool_bridge.school import courses, filing, marking, scores, states, years, zone_change
from schooltool_bridge.school.scores import read_scores
from schooltool_bridge.store.model import assessment, section
from tests.helpers.migrated import fill
from tests.helpers.school import ANNA, GRADE, NOW, PUPIL, QUIZ, SECTION, TOM, School

DAY = 86_400


@pytest.fixture
def school(database_url: str) -> Iterator[School]:
    """Since ten days Anna is in Algebra with more than all points; Tom came with dates."""
    school = School.open(database_url)
    tom = {"sectionid": "5", "userid": "9", "role": "student"}
    for event, data in (
        ("fetch_user", ANNA),
        ("fetch_user", TOM),
        ("new_section", SECTION),
        ("new_enrolment", PUPIL),
        ("new_enrolment", tom | {"timestart": NOW - 20 * DAY, "timeend": NOW - 3 * DAY}),
        ("new_assessment", QUIZ),
        ("new_assessment", QUIZ | {"idnumber": 8, "name": "Essay"}),
        ("new_grade", GRADE | {"points_earned": 99}),
        ("new_grade", GRADE | {"points_earned": -5, "userid": 9}),
        ("new_grade", GRADE | {"points_earned": 30, "assessmentid": 8}),
    ):
        school.push(event, **data, timemodified=NOW - 10 * DAY)
    school.now = NOW
    yield school
    school.database.close()


def yesterday(school: School) -> str:
    """All that is said of yesterday."""
    at = NOW - DAY

    def read(c: sa.Connection) -> dict[str, Any]:
        section_id = find_section(c, "5")
        people = [find_person(c, n) for n in ("1", "9")]
        return {
            "enrolments": lists.enrolments(c, at_unix_s=at),
            "grades": lists.grades(c, section_id, at),
            "gradebook": repr(as_of.of_section(c, section_id, at)),
            "progress": [
                progress.as_json(progress.read(c, who, at, school.now, UTC)) for who in people
            ],
            "papers": [
                repr(progress.paper_of(progress.read(c, who, at, school.now, UTC), UTC))
                for who in people
            ],
            "transcripts": [
                transcript.as_json(transcript.read(c, who, school.now, at)) for who in people
            ],
            "section": repr(section_report.read(c, section_id, at, school.now, UTC)),
        }

    return json.dumps(school.read(read), default=str, indent=1)


@pytest.mark.requirement("R69")
@pytest.mark.parametrize("out_of_range", OUT_OF_RANGE)
@pytest.mark.parametrize("dates", DATES)
def test_a_policy_of_today_is_for_what_comes_from_now_on(
    school: School, out_of_range: str, dates: str
) -> None:
    before = yesterday(school)
    policy = {"out_of_range": out_of_range, "dates_students": dates, "dates_teachers": dates}
    set_policy(school, policy)
    assert yesterday(school) == before
    # Also when something else makes the cells be folded anew, or comes again.
    school.push("new_assessment", **QUIZ | {"name": "Quiz 1"})
    again = GRADE | {"points_earned": 99, "timemodified": NOW - 10 * DAY}
    assert school.status("new_grade", **again) == "unchanged"
    assert yesterday(school) == before
    assert school.grades()["7", "1"] == 99
    # Read with the maximum of the day asked about.
    if out_of_range == "clamp":
        school.push("new_grade", **GRADE | {"points_earned": 99}, timemodified=NOW)
        assert school.grades()["7", "1"] == 68
        school.push("new_assessment", **QUIZ | {"pointval": 50})
        assert school.grades()["7", "1"] == 50
        set_policy(school, {})
        assert school.grades()["7", "1"] == 50


def set_policy(school: School, policy: dict[str, str]) -> None:
    ((wwwroot, source),) = school.sources.items()
    with school.database.write() as connection:
        store.set_columns(connection, source.peer_id, policy=policy)
    school.sources[wwwroot] = source._replace(policy=PeerPolicy.from_stored(policy))


@pytest.mark.requirement("R69")
def test_what_was_held_keeps_the_policy_under_which_it_first_arrived(school: School) -> None:
    early: dict[str, Any] = GRADE | {"assessmentid": 70, "points_earned": 99}
    set_policy(school, {"out_of_range": "clamp"})
    assert school.status("new_grade", **early) == "held"
    set_policy(school, {"out_of_range": "accept", "dates_students": "ignore"})
    assert school.status("new_grade", **early | {"userid": 9}) == "held"
    later: dict[str, Any] = {
        "sectionid": "6",
        "userid": "1",
        "role": "student",
        "timestart": NOW + 5 * DAY,
    }
    assert school.status("new_enrolment", **later) == "held"
    set_policy(school, {"out_of_range": "reject", "dates_students": "hold"})
    school.push("new_assessment", **QUIZ | {"idnumber": 70, "name": "Test"})
    school.push("new_section", **SECTION | {"idnumber": 6})
    assert school.grades()["70", "1"] == 68
    assert school.grades()["70", "9"] == 99
    assert school.enrolments()["6", "1", "student"] == "a"
    assert school.inbox() == []


@pytest.mark.requirement("R69")
def test_what_is_marked_filed_and_called_today(school: School) -> None:
    before = yesterday(school)
    with school.database.write() as connection:
        now, actor = school.now, "carl"
        author = Author(actor, now)
        (section_id,) = connection.execute(sa.select(section.c.id)).scalars()
        (quiz, essay) = connection.execute(
            sa.select(assessment.c.id).order_by(assessment.c.id)
        ).scalars()
        tests = marking.add_category(connection, Author(actor, now), title="Tests")
        work = marking.add_category(connection, Author(actor, now), title="Work")
        letters = scores.add(connection, Author(actor, now), title="Letters", scores=read_scores("A; 95; 90; pass\nF; 0; 0; fail"))  # fmt: skip
        for item, kind in ((quiz, tests), (essay, work)):
            detail = by_hand.Detail("L", "D", kind, None, letters, date(2026, 1, 1))
            by_hand.describe(connection, author, item, detail)
        wanted = {tests: Decimal(70), work: Decimal(30)}
        marking.set_weights(connection, Author(actor, now), section_id, wanted)
        scores.set_hidden(connection, Author(actor, now), letters, hidden=True)
        states.add(connection, Author(actor, now), code="x", meaning="active", title="Guest")  # fmt: skip
        course = courses.add(connection, Author(actor, now), code="ALG", title="Algebra")
        year = years.add_year(connection, Author(actor, now), title="2026-27", first_day=date(2026, 8, 1), last_day=date(2027, 7, 1))  # fmt: skip
        term = years.add_term(connection, Author(actor, now), year_id=year, title="Fall", first_day=date(2026, 8, 1), last_day=date(2026, 12, 1))  # fmt: skip
        filing.file(connection, Author(actor, now), [section_id], course_id=course, term_id=term)
        anna = find_person(connection, "1")
        enrolments.set_state(connection, author, section_id, anna, "student", "x")
    assert yesterday(school) == before
    assert "Guest" not in before


@pytest.mark.requirement("R69")
def test_another_time_zone_says_so_first(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 's.sqlite'}")
    fill(database)
    assert zone_change.begin(database, "Europe/Paris", NOW) is None
    with database.read() as connection:
        assert zone_change.before(connection, "Europe/Paris") is None
        assert zone_change.before(connection, "Asia/Tokyo") == "Europe/Paris"
    assert zone_change.begin(database, "Asia/Tokyo", NOW) == "Europe/Paris"
    assert zone_change.begin(database, "Asia/Tokyo", NOW) is None
    database.close()
