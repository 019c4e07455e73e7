"""After the walks: what they left out is withdrawn or marked, or waits for a person.

Source: RULES 1.10 (absence, preview first), R83.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mnet.faults import Fault
from mnet.stored_sentences import E_, english, joined
from schooltool_bridge.common.ids import OWN_ID
from schooltool_bridge.events import enrolments
from schooltool_bridge.events.applied import Held, Source
from schooltool_bridge.events.fields import EnrolmentEvent
from schooltool_bridge.full_sync import differences, holding, marks, runs, walking
from schooltool_bridge.full_sync.following import without_followers
from schooltool_bridge.full_sync.holding import Missing
from schooltool_bridge.full_sync.runs import Row, Run
from schooltool_bridge.full_sync.walking import ENROLMENTS, ENTITIES
from schooltool_bridge.history import identity
from schooltool_bridge.history.fold import When
from schooltool_bridge.store.model import enrolment, enrolment_history, person_link, section

_SAYS = {
    walking.USERS: E_("People: %(our_what)s."),
    walking.SECTIONS: E_("Sections: %(our_what)s."),
    walking.ENROLMENTS: E_("Enrolments: %(our_what)s."),
    walking.ASSESSMENTS: E_("Assessments: %(our_what)s."),
    walking.GRADES: E_("Grades: %(our_what)s."),
}
_BOTH = E_("%(our_first)s %(our_others)s")


class Judged(NamedTuple):
    """What one whole walk left out, and why a person has to confirm it; empty: nobody has."""

    missing: Sequence[Missing]
    fresh: Sequence[Missing]
    why_ask: str


def judge(connection: Connection, source: Source, run: Run, now_unix_s: int) -> Run:
    """End a run whose walks are over: withdraw and mark what they left out, or ask a person."""
    judged = {} if run.wanted.is_part else look(connection, source, run)
    rows = rows_of(judged)
    waits = {entity: found.why_ask for entity, found in judged.items() if found.why_ask}
    problems, off = problems_of(run), switched_off(run)
    reason = joined_sentences([sentence_of(why) for why in (waits, problems, off) if why])
    for entity, found in judged.items():
        if not found.why_ask and not (waits and found.fresh):
            marks.set_scope(connection, source.peer_id, entity, run.walks[entity].scope_digest)
    if not waits:
        done = [withdraw_or_mark(connection, source, run, row, now_unix_s) for row in rows]
        rows = [row for row in done if row is not None]
    run = counted(run, rows)
    runs.add_rows(connection, run.id, rows)
    if judged:
        runs.replace_waiting(connection, run)
    if waits:
        return runs.end(connection, run, runs.WAITING, reason, now_unix_s)
    state = runs.INCOMPLETE if problems else runs.DONE
    if off and len(off) == len(run.walks):
        state = runs.FAILED
    return runs.end(connection, run, state, reason, now_unix_s)


def look(connection: Connection, source: Source, run: Run) -> dict[str, Judged]:
    """Return what each whole walk of a run left out, by kind."""
    whole = {entity: walk for entity, walk in run.walks.items() if walk.is_whole}
    missing = {
        entity: holding.missing(connection, source.peer_id, run.id, entity, walk)
        for entity, walk in whole.items()
    }
    # An enrolment that can end did not end by an earlier absence, whatever was marked.
    fresh = {e: [m for m in of if e == ENROLMENTS or not m.is_marked] for e, of in missing.items()}
    by_themselves = without_followers(connection, fresh)
    found = {}
    for entity, walk in whole.items():
        absences = differences.Absences(
            held=holding.held(connection, source.peer_id, entity),
            listed=walk.came,
            missing=len(fresh[entity]),
            by_themselves=len(by_themselves[entity]),
            not_listed=len(missing[entity]),
            scope_before=marks.scope_of(connection, source.peer_id, entity),
            scope=walk.scope_digest,
        )
        why = differences.why_ask(source.policy.absences, absences)
        found[entity] = Judged(missing[entity], fresh[entity], why)
    return found


def rows_of(judged: Mapping[str, Judged]) -> list[Row]:
    """Return what is missing as rows of a run."""
    return [
        Row(
            entity,
            runs.WITHDRAWN if entity == ENROLMENTS else runs.MISSING,
            m.person_id,
            m.section_id,
            m.assessment_id,
            m.thing_id,
            known_until_id=m.known_until_id,
        )
        for entity, found in judged.items()
        for m in found.missing
    ]


def counted(run: Run, rows: Sequence[Row]) -> Run:
    """Return a run with what it found missing counted."""
    counts = {entity: dict(of) for entity, of in run.counts.items()}
    for row in rows:
        counts[row.entity][row.outcome] += 1
    return replace(run, counts=counts)


def sentence_of(why: Mapping[str, str]) -> str:
    """Say of several kinds what is the matter with each."""
    sentences = [english(_SAYS[e], our_what=why[e]) for e in ENTITIES if e in why]
    return joined_sentences(sentences)


def joined_sentences(sentences: Sequence[str]) -> str:
    """Say sentences one after the other; nothing when there are none."""
    return joined(_BOTH, sentences) if sentences else ""


def problems_of(run: Run) -> dict[str, str]:
    """Return why walks of a run say nothing of what they left out, by kind."""
    return {e: walk.problem for e, walk in run.walks.items() if walk.problem and not walk.is_off}


def switched_off(run: Run) -> dict[str, str]:
    """Return what the peer does not send on purpose, in its words, by kind."""
    return {entity: walk.problem for entity, walk in run.walks.items() if walk.is_off}


def withdraw_or_mark(
    connection: Connection, source: Source, run: Run, row: Row, now_unix_s: int
) -> Row | None:
    """Do what is to be done about something missing; return the row that says so.

    None when there was nothing left to end.
    """
    assert row.thing_id is not None
    taken = run.walks[row.entity].taken_unix_s
    assert taken is not None
    if row.entity == ENROLMENTS:
        try:
            if not _end(connection, source, row.thing_id, taken, now_unix_s):
                return None
        except (Fault, Held) as problem:
            return replace(row, outcome=runs.FAILED, reason=str(problem))
        marks.unmark(connection, source.peer_id, row.entity, [row.thing_id])
    marks.mark(connection, source.peer_id, row.entity, [row.thing_id], taken)
    return replace(row, is_applied=row.entity in (ENROLMENTS, walking.USERS, walking.SECTIONS))


def _end(
    connection: Connection, source: Source, enrolment_id: int, taken_unix_s: int, now_unix_s: int
) -> bool:
    """End an enrolment as by end_enrolment; of a merged person, each record that the peer told."""
    row = connection.execute(
        sa.select(enrolment, section.c.idnumber, section.c.segment)
        .join_from(enrolment, section, section.c.id == enrolment.c.section_id)
        .where(enrolment.c.id == enrolment_id)
    ).one()
    everybody = identity.everybody(connection, row.person_id)
    named = sa.select(enrolment_history.c.person_id).where(
        enrolment_history.c.section_id == row.section_id,
        enrolment_history.c.role == row.role,
        enrolment_history.c.by_actor.is_(None),
    )
    links = connection.execute(
        sa.select(person_link.c.idnumber_key, person_link.c.moodle_id).where(
            person_link.c.peer_id == source.peer_id,
            person_link.c.person_id.in_(everybody),
            person_link.c.person_id.in_(named),
        )
    ).all()
    names = [r.idnumber_key or (OWN_ID + r.moodle_id if r.moodle_id else None) for r in links]
    for userid in filter(None, names):
        ending = EnrolmentEvent(
            When(taken_unix_s, -1), row.idnumber, row.segment, userid, row.role, None, None, None
        )
        enrolments.apply(connection, source, ending, now_unix_s)
    return any(names)
