"""What the lists and reports say of a moment, laid beside what the model says of it."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterable
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from peers.model import peer
from schooltool_bridge.cli import lists
from schooltool_bridge.common.days import iso
from schooltool_bridge.history import as_of, averages
from schooltool_bridge.history.finding import find_record, find_section
from schooltool_bridge.history.snapshot import SectionSnapshot
from schooltool_bridge.reports import progress
from schooltool_bridge.store.model import assessment, grade, section
from tests.helpers.any_day_model import EVER, ROLES, STUDENT, TEACHER, Model
from tests.helpers.any_day_said import Cell, Thing
from tests.helpers.school import School

Cells = dict[tuple[Thing, str], Cell]


class Readers:
    """Finds the model's things in the store."""

    def __init__(self, school: School) -> None:
        self.school = school
        self._sections: dict[Thing, int] = {}
        self._items: dict[Thing, int] = {}
        self._people: dict[str, int] = {}

    def section_id(self, section: Thing) -> int:
        if section not in self._sections:
            self._sections[section] = self.school.read(
                lambda c: find_section(c, section[1], section[0])
            )
        return self._sections[section]

    def item_id(self, item: Thing) -> int:
        if item not in self._items:
            wanted = (peer.c.wwwroot == item[0], assessment.c.idnumber == item[1])
            found = sa.select(assessment.c.id).join_from(assessment, peer).where(*wanted)
            self._items[item] = self.school.read(lambda c: c.execute(found).scalar_one())
        return self._items[item]

    def person_id(self, who: str) -> int:
        """Our id of a record."""
        if who not in self._people:
            self._people[who] = self.school.read(lambda c: find_record(c, who))
        return self._people[who]

    def cells(self, then: SectionSnapshot, roots: Iterable[str]) -> Cells:
        """What these people have in a section."""
        items = {i.id: (str(i.peer), i.name_for_scripts) for i in then.items}
        ours = {self.person_id(who): who for who in roots}
        return {
            (items[item_id], ours[person_id]): Cell(
                e.points, e.excepted, e.attempt, e.authority, e.recorded_unix_s, e.peer_points
            )
            for (item_id, person_id), e in then.entries.items()
            if person_id in ours
        }


class Then:
    """What the model says of a moment; None: of all that is known."""

    def __init__(self, model: Model, at: int | None, now: int) -> None:
        self.model = model
        self.at = at
        self.moment = EVER if at is None else at
        everywhere = list(itertools.product(model.sections(), model.roots()))
        self.cells: dict[tuple[Thing, str], Cells] = {
            (section, who): {
                (item, who): cell for item, cell in model.cells(section, who, self.moment).items()
            }
            for section, who in everywhere
        }
        # Section, person and role to the code, and since when it is so.
        self.places = {
            (section, who, role): state
            for section, who in everywhere
            for role in ROLES
            if (
                state := model.place(
                    section, who, role, self.moment, now=now if at is None else None
                )
            )
        }

    def cells_in(self, section: Thing) -> Cells:
        found: Cells = {}
        for (where, _who), cells in self.cells.items():
            found |= cells if where == section else {}
        return found

    def teachers(self, section: Thing, *codes: str) -> list[str]:
        return sorted(
            who
            for (where, who, role), state in self.places.items()
            if (where, role) == (section, TEACHER) and state[0] in codes
        )


def compare(readers: Readers, model: Model, now: int, moments: Collection[int | None]) -> None:
    """See that every reader says of moments what the model does."""
    each = [Then(model, at, now) for at in moments]
    for then in each:
        _compare_sections(readers, then)
        compare_lists(readers, then)
    with readers.school.database.read() as connection:
        for who in model.roots():
            person_id = readers.person_id(who)
            read = as_of.of_person_at_each(connection, person_id, list(moments))
            for then, found in zip(each, read, strict=True):
                _compare_person(readers, then, who, found)


