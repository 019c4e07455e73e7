"""Of which kinds a run asks, and which items are its own when it is of a part only.

Source: RULES 1.10 (runs of a part).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mnet.faults import Malformed
from mnet.xmlrpc import Value
from peers.policy import PeerPolicy
from schooltool_bridge.events.fields import Fields
from schooltool_bridge.full_sync import walking
from schooltool_bridge.full_sync.applying import Accepts
from schooltool_bridge.full_sync.runs import Wanted
from schooltool_bridge.full_sync.seeing import Seeing, Thing
from schooltool_bridge.full_sync.walking import ASSESSMENTS, ENROLMENTS, GRADES, SECTIONS, USERS
from schooltool_bridge.history import identity, joined
from schooltool_bridge.store.model import assessment, section

# The policy that lets a kind in; what it keeps out is not asked for.
_POLICY = {
    USERS: "accept_people",
    SECTIONS: "accept_sections",
    ENROLMENTS: "accept_enrolments",
    ASSESSMENTS: "accept_grades",
    GRADES: "accept_grades",
}
_OF_A_SECTION = (SECTIONS, ENROLMENTS, ASSESSMENTS, GRADES)
_OF_A_PERSON = (USERS, ENROLMENTS, GRADES)


def entities(wanted: Wanted, policy: PeerPolicy) -> list[str]:
    """Return the kinds that a run asks for, in the order of the walks."""
    found = [e for e in walking.ENTITIES if getattr(policy, _POLICY[e])]
    if wanted.only:
        found = [e for e in found if e in wanted.only]
    if wanted.section_id is not None:
        found = [e for e in found if e in _OF_A_SECTION]
    if wanted.person_id is not None:
        found = [e for e in found if e in _OF_A_PERSON]
    return found


def accepts(connection: Connection, peer_id: int, wanted: Wanted) -> Accepts | None:
    """Return what tells whether an item is of the part that is wanted; None: all are."""
    people, sections = None, None
    if wanted.person_id is not None:
        people = frozenset(identity.everybody(connection, wanted.person_id))
    if wanted.section_id is not None:
        sections = _all_parts(connection, peer_id, wanted.section_id)
    if people is None and sections is None:
        return None
    return partial(_is_of, people, sections)


def _all_parts(connection: Connection, peer_id: int, section_id: int) -> frozenset[int]:
    # Of one that is joined with ours, as whoever asks may name it, the peer's.
    number = sa.select(section.c.idnumber).where(
        section.c.id.in_(joined.whole(connection, section_id).parts),
        section.c.peer_id == peer_id,
    )
    same = sa.select(section.c.id).where(
        section.c.peer_id == peer_id, section.c.idnumber == number.scalar_subquery()
    )
    return frozenset(connection.execute(same).scalars())


def _is_of(
    people: frozenset[int] | None,
    sections: frozenset[int] | None,
    seeing: Seeing,
    entity: str,
    item: Value,
    things: Sequence[Thing],
) -> bool:
    try:
        fields = Fields(walking.EVENT_OF[entity], item)
        if people is not None and not people & _people_of(seeing, entity, fields, things):
            return False
        return sections is None or bool(sections & _sections_of(seeing, entity, fields, things))
    except Malformed:
        return False


def _people_of(
    seeing: Seeing, entity: str, fields: Fields, things: Sequence[Thing]
) -> frozenset[int]:
    found = {t.person_id for t in things if t.entity == entity}
    named, own = ("idnumber", "moodleid") if entity == USERS else ("userid", "usermoodleid")
    userid = fields.id(named, required=False)
    found.add(seeing.person(userid, fields.own(own)) if userid else None)
    return frozenset(i for i in found if i is not None)


def _sections_of(
    seeing: Seeing, entity: str, fields: Fields, things: Sequence[Thing]
) -> frozenset[int]:
    if entity == SECTIONS:
        return frozenset(t.id for t in things if t.entity == entity)
    if entity in (ENROLMENTS, ASSESSMENTS):
        own = fields.own("sectionmoodleid")
        return frozenset(seeing.parts(fields.id("sectionid"), own, segment=None))
    item = seeing.assessment(fields.id("assessmentid"), fields.own("assessmentmoodleid"))
    its = sa.select(joined.of_peer(assessment.c.section_id)).where(assessment.c.id == item)
    return frozenset(seeing.connection.execute(its).scalars())
