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
from schooltool_bridge.common.ids import key, own_id
from schooltool_bridge.common.roles import TEACHER
from schooltool_bridge.events import assessments, own_ids, sections
from schooltool_bridge.events.fields import Fields
from schooltool_bridge.full_sync import walking
from schooltool_bridge.history import identity, links
from schooltool_bridge.store.model import enrolment, grade, person_link, section


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

    Grades are looked up together only (`all_things`).
    """

    connection: Connection
    peer_id: int
    policy: PeerPolicy
    _people: dict[tuple[str, str | None], int | None] = field(default_factory=dict)
    _parts: dict[tuple[str, str | None], Sequence[sa.Row[int, str]]] = field(default_factory=dict)
    _items: dict[tuple[str, str | None], int | None] = field(default_factory=dict)
    _everybody: dict[int, list[int]] = field(default_factory=dict)
    # By assessment and person, of those looked up together.
    _cells: dict[tuple[int, int], int] = field(default_factory=dict)

    def all_things(self, entity: str, items: Sequence[Value]) -> list[list[Thing] | None]:
        """Return what each of many items speaks of, by few questions; None: it does not say."""
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
        """Return what of ours an item speaks of; nothing: it is new. Raises Unreadable."""
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
            wanted = sections.parts(self.connection, self.peer_id, named)
            rows = sa.select(section.c.id, section.c.segment).where(section.c.id.in_(wanted))
            self._parts[idnumber, own] = self.connection.execute(rows).all()
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
        named = [person_link.c.idnumber_key == key(idnumber)] if idnumber else []
        named += [person_link.c.username_key == key(username)] if username else []
        named += [person_link.c.moodle_id == key(moodle_id)] if moodle_id else []
        rows = self.connection.execute(
            sa.select(person_link.c.id, person_link.c.person_id).where(
                person_link.c.peer_id == self.peer_id,
                sa.or_(*named),
                # A number or a name that was given again speaks of nobody else.
                sa.or_(person_link.c.moodle_id.is_(None), person_link.c.moodle_id == key(moodle_id))
                if moodle_id
                else sa.true(),
            )
        )
        return [Thing(walking.USERS, r.id, r.person_id) for r in rows]

    def sections(self, fields: Fields) -> list[Thing]:
        """The parts that an item names; and its teacher's place there, which it says as well."""
        idnumber, segment = fields.id("idnumber"), fields.id("segment", required=False) or None
        parts = self.parts(idnumber, fields.own("moodleid"), segment)
        found = [Thing(walking.SECTIONS, part, section_id=part) for part in parts]
        if teacher := fields.id("teacheridnumber", required=False):
            who = self.person(teacher, fields.own("teachermoodleid"))
            found += self._memberships(parts, who, TEACHER)
        return found

    def enrolments(self, fields: Fields) -> list[Thing]:
        """Somebody's places, in all parts of a section when none is named."""
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
        if who not in self._everybody:
            self._everybody[who] = identity.everybody(self.connection, who)
        return found, self._everybody[who]

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
        if who is None or not parts:
            return []
        members = sa.select(enrolment.c.id, enrolment.c.person_id, enrolment.c.section_id).where(
            enrolment.c.section_id.in_(parts),
            enrolment.c.person_id == identity.root(self.connection, who),
            enrolment.c.role == role,
        )
        return [
            Thing(walking.ENROLMENTS, r.id, r.person_id, r.section_id)
            for r in self.connection.execute(members)
        ]


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
