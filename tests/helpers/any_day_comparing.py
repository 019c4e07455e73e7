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
from schooltool_bridge.history import as_of, averages, reached
from schooltool_bridge.history.finding import find_record, find_section
from schooltool_bridge.history.snapshot import SectionSnapshot
from schooltool_bridge.reports import progress
from schooltool_bridge.store.model import assessment, grade, section
from tests.helpers.any_day_model import Model
from tests.helpers.any_day_records import EVER
from tests.helpers.any_day_statements import ROLES, STUDENT, TEACHER, Cell, Thing
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

    def cells(self, snapshot: SectionSnapshot, roots: Iterable[str]) -> Cells:
        """What these people have in a section."""
        items = {i.id: (str(i.peer), i.name_for_scripts) for i in snapshot.items}
        ours = {self.person_id(who): who for who in roots}
        return {
            (items[item_id], ours[person_id]): Cell(
                e.points, e.excepted, e.attempt, e.authority, e.recorded_unix_s, e.peer_points
            )
            for (item_id, person_id), e in snapshot.entries.items()
            if person_id in ours
        }


class Expected:
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
        self.memberships = {
            (section, who, role): state
            for section, who in everywhere
            for role in ROLES
            if (
                state := model.membership(
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
            for (where, who, role), state in self.memberships.items()
            if (where, role) == (section, TEACHER) and state[0] in codes
        )


def compare(readers: Readers, model: Model, now: int, moments: Collection[int | None]) -> None:
    """See that every reader says of moments what the model does."""
    each = [Expected(model, at, now) for at in moments]
    for wanted in each:
        _compare_sections(readers, wanted)
        compare_lists(readers, wanted)
    with readers.school.database.read() as connection:
        for who in model.roots():
            person_id = readers.person_id(who)
            read = as_of.of_person_at_each(connection, person_id, list(moments))
            for wanted, found in zip(each, read, strict=True):
                _compare_person(readers, wanted, who, found)


def _compare_sections(readers: Readers, wanted: Expected) -> None:
    """As the gradebook and a section's report read them: what it is, who is in it, the cells."""
    model, at = wanted.model, wanted.at
    every = sa.select(section.c.id)
    read = readers.school.read(lambda c: as_of.of_sections(c, every, at))
    found = {(str(s.peer), s.name_for_scripts): s for s in read}
    assert set(found) == set(model.sections())
    added_up = readers.school.read(lambda c: reached.of_sections(c, every, at))
    percents = {s.snapshot.id: s.percents for s in added_up}
    assert (at, percents) == (at, {s.id: percents_of(s) for s in read})
    assert [s.snapshot.enrolments for s in added_up] == [s.enrolments for s in read]
    items = {i: there for i in model.items() if (there := model.item(i, wanted.moment))}
    for thing, snapshot in found.items():
        assert model.section(thing, wanted.moment) in (None, (snapshot.name, snapshot.deleted)), at
        inside = {(thing[0], i.name_for_scripts): (thing, i.name, i.points) for i in snapshot.items}
        assert inside == {i: item for i, item in items.items() if item[0] == thing}, at
        assert (at, readers.cells(snapshot, model.roots())) == (at, wanted.cells_in(thing))
        assert {who for _item, who in snapshot.entries} <= set(
            map(readers.person_id, model.roots())
        )
        held = {member: (s.code, s.since_unix_s) for member, s in snapshot.enrolments.items()}
        memberships = {
            (readers.person_id(who), role): state
            for (where, who, role), state in wanted.memberships.items()
            if where == thing
        }
        assert (at, thing, held) == (at, thing, memberships)


def percents_of(snapshot: SectionSnapshot) -> dict[int, Decimal | None]:
    """What everybody in a section reached, each cell folded."""
    return {who: averages.percent_of(snapshot, who) for who, _role in snapshot.enrolments}


def compare_lists(readers: Readers, wanted: Expected) -> None:
    """Who is where; for now also what is stored of cells, of everybody's names and the teachers."""
    model, at = wanted.model, wanted.at
    listed = readers.school.read(lambda c: lists.enrolments(c, at_unix_s=at))
    rows = sorted((r["section"], r["person"], r["role"], r["code"], r["since"]) for r in listed)
    expected = sorted(
        (section[1], who, role, state[0], iso(state[1]))
        for (section, who, role), state in wanted.memberships.items()
    )
    assert (at, rows) == (at, expected)
    if at is None:
        stored = _stored_cells(readers, model)
        assert stored == {p: cell for cells in wanted.cells.values() for p, cell in cells.items()}
        people = readers.school.people()
        assert {str(p["idnumber"]): (p["firstname"], p["lastname"]) for p in people} == {
            who: model.name(who) for who in model.roots()
        }
        teaching = {
            (s["peer"], s["idnumber"]): sorted(s["teachers"]) for s in readers.school.sections()
        }
        assert teaching == {s: wanted.teachers(s, "a") for s in model.sections()}


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


def _compare_person(
    readers: Readers, wanted: Expected, who: str, found: list[SectionSnapshot]
) -> None:
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
            wanted.model.percent(section, who, wanted.moment),
            set(map(readers.person_id, wanted.teachers(section, "a", "s"))),
            wanted.cells[section, who],
        )
        for (section, whose, role), state in wanted.memberships.items()
        if (whose, role) == (who, STUDENT)
    }
    assert (wanted.at, who, mine) == (wanted.at, who, expected)
