"""Grades: one cell for each assessment and person, every attempt and change kept.

`new_grade` is the call that comes most, so it asks once for all that it needs to know.
Source: RULES 1.3, 1.5, R67, R72-R76.
"""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mnet.database import savepoint
from mnet.faults import Malformed, NotFound
from mnet.prepared import Prepared, PreparedInsert
from mnet.stored_sentences import english
from schooltool_bridge.common.hiding import SHOWN
from schooltool_bridge.common.ids import key, own_id
from schooltool_bridge.common.points import decimal_text
from schooltool_bridge.events import admitting, own_ids
from schooltool_bridge.events.applied import (
    CREATED,
    UNCHANGED,
    UPDATED,
    Applied,
    Held,
    Source,
    assessment_key,
    grade_key,
    user_key,
)
from schooltool_bridge.events.fields import GradeEvent
from schooltool_bridge.events.repeated_grades import is_known, may_be_known
from schooltool_bridge.history import cells, identity, links, meaning, roster
from schooltool_bridge.history.fold import (
    GradeRow,
    cell,
    counting_grade,
    grade_hidden,
    position,
    position_of,
    within,
)
from schooltool_bridge.store.model import assessment, enrolment, grade, grade_history, person_link


class _Found(NamedTuple):
    """All that a grade needs to know, in the order of the question for it."""

    assessment_id: int
    section_id: int
    maximum: str
    person_id: int | None
    grade_id: int | None
    points: str | None
    excepted: bool | None
    attempt: int | None
    exists: bool | None
    effective_unix_s: int
    seq: int
    authority: str | None
    hidden: int | None
    is_several: bool | None
    withdrawn: str | None
    # Moodle's own ids of what the event's ids found.
    assessment_moodle_id: str | None
    user_moodle_id: str | None


def apply(connection: Connection, source: Source, event: GradeEvent, now_unix_s: int) -> Applied:
    """Apply new_grade or delete_grade."""
    row = _EVERYTHING.run(
        connection,
        {"peer": source.peer_id, "wanted": event.assessmentid, "user": key(event.userid)},
    ).fetchone()
    found = _Found(*row) if row else None
    if not _is_meant(event, found):
        return apply(connection, source, _named(connection, source.peer_id, event), now_unix_s)
    if found is None or found.person_id is None:
        return _apply_slowly(connection, source, event, now_unix_s, is_there=found is not None)
    if found.is_several:
        return _apply_to_several_rows(connection, source, event, found, now_unix_s)
    known_id = found.grade_id
    if event.deleted and not (known_id and _peer_rows(connection, known_id)):
        raise _wait(event, grade_key(event.assessmentid, event.userid))
    last = None if known_id is None else (found.effective_unix_s, found.seq)
    at = position_of(event.when, now_unix_s, last)
    may_repeat = known_id is not None and may_be_known(event, at, last)
    if known_id and may_repeat and is_known(_peer_rows(connection, known_id), event, at):
        return Applied(UNCHANGED, known_id)
    _check_range(source, event, Decimal(found.maximum))
    grade_id = known_id or _create(connection, found.assessment_id, found.person_id)
    written = _write(connection, source, grade_id, event, at, now_unix_s)
    # As long as a grade of the peer's counts, an earlier one freed what waited; saves a look.
    peers_counts = found.exists and found.authority == cells.PEER
    ready = () if peers_counts else (grade_key(event.assessmentid, event.userid),)
    if found.authority == cells.MANUAL:
        cells.refold(connection, found.assessment_id, found.person_id)
        return Applied(UPDATED if last else CREATED, grade_id, _BESIDE, ready)
    if not event.deleted and (
        last is None
        or (event.attempt is not None and at >= last and event.attempt >= (found.attempt or 0))
    ):
        # The newest word on the highest attempt: no need to read the others.
        counting = counting_grade([written])
        hidden = (found.hidden or SHOWN) if event.hidden is None else event.hidden
    else:
        rows = _peer_rows(connection, grade_id)
        counting, hidden = counting_grade(rows), grade_hidden(rows)
    values = _values(counting, Decimal(found.maximum), hidden)
    last_at = max(at, last or at)
    stored = {**values, "new_effective_unix_s": last_at[0], "new_seq": last_at[1]}
    _UPDATE.run(connection, {"cell": grade_id, **stored})
    before = (found.points, bool(found.excepted), found.attempt, bool(found.exists), found.hidden)
    compared = ("points", "excepted", "attempt", "exists", "hidden")
    after = tuple(values[f"new_{name}"] for name in compared)
    if found.withdrawn and (found.points is None) != (values["new_points"] is None):
        # Which withdrawal it was depends on whether there is a grade.
        roster.refold(connection, found.section_id, found.person_id)
    status = CREATED if last is None else UPDATED if before != after else UNCHANGED
    message = "The student is withdrawn from the section." if found.withdrawn else ""
    return Applied(status, grade_id, message, ready)


