"""What joining a section of ours with a peer's would do, before anybody says yes to it.

Only reads. Source: RULES 1.4, 1.5.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mnet.language import _
from peers.model import peer
from schooltool_bridge.common.refusals import Refused
from schooltool_bridge.events import adoption
from schooltool_bridge.history import as_of, joined
from schooltool_bridge.history.cells import MANUAL
from schooltool_bridge.history.snapshot import Item, SectionSnapshot
from schooltool_bridge.store.model import ACTIVE, enrolment_history, section
from schooltool_bridge.store.model_reports import final_mark
from schooltool_bridge.store.model_school import term


@dataclass(frozen=True, slots=True)
class Change:
    """Somebody whose place in our section would be another: states by their codes; None: none."""

    person_id: int
    role: str
    before: str | None
    after: str


@dataclass(frozen=True, slots=True)
class Shared:
    """An assessment made by hand in ours, and the Moodle's of the same name: they become one."""

    ours_id: int
    theirs_id: int
    name: str
    points_before: Decimal
    points_after: Decimal
    # Entries by hand that count before what the Moodle says.
    entries: int


@dataclass(frozen=True, slots=True)
class Plan:
    """What joining two sections would do."""

    ours_id: int
    ours_name: str
    theirs_id: int
    theirs_name: str
    segment: str
    peer: str
    changes: Sequence[Change]
    # People who stay in ours as they are.
    unchanged: int
    shared: Sequence[Shared]
    # Assessments of the Moodle's that come into ours, and how many grades with them.
    arriving: Sequence[str]
    grades: int
    # Names that several have, or nearly: they stay side by side until somebody joins them.
    beside: Sequence[str]
    # What of the peer's section does not count any more while it is joined.
    filed: bool
    weighs: bool
    # Enrolments that somebody wrote by hand in the peer's section: they go along.
    by_hand: int

    @property
    def digest(self) -> str:
        """Changes with everything that it would do."""
        return hashlib.sha256(repr(self).encode()).hexdigest()


def plan_of(connection: Connection, ours_id: int, theirs_id: int) -> Plan:
    """Look what joining would do; raises Refused as `must_fit`."""
    ours_row, theirs_row = must_fit(connection, ours_id, theirs_id)
    ours, theirs = (as_of.of_section(connection, i) for i in (ours_id, theirs_id))
    both = as_of.as_if_joined(connection, ours_id, theirs_id)
    changes = [
        Change(who, role, before.code if before else None, state.code)
        for (who, role), state in sorted(both.enrolments.items())
        if (before := ours.enrolments.get((who, role))) is None or before.code != state.code
    ]
    shared, beside = _same_names(ours, theirs)
    gone = {each.theirs_id for each in shared}
    return Plan(
        ours_id,
        ours_row.name,
        theirs_id,
        theirs_row.name,
        theirs_row.segment,
        theirs_row.wwwroot,
        changes,
        len(both.enrolments) - len(changes),
        shared,
        [item.name for item in theirs.items if item.id not in gone],
        sum(1 for entry in theirs.entries.values() if entry.points is not None or entry.excepted),
        beside,
        theirs_row.course_id is not None or theirs_row.previous_id is not None,
        bool(theirs.weights),
        _written_by_hand(connection, theirs_id),
    )  # fmt: skip - in the order of the fields


def must_fit(
    connection: Connection, ours_id: int, theirs_id: int
) -> tuple[sa.Row[Any], sa.Row[Any]]:
    """Return both sections; raises Refused when they cannot be joined, saying why."""
    rows = {
        row.id: row
        for row in connection.execute(
            sa.select(section, peer.c.wwwroot, term.c.closed_unix_s)
            .select_from(
                section.outerjoin(peer, peer.c.id == section.c.peer_id).outerjoin(
                    term, term.c.id == section.c.term_id
                )
            )
            .where(section.c.id.in_((ours_id, theirs_id)))
        )
    }
    for wanted in (ours_id, theirs_id):
        if wanted not in rows:
            raise Refused("section", _("There is no section with id %(id)s.", id=wanted))
    ours, theirs = rows[ours_id], rows[theirs_id]
    if ours.peer_id is not None or theirs.peer_id is None:
        message = _("Only one that was made here and one from a Moodle can be joined.")
        raise Refused("section", message)
    if theirs.unlinked:
        message = _("%(section)s is unlinked; link it again first.", section=repr(theirs.name))
        raise Refused("section", message)
    _must_be_free(connection, ours)
    _must_be_free(connection, theirs)
    if ours.status != ACTIVE:
        message = _("%(section)s was deleted here.", section=repr(ours.name))
        raise Refused("section", message)
    marks = sa.select(sa.func.count()).where(final_mark.c.section_id == theirs_id)
    if connection.execute(marks).scalar_one() or theirs.closed_unix_s is not None:
        message = _(
            "%(section)s of %(peer)s has final marks, or its term is closed; they would be on no "
            "report any more. Open the term again or file it as ongoing first.",
            section=repr(theirs.name),
            peer=theirs.wwwroot,
        )
        raise Refused("section", message)
    return ours, theirs


def _must_be_free(connection: Connection, row: sa.Row[Any]) -> None:
    whole = joined.whole(connection, row.id)
    if len(whole.parts) == 1:
        return
    other_id = next(i for i in whole.parts if i != row.id)
    other = connection.execute(sa.select(section.c.name).where(section.c.id == other_id)).one()
    message = _(
        "%(section)s is joined already, with %(other)s; take these apart first.",
        section=repr(row.name),
        other=repr(other.name),
    )
    raise Refused("section", message)


def _same_names(ours: SectionSnapshot, theirs: SectionSnapshot) -> tuple[list[Shared], list[str]]:
    """Return which assessments become one, and which names stay side by side."""
    by_hand = {
        item.id: sum(
            1 for (i, _who), e in ours.entries.items() if i == item.id and e.authority == MANUAL
        )
        for item in ours.items
    }
    there: Mapping[str, int] = Counter(item.name for item in (*ours.items, *theirs.items))
    shared, beside = [], []
    for item in theirs.items:
        equal = [o for o in ours.items if o.name == item.name]
        near = [o for o in ours.items if adoption.bare(o.name) == adoption.bare(item.name)]
        if item.peer is not None and len(equal) == 1 and there[item.name] == len((item, *equal)):
            shared.append(_shared(equal[0], item, by_hand[equal[0].id]))
        elif near:
            beside.append(item.name)
    return shared, beside


def _shared(ours: Item, theirs: Item, entries: int) -> Shared:
    return Shared(ours.id, theirs.id, theirs.name, ours.points, theirs.points, entries)


def _written_by_hand(connection: Connection, section_id: int) -> int:
    written = sa.select(enrolment_history.c.person_id).where(
        enrolment_history.c.section_id == section_id, enrolment_history.c.by_actor.is_not(None)
    )
    return len(set(connection.execute(written).scalars()))
