"""Taking assessments and grades back that are missing at a peer: only those that a person chooses.

A Moodle deletes the grades of whoever leaves and of a course that is reset, so nothing of them goes
by itself. Source: RULES 1.10.
"""

from __future__ import annotations

from collections.abc import Collection

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mnet.database import in_parts, one_at_a_time
from mnet.faults import NotFound
from mnet.language import N_, _
from peers.audit import By
from schooltool_bridge.common.ids import OWN_ID
from schooltool_bridge.common.refusals import Refused
from schooltool_bridge.events import assessments, fields, grades
from schooltool_bridge.events.applied import Held, Source
from schooltool_bridge.events.fields import Fields
from schooltool_bridge.full_sync import holding, marks, runs
from schooltool_bridge.full_sync.runs import Row, Run
from schooltool_bridge.full_sync.syncing import FullSync
from schooltool_bridge.full_sync.walking import ASSESSMENTS, GRADES
from schooltool_bridge.history import identity
from schooltool_bridge.store.model import assessment, person_link

ROWS_AT_ONCE = 100


def take_back(sync: FullSync, run_id: int, row_ids: Collection[int], by_actor: str) -> int:
    """Take back what some rows of a run say is missing, as of its list; return how many were.

    What was told anew since, or is back, stays. Raises NotThere, and Refused for rows that are of
    no assessment or grade, for a run that still waits, and for a peer that is gone.
    """
    with sync.database.read() as connection:
        run = runs.get(connection, run_id)
        rows = [r for r in runs.rows_of(connection, run_id) if r.id in row_ids]
    peer = sync.registry.by_id(run.peer_id)
    is_right = all(r.outcome == runs.MISSING and r.entity in (ASSESSMENTS, GRADES) for r in rows)
    if not is_right or len(rows) != len(set(row_ids)):
        raise Refused(
            "rows", _("Only assessments and grades that full sync %(id)s missed.", id=run_id)
        )
    if run.state not in (runs.DONE, runs.INCOMPLETE) or peer is None:
        raise Refused("rows", _("Full sync %(id)s is not confirmed yet.", id=run_id))
    source, taken = sync.source(peer), 0
    for part in in_parts(rows, ROWS_AT_ONCE):
        with sync.database.write() as connection:
            one_at_a_time(connection, peer.id)
            done = [r for r in part if _take_back(connection, source, run, r, sync.now())]
            runs.note_applied(connection, [r.id for r in done if r.id])
            if done:
                detail = {"id": run.id, "rows": len(done)}
                By(by_actor, sync.now()).note(
                    connection, N_("missing grades taken back"), peer.wwwroot, detail
                )
        taken += len(done)
    return taken


def _take_back(connection: Connection, source: Source, run: Run, row: Row, now_unix_s: int) -> bool:
    at_unix_s = run.walks[row.entity].taken_unix_s
    if row.is_applied or row.thing_id is None or at_unix_s is None:
        return False
    latest = holding.latest_of(connection, row.entity, [row.thing_id]).get(row.thing_id)
    is_marked = marks.marked(connection, source.peer_id, row.entity, [row.thing_id])
    if latest is None or not is_marked or latest.latest_id != row.known_until_id:
        return False
    names = sa.select(assessment.c.idnumber).where(assessment.c.id == row.assessment_id)
    number = connection.execute(names).scalar_one()
    if row.entity == ASSESSMENTS:
        given = Fields("delete_assessment", {"idnumber": number, "timemodified": at_unix_s})
        deletion = fields.assessment(given, deleted=True)
        assessments.apply(connection, source, deletion, now_unix_s)
    elif not _take_grade_back(connection, source, number, row, at_unix_s, now_unix_s):
        return False
    marks.unmark(connection, source.peer_id, row.entity, [row.thing_id])
    return True


def _take_grade_back(
    connection: Connection, source: Source, number: str, row: Row, at_unix_s: int, now_unix_s: int
) -> bool:
    """Take a grade back; of a merged person, under each name that the peer told it under."""
    assert row.person_id is not None
    links = connection.execute(
        sa.select(person_link.c.idnumber_key, person_link.c.moodle_id).where(
            person_link.c.peer_id == source.peer_id,
            person_link.c.person_id.in_(identity.everybody(connection, row.person_id)),
        )
    ).all()
    done = False
    for link in links:
        userid = link.idnumber_key or (OWN_ID + link.moodle_id if link.moodle_id else None)
        if userid is None:
            continue
        values = {"assessmentid": number, "userid": userid, "timemodified": at_unix_s}
        deletion = fields.grade(Fields("delete_grade", values), deleted=True)
        try:
            grades.apply(connection, source, deletion, now_unix_s)
            done = True
        except (Held, NotFound):
            continue  # sent under another of these names
    return done
