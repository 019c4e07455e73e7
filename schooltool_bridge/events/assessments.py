"""Assessments: the grade items of a section, scoped to the peer that brought them.

Source: RULES 1.3-1.5, R61, R62.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mnet.database import insert_one
from mnet.faults import NotFound
from mnet.stored_sentences import english
from schooltool_bridge.common.ids import OWN_ID, own_id
from schooltool_bridge.common.points import decimal_text
from schooltool_bridge.events import admitting, adopting, adoption, own_ids, sections
from schooltool_bridge.events.applied import (
    CREATED,
    UNCHANGED,
    UPDATED,
    Applied,
    Held,
    Source,
    assessment_key,
    section_key,
)
from schooltool_bridge.events.fields import AssessmentEvent
from schooltool_bridge.history import cells, joined
from schooltool_bridge.history.fold import (
    ItemState,
    is_same_moment,
    item_hidden,
    item_state,
    position,
    position_of,
    standing,
)
from schooltool_bridge.store.model import ACTIVE, DELETED, assessment, assessment_history


@dataclass(frozen=True, slots=True)
class Assessment:
    """An assessment's row."""

    id: int
    idnumber: str
    section_id: int
    points: Decimal
    position: tuple[int, int]
    moodle_id: str | None = None
    name: str = ""


def find(connection: Connection, peer_id: int, idnumber: str) -> Assessment | None:
    """Return a peer's assessment."""
    wanted = {"peer": peer_id, "wanted": idnumber, "own": own_id(idnumber)}
    row = connection.execute(_OF_PEER, wanted).first()
    if row is None:
        return None
    position = (row.effective_unix_s, row.seq)
    points = Decimal(row.points)
    return Assessment(
        row.id, row.idnumber, row.section_id, points, position, row.moodle_id, row.name
    )  # fmt: skip - a row


def apply(
    connection: Connection, source: Source, event: AssessmentEvent, now_unix_s: int
) -> Applied:
    """Apply new_assessment or delete_assessment."""
    place = _place(connection, source, event, now_unix_s)
    if isinstance(place, Applied):
        return place
    event, known, section_id, home_id = place
    known = known or _by_former_id(connection, source, event)
    status, message, meets = UPDATED, "", adoption.Match()
    if known is None:
        meets = adoption.match(connection, home_id, event.name_as_sent, event.points)
        if home_id == section_id:
            known = _take_over(connection, source, event, section_id, meets)
            meets = adoption.Match(remark=meets.remark)
        status, message = (UPDATED, _TAKEN_OVER) if known or meets.ours else (CREATED, "")
    remark = meets.remark
    known = known or _create(connection, source, event, home_id)
    own = own_id(event.idnumber, event.moodle_id)
    if own:
        connection.execute(
            sa.update(assessment).where(assessment.c.id == known.id).values(moodle_id=own)
        )
    before = state(connection, known.id)
    changed = _write(connection, known, event, section_id, now_unix_s)
    if meets.ours is not None:
        # Both stay, for whoever takes the sections apart again.
        actor = joined.actor(connection, section_id)
        remark = adopting.adopt(connection, actor, meets.ours.id, known.id, now_unix_s)
    if event.deleted and changed:
        remark = adoption.given_back(connection, known.id)
    elif before and not remark:
        remark = _asked_anew(connection, known.id, before)
    if status == UPDATED and not changed:
        status = UNCHANGED
    names = dict.fromkeys(n for n in (event.idnumber, OWN_ID + own if own else None) if n)
    ready = tuple(assessment_key(n) for n in names)
    return Applied(status, known.id, message, ready, remark=remark)


class _Place(NamedTuple):
    """What an event finds, its peer's section, and where that stands (history/joined.py)."""

    event: AssessmentEvent
    known: Assessment | None
    section_id: int
    home_id: int


def _place(
    connection: Connection, source: Source, event: AssessmentEvent, now_unix_s: int
) -> _Place | Applied:
    """Return what an event finds, or its answer where that is kept out; raises Held or NotFound."""
    event = _named(connection, source.peer_id, event)
    known = find(connection, source.peer_id, event.idnumber)
    if event.deleted:
        known = known or _by_former_id(connection, source, event)
        if known is None:
            return _never_seen(connection, source, event)
        said = state(connection, known.id)
        return _Place(event, known, (said.row if said else known).section_id, known.section_id)
    day = source.day_of(event.when, now_unix_s)
    where = sections.find(connection, source.peer_id, event.sectionid, event.segment, day)
    home_id = joined.home(connection, where.id) if where else None
    event, known = _unless_another(connection, source, known, event, home_id)
    if where is None or home_id is None:
        return _without_section(connection, source, event)
    if known is None and (
        kept_out := admitting.new_assessment(connection, source.peer_id, event, home_id)
    ):
        return kept_out
    return _Place(event, known, where.id, home_id)


