"""Confirming a difference: the kinds concerned are walked again, and just that is applied.

When what it concerns has changed on either side since then, nothing is applied. Source: RULES 1.10.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace

from sqlalchemy.engine import Connection

from mnet.database import in_parts, one_at_a_time
from mnet.language import N_, _
from mnet.stored_sentences import E_, english
from mnet.xmlrpc import Value
from peers.audit import By
from schooltool_bridge.common.refusals import Refused
from schooltool_bridge.full_sync import holding, judging, marks, previewing, runs, walking
from schooltool_bridge.full_sync.applying import Manner, digest_of
from schooltool_bridge.full_sync.previewing import Stopped
from schooltool_bridge.full_sync.runs import Row, Run, Wanted
from schooltool_bridge.full_sync.seeing import Seeing, Thing
from schooltool_bridge.full_sync.syncing import GONE, FullSync, Progress
from schooltool_bridge.full_sync.walking import ENROLMENTS, SECTIONS

# Rows in one transaction, so that the peer's own calls do not wait long.
ROWS_AT_ONCE = 100
ABSENT = (runs.WITHDRAWN, runs.MISSING)
# What a run does by itself, and so a preview's confirmation: what waits or fails is in the inbox.
APPLIED = (
    runs.CREATED, runs.UPDATED, runs.RESTORED, runs.HELD, runs.CONFLICT, runs.FAILED
)  # fmt: skip
CONFIRMED = E_("It was confirmed; full sync %(id)s applied it.")
CHANGED = E_(
    "%(count)s of what was to be applied changed since, there or here, so nothing was; look anew "
    "with another run."
)
NOT_WHOLE = E_("The lists did not come whole this time, so nothing was applied. %(our_why)s")


def wanted(connection: Connection, peer_id: int, diff_id: int) -> Wanted:
    """Say what a run is to do that applies a difference; raises NotThere, Refused."""
    diff = runs.get(connection, diff_id)
    if diff.peer_id != peer_id:
        raise Refused(
            "confirm",
            _("Full sync %(id)s is of another peer: %(peer)s.", id=diff_id, peer=diff.peer),
        )
    if diff.state != runs.WAITING:
        raise Refused("confirm", _("Full sync %(id)s waits for nobody.", id=diff_id))
    kinds = {row.entity for row in _rows(connection, diff)}
    if ENROLMENTS in kinds:
        kinds.add(SECTIONS)
    only = tuple(e for e in walking.ENTITIES if e in kinds)
    return Wanted(only, confirms=diff_id)


def confirm(sync: FullSync, run: Run, progress: Progress) -> Run:
    """Apply the difference that a run confirms, and end it; it failed when anything changed."""
    assert run.wanted.confirms is not None
    with sync.database.read() as connection:
        diff = runs.get(connection, run.wanted.confirms)
        rows = _rows(connection, diff)
    try:
        if diff.wanted.is_preview:
            run = _presence(sync, run, diff, rows, progress)
        else:
            run = previewing.go_through(sync, sync.database, run, Manner(applies=False), progress)
            with sync.database.read() as connection:
                _must_stand(connection, run, diff, rows)
        return _absence(sync, run, diff, rows)
    except Stopped as why:
        return sync.fail(run, str(why))


def _rows(connection: Connection, diff: Run) -> list[Row]:
    """Return what a difference has to apply still."""
    outcomes = (*ABSENT, *APPLIED) if diff.wanted.is_preview else ABSENT
    return [r for r in runs.rows_of(connection, diff.id, outcomes=outcomes) if not r.is_applied]


def _presence(sync: FullSync, run: Run, diff: Run, rows: Sequence[Row], progress: Progress) -> Run:
    """Run it again on a copy, compare, and apply what the preview had."""
    with previewing.copied(sync) as copy:
        looking = replace(run, wanted=replace(run.wanted, section_id=diff.wanted.section_id,
                                              person_id=diff.wanted.person_id))  # fmt: skip
        looked, found = previewing.look(sync, copy, looking, progress)
        there: dict[tuple[str, str | None], Row] = {}
        for row in found:
            there.setdefault((row.entity, row.digest), row)
        changed = [r for r in rows if r.outcome in APPLIED and not _is_same(r, there)]
        _must_be_none(changed)
        with copy.database.read() as connection:
            _must_stand(connection, looked, diff, rows)
    digests = defaultdict[str, set[str]](set)
    for row in rows:
        if row.outcome in APPLIED and row.digest:
            digests[row.entity].add(row.digest)

    def accepts(_seeing: Seeing, entity: str, item: Value, _things: Sequence[Thing]) -> bool:
        return digest_of(item) in digests[entity]

    fresh = replace(run, walks={}, counts=runs.no_counts())
    return previewing.go_through(sync, sync.database, fresh, Manner(accepts=accepts), progress)


def _is_same(row: Row, there: Mapping[tuple[str, str | None], Row]) -> bool:
    now = there.get((row.entity, row.digest))
    if now is None:
        return False
    return (now.outcome, now.thing_id, now.known_until_id) == (
        row.outcome, row.thing_id, row.known_until_id
    )  # fmt: skip


def _must_stand(connection: Connection, run: Run, diff: Run, rows: Sequence[Row]) -> None:
    """Check that all that was missing still is, and unchanged; raises Stopped."""
    absent = defaultdict[str, list[Row]](list)
    for row in rows:
        if row.outcome in ABSENT:
            absent[row.entity].append(row)
    problems = {**judging.problems_of(run), **judging.switched_off(run)}
    problems = {entity: why for entity, why in problems.items() if entity in absent}
    if problems:
        raise Stopped(english(NOT_WHOLE, our_why=judging.sentence_of(problems)))
    changed: list[Row] = []
    for entity, gone in absent.items():
        walk = run.walks[entity]
        missing = holding.missing(connection, run.peer_id, run.id, entity, walk)
        now = {m.thing_id: m.known_until_id for m in missing}
        is_other = walk.scope != diff.walks[entity].scope
        changed += [r for r in gone if is_other or now.get(r.thing_id or 0) != r.known_until_id]
    _must_be_none(changed)


def _must_be_none(changed: Sequence[Row]) -> None:
    if changed:
        raise Stopped(english(CHANGED, count=len(changed)))


def _absence(sync: FullSync, run: Run, diff: Run, rows: Sequence[Row]) -> Run:
    """Withdraw and mark what the difference says, and end both runs as done."""
    peer = sync.registry.by_id(run.peer_id)
    if peer is None:
        raise Stopped(GONE)
    source = sync.source(peer)
    for part in in_parts([r for r in rows if r.outcome in ABSENT], ROWS_AT_ONCE):
        with sync.database.write() as connection:
            one_at_a_time(connection, peer.id)
            done = [
                judging.withdraw_or_mark(connection, source, diff, row, sync.now()) for row in part
            ]
            written = [row for row in done if row is not None]
            run = judging.counted(run, written)
            runs.add_rows(connection, run.id, written)
            runs.note_applied(connection, [r.id for r in written if r.id and r.is_applied])
            runs.save(connection, run, sync.now())
    with sync.database.write() as connection:
        one_at_a_time(connection, peer.id)
        if not diff.wanted.is_part:
            for entity, walk in diff.walks.items():
                if walk.is_whole:
                    marks.set_scope(connection, peer.id, entity, walk.scope_digest)
        runs.note_applied(connection, [r.id for r in rows if r.id and r.outcome in APPLIED])
        runs.mark_confirmed(connection, diff.id, english(CONFIRMED, id=run.id))
        detail = {"id": diff.id, "rows": len(rows)}
        By(run.by_actor, sync.now()).note(
            connection, N_("full sync confirmed"), peer.wwwroot, detail
        )
        ended = runs.end(connection, run, runs.DONE, "", sync.now())
    sync.release(run)
    return ended