def _is_meant(event: GradeEvent, found: _Found | None) -> bool:
    """Tell whether Moodle's own ids, where an event has them, are those of what its ids found."""
    item, who = event.assessment_moodle_id, event.user_moodle_id
    if item is None and who is None:
        return True  # looked up by its ids alone
    return found is not None and (
        item in (None, found.assessment_moodle_id)
        and (who is None or key(who) == found.user_moodle_id)
    )


def _named(connection: Connection, peer_id: int, event: GradeEvent) -> GradeEvent:
    """Return an event with just the ids under which what it means is found here."""
    item, who = event.assessmentid, event.userid
    return event._replace(
        assessmentid=own_ids.item(connection, peer_id, item, event.assessment_moodle_id),
        userid=own_ids.user(connection, peer_id, who, event.user_moodle_id),
        assessment_moodle_id=None,
        user_moodle_id=None,
    )


def _apply_to_several_rows(
    connection: Connection, source: Source, event: GradeEvent, found: _Found, now_unix_s: int
) -> Applied:
    """For somebody with several rows: each keeps its own history, all are folded into one."""
    assert found.person_id is not None
    everybody = identity.everybody(connection, found.person_id)
    rows = cells.history(connection, found.assessment_id, everybody)
    own = _peer_rows(connection, found.grade_id) if found.grade_id else []
    if event.deleted and not own:
        raise _wait(event, grade_key(event.assessmentid, event.userid))
    last = max((position(r)[:2] for r in rows), default=None)
    at = position_of(event.when, now_unix_s, last)
    by_peer = [r for r in rows if r.by_actor is None]
    is_repeat = is_known(own, event, at) and (event.when.is_timed or is_known(by_peer, event, at))
    if found.grade_id and is_repeat:
        return Applied(UNCHANGED, found.grade_id)
    _check_range(source, event, Decimal(found.maximum))
    grade_id = found.grade_id or _create(connection, found.assessment_id, found.person_id)
    written = _write(connection, source, grade_id, event, at, now_unix_s)
    cells.refold(connection, found.assessment_id, found.person_id)
    before, after = cell(rows), cell([*rows, written])
    is_same = bool(rows) and (before.counting, before.hidden) == (after.counting, after.hidden)
    status = CREATED if last is None else UNCHANGED if is_same else UPDATED
    # An event of another row made the cell, but freed nothing that names this one.
    ready = (grade_key(event.assessmentid, event.userid),)
    return Applied(status, grade_id, _BESIDE if after.by_hand else "", ready)


def _apply_slowly(
    connection: Connection, source: Source, event: GradeEvent, now_unix_s: int, *, is_there: bool
) -> Applied:
    """Link a person whom we know by idnumber from elsewhere; take former names; or wait."""
    if not is_there:
        known_as = _renamed(connection, source.peer_id, event.assessmentid)
        if known_as is not None:
            renamed = event._replace(assessmentid=known_as)
            return apply(connection, source, renamed, now_unix_s)
        if kept_out := admitting.of_assessment(connection, source.peer_id, event.assessmentid):
            return kept_out
    person_id = links.find(connection, source.peer_id, event.userid)
    if is_there and person_id is not None:
        with savepoint(connection):  # a refused grade leaves no link behind
            linked = links.resolve(connection, source.peer_id, event.userid)
            assert linked is not None
            return apply(connection, source, event._replace(userid=linked.name), now_unix_s)
    missing = [] if is_there else [assessment_key(event.assessmentid)]
    missing += [] if person_id else [user_key(event.userid)]
    raise _wait(event, *missing)


def _renamed(connection: Connection, peer_id: int, assessmentid: str) -> str | None:
    """The idnumber of an assessment that Moodle's own id named before."""
    own = own_id(assessmentid)
    if own is None:
        return None
    found = connection.execute(
        sa.select(assessment.c.idnumber).where(
            assessment.c.peer_id == peer_id,
            assessment.c.moodle_id == own,
            assessment.c.idnumber != assessmentid,
            sa.not_(assessment.c.unlinked),
        )
    )
    name: str | None = found.scalar()
    return name


def _wait(event: GradeEvent, *missing: str) -> Held | NotFound:
    if event.deleted and not event.when.is_timed:
        return NotFound(
            english(
                "delete_grade: %(person)s has no grade for assessment %(assessment)s.",
                person=repr(event.userid),
                assessment=repr(event.assessmentid),
            )
        )
    return Held(*missing)


def _check_range(source: Source, event: GradeEvent, maximum: Decimal) -> None:
    rejects = source.policy.out_of_range == "reject" and event.points is not None
    if rejects and not 0 <= (event.points or 0) <= maximum:
        most = f"{maximum:f}"
        raise Malformed(english("new_grade: points_earned must be from 0 to %(most)s.", most=most))


