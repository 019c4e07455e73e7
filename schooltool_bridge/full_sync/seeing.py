"""What of ours a peer's list speaks of: from its items to our links, sections, enrolments, grades.

Only looks. An item that cannot be applied is seen all the same, and where it could mean several
things of ours all of them are: so nothing is judged missing that is listed under any of its names.
Source: RULES 1.10.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mnet.database import in_parts
from mnet.faults import Malformed
from mnet.xmlrpc import Value
from peers.policy import PeerPolicy
from schooltool_bridge.common.ids import OWN_ID, key, own_id
from schooltool_bridge.common.roles import TEACHER
from schooltool_bridge.common.segments import segment_order
from schooltool_bridge.events import assessments, sections
from schooltool_bridge.events.fields import Fields
from schooltool_bridge.full_sync import walking
from schooltool_bridge.history import identity, links
from schooltool_bridge.store.model import enrolment, grade, person_link


class Thing(NamedTuple):
    """Something of ours; which of the ids are set depends on the kind."""

    entity: str
    # Of a link, section, enrolment, assessment or grade.
    id: int
    person_id: int | None = None
    section_id: int | None = None
    assessment_id: int | None = None


class Unreadable(Exception):
    """An item does not say which thing it means."""


@dataclass(slots=True)
class Seeing:
    """Looks up what items mean; keeps what it found while one page is looked at.

    What they mean is looked up together (`all_things`).
    """

    connection: Connection
    peer_id: int
    policy: PeerPolicy
    _people: dict[str, int | None] = field(default_factory=dict)
    _parts: dict[str, Sequence[tuple[int, str]]] = field(default_factory=dict)
    _items: dict[str, int | None] = field(default_factory=dict)
    # The links that have one of the names looked up together.
    _links: dict[tuple[str, str], list[Thing]] = field(default_factory=dict)
    # By section and the row that stands for a person: places, each with its role.
    _members: dict[tuple[int, int], list[tuple[str, Thing]]] = field(default_factory=dict)
    # By assessment and person, of those looked up together.
    _cells: dict[tuple[int, int], int] = field(default_factory=dict)
    # The rows of a person, by the one that stands for them.
    _everybody: dict[int, list[int]] = field(default_factory=dict)
    _roots: dict[int, int] | None = None

    def all_things(self, entity: str, items: Sequence[Value]) -> list[list[Thing] | None]:
        """Return what each of many items speaks of, by few questions; None: it does not say."""
        self._look_at_names(entity, items)
        if entity == walking.GRADES:
            self._look_at_cells(items)
        if entity in (walking.SECTIONS, walking.ENROLMENTS):
            self._look_at_places(entity, items)
        found: list[list[Thing] | None] = []
        for item in items:
            try:
                found.append(self.things(entity, item))
            except Unreadable:
                found.append(None)
        return found

    def things(self, entity: str, item: Value) -> list[Thing]:
        """Return what of ours an item speaks of; nothing: it is new. Raises Unreadable."""
        try:
            fields = Fields(walking.EVENT_OF[entity], item)
            return _OF[entity](self, fields)
        except Malformed as problem:
            raise Unreadable from problem

    def person(self, userid: str) -> int | None:
        """Return our id of the record that a peer calls so."""
        if userid not in self._people:
            self._people[userid] = links.find(self.connection, self.peer_id, userid)
        return self._people[userid]

    def parts(self, idnumber: str, segment: str | None = None) -> list[int]:
        """Return our ids of a section's parts; without a segment of all."""
        if idnumber not in self._parts:
            self._look_at_parts([idnumber])
        return [part for part, named in self._parts[idnumber] if segment in (None, named)]

    def assessment(self, idnumber: str) -> int | None:
        """Return our id of a peer's assessment."""
        if idnumber not in self._items:
            found = assessments.find(self.connection, self.peer_id, idnumber)
            self._items[idnumber] = found.id if found else None
        return self._items[idnumber]

    def users(self, fields: Fields) -> list[Thing]:
        """Every link of the peer that an item's names find."""
        idnumber = fields.id("idnumber", required=False)
        username = fields.id("username", required=False)
        moodle_id = own_id(idnumber, fields.id("moodleid", required=False) or None)
        if not idnumber and not username:
            raise Unreadable
        names = [("idnumber_key", key(idnumber))] if idnumber else []
        names += [("username_key", key(username))] if username else []
        names += [("moodle_id", key(moodle_id))] if moodle_id else []
        return list(dict.fromkeys(t for name in names for t in self._links.get(name, ())))

    def sections(self, fields: Fields) -> list[Thing]:
        """The parts that an item names; and its teacher's place there, which it says as well."""
        idnumber, segment = fields.id("idnumber"), fields.id("segment", required=False) or None
        parts = self.parts(idnumber, segment)
        if moodle_id := fields.id("moodleid", required=False):
            parts = parts or self.parts(OWN_ID + moodle_id, segment)
        found = [Thing(walking.SECTIONS, part, section_id=part) for part in parts]
        if teacher := fields.id("teacheridnumber", required=False):
            found += self._memberships(parts, teacher, TEACHER)
        return found

    def enrolments(self, fields: Fields) -> list[Thing]:
        """Somebody's places, in all parts of a section when none is named."""
        segment = fields.id("segment", required=False) or None
        role = fields.text("role", required=True).casefold()
        parts = self.parts(fields.id("sectionid"), segment)
        return self._memberships(parts, fields.id("userid"), self.policy.roles.get(role, role))

    def assessments(self, fields: Fields) -> list[Thing]:
        """The assessment under its number, or under Moodle's own."""
        idnumber = fields.id("idnumber")
        found = self.assessment(idnumber)
        if found is None and (moodle_id := fields.id("moodleid", required=False)):
            found = self.assessment(OWN_ID + moodle_id)
        return [] if found is None else [Thing(walking.ASSESSMENTS, found, assessment_id=found)]

    def grades(self, fields: Fields) -> list[Thing]:
        """The cell of an assessment and a person, which every attempt is one of."""
        found, everybody = self._cell_of(fields)
        return [
            Thing(walking.GRADES, self._cells[found, who], who, assessment_id=found)
            for who in everybody
            if (found, who) in self._cells
        ]

    def _cell_of(self, fields: Fields) -> tuple[int, Sequence[int]]:
        """Return an assessment, and every record of whom a grade is of; nobody: not known here."""
        found, who = self.assessment(fields.id("assessmentid")), self.person(fields.id("userid"))
        if found is None or who is None:
            return 0, ()
        root = self.root(who)
        if root not in self._everybody:
            merged = identity.rows_of(self.roots, [root])[root]
            self._everybody[root] = [root, *(row for row in merged if row != root)]
        return found, self._everybody[root]

    @property
    def roots(self) -> dict[int, int]:
        """Which row stands for somebody whose rows were merged."""
        if self._roots is None:
            self._roots = identity.roots(self.connection)
        return self._roots

    def root(self, person_id: int) -> int:
        """Return the row that stands for a person."""
        return self.roots.get(person_id, person_id)

    def _look_at_names(self, entity: str, items: Sequence[Value]) -> None:
        """Look up together the names that items have, where a name has one meaning."""
        if entity == walking.USERS:
            self._look_at_links(items)
            return
        people = self._names(entity, items, "userid", "teacheridnumber")
        for userid, rows in links.linked_many(self.connection, self.peer_id, people).items():
            if len(rows) == 1:
                self._people[userid] = rows[0].person_id
        own = [OWN_ID + n for n in self._names(entity, items, "moodleid")]
        if entity == walking.SECTIONS:
            self._look_at_parts([*self._names(entity, items, "idnumber"), *own])
        else:
            self._look_at_parts(self._names(entity, items, "sectionid"))
        wanted = self._names(entity, items, "assessmentid")
        if entity == walking.ASSESSMENTS:
            wanted = [*self._names(entity, items, "idnumber"), *own]
        found = assessments.find_many(self.connection, self.peer_id, wanted)
        self._items.update({n: rows[0].id for n, rows in found.items() if len(rows) == 1})

    def _names(self, entity: str, items: Sequence[Value], *fields: str) -> list[str]:
        found: dict[str, None] = {}
        for item in items:
            for name in fields:
                with suppress(Malformed):
                    given = Fields(walking.EVENT_OF[entity], item)
                    found[given.id(name, required=False)] = None
        return [name for name in found if name]

    def _look_at_parts(self, idnumbers: Sequence[str]) -> None:
        found = sections.parts_of_many(self.connection, self.peer_id, idnumbers)
        for idnumber, rows in found.items():
            ordered = sorted(rows, key=lambda row: segment_order(row.segment))
            self._parts[idnumber] = [(row.id, row.segment) for row in ordered]

    def _look_at_links(self, items: Sequence[Value]) -> None:
        numbers = [key(n) for n in self._names(walking.USERS, items, "idnumber")]
        own = [key(n) for n in self._names(walking.USERS, items, "moodleid")]
        wanted = {
            "idnumber_key": numbers,
            "username_key": [key(n) for n in self._names(walking.USERS, items, "username")],
            "moodle_id": [*own, *filter(None, map(own_id, numbers))],
        }
        for column, names in wanted.items():
            of = person_link.c[column]
            for part in in_parts(sorted(set(names))):
                rows = sa.select(person_link.c.id, person_link.c.person_id, of.label("name")).where(
                    person_link.c.peer_id == self.peer_id, of.in_(part)
                )
                for row in self.connection.execute(rows):
                    thing = Thing(walking.USERS, row.id, row.person_id)
                    self._links.setdefault((column, row.name), []).append(thing)

    def _look_at_cells(self, items: Sequence[Value]) -> None:
        assessments, people = set[int](), set[int]()
        for item in items:
            with suppress(Malformed):
                found, everybody = self._cell_of(Fields(walking.EVENT_OF[walking.GRADES], item))
                assessments.add(found)
                people.update(everybody)
        for part in in_parts(sorted(people)):
            cells = sa.select(grade.c.id, grade.c.assessment_id, grade.c.person_id).where(
                grade.c.assessment_id.in_(assessments), grade.c.person_id.in_(part)
            )
            rows = self.connection.execute(cells)
            self._cells.update({(r.assessment_id, r.person_id): r.id for r in rows})

    def _memberships(self, parts: Sequence[int], userid: str, role: str) -> list[Thing]:
        places = self._places(parts, userid)
        self._look_at_members([place for place in places if place not in self._members])
        return [t for place in places for its, t in self._members[place] if its == role]

    def _places(self, parts: Sequence[int], userid: str) -> list[tuple[int, int]]:
        who = self.person(userid) if parts else None
        return [] if who is None else [(part, self.root(who)) for part in parts]

    def _look_at_places(self, entity: str, items: Sequence[Value]) -> None:
        places: dict[tuple[int, int], None] = {}
        section, who = {
            walking.SECTIONS: ("idnumber", "teacheridnumber"),
            walking.ENROLMENTS: ("sectionid", "userid"),
        }[entity]
        for item in items:
            with suppress(Malformed):
                fields = Fields(walking.EVENT_OF[entity], item)
                userid = fields.id(who, required=False)
                parts = self.parts(fields.id(section))
                places.update(dict.fromkeys(self._places(parts, userid) if userid else ()))
        self._look_at_members([*places])

    def _look_at_members(self, places: Sequence[tuple[int, int]]) -> None:
        self._members.update({place: [] for place in places})
        for part in in_parts(places):
            members = _MEMBERS.where(
                sa.tuple_(enrolment.c.section_id, enrolment.c.person_id).in_(part)
            )
            for row in self.connection.execute(members):
                thing = Thing(walking.ENROLMENTS, row.id, row.person_id, row.section_id)
                self._members[row.section_id, row.person_id].append((row.role, thing))


_MEMBERS = sa.select(
    enrolment.c.id, enrolment.c.person_id, enrolment.c.section_id, enrolment.c.role
).order_by(enrolment.c.id)
_OF: Mapping[str, Callable[[Seeing, Fields], list[Thing]]] = {
    walking.USERS: Seeing.users,
    walking.SECTIONS: Seeing.sections,
    walking.ENROLMENTS: Seeing.enrolments,
    walking.ASSESSMENTS: Seeing.assessments,
    walking.GRADES: Seeing.grades,
}


def name_of(entity: str, item: Value) -> str:
    """Return what an item is called over there, for people; as it came, cut."""
    given = item if isinstance(item, dict) else {}

    def text_of(name: str) -> str:
        value = given.get(name)
        return str(value)[:MAX_NAME_CHARS] if isinstance(value, (str, int)) else ""

    if entity == walking.USERS:
        return f"{text_of('firstname')} {text_of('lastname')}".strip() or text_of("username")
    if entity in (walking.SECTIONS, walking.ASSESSMENTS):
        return text_of("name") or text_of("idnumber")
    where = text_of("sectionid") or text_of("assessmentid")
    return f"{text_of('userid')} / {where}"


MAX_NAME_CHARS = 300
