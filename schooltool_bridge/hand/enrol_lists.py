"""Many people put into a section at once: whom a typed list means, and enrolling them.

Nothing is guessed: a line that fits several people, or somebody only in part, is left to whoever
asked. Source: RULES 1.6, R47, R53, R60.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mnet import folding
from mnet.database import in_parts
from mnet.folding import folded
from mnet.language import _
from schooltool_bridge.common.ids import key
from schooltool_bridge.common.refusals import Refused
from schooltool_bridge.common.roles import STUDENT, TEACHER
from schooltool_bridge.hand import enrolments
from schooltool_bridge.hand.enrolments import State
from schooltool_bridge.history import identity, joined, meaning, school_roles
from schooltool_bridge.history.author import Author
from schooltool_bridge.school import lookup
from schooltool_bridge.store.model import ACTIVE as THERE
from schooltool_bridge.store.model import person, section

# More than any class has; a form with a box for each stays one that can be read.
MAX_LINES = 400
# A row of the widest spreadsheet of people.
MAX_CELLS = 40
# Of a line that fits many people only so many are offered.
MAX_OFFERED = 8


@dataclass(frozen=True, slots=True)
class Candidate:
    """Somebody who could be put into a section."""

    id: int
    name: str
    username: str
    idnumber: str
    # What they are in it now, by the title of the state; empty: never were in it.
    state: str
    # Enrolled, or to come: they are not put in once more.
    is_there: bool


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a list, and who could be meant: one person clearly, several or none."""

    text: str
    people: tuple[Candidate, ...]
    # Exactly one, named by number, user name, mail address or the whole name.
    is_clear: bool


@dataclass(frozen=True, slots=True)
class Enrolled:
    """What enrolling many did, by our ids."""

    put_in: tuple[int, ...]
    already: tuple[int, ...]


def enrol(
    connection: Connection,
    author: Author,
    section_id: int,
    people: Sequence[int],
    role: str,
    *,
    effective_unix_s: int | None = None,
    no_teachers: bool = False,
) -> Enrolled:
    """Put people into a section since a moment (now), all or none; raises Refused.

    With `no_teachers` also where one of them teaches now.
    Who is in it already stays as they are, so that doing it twice changes nothing.
    """
    alone = sa.select(section.c.status).where(section.c.id == section_id).with_for_update()
    status = connection.execute(alone).scalar()  # SQLite has one writer anyhow
    if status is None:
        raise Refused("section", _("There is no section with id %(id)s.", id=section_id))
    if status != THERE:
        raise Refused("section", _("This section was removed; nobody can be put into it."))
    there = _Standing.read(connection, section_id, role).there
    asked = list(dict.fromkeys(people))
    if no_teachers and not _teachers(connection).isdisjoint(asked):
        raise Refused("person", _("Who teaches is put into a section by the office."))
    new = [who for who in asked if who not in there]
    states = [
        State(section_id, who, role, meaning.ACTIVE, effective_unix_s=effective_unix_s)
        for who in new
    ]
    for problem in enrolments.set_all(connection, author, states):
        if problem is not None:
            raise problem
    return Enrolled(tuple(new), tuple(who for who in asked if who in there))


def read_list(
    connection: Connection, section_id: int, text: str, role: str, *, no_teachers: bool = False
) -> list[Line]:
    """Return whom each line of a list means, blank ones left out; raises Refused for too many.

    A line is an ID number, a user name, a mail address or a name, in whatever order and with or
    without a comma; of a row of a spreadsheet any cell, and its cells together as a name.
    `no_teachers`: who teaches now is not meant by any.
    """
    lines = [line for line in map(_clean, text.splitlines()) if line]
    if len(lines) > MAX_LINES:
        message = _("A list has at most %(count)s lines.", count=MAX_LINES)
        raise Refused("list", message)
    if any(len(_cells(line)) > MAX_CELLS for line in lines):
        message = _(
            "A line of the list has more than %(count)s cells; write each person in a line of "
            "their own.",
            count=MAX_CELLS,
        )
        raise Refused("list", message)
    if not lines:
        return []
    known = _Known.read(connection, no_teachers=no_teachers)
    standing = _Standing.read(connection, section_id, role)
    found = []
    for line in lines:
        hits, is_clear = known.exactly(line)
        hits = hits or known.in_part(line)
        by_name = sorted(hits, key=lambda who: (folded(known.rows[who].lastname), who))
        people = [_candidate(known.rows[who], standing) for who in by_name[:MAX_OFFERED]]
        found.append(Line(line, tuple(people), is_clear))
    return found


def of_people(
    connection: Connection,
    section_id: int,
    ids: Collection[int],
    role: str,
    *,
    no_teachers: bool = False,
) -> list[Candidate]:
    """Return these people by name, and what they are in a section; merged ones as who they are."""
    standing = _Standing.read(connection, section_id, role)
    into = identity.roots(connection)
    left_out = _teachers(connection) if no_teachers else frozenset()
    rows: list[sa.Row[Any]] = []
    for part in in_parts(sorted({into.get(i, i) for i in ids} - left_out)):
        rows += connection.execute(_PEOPLE.where(person.c.id.in_(part)))
    rows.sort(key=lambda r: (folded(r.lastname), folded(r.firstname), r.id))
    return [_candidate(row, standing) for row in rows]


def roster_of(connection: Connection, section_id: int) -> list[int]:
    """Return who is a student of a section now, or will be, by our ids."""
    return sorted(_Standing.read(connection, section_id, STUDENT).there)


