"""A term is closed, marks are stored, and what comes later is proposed."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import pytest
import sqlalchemy as sa

from schooltool_bridge import closing
from schooltool_bridge.closing import Final
from schooltool_bridge.hand.author import Refused
from schooltool_bridge.model import section
from schooltool_bridge.model_school import school_year, term
from schooltool_bridge.school import scores
from tests.schooltool_bridge.school import GRADE, A, School
from tests.schooltool_bridge.test_by_hand import ids, write


@pytest.fixture
def school(database_url: str) -> Iterator[School]:
    school = School.open(database_url, A)
    school.begin_term()
    school.push("new_grade", **GRADE)
    yield school
    school.database.close()


def system_called(school: School, title: str) -> int:
    """Our id of a score system."""
    found: int = school.read(lambda c: scores.find(c, title).id)
    return found


def filed_under(school: School, title: str = "Autumn") -> int:
    """A new term under which every section is filed; its id."""
    days = {"first_day": sa.func.current_date(), "last_day": sa.func.current_date()}
    with school.database.write() as connection:
        year = connection.execute(sa.insert(school_year).values(title="2026/27", **days))
        assert year.inserted_primary_key
        made = connection.execute(
            sa.insert(term).values(school_year_id=year.inserted_primary_key[0], title=title, **days)
        )
        assert made.inserted_primary_key
        connection.execute(sa.update(section).values(term_id=made.inserted_primary_key[0]))
        return int(made.inserted_primary_key[0])


@pytest.fixture
def letters(school: School) -> int:
    return system_called(school, "letter GRADES")


@pytest.fixture
def autumn(school: School) -> int:
    """A term under which Algebra is filed."""
    return filed_under(school)


def finals(school: School) -> list[Final]:
    return school.read(closing.finals)


def test_marks_are_stored_and_later_grades_are_proposals(
    school: School, letters: int, autumn: int
) -> None:
    anna, algebra, _quiz = ids(school)
    assert write(school, closing.close_term, autumn, letters) == 1
    final = finals(school)[0]
    assert (final.percent, final.mark, final.code) == (Decimal("91.18"), "A", "a")
    school.push("new_grade", **GRADE | {"points_earned": 50})
    assert finals(school) == [final]
    proposal = school.read(lambda c: closing.proposals(c, sa.select(section.c.id)))[0]
    assert (proposal.percent, proposal.mark) == (Decimal("73.53"), "C")
    write(school, closing.accept, algebra, anna, why="she came back from hospital")
    now = finals(school)[0]
    assert (now.mark, now.why) == ("C", "she came back from hospital")
    assert school.read(lambda c: closing.proposals(c, sa.select(section.c.id))) == []
    with pytest.raises(Refused, match="Nothing is proposed"):
        write(school, closing.accept, algebra, anna)


def test_a_withdrawal_after_the_closing_is_proposed_too(
    school: School, letters: int, autumn: int
) -> None:
    write(school, closing.close_term, autumn, letters)
    school.push("end_enrolment", sectionid="5", userid="1")
    proposal = school.read(lambda c: closing.proposals(c, sa.select(section.c.id)))[0]
    assert (proposal.final.code, proposal.code) == ("a", "w")


def test_a_term_is_closed_once_and_opened_with_a_reason(
    school: School, letters: int, autumn: int
) -> None:
    write(school, closing.close_term, autumn, letters)
    with pytest.raises(Refused, match="Autumn is closed already"):
        write(school, closing.close_term, autumn, letters)
    with pytest.raises(Refused, match="Say why"):
        write(school, closing.reopen_term, autumn)
    write(school, closing.reopen_term, autumn, why="marks of the wrong system")
    with pytest.raises(Refused, match="not closed"):
        write(school, closing.reopen_term, autumn, why="again")
    assert write(school, closing.close_term, autumn, letters) == 1


def test_an_ongoing_section_is_closed_alone(school: School, letters: int) -> None:
    _anna, algebra, _quiz = ids(school)
    with pytest.raises(Refused, match="no score system"):
        write(school, closing.close_section, algebra, 999)
    assert write(school, closing.close_section, algebra, letters) == 1
    with pytest.raises(Refused, match="already"):
        write(school, closing.close_section, algebra, letters)


def test_an_empty_term_is_not_closed(school: School, letters: int, autumn: int) -> None:
    with school.database.write() as connection:
        connection.execute(sa.update(section).values(term_id=None))
    with pytest.raises(Refused, match="No section is filed"):
        write(school, closing.close_term, autumn, letters)
