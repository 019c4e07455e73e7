"""Sections made here are renamed, removed and brought back, with what was before."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import sqlalchemy as sa

from schooltool_bridge.common.refusals import Refused
from schooltool_bridge.hand import enrolments, joining_sections, people, sections
from schooltool_bridge.hand.people import Names
from schooltool_bridge.history import as_of
from schooltool_bridge.history.author import Author
from schooltool_bridge.sign_on import own_access
from schooltool_bridge.store.model import section_history
from tests.helpers.school import School

DAY_S = 86_400
pytestmark = pytest.mark.requirement("R60")


@pytest.fixture
def school(database_url: str) -> Iterator[School]:
    school = School.open(database_url)
    yield school
    school.database.close()


def write(school: School, function: Callable[..., Any], *arguments: Any, **more: Any) -> Any:
    school.now += DAY_S
    with school.database.write() as connection:
        return function(connection, Author("anna", school.now, "a reason"), *arguments, **more)


def seen(school: School, section_id: int, at: int | None = None) -> tuple[str, bool, int]:
    with school.database.read() as connection:
        found = as_of.of_section(connection, section_id, at)
        return found.name, found.deleted, len(found.enrolments)


def test_days_before_keep_what_was_so(school: School) -> None:
    made = write(school, sections.add, "Drama")
    bo = write(school, people.add, Names("bo", "Bo", "B"))
    write(school, enrolments.set_state, made, bo, "teacher", "a")
    named = school.now
    assert write(school, sections.rename, made, " Theatre ")
    assert not write(school, sections.rename, made, "Theatre")
    renamed = school.now
    assert write(school, sections.remove, made)
    removed = school.now
    assert not write(school, sections.remove, made)
    with pytest.raises(Refused, match="bring it back first"):
        write(school, sections.rename, made, "Stage")
    assert seen(school, made) == ("Theatre", True, 1)
    with school.database.read() as connection:
        (taught,) = own_access.taught_by(connection, bo)
        assert (taught.name, taught.is_current) == ("Theatre", False)
    assert write(school, sections.bring_back, made)
    assert not write(school, sections.bring_back, made)
    assert seen(school, made) == ("Theatre", False, 1)
    assert seen(school, made, named) == ("Drama", False, 1)
    assert seen(school, made, renamed) == ("Theatre", False, 1)
    assert seen(school, made, removed) == ("Theatre", True, 1)
    with school.database.read() as connection:
        (taught,) = own_access.taught_by(connection, bo)
        assert taught.is_current
        rows = connection.execute(sa.select(section_history.c.by_actor, section_history.c.why))
        assert [tuple(row) for row in rows] == [("anna", "a reason")] * 4


def test_a_moodles_is_changed_there_and_a_joined_one_taken_apart_first(school: School) -> None:
    school.begin_term()
    theirs = int(str(school.sections()[0]["id"]))
    for change in (sections.remove, sections.bring_back):
        with pytest.raises(Refused, match="change it there"):
            write(school, change, theirs)
    ours = write(school, sections.add, "Algebra")
    write(school, joining_sections.join, ours, theirs)
    with pytest.raises(Refused, match="take these apart first"):
        write(school, sections.remove, ours)
    with pytest.raises(Refused, match="no section with id 99"):
        write(school, sections.remove, 99)
    assert not seen(school, ours)[1]
