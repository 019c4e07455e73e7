"""Whom a typed list means, and many people put into a section at once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from schooltool_bridge.common.refusals import Refused
from schooltool_bridge.hand import enrol_lists, enrolments, merging, people, sections
from schooltool_bridge.hand.people import Names
from schooltool_bridge.history.author import Author
from schooltool_bridge.store.model import enrolment_history
from tests.helpers.school import NOW, School

AUTHOR = Author("anna", NOW)
PEOPLE = (
    Names("ada", "Ada", "Lovelace", "L-1", "ada@example.org"),
    Names("king", "Ada", "King", "L-2", "kings@example.org"),
    Names("bo", "Bo", "King", "L-3", "kings@example.org"),
    Names("zoe", "Zoë", "O'Neill Müller", "7"),
    Names("7", "Number", "Seven", "L-5"),
)


@pytest.fixture(scope="module")
def school() -> Iterator[School]:
    made = School.open("sqlite://")
    with made.database.write() as connection:
        for names in PEOPLE:
            people.add(connection, AUTHOR, names)
        sections.add(connection, AUTHOR, "Choir")
    yield made
    made.database.close()


def meant(connection: sa.Connection, text: str) -> list[tuple[bool, list[str]]]:
    lines = enrol_lists.read_list(connection, 1, text, "student")
    return [(line.is_clear, [who.username for who in line.people]) for line in lines]


@pytest.mark.requirement("R60")
@pytest.mark.parametrize(
    ("line", "who"),
    [
        ("L-1", "ada"), ("l-1", "ada"), (" ADA ", "ada"), ("ada@Example.org", "ada"),
        ("Ada Lovelace", "ada"), ("lovelace, ada", "ada"), ("L-3\tKing\tBo", "bo"),
        ("Bo\tKing", "bo"), ("Ada Lovelace <ada@example.org>", "ada"), ('"King, Bo"', "bo"),
        ("ONeill Muller Zoe", "zoe"), ("King", "king"),
    ],
)  # fmt: skip
def test_a_line_names_somebody_whole(school: School, line: str, who: str) -> None:
    with school.database.read() as connection:
        assert meant(connection, line) == [(True, [who])]


@pytest.mark.requirement("R60")
@pytest.mark.parametrize(
    ("line", "who"),
    [
        # An id number of one and a user name of another; a mail address of two.
        ("7", ["zoe", "7"]), ("kings@example.org", ["king", "bo"]),
        # A part of a name, also when only one fits.
        ("Love", ["ada"]), ("Nobody Atall", []),
        # Cells that mean two.
        ("L-1\tBo King", ["ada", "bo"]),
        # Some other Ada: a first name is a user name here.
        ("Ada\tMoore", ["ada"]),
    ],
)  # fmt: skip
def test_what_is_not_clear_is_left_to_a_person(school: School, line: str, who: list[str]) -> None:
    with school.database.read() as connection:
        ((is_clear, found),) = meant(connection, line)
    assert not is_clear
    assert sorted(found) == sorted(who)


@given(st.text(max_size=200))
def test_any_text_is_read(school: School, text: str) -> None:
    with school.database.read() as connection:
        for line in enrol_lists.read_list(connection, 1, text, "student"):
            assert line.text
            assert line.text.strip() == line.text
            assert len(line.people) == 1 or not line.is_clear


def test_a_list_has_an_end(school: School) -> None:
    with school.database.read() as connection, pytest.raises(Refused, match="at most 400 lines"):
        enrol_lists.read_list(connection, 1, "ada\n" * 401, "student")


@pytest.mark.requirement("R60")
def test_a_line_of_many_cells_is_refused_before_it_is_read(school: School) -> None:
    """A row of a whole school instead of a column held the server for half a minute."""
    row = "\t".join(f"u{number}" for number in range(enrol_lists.MAX_CELLS + 1))
    with school.database.read() as connection:
        with pytest.raises(Refused, match="each person in a line") as refused:
            meant(connection, f"ada\n{row}")
        assert refused.value.field == "list"
        assert meant(connection, "ada" + "\t" * enrol_lists.MAX_CELLS) == [(True, ["ada"])]


def test_a_merged_record_means_who_stands_for_it(database_url: str) -> None:
    school = School.open(database_url)
    with school.database.write() as connection:
        ids = [people.add(connection, AUTHOR, names) for names in PEOPLE[:3]]
        section = sections.add(connection, AUTHOR, "Choir")
        merging.merge(connection, AUTHOR, ids[0], ids[2])
        assert meant(connection, "bo\nBo King\nL-3") == [(True, ["ada"])] * 3
        found = enrol_lists.of_people(connection, section, [ids[2]], "student")
        assert [who.id for who in found] == [ids[0]]
        with pytest.raises(Refused, match="merged"):
            enrol_lists.enrol(connection, AUTHOR, section, [ids[2]], "student")
    school.database.close()


@pytest.mark.requirement("R60")
def test_all_are_put_in_once_or_nobody_is(database_url: str) -> None:
    school = School.open(database_url)
    with school.database.write() as connection:
        ids = [people.add(connection, AUTHOR, names) for names in PEOPLE]
        choir = sections.add(connection, AUTHOR, "Choir")
        enrolments.set_state(connection, AUTHOR, choir, ids[0], "student", "a")
        enrolments.set_state(connection, AUTHOR, choir, ids[1], "student", "w")
    rows = sa.select(sa.func.count()).select_from(enrolment_history)
    with pytest.raises(Refused, match="nobody with id 99"), school.database.write() as connection:
        enrol_lists.enrol(connection, AUTHOR, choir, [*ids, 99], "student")
    with school.database.write() as connection:
        assert connection.execute(rows).scalar() == 2
        done = enrol_lists.enrol(connection, AUTHOR, choir, [*ids, ids[2]], "student")
        assert (done.put_in, done.already) == (tuple(ids[1:]), (ids[0],))
        assert connection.execute(rows).scalar() == 6
        again = enrol_lists.enrol(connection, AUTHOR, choir, ids, "student")
        assert (again.put_in, again.already) == ((), tuple(ids))
        assert connection.execute(rows).scalar() == 6
        assert enrol_lists.roster_of(connection, choir) == ids
        sections.remove(connection, AUTHOR, choir)
        with pytest.raises(Refused, match="was removed"):
            enrol_lists.enrol(connection, AUTHOR, choir, ids, "student")
        assert choir not in [row.id for row in enrol_lists.rosters(connection, 0)]
    school.database.close()
