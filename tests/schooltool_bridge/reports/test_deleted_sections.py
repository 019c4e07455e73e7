"""A section that is deleted today was there yesterday, on every list of that day."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from schooltool_bridge.hand import sections
from schooltool_bridge.history.author import Author
from schooltool_bridge.reports import print_runs, school_figures
from schooltool_bridge.reports.kinds import failing
from schooltool_bridge.reports.print_runs import Wanted
from schooltool_bridge.store.model import section
from tests.helpers.report_story import ADA, BOB, CLEO, ZONE, enrol, graded, on, section_id
from tests.helpers.school import School


def failed(school: School, day: float | None) -> list[str]:
    at = None if day is None else on(day)
    with school.database.read() as connection:
        found = failing.read(connection, below=failing.DEFAULT_BELOW, term_id=None, at_unix_s=at, now_unix_s=school.now)  # fmt: skip
    return [line.person.firstname for line in found.lines]


def figures(school: School, day: float) -> tuple[int, int]:
    """The enrolments then, counted in two ways."""
    with school.database.read() as connection:
        found = school_figures.read(connection, on(day), school.now, ZONE)
    return found.enrolments, found.weeks[-1].enrolled


def printed(school: School, place: str, day: float) -> int:
    place_id = section_id(school) if place == "section" else None
    wanted = Wanted("progress", place, place_id, at_unix_s=on(day))
    with school.database.write() as connection:
        return print_runs.begin(connection, Author("carl", school.now), wanted, "one").total


def deleted(school: School, *, by_peer: bool) -> None:
    if by_peer:
        school.push("delete_section", idnumber="algebra", timemodified=on(30))
        return
    school.now = on(30)
    with school.database.write() as connection:
        connection.execute(sa.update(section).values(peer_id=None))
        sections.remove(connection, Author("carl", on(30)), section_id(school))


@pytest.mark.requirement("R73", "R78")
@pytest.mark.parametrize("by_peer", [True, False])
def test_a_section_that_is_deleted_changes_no_earlier_day(school: School, by_peer: bool) -> None:
    enrol(school, "fall", CLEO, 1)
    for who in (ADA, BOB):
        graded(school, "quiz", who, 2, 12)
    school.now = on(29)

    def said() -> list[object]:
        return [failed(school, 25), figures(school, 20), printed(school, "school", 25)]

    before = said()
    assert before == [["Bob", "Ada"], (3, 3), 3]
    deleted(school, by_peer=by_peer)
    school.now = on(40)
    assert said() == before
    assert failed(school, None) == failed(school, 35) == []
    assert figures(school, 39)[0] == figures(school, 39)[1] == 1
    assert printed(school, "school", 39) == 1
    assert printed(school, "section", 39) == 2, "whoever names it means it"