def _never_seen(connection: Connection, source: Source, event: AssessmentEvent) -> Applied:
    """Answer the deletion of what is not here; raises Held or NotFound."""
    if kept_out := admitting.of_assessment(connection, source.peer_id, event.idnumber):
        return kept_out
    if not event.when.is_timed:
        raise NotFound(
            english(
                "delete_assessment: there is no assessment %(assessment)s.",
                assessment=repr(event.idnumber),
            )
        )
    raise Held(assessment_key(event.idnumber))


def _without_section(connection: Connection, source: Source, event: AssessmentEvent) -> Applied:
    """Answer an assessment of a section that is not here; raises Held."""
    named = (event.sectionid, event.section_moodle_id)
    if kept_out := admitting.about(connection, source.peer_id, *named):
        return admitting.keep_out(connection, source.peer_id, event, kept_out)
    raise Held(section_key(event.sectionid))


def state(connection: Connection, assessment_id: int) -> ItemState[sa.Row[Any]] | None:
    """Return what an assessment is by its history; None without one."""
    mine = sa.select(assessment_history).where(assessment_history.c.assessment_id == assessment_id)
    rows = connection.execute(mine).all()
    return item_state(rows) if rows else None


def _asked_anew(connection: Connection, assessment_id: int, before: ItemState[sa.Row[Any]]) -> str:
    """Ask about one given back that its peer brought again with another maximum."""
    now = state(connection, assessment_id)
    if before.is_peers or now is None or not now.is_peers:
        return ""
    was = Decimal(before.row.points)
    if was == Decimal(now.row.points):
        return ""
    ours = adoption.There(assessment_id, before.row.name, was, is_ours=True)
    return adoption.other_points(ours, Decimal(now.row.points))


def _named(connection: Connection, peer_id: int, event: AssessmentEvent) -> AssessmentEvent:
    """Return an event with the id under which its section, or what it deletes, is found here."""
    if event.deleted:
        number = own_ids.item(connection, peer_id, event.idnumber, event.moodle_id)
        return replace(event, idnumber=number)
    course = own_ids.course(connection, peer_id, event.sectionid, event.section_moodle_id)
    return replace(event, sectionid=course)


def _unless_another(
    connection: Connection,
    source: Source,
    known: Assessment | None,
    event: AssessmentEvent,
    section_id: int | None,
) -> tuple[AssessmentEvent, Assessment | None]:
    """Return what an idnumber finds, unless it was given again to another item.

    A copied course brings the idnumbers of its items along, and the first one is deleted: from
    here on the former goes by Moodle's own id; by an older event than its last one the other does.
    Under the same name in the same section it is one that was restored. Also while the section is
    not known yet: grades come after this, and must not reach the first one.
    """
    own = own_id(event.idnumber, event.moodle_id)
    is_restored = known is not None and known.section_id == section_id and known.name == event.name
    if known is None or is_restored or None in (own, known.moodle_id) or own == known.moodle_id:
        return event, known
    former = f"{OWN_ID}{known.moodle_id}"
    if _is_older(event, known) or not own_ids.is_free(connection, assessment, source, former):
        return replace(event, idnumber=f"{OWN_ID}{own}"), None
    mine = sa.update(assessment).where(assessment.c.id == known.id)
    connection.execute(mine.values(idnumber=former))
    return event, None


def _is_older(event: AssessmentEvent, known: Assessment) -> bool:
    """Tell whether an assessment has a row that happened later than an event."""
    sent = event.when.timemodified
    return sent is not None and (sent, event.when.seq) < known.position


def _by_former_id(
    connection: Connection, source: Source, event: AssessmentEvent
) -> Assessment | None:
    """Find what stands under another idnumber, which Moodle's own id says is the same item.

    It moves to the one that it has now; an older event than the last one says nothing of that, but
    where only Moodle's own id had named it.
    """
    if not event.moodle_id:
        return None
    known = find(connection, source.peer_id, OWN_ID + event.moodle_id)
    if known is None or event.idnumber.startswith(OWN_ID):
        return known
    if _is_older(event, known) and not known.idnumber.startswith(OWN_ID):
        return known
    mine = sa.update(assessment).where(assessment.c.id == known.id)
    connection.execute(mine.values(idnumber=event.idnumber))
    return known


def _take_over(
    connection: Connection,
    source: Source,
    event: AssessmentEvent,
    section_id: int,
    meets: adoption.Match,
) -> Assessment | None:
    ours = meets.ours
    if ours and adoption.take_over(connection, ours, source.peer_id, event.idnumber):
        return Assessment(ours.id, event.idnumber, section_id, ours.points, _NOTHING_TOLD)
    return None


