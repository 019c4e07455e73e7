"""Previews: a whole run on a copy of the store, of which only the difference is stored.

So a preview says exactly what a run would do, and nothing of it is applied. The copy lies in the
data folder, readable by its owner alone, and is deleted after the preview. Source: RULES 1.10.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import sqlalchemy as sa

from mnet.call_errors import CallError
from mnet.database import Database
from mnet.stored_sentences import E_
from peers.registry import Peer
from schooltool_bridge.full_sync import judging, parts, runs, walking
from schooltool_bridge.full_sync.applying import Manner
from schooltool_bridge.full_sync.runs import Row, Run
from schooltool_bridge.full_sync.syncing import GONE, FullSync, Progress, next_entity
from schooltool_bridge.full_sync.walking import BadPage, Walk
from schooltool_bridge.store import storage
from schooltool_bridge.store.model import assessment, enrolment, grade, person, person_link, section

NOTHING_APPLIED = E_("It is a preview: nothing was applied.")
_TABLES: Mapping[str, sa.Table] = {
    walking.USERS: person_link,
    walking.SECTIONS: section,
    walking.ENROLMENTS: enrolment,
    walking.ASSESSMENTS: assessment,
    walking.GRADES: grade,
    "person": person,
}


class Stopped(Exception):
    """A run cannot go on; the text says why, as it is stored."""


@dataclass(frozen=True, slots=True)
class Copy:
    """A copy of the store to try things on, and the highest ids that there were."""

    database: Database
    highest: Mapping[str, int]

    def known(self, kind: str, thing_id: int | None) -> int | None:
        """Return an id of the copy where it is one of the store, too."""
        is_known = thing_id is not None and thing_id <= self.highest[kind]
        return thing_id if is_known else None


@contextmanager
def copied(sync: FullSync) -> Iterator[Copy]:
    """Make a copy of the store, which is deleted afterwards."""
    with tempfile.TemporaryDirectory(dir=sync.home, prefix=".full-sync-") as folder:
        file = Path(folder) / "copy.sqlite"
        storage.backup(sync.database, file)
        database = Database(f"sqlite:///{file}", clock=sync.clock)
        try:
            with database.read() as connection:
                highest = {
                    kind: connection.execute(sa.select(sa.func.max(table.c.id))).scalar() or 0
                    for kind, table in _TABLES.items()
                }
            yield Copy(database, highest)
        finally:
            database.close()


def preview(sync: FullSync, run: Run, progress: Progress) -> Run:
    """Find what a run would do, and end it: waiting for a confirmation when it would do anything.

    Without a connection of the peer's, or with an answer that is none, it fails.
    """
    try:
        with copied(sync) as copy:
            run, rows = look(sync, copy, run, progress)
    except Stopped as why:
        return sync.fail(run, str(why))
    changes = [row for row in rows if row.outcome != runs.UNCHANGED]
    problems = judging.problems_of(run)
    reasons = [NOTHING_APPLIED] if changes else []
    reasons += [judging.sentence_of(problems)] if problems else []
    state = runs.WAITING if changes else runs.INCOMPLETE if problems else runs.DONE
    reason = judging.joined_sentences(reasons)
    with sync.database.write() as connection:
        runs.add_rows(connection, run.id, rows)
        ended = runs.end(connection, run, state, reason, sync.now())
    sync.release(run)
    return ended


def look(sync: FullSync, copy: Copy, run: Run, progress: Progress) -> tuple[Run, list[Row]]:
    """Do a run on a copy; return how far it came and all that it found. Raises Stopped."""
    peer = _peer(sync, run)
    accepts = None
    with copy.database.read() as connection:
        accepts = parts.accepts(connection, peer.id, run.wanted)
    manner = Manner(accepts=accepts, is_exact=True)
    run = go_through(sync, copy.database, run, manner, progress)
    with copy.database.read() as connection:
        whole = {} if run.wanted.is_part else judging.look(connection, sync.source(peer), run)
        missing = judging.rows_of(whole)
        found = runs.rows_of(connection, run.id)
    return judging.counted(run, missing), [*_as_stored(copy, found), *missing]


def go_through(
    sync: FullSync, database: Database, run: Run, manner: Manner, progress: Progress
) -> Run:
    """Go through all walks of a run on a database; how far it is stands in the store as well.

    Raises Stopped.
    """
    while (entity := next_entity(run, peer := _peer(sync, run))) is not None:
        progress(run)
        try:
            page, walk = sync.ask(peer, entity, run.walks.get(entity, Walk()))
        except CallError as problem:
            raise Stopped(str(problem)) from None
        except BadPage as problem:
            raise Stopped(problem.text) from None
        run = sync.keep(database, peer, run, entity, page, walk, manner)
        if database is not sync.database:
            with sync.database.write() as connection:
                runs.save(connection, run, sync.now())
    return run


def _peer(sync: FullSync, run: Run) -> Peer:
    peer = sync.registry.by_id(run.peer_id)
    if peer is None or not peer.enabled:
        raise Stopped(GONE)
    return peer


def _as_stored(copy: Copy, rows: Sequence[Row]) -> list[Row]:
    """Return rows of a copy with the ids that the store has, and what stood there before."""
    before: dict[tuple[str, int], int] = {}
    found = []
    for row in rows:
        known_until = row.known_until_id
        if row.thing_id is not None:
            # Rows that the run itself wrote on the copy are not in the store.
            known_until = before.setdefault((row.entity, row.thing_id), known_until)
        found.append(
            replace(
                row,
                person_id=copy.known("person", row.person_id),
                section_id=copy.known(walking.SECTIONS, row.section_id),
                assessment_id=copy.known(walking.ASSESSMENTS, row.assessment_id),
                thing_id=copy.known(row.entity, row.thing_id),
                known_until_id=known_until,
                id=None,
            )
        )
    return found