def _peer_rows(connection: Connection, grade_id: int) -> list[GradeRow]:
    """Return the peer's rows of a cell, without entries by hand."""
    return [r for r in roster.grade_rows(connection, grade_id) if r.by_actor is None]


def _create(connection: Connection, assessment_id: int, person_id: int) -> int:
    ids = {"new_assessment_id": assessment_id, "new_person_id": person_id}
    return _NEW_CELL.run_for_id(connection, ids)


def _write(
    connection: Connection,
    source: Source,
    grade_id: int,
    event: GradeEvent,
    at: tuple[int, int],
    now_unix_s: int,
) -> GradeRow:
    is_clamped = source.policy.out_of_range == "clamp"
    values = {
        "new_grade_id": grade_id,
        "new_raw_points": decimal_text(event.points),
        "new_excepted": event.excepted,
        "new_attempt": event.attempt,
        "new_deleted": event.deleted,
        "new_effective_unix_s": at[0],
        "new_seq": at[1],
        "new_recorded_unix_s": now_unix_s,
        "new_is_clamped": is_clamped,
        "new_hidden": event.hidden,
    }
    row_id = _NEW_ROW.run_for_id(connection, values)
    return GradeRow(
        row_id,
        *at,
        now_unix_s,
        event.points,
        event.excepted,
        event.attempt,
        event.deleted,
        None,
        is_clamped,
        event.hidden,
    )  # fmt: skip - in the order of the fields


def _values(counting: GradeRow | None, maximum: Decimal, hidden: int) -> dict[str, object]:
    return {
        "new_points": decimal_text(within(counting, maximum)),
        "new_excepted": counting.excepted if counting else False,
        "new_attempt": (counting.attempt or 0) if counting else 0,
        "new_exists": counting is not None,
        "new_recorded_unix_s": counting.recorded_unix_s if counting else 0,
        "new_hidden": hidden,
    }


_BESIDE = "An entry made here by hand counts; yours is kept beside it."
_LINK = sa.and_(
    person_link.c.peer_id == assessment.c.peer_id,
    person_link.c.idnumber_key == sa.bindparam("user"),
    sa.not_(person_link.c.unlinked),
)
_CELL = sa.and_(
    grade.c.assessment_id == assessment.c.id, grade.c.person_id == person_link.c.person_id
)
# A withdrawal of that person from the section, in whatever role.
_WITHDRAWAL = (
    sa.select(sa.func.min(enrolment.c.code))
    .where(
        enrolment.c.section_id == assessment.c.section_id,
        enrolment.c.person_id == person_link.c.person_id,
        meaning.waits_for_grades(enrolment.c.code),
    )
    .correlate(assessment, person_link)
    .scalar_subquery()
)
# All that a grade needs to know, in one question.
_EVERYTHING = Prepared(
    sa.select(
        assessment.c.id.label("assessment_id"),
        assessment.c.section_id,
        assessment.c.points.label("maximum"),
        person_link.c.person_id,
        grade.c.id.label("grade_id"),
        grade.c.points,
        grade.c.excepted,
        grade.c.attempt,
        grade.c.exists,
        grade.c.effective_unix_s,
        grade.c.seq,
        grade.c.authority,
        grade.c.hidden,
        person_link.c.is_several,
        _WITHDRAWAL.label("withdrawn"),
        assessment.c.moodle_id.label("assessment_moodle_id"),
        person_link.c.moodle_id.label("user_moodle_id"),
    )
    .select_from(assessment.outerjoin(person_link, _LINK).outerjoin(grade, _CELL))
    .where(
        assessment.c.peer_id == sa.bindparam("peer"),
        assessment.c.idnumber == sa.bindparam("wanted"),
        sa.not_(assessment.c.unlinked),
    )
)
_NEW_CELL = PreparedInsert(
    sa.insert(grade).values(
        assessment_id=sa.bindparam("new_assessment_id"),
        person_id=sa.bindparam("new_person_id"),
        excepted=sa.false(),
        attempt=0,
        exists=sa.false(),
        authority=cells.PEER,
        effective_unix_s=-1,
        seq=-1,
        recorded_unix_s=0,
    ),
    grade.c.id,
)
_NEW_ROW = PreparedInsert(
    sa.insert(grade_history).values(
        {
            c.name: sa.bindparam(f"new_{c.name}")
            for c in grade_history.c
            if c.name not in ("id", "by_actor", "why")  # a peer's word
        }
    ),
    grade_history.c.id,
)
_UPDATE = Prepared(
    sa.update(grade)
    .where(grade.c.id == sa.bindparam("cell"))
    .values(
        {
            name: sa.bindparam(f"new_{name}")
            for name in (
                "points",
                "excepted",
                "attempt",
                "exists",
                "recorded_unix_s",
                "hidden",
                "effective_unix_s",
                "seq",
            )
        }
    )
)