def _compare_sections(readers: Readers, then: Then) -> None:
    """As the gradebook and a section's report read them: what it is, who is in it, the cells."""
    model, at = then.model, then.at
    every = sa.select(section.c.id)
    read = readers.school.read(lambda c: as_of.of_sections(c, every, at))
    found = {(str(s.peer), s.name_for_scripts): s for s in read}
    assert set(found) == set(model.sections())
    items = {i: there for i in model.items() if (there := model.item(i, then.moment))}
    for thing, said in found.items():
        assert model.section(thing, then.moment) in (None, (said.name, said.deleted)), at
        inside = {(thing[0], i.name_for_scripts): (thing, i.name, i.points) for i in said.items}
        assert inside == {i: item for i, item in items.items() if item[0] == thing}, at
        assert (at, readers.cells(said, model.roots())) == (at, then.cells_in(thing))
        assert {who for _item, who in said.entries} <= set(map(readers.person_id, model.roots()))
        held = {place: (s.code, s.since_unix_s) for place, s in said.enrolments.items()}
        places = {
            (readers.person_id(who), role): state
            for (where, who, role), state in then.places.items()
            if where == thing
        }
        assert (at, thing, held) == (at, thing, places)


def compare_lists(readers: Readers, then: Then) -> None:
    """Who is where; for now also what is stored of cells, of everybody's names and the teachers."""
    model, at = then.model, then.at
    listed = readers.school.read(lambda c: lists.enrolments(c, at_unix_s=at))
    rows = sorted((r["section"], r["person"], r["role"], r["code"], r["since"]) for r in listed)
    expected = sorted(
        (section[1], who, role, state[0], iso(state[1]))
        for (section, who, role), state in then.places.items()
    )
    assert (at, rows) == (at, expected)
    if at is None:
        stored = _stored_cells(readers, model)
        assert stored == {p: cell for cells in then.cells.values() for p, cell in cells.items()}
        people = readers.school.people()
        assert {str(p["idnumber"]): (p["firstname"], p["lastname"]) for p in people} == {
            who: model.name(who) for who in model.roots()
        }
        teaching = {
            (s["peer"], s["idnumber"]): sorted(s["teachers"]) for s in readers.school.sections()
        }
        assert teaching == {s: then.teachers(s, "a") for s in model.sections()}


def _stored_cells(readers: Readers, model: Model) -> Cells:
    """The cells as they are kept up to date, without reading any history."""
    stored = (
        sa.select(grade, assessment.c.idnumber, peer.c.wwwroot)
        .select_from(grade)
        .join(assessment, assessment.c.id == grade.c.assessment_id)
        .join(peer, peer.c.id == assessment.c.peer_id)
        .where(grade.c.exists, assessment.c.status == "active")
    )
    ours = {readers.person_id(who): who for who in model.roots()}
    rows: Any = readers.school.read(lambda c: c.execute(stored).all())
    return {
        ((r.wwwroot, r.idnumber), ours[r.person_id]): Cell(
            _decimal(r.points),
            r.excepted,
            r.attempt,
            r.authority,
            r.recorded_unix_s,
            _decimal(r.peer_points),
        )
        for r in rows
        if r.person_id in ours
    }


def _decimal(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


def _compare_person(readers: Readers, then: Then, who: str, found: list[SectionSnapshot]) -> None:
    """As somebody's progress report reads their sections: counting the right cells."""
    person_id = readers.person_id(who)
    mine = {
        (str(s.peer), s.name_for_scripts): (
            s.enrolments[person_id, STUDENT].code,
            averages.percent_of(s, person_id),
            set(progress.teachers_of(s)),
            readers.cells(s, [who]),
        )
        for s in found
        if (person_id, STUDENT) in s.enrolments
    }
    expected = {
        section: (
            state[0],
            then.model.percent(section, who, then.moment),
            set(map(readers.person_id, then.teachers(section, "a", "s"))),
            then.cells[section, who],
        )
        for (section, whose, role), state in then.places.items()
        if (whose, role) == (who, STUDENT)
    }
    assert (then.at, who, mine) == (then.at, who, expected)
