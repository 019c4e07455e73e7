"""What of ours a peer's items mean: our links, sections, assessments, enrolments, grades.

Only looks. An item that cannot be applied is seen all the same, and where it could mean several
things of ours all of them are: so nothing is judged missing that is listed under any of its names.
Source: RULES 1.10.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mnet.database import in_parts
from mnet.faults import Malformed
from mnet.xmlrpc import Value
from peers.policy import PeerPolicy
from schooltool_bridge.common.ids import key, own_id
from schooltool_bridge.common.roles import TEACHER
from schooltool_bridge.common.segments import segment_order
from schooltool_bridge.events import assessments, own_ids, sections
from schooltool_bridge.events.fields import Fields
from schooltool_bridge.full_sync import clear_names, walking
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

    What people list is looked up together only (`all_things`), and so are grades.
    """

    connection: Connection
    peer_id: int
    policy: PeerPolicy
    _people: dict[tuple[str, str | None], int | None] = field(default_factory=dict)
    _parts: dict[tuple[str, str | None], Sequence[sa.Row[Any]]] = field(default_factory=dict)
    _items: dict[tuple[str, str | None], int | None] = field(default_factory=dict)
    # The rows of a person, by the one that stands for them.
    _everybody: dict[int, list[int]] = field(default_factory=dict)
    _roots: dict[int, int] | None = None
    # Links by one of their names, each with Moodle's own id.
    _links: dict[tuple[str, str], list[tuple[str | None, Thing]]] = field(default_factory=dict)
    # By section and the row that stands for a person: places, each with its role.
    _members: dict[tuple[int, int], list[tuple[str, Thing]]] = field(default_factory=dict)
    # By assessment and person, of those looked up together.
    _cells: dict[tuple[int, int], int] = field(default_factory=dict)

    def all_things(self, entity: str, items: Sequence[Value]) -> list[list[Thing] | None]:
        """Return what each of many items means, with few queries; None: it does not say."""
        self._look_at_names(entity, items)
        if entity == walking.GRADES:
            self._look_at_cells(items)
        found: list[list[Thing] | None] = []
        for item in items:
            try:
                found.append(self.things(entity, item))
            except Unreadable:
                found.append(None)
        return found

    def things(self, entity: str, item: Value) -> list[Thing]:
        """Return what of ours an item means; nothing: it is new. Raises Unreadable."""
        try:
            fields = Fields(walking.EVENT_OF[entity], item)
            return _OF[entity](self, fields)
        except Malformed as problem:
            raise Unreadable from problem

    def person(self, userid: str, own: str | None) -> int | None:
        """Return our id of the record that a peer calls so; `own`: Moodle's id of the user."""
        if (userid, own) not in self._people:
            named = own_ids.user(self.connection, self.peer_id, userid, own)
            self._people[userid, own] = links.find(self.connection, self.peer_id, named)
        return self._people[userid, own]

    def parts(self, idnumber: str, own: str | None, segment: str | None) -> list[int]:
        """Return our ids of a section's parts; without a segment of all."""
        if (idnumber, own) not in self._parts:
            named = own_ids.course(self.connection, self.peer_id, idnumber, own)
            found = sections.parts_of_many(self.connection, self.peer_id, [named])
            ordered = sorted(found[named], key=lambda row: segment_order(row.segment))
            self._parts[idnumber, own] = ordered
        return [row.id for row in self._parts[idnumber, own] if segment in (None, row.segment)]

    def assessment(self, idnumber: str, own: str | None) -> int | None:
        """Return our id of a peer's assessment."""
        if (idnumber, own) not in self._items:
            named = own_ids.item(self.connection, self.peer_id, idnumber, own)
            found = assessments.find(self.connection, self.peer_id, named)
            self._items[idnumber, own] = found.id if found else None
        return self._items[idnumber, own]

    def users(self, fields: Fields) -> list[Thing]:
        """Every link of the peer that an item's names find."""
        idnumber = fields.id("idnumber", required=False)
        username = fields.id("username", required=False)
        moodle_id = own_id(idnumber, fields.own("moodleid"))
        if not idnumber and not username:
            raise Unreadable
        names = [("idnumber_key", key(idnumber))] if idnumber else []
        names += [("username_key", key(username))] if username else []
        names += [("moodle_id", key(moodle_id))] if moodle_id else []
        # A number or a name that was given again means nobody else.
        mine = (None, key(moodle_id)) if moodle_id else ()
        its = (link for name in names for link in self._links.get(name, ()))
        return list(dict.fromkeys(t for own, t in its if not mine or own in mine))

    def sections(self, fields: Fields) -> list[Thing]:
        """The parts that an item names, and its teacher's enrolments there."""
        idnumber, segment = fields.id("idnumber"), fields.id("segment", required=False) or None
        parts = self.parts(idnumber, fields.own("moodleid"), segment)
        found = [Thing(walking.SECTIONS, part, section_id=part) for part in parts]
        if teacher := fields.id("teacheridnumber", required=False):
            who = self.person(teacher, fields.own("teachermoodleid"))
            found += self._memberships(parts, who, TEACHER)
        return found

    def enrolments(self, fields: Fields) -> list[Thing]:
        """Somebody's enrolments, in all parts of a section when none is named."""
        segment = fields.id("segment", required=False) or None
        role = fields.text("role", required=True).casefold()
        parts = self.parts(fields.id("sectionid"), fields.own("sectionmoodleid"), segment)
        who = self.person(fields.id("userid"), fields.own("usermoodleid"))
        return self._memberships(parts, who, self.policy.roles.get(role, role))

    def assessments(self, fields: Fields) -> list[Thing]:
        """The assessment under its number, or under Moodle's own."""
        idnumber, own = fields.id("idnumber"), fields.own("moodleid")
        # By its number first: one that was restored has another of Moodle's own.
        found = self.assessment(idnumber, None) or self.assessment(idnumber, own)
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
        found = self.assessment(fields.id("assessmentid"), fields.own("assessmentmoodleid"))
        who = self.person(fields.id("userid"), fields.own("usermoodleid"))
        if found is None or who is None:
            return 0, ()
        root = self._root(who)
        if root not in self._everybody:
            merged = identity.rows_of(self._all_roots, [root])[root]
            self._everybody[root] = [root, *(row for row in merged if row != root)]
        return found, self._everybody[root]

    @property
    def _all_roots(self) -> dict[int, int]:
        if self._roots is None:
            self._roots = identity.roots(self.connection)
        return self._roots

    def _root(self, person_id: int) -> int:
        return self._all_roots.get(person_id, person_id)

    def _look_at_names(self, entity: str, items: Sequence[Value]) -> None:
        """Look up together what the names of items mean."""
        if entity == walking.USERS:
            self._look_at_links(items)
            return
        here = (self.connection, self.peer_id)
        named = partial(_named, entity, items)
        teachers = named("teacheridnumber", "teachermoodleid")
        people = named("userid", "usermoodleid") | teachers
        self._people.update(clear_names.people(*here, people))
        works = named("assessmentid", "assessmentmoodleid")
        courses = named("sectionid", "sectionmoodleid")
        its = named("idnumber", "moodleid")
        if entity == walking.ASSESSMENTS:
            works |= its | {(number, None) for number, _own in its}
        elif entity == walking.SECTIONS:
            courses |= its
        self._items.update(clear_names.items(*here, works))
        self._parts.update(clear_names.parts(*here, courses))
        if entity in (walking.SECTIONS, walking.ENROLMENTS):
            self._look_at_places(entity, items)

    def _look_at_links(self, items: Sequence[Value]) -> None:
        numbers = {n for n, _own in _named(walking.USERS, items, "idnumber", "moodleid")}
        own = {n for n, _own in _named(walking.USERS, items, "moodleid", "moodleid")}
        usernames = {n for n, _own in _named(walking.USERS, items, "username", "moodleid")}
        wanted = {
            "idnumber_key": numbers,
            "username_key": usernames,
            "moodle_id": own | {n for n in map(own_id, numbers) if n},
        }
        link = person_link.c
        for column, names in wanted.items():
            for part in in_parts(sorted({key(n) for n in names})):
                rows = sa.select(person_link).where(
                    link.peer_id == self.peer_id, link[column].in_(part)
                )
                for row in self.connection.execute(rows):
                    thing = Thing(walking.USERS, row.id, row.person_id)
                    of_name = self._links.setdefault((column, getattr(row, column)), [])
                    of_name.append((row.moodle_id, thing))

    def _look_at_places(self, entity: str, items: Sequence[Value]) -> None:
        """Look up together the enrolments that items mean."""
        section, its = "sectionid", "sectionmoodleid"
        userid, own = "userid", "usermoodleid"
        if entity == walking.SECTIONS:
            section, its = "idnumber", "moodleid"
            userid, own = "teacheridnumber", "teachermoodleid"
        places: dict[tuple[int, int], None] = {}
        for item in items:
            with suppress(Malformed):
                fields = Fields(walking.EVENT_OF[entity], item)
                if named := fields.id(userid, required=False):
                    who = self.person(named, fields.own(own))
                    parts = self.parts(fields.id(section), fields.own(its), None)
                    places.update(dict.fromkeys(self._places(parts, who)))
        self._look_at_members([*places])

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

    def _memberships(self, parts: Sequence[int], who: int | None, role: str) -> list[Thing]:
        places = self._places(parts, who)
        self._look_at_members([place for place in places if place not in self._members])
        return [t for place in places for its, t in self._members[place] if its == role]

    def _places(self, parts: Sequence[int], who: int | None) -> list[tuple[int, int]]:
        return [] if who is None else [(part, self._root(who)) for part in parts]

    def _look_at_members(self, places: Sequence[tuple[int, int]]) -> None:
        self._members.update({place: [] for place in places})
        place = sa.tuple_(enrolment.c.section_id, enrolment.c.person_id)
        for part in in_parts(places):
            for row in self.connection.execute(_MEMBERS.where(place.in_(part))):
                thing = Thing(walking.ENROLMENTS, row.id, row.person_id, row.section_id)
                self._members[row.section_id, row.person_id].append((row.role, thing))


_MEMBERS = sa.select(
    enrolment.c.id, enrolment.c.person_id, enrolment.c.section_id, enrolment.c.role
).order_by(enrolment.c.id)


def _named(entity: str, items: Sequence[Value], name: str, own: str) -> set[clear_names.Name]:
    """Return the names that items have in a field, each with Moodle's own id beside it."""
    found: set[clear_names.Name] = set()
    for item in items:
        with suppress(Malformed):
            fields = Fields(walking.EVENT_OF[entity], item)
            if given := fields.id(name, required=False):
                found.add((given, fields.own(own)))
    return found


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
