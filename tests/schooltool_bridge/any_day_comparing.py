"""What the lists and reports say of a moment, laid beside what the model says of it."""

from __future__ import annotations

from datetime import UTC
from decimal import Decimal

import sqlalchemy as sa

from peers.model import peer
from schooltool_bridge import queries
from schooltool_bridge.model import assessment
from schooltool_bridge.reports import as_of, progress
from tests.schooltool_bridge.any_day_model import EVER, ROLES, STUDENT, TEACHER, Model, Thing
from tests.schooltool_bridge.school import School


class Readers:
    """Finds the model's things in the store."""

    def __init__(self, school: School) -> None:
        self.school = school
        self._sections: dict[Thing, int] = {}
        self._items: dict[Thing, int] = {}

    def section_id(self, section: Thing) -> int:
        if section not in self._sections:
            self._sections[section] = self.school.read(
                lambda c: queries.find_section(c, section[1], section[0])
            )
        return self._sections[section]

    def item_id(self, item: Thing) -> int:
        if item not in self._items:
            wanted = (peer.c.wwwroot == item[0], assessment.c.idnumber == item[1])
            found = sa.select(assessment.c.id).join_from(assessment, peer).where(*wanted)
            self._items[item] = self.school.read(lambda c: c.execute(found).scalar_one())
        return self._items[item]


def compare(readers: Readers, model: Model, at: int | None) -> None:
    """See that every reader says of a moment what the model does; None: of all that is known."""
    moment = EVER if at is None else at
    for section in model.sections():
        _compare_section(readers, model, section, at, moment)
    compare_lists(readers, model, at)
    _compare_people(readers, model, at, moment)


def _compare_section(
    readers: Readers, model: Model, section: Thing, at: int | None, moment: int
) -> None:
    section_id = readers.section_id(section)
    then = readers.school.read(lambda c: as_of.of_section(c, section_id, at))
    told = model.section(section, moment)
    assert told in (None, (then.name, then.deleted)), at
    items = {i: there for i in model.items() if (there := model.item(i, moment))}
    found = {(section[0], i.name_for_scripts): (i.name, i.points) for i in then.items}
    assert found == {i: there[1:] for i, there in items.items() if there[0] == section}, at
    listed = readers.school.read(lambda c: queries.grades(c, section_id, at))
    rows = {
        (r["assessment"], r["person"]): (r["points"], r["excepted"], r["attempt"], r["authority"])
        for r in listed
    }
    expected = {
        (item[1], who): (_number(cell.points), cell.excepted, cell.attempt, cell.authority)
        for who in model.roots()
        for item, cell in model.cells(section, who, moment).items()
    }
    assert (at, rows) == (at, expected)


def compare_lists(readers: Readers, model: Model, at: int | None) -> None:
    """Who is where; for now also what is stored of everybody's names and the teachers."""
    moment = EVER if at is None else at
    listed = readers.school.read(lambda c: queries.enrolments(c, at_unix_s=at))
    rows = sorted((r["section"], r["person"], r["role"], r["code"], r["since"]) for r in listed)
    expected = sorted(
        (section[1], who, role, state[0], queries.iso(state[1]))
        for section in model.sections()
        for who in model.roots()
        for role in ROLES
        if (state := model.place(section, who, role, moment))
    )
    assert (at, rows) == (at, expected)
    if at is None:
        people = readers.school.people()
        assert {str(p["idnumber"]): (p["firstname"], p["lastname"]) for p in people} == {
            who: model.name(who) for who in model.roots()
        }
        teaching = {
            (s["peer"], s["idnumber"]): sorted(s["teachers"]) for s in readers.school.sections()
        }
        assert teaching == {s: _teachers(model, s, moment, ("a",)) for s in model.sections()}


def _compare_people(readers: Readers, model: Model, at: int | None, moment: int) -> None:
    """The progress report has the same cells, and counts the right ones."""
    for who in model.roots():
        report = _progress(readers.school, who, at)
        found = sorted(
            (s.then.peer, s.then.name_for_scripts, s.state.code, s.percent,
             sorted(str(t.idnumber) for t in s.teachers))
            for s in report.sections
        )  # fmt: skip
        expected = sorted(
            (section[0], section[1], state[0], model.percent(section, who, moment),
             _teachers(model, section, moment, ("a", "s")))
            for section in model.sections()
            if (state := model.place(section, who, STUDENT, moment))
        )  # fmt: skip
        assert (at, who, found) == (at, who, expected)


def _progress(school: School, who: str, at: int | None) -> progress.Progress:
    with school.database.read() as connection:
        person_id = queries.find_person(connection, who)
        return progress.read(connection, person_id, at, 0, UTC)


def _teachers(model: Model, section: Thing, moment: int, codes: tuple[str, ...]) -> list[str]:
    return sorted(
        who
        for who in model.roots()
        if (state := model.place(section, who, TEACHER, moment)) and state[0] in codes
    )


def _number(points: Decimal | None) -> float | None:
    return None if points is None else float(points)