def _create(
    connection: Connection, source: Source, event: AssessmentEvent, section_id: int
) -> Assessment:
    row_id = insert_one(
        connection,
        sa.insert(assessment).values(
            peer_id=source.peer_id,
            idnumber=event.idnumber,
            section_id=section_id,
            name=event.name,
            points=decimal_text(event.points),
            status=ACTIVE,
            effective_unix_s=_NOTHING_TOLD[0],
            seq=_NOTHING_TOLD[1],
        ),
    )
    return Assessment(row_id, event.idnumber, section_id, event.points, _NOTHING_TOLD)


def _write(
    connection: Connection,
    known: Assessment,
    event: AssessmentEvent,
    section_id: int,
    now_unix_s: int,
) -> bool:
    """Put the event into the history; tell whether what holds now changed."""
    at = position_of(event.when, now_unix_s, known.position if known.position[0] >= 0 else None)
    values: dict[str, Any] = {"deleted": event.deleted}
    if not event.deleted:
        values |= {
            "section_id": section_id,
            "name": event.name,
            "points": decimal_text(event.points),
            "chapternum": event.chapternum,
            "honors_required": event.honors_required,
            "nonhonors_required": event.nonhonors_required,
            "extra_credit": event.extra_credit,
        }
    history = assessment_history
    rows = connection.execute(sa.select(history).where(history.c.assessment_id == known.id)).all()
    by_peer = sorted((r for r in rows if r.by_actor is None), key=position)
    last = by_peer[-1:]
    # Without a time only the latest word can be repeated.
    same = last
    if event.when.is_timed:
        same = [r for r in by_peer if is_same_moment(position(r)[:2], at)]
    if any(
        _says(r, values)
        and (event.hidden is None or event.hidden == item_hidden(_until(by_peer, r)))
        for r in same
    ):
        return False
    blank = {
        "section_id": section_id,
        "name": "",
        "points": "0",
        "chapternum": "",
        "honors_required": False,
        "nonhonors_required": False,
        "extra_credit": False,
    }
    connection.execute(
        sa.insert(history).values(
            **blank | values,
            hidden=event.hidden,
            assessment_id=known.id,
            effective_unix_s=at[0],
            seq=at[1],
            recorded_unix_s=now_unix_s,
        )
    )
    holds = refold(connection, known.id)
    was = item_state(rows) if rows else None
    was_deleted = was is not None and was.deleted
    home_id = joined.home(connection, holds.row.section_id)
    # Deleted, it is no grade any more that a withdrawal could have.
    if (Decimal(holds.row.points), home_id, holds.deleted) != (
        known.points,
        known.section_id,
        was_deleted,
    ):
        cells.refold_all(connection, known.id, known.section_id)
    is_news = at >= known.position and not any(_says(r, values) for r in last)
    return is_news or (was is not None and was.hidden != holds.hidden)


def _says(row: sa.Row[Any], values: dict[str, Any]) -> bool:
    """Tell whether a row of the history has just these values."""
    return all(getattr(row, name) == value for name, value in values.items())


def _until(rows: Iterable[sa.Row[Any]], last: sa.Row[Any]) -> Iterator[sa.Row[Any]]:
    return (r for r in rows if position(r) <= position(last))


def refold(connection: Connection, assessment_id: int) -> ItemState[sa.Row[Any]]:
    """Fold an assessment's history anew into what it is; its grades are left to the caller."""
    history = assessment_history
    rows = connection.execute(
        sa.select(history).where(history.c.assessment_id == assessment_id)
    ).all()
    holds, last = item_state(rows), max(rows, key=standing)
    connection.execute(
        sa.update(assessment)
        .where(assessment.c.id == assessment_id)
        .values(
            section_id=joined.home(connection, holds.row.section_id),
            name=holds.row.name,
            points=holds.row.points,
            status=DELETED if holds.deleted else ACTIVE,
            hidden=holds.hidden,
            effective_unix_s=position(last)[0],
            seq=last.seq,
        )
    )
    return holds


# The position of an assessment of which its peer sent nothing yet.
_NOTHING_TOLD = (-1, -1)
_TAKEN_OVER = "One of this name was made here by hand; it is yours now, with its grades."
_OF_PEER = sa.select(assessment).where(
    assessment.c.peer_id == sa.bindparam("peer"),
    sa.not_(assessment.c.unlinked),
    sa.or_(
        assessment.c.idnumber == sa.bindparam("wanted"),
        assessment.c.moodle_id == sa.bindparam("own"),
    ),
)