def rosters(connection: Connection, but_for: int) -> list[lookup.SectionRow]:
    """Return the sections whose roster could be taken over into another, by name."""
    wanted = sa.select(section.c.id, section.c.name).where(
        section.c.status == THERE, section.c.id != but_for, joined.is_shown(section.c.id)
    )
    rows = sorted(connection.execute(wanted), key=lambda r: (folded(r.name), r.id))
    return lookup.by_ids(connection, [row.id for row in rows])


@dataclass(frozen=True, slots=True)
class _Standing:
    """What people are in a section now in a role: the title of the state; who is there."""

    states: Mapping[int, str]
    there: frozenset[int]

    @classmethod
    def read(cls, connection: Connection, section_id: int, role: str) -> _Standing:
        means = meaning.of_all(connection)
        members = lookup.people_of(connection, section_id, role)
        there = [
            m.person_id for m in members if means[m.code].holds or means[m.code].is_coming
        ]  # fmt: skip
        return cls({m.person_id: m.state for m in members}, frozenset(there))


@dataclass(frozen=True, slots=True)
class _Known:
    """The school's people, by all that a line can call them."""

    # Of each person the record that stands for them.
    rows: Mapping[int, sa.Row[Any]]
    # By number and mail address, and by user name.
    by_number: Mapping[str, set[int]]
    by_username: Mapping[str, set[int]]
    # By the words of the name, in order of the alphabet.
    by_name: Mapping[tuple[str, ...], set[int]]
    # Of each record whom it stands for, its names, and what begins as its user name and number do.
    searched: Sequence[tuple[int, str, tuple[str, str]]]

    @classmethod
    def read(cls, connection: Connection, *, no_teachers: bool) -> _Known:
        left_out = _teachers(connection) if no_teachers else frozenset()
        into = identity.roots(connection)
        rows: dict[int, sa.Row[Any]] = {}
        by_number: dict[str, set[int]] = defaultdict(set)
        by_username: dict[str, set[int]] = defaultdict(set)
        by_name: dict[tuple[str, ...], set[int]] = defaultdict(set)
        searched = []
        for row in connection.execute(_PEOPLE):
            who = into.get(row.id, row.id)
            if who in left_out:
                continue
            if who == row.id:
                rows[who] = row
            by_username[key(row.username)].add(who)
            for number in (row.idnumber, row.email):
                if number:
                    by_number[key(number)].add(who)
            by_name[_words(f"{row.firstname} {row.lastname}")].add(who)
            begins = folded(row.username), folded(row.idnumber or "")
            searched.append((who, folded(f"{row.firstname}\n{row.lastname}"), begins))
        return cls(rows, by_number, by_username, by_name, searched)

    def exactly(self, line: str) -> tuple[set[int], bool]:
        """Return whom a line names whole, and whether that is clearly one person.

        Of several the one whom more cells fit. A user name alone is too little where the other
        cells do not fit: it is as short as a first name.
        """
        cells = _cells(line)
        surely = {who for cell in cells for who in self.by_number.get(key(cell), ())}
        for name in (*cells, " ".join(cells)):
            surely |= self.by_name.get(_words(name), set())
        hits = surely.union(*(self.by_username.get(key(cell), set()) for cell in cells))
        called = [(key(cell), {*_words(cell)}) for cell in cells]
        fitting = {who: self._count(who, called) for who in hits}
        most = max(fitting.values(), default=0)
        best = [who for who, count in fitting.items() if count == most]
        is_clear = len(best) == 1 and (best[0] in surely or most > 1 or len(cells) == 1)
        return (set(best) if is_clear else hits), is_clear

    def _count(self, who: int, cells: Sequence[tuple[str, set[str]]]) -> int:
        """Return how many cells fit somebody, each given by its key and its words."""
        name = {*_words(f"{self.rows[who].firstname} {self.rows[who].lastname}")}
        known = self.by_number, self.by_username
        return sum(
            any(who in found.get(text, ()) for found in known) or words <= name
            for text, words in cells
        )

    def in_part(self, line: str) -> set[int]:
        """Return who has every word of a line in a name, or begins so."""
        words = folding.words(line)
        return {
            who
            for who, names, begins in self.searched
            if words and all(w in names or any(b.startswith(w) for b in begins) for w in words)
        }


def _teachers(connection: Connection) -> frozenset[int]:
    """Return who teaches now."""
    teaches = school_roles.are(connection, [TEACHER], person.c.id)
    return frozenset(connection.execute(sa.select(person.c.id).where(teaches)).scalars())


_PEOPLE: sa.Select[Any] = sa.select(
    person.c.id,
    person.c.firstname,
    person.c.lastname,
    person.c.username,
    person.c.idnumber,
    person.c.email,
)


def _candidate(row: sa.Row[Any], standing: _Standing) -> Candidate:
    name = f"{row.firstname} {row.lastname}".strip() or row.username
    state = standing.states.get(row.id, "")
    is_there = row.id in standing.there
    return Candidate(row.id, name, row.username, row.idnumber or "", state, is_there)


def _clean(line: str) -> str:
    return line.replace("\0", "").strip().strip('"').strip()


def _cells(line: str) -> list[str]:
    # A mail address may stand in angle brackets behind a name.
    parts = line.replace("<", "\t").replace(">", "\t").split("\t")
    return [cell for cell in map(_clean, parts) if cell]


def _words(name: str) -> tuple[str, ...]:
    return tuple(sorted(folded(name).replace(",", " ").replace(";", " ").split()))
