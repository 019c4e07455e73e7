"""What names may hold and ids may not, and how long each may be, on SQLite and PostgreSQL."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from schooltool_bridge.common.ids import key
from schooltool_bridge.store.model import (
    NAME_CHARS,
    assessment,
    assessment_history,
    inbox_wait,
    person,
    section,
    section_history,
)
from tests.helpers.school import GRADE, PUPIL, QUIZ, SECTION, A, School

CASES = Path(__file__).parent / "field_cases"
# Each becomes longer in the form in which ids are compared.
GROWING = {"\u0130": 2, "ß": 2, "\ufb03": 3, "\u0390": 1, "\u1f80": 2}


@pytest.fixture
def school(database_url: str) -> Iterator[School]:
    school = School.open(database_url, A)
    yield school
    school.database.close()


def pushed(school: School, file: str) -> list[dict[str, Any]]:
    """Bring a field case's events, one by one; return the answers."""
    events = json.loads((CASES / file).read_text())
    return [school.push(e["event"], **e["data"]) for e in events]


def column(school: School, found: sa.Column[Any]) -> list[Any]:
    with school.database.read() as connection:
        return list(connection.execute(sa.select(found)).scalars())


@pytest.mark.requirement("R23")
def test_a_tab_in_a_name_is_a_blank(school: School) -> None:
    answers = pushed(school, "21-tab-in-a-name.json")
    assert [a["status"] for a in answers] == ["created"] * 3
    assert column(school, section.c.name) == ["Biology Period 2"]
    assert column(school, assessment.c.name) == ["Quiz 1"]
    assert column(school, person.c.firstname) == ["Tab by"]
    assert [a["status"] for a in pushed(school, "21-tab-in-a-name.json")] == ["unchanged"] * 3


@pytest.mark.requirement("R23")
def test_a_name_of_1333_signs_is_taken_whole(school: School) -> None:
    assert [a["status"] for a in pushed(school, "22-name-of-1333-signs.json")] == ["created"]
    long = "é" * NAME_CHARS
    names = {"firstname": long, "lastname": long, "email": "a" * NAME_CHARS}
    assert school.push("fetch_user", idnumber="9", username="nine", **names)["status"] == "created"
    # An accent that comes apart counts as the one letter that it is.
    apart = {"name": "e\u0301" * NAME_CHARS, "idnumber": "apart"}
    assert school.push("new_section", **apart)["status"] == "created"
    school.push("new_assessment", **{**QUIZ, "sectionid": "apart", "name": long})
    for kept in (section.c.name, section_history.c.name):
        assert long in column(school, kept)
    for kept in (assessment.c.name, assessment_history.c.name, person.c.firstname):
        assert column(school, kept) == [long]
    code, text = school.fault("new_section", name=long + "é", idnumber="more")
    assert (code, text) == (8400, "new_section: name is longer than 1333 characters.")


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r", "\t"])
def test_a_line_end_is_one_blank_in_a_name_and_refused_in_an_id(
    school: School, line_end: str
) -> None:
    school.push("new_section", **{**SECTION, "name": f"Year{line_end}9 {line_end}"})
    assert column(school, section.c.name) == ["Year 9"]
    for wrong in (f"a{line_end}b", f"ab{line_end}"):
        code, text = school.fault("new_section", **{**SECTION, "idnumber": wrong})
        assert (code, text) == (8400, "new_section: idnumber holds control characters.")


@pytest.mark.parametrize("sign", ["\ufffd", "\x85", "\x7f"])
def test_what_was_a_control_character_is_kept_in_a_name_and_refused_in_an_id(
    school: School, sign: str
) -> None:
    school.push("new_section", **{**SECTION, "name": f"a{sign}b"})
    assert column(school, section.c.name) == ["a\ufffdb"]
    for field, event in (("idnumber", {}), ("username", {"idnumber": "1"})):
        names = {"firstname": "A", "lastname": "B", **event, field: f"a{sign}b"}
        code, text = school.fault("fetch_user", **names)
        assert (code, text) == (8400, f"fetch_user: {field} holds control characters.")


@pytest.mark.requirement("R23")
@pytest.mark.parametrize("letter", GROWING)
def test_an_id_that_grows_by_folding_is_refused_once_it_is_too_long(
    school: School, letter: str
) -> None:
    """Never 8503, which its sender would repeat for ever: what waits for it has no room for more."""
    grown = GROWING[letter]
    assert len(key(letter * 10)) == 10 * grown
    fits = letter * (255 // grown)
    for event, data, field in (
        ("new_grade", GRADE, "userid"),
        ("new_grade", GRADE, "assessmentid"),
        ("new_enrolment", PUPIL, "sectionid"),
        ("new_enrolment", PUPIL, "userid"),
        ("end_enrolment", {"sectionid": "5", "userid": "1", "timemodified": 1}, "userid"),
    ):
        assert school.push(event, **{**data, field: fits})["status"] == "held", (event, field)
        code, text = school.fault(event, **{**data, field: fits + letter * (1 + 255 % grown)})
        assert code == 8400
        assert text == f"{event}: {field} is longer than 255 characters."
    assert any(key(fits) in waiting for waiting in column(school, inbox_wait.c.key))


@pytest.mark.parametrize("letter", GROWING)
def test_names_of_people_that_grow_are_kept_whole(school: School, letter: str) -> None:
    fits = letter * (255 // GROWING[letter])
    data = {"idnumber": fits, "username": fits, "firstname": "A", "lastname": "B"}
    assert school.push("fetch_user", **data)["status"] == "created"
    assert school.push("fetch_user", **data)["status"] == "unchanged"
    for field in ("idnumber", "username"):
        code, _text = school.fault("fetch_user", **{**data, field: letter * 255 + letter})
        assert code == 8400
