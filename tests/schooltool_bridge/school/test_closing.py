"""A term is closed, marks are stored, and what comes later is proposed."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import pytest
import sqlalchemy as sa

from peers import audit
from schooltool_bridge.common.refusals import Refused
from schooltool_bridge.hand import merging
from schooltool_bridge.history.finding import find_person
from schooltool_bridge.school import closing, final_marks, scores
from schooltool_bridge.school.final_marks import Final
from schooltool_bridge.store.model import section
from schooltool_bridge.store.model_school import school_year, term
from tests.helpers.school import GRADE, PUPIL, TOM, A, School
from tests.schooltool_bridge.hand.test_by_hand import ids, write


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
    return school.read(final_marks.finals)


def test_marks_are_stored_and_later_grades_are_proposals(
    school: School, letters: int, autumn: int
) -> None:
    anna, algebra, _quiz = ids(school)
    assert write(school, closing.close_term, autumn, letters) == 1
    final = finals(school)[0]
    assert (final.percent, final.mark, final.code) == (Decimal("91.18"), "A", "a")
    school.push("new_grade", **GRADE | {"points_earned": 50})
    assert finals(school) == [final]
    proposal = school.read(lambda c: final_marks.proposals(c, sa.select(section.c.id)))[0]
    assert (proposal.percent, proposal.mark) == (Decimal("73.53"), "C")
    write(school, closing.accept, algebra, anna, why="she came back from hospital")
    now = finals(school)[0]
    assert (now.mark, now.why) == ("C", "she came back from hospital")
    assert school.read(lambda c: final_marks.proposals(c, sa.select(section.c.id))) == []
    with pytest.raises(Refused, match="Nothing is proposed"):
        write(school, closing.accept, algebra, anna)


def test_a_withdrawal_after_the_closing_is_proposed_too(
    school: School, letters: int, autumn: int
) -> None:
    write(school, closing.close_term, autumn, letters)
    school.push("end_enrolment", sectionid="5", userid="1")
    proposal = school.read(lambda c: final_marks.proposals(c, sa.select(section.c.id)))[0]
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


def joined(school: School, wanted: sa.Select[tuple[int]]) -> list[tuple[int, Decimal | None]]:
    """Who has no final mark where marks are stored, with the percentage."""
    found = school.read(lambda c: final_marks.since(c, wanted)).joined
    return [(s.person_id, s.percent) for s in found]


def come(school: School, points: int) -> int:
    """Tom comes into Algebra and is graded; his id."""
    school.push("fetch_user", **TOM)
    school.push("new_enrolment", **PUPIL | {"userid": "9"})
    school.push("new_grade", **GRADE | {"userid": 9, "points_earned": points})
    found: int = school.read(lambda c: find_person(c, "9"))
    return found


def test_who_joins_a_section_that_was_closed_alone_is_given_a_mark_and_no_other_changes(
    school: School, letters: int
) -> None:
    anna, algebra, _quiz = ids(school)
    here = final_marks.of_section(algebra)
    assert joined(school, here) == [], "nothing is closed yet"
    write(school, closing.close_section, algebra, letters)
    stored = finals(school)
    tom = come(school, 34)
    school.push("new_grade", **GRADE | {"points_earned": 10})
    assert joined(school, here) == [(tom, Decimal(50))]
    assert write(school, closing.close_section, algebra, letters) == 1
    assert finals(school)[:1] == stored, "Anna's new grade stays a proposal"
    assert [(f.person_id, f.mark) for f in finals(school)] == [(anna, "A"), (tom, "F")]
    assert joined(school, here) == []
    with pytest.raises(Refused, match="already"):
        write(school, closing.close_section, algebra, letters)
    noted = school.read(audit.entries)[0]
    assert (noted.action, noted.detail["persons"]) == ("final marks added", [tom])


def test_who_joins_after_a_whole_term_was_closed_is_given_a_mark_too(
    school: School, letters: int, autumn: int
) -> None:
    write(school, closing.close_term, autumn, letters)
    stored, tom = finals(school), come(school, 68)
    assert joined(school, final_marks.of_term(autumn)) == [(tom, Decimal(100))]
    assert write(school, closing.close_term, autumn, letters) == 1
    assert [*stored] == finals(school)[:1]
    assert [(f.person_id, f.mark) for f in finals(school)[1:]] == [(tom, "A")]


def test_a_section_that_is_filed_into_a_closed_term_has_only_people_who_joined(
    school: School, letters: int, autumn: int
) -> None:
    anna, _algebra, _quiz = ids(school)
    write(school, closing.close_term, autumn, letters)
    school.push("new_section", idnumber="6", name="Biology")
    school.push("new_enrolment", sectionid="6", userid="1", role="student")
    assert joined(school, final_marks.of_term(autumn)) == []
    with school.database.write() as connection:
        connection.execute(sa.update(section).values(term_id=autumn))
    assert joined(school, final_marks.of_term(autumn)) == [(anna, None)]


def test_whose_record_is_merged_into_one_that_has_a_mark_did_not_join(
    school: School, letters: int
) -> None:
    anna, algebra, _quiz = ids(school)
    write(school, closing.close_section, algebra, letters)
    tom = come(school, 34)
    write(school, merging.merge, anna, tom)
    assert joined(school, final_marks.of_section(algebra)) == []


def test_an_empty_term_is_not_closed(school: School, letters: int, autumn: int) -> None:
    with school.database.write() as connection:
        connection.execute(sa.update(section).values(term_id=None))
    with pytest.raises(Refused, match="No section is filed"):
        write(school, closing.close_term, autumn, letters)
