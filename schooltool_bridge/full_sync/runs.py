"""Runs of full syncs in the store: what was asked, how far it is, what it found.

One run per peer at a time: whoever is at it renews a lease with each page. Source: RULES 1.10.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, NamedTuple, Self

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mnet.database import in_parts, one_at_a_time
from mnet.language import _
from mnet.stored_sentences import E_
from peers.model import peer
from schooltool_bridge.common.refusals import NotThere, Refused
from schooltool_bridge.full_sync.walking import ENTITIES, Walk
from schooltool_bridge.store.model_sync import sync_row, sync_run, sync_seen

RUNNING, DONE, WAITING = "running", "done", "waiting"
INCOMPLETE, FAILED = "incomplete", "failed"
# What came of an item, or of something that was not listed.
CREATED, UPDATED, UNCHANGED, HELD = "created", "updated", "unchanged", "held"
CONFLICT, RESTORED, WITHDRAWN, MISSING = "conflict", "restored", "withdrawn", "missing"
COUNTED = (
    "seen", CREATED, UPDATED, UNCHANGED, HELD, FAILED, WITHDRAWN, RESTORED, MISSING
)  # fmt: skip
# Longer than any one page: a call, its second try, and the events that it releases.
LEASE_S = 180
# A killed run that began longer ago is not resumed: its lists are too old.
RESUME_S = 6 * 3600
# So many runs of each peer keep their rows, besides those that wait for somebody.
RUNS_WITH_ROWS = 10
# So many items of each kind and outcome are listed; all are counted.
MAX_LISTED = 10_000
# What part of a whole run each kind usually takes, in per cent.
_SHARES = {"users": 10, "sections": 5, "enrolments": 20, "assessments": 5, "grades": 60}
# What a peer says of itself may be any length.
MAX_REASON_CHARS = 2_000
REPLACED = E_("nobody confirmed it; a later run looked anew")
STOPPED = E_("it was stopped in the middle")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a run is to do."""

    # Only these kinds; empty: all.
    only: tuple[str, ...] = ()
    # Only what is about this section, or this person (our ids).
    section_id: int | None = None
    person_id: int | None = None
    # Apply nothing, and say what would be applied.
    is_preview: bool = False
    # The run whose difference a person confirmed.
    confirms: int | None = None

    @property
    def is_part(self) -> bool:
        """Whether it looks at a part only, so that nothing is judged missing."""
        return bool(self.only or self.section_id or self.person_id)

    @property
    def is_resumable(self) -> bool:
        """Whether a killed run is resumed by the next one of its kind."""
        return not self.is_preview and self.confirms is None

    @classmethod
    def from_stored(cls, stored: Mapping[str, Any]) -> Self:
        """Read what was stored."""
        return cls(**{**stored, "only": tuple(stored.get("only", ()))})


Counts = dict[str, dict[str, int]]


@dataclass(frozen=True, slots=True)
class Run:
    """One run."""

    id: int
    peer_id: int
    # The peer's wwwroot.
    peer: str
    # running | done | waiting | incomplete | failed
    state: str
    wanted: Wanted
    walks: Mapping[str, Walk]
    counts: Counts
    # Why it is not done, or what to know: an English sentence (mnet/stored_sentences.localized).
    reason: str
    by_actor: str
    started_unix_s: int
    ended_unix_s: int | None
    taken_unix_s: int | None
    holder: str = ""
    held_until_unix_s: int = 0

    @property
    def percent(self) -> int:
        """How far it is, at most 99. Never goes back: nobody counts a list before it begins."""
        asked = self.wanted.only or ENTITIES
        done = sum(_SHARES[e] * self.walks[e].done for e in asked if e in self.walks)
        return min(99, int(100 * done / sum(_SHARES[e] for e in asked)))


@dataclass(frozen=True, slots=True)
class Row:
    """Something that a run found."""

    entity: str
    outcome: str
    person_id: int | None = None
    section_id: int | None = None
    assessment_id: int | None = None
    thing_id: int | None = None
    name: str = ""
    reason: str = ""
    digest: str | None = None
    known_until_id: int = 0
    is_applied: bool = False
    # None: not stored yet.
    id: int | None = field(default=None, compare=False)


def no_counts() -> Counts:
    """Return counts of a run that found nothing yet."""
    return {entity: dict.fromkeys(COUNTED, 0) for entity in ENTITIES}


class Began(NamedTuple):
    """A run that this process has to do now."""

    run: Run
    # It was begun before, by a process that has ended.
    is_resumed: bool


def begin(
    connection: Connection,
    peer_id: int,
    wanted: Wanted,
    by_actor: str,
    holder: str,
    now_unix_s: int,
) -> Began:
    """Begin a run, or resume one of the same kind that was killed; raises Refused.

    On this machine the caller has the lock (locks.py); of another machine the lease counts.
    """
    one_at_a_time(connection, peer_id)
    mine = sa.and_(sync_run.c.peer_id == peer_id, sync_run.c.state == RUNNING)
    for run in _read(connection, _SELECT.where(mine)):
        lease_s = run.held_until_unix_s - now_unix_s
        # Nobody was given more than this: what lies further ahead is from a clock set back.
        if 0 < lease_s <= LEASE_S and run.holder != holder:
            raise Refused(
                "sync",
                _("A full sync with %(peer)s is under way (%(id)s).", peer=run.peer, id=run.id),
            )
        is_fresh = 0 <= now_unix_s - run.started_unix_s <= RESUME_S
        if run.wanted == wanted and wanted.is_resumable and is_fresh:
            hold(connection, run.id, holder, now_unix_s)
            return Began(run, is_resumed=True)
        end(connection, run, FAILED, STOPPED, now_unix_s)
    values = {
        "peer_id": peer_id,
        "state": RUNNING,
        "wanted": asdict(wanted),
        "walks": {},
        "counts": no_counts(),
        "reason": "",
        "by_actor": by_actor,
        "started_unix_s": now_unix_s,
        "holder": holder,
        "held_until_unix_s": now_unix_s + LEASE_S,
    }
    added = connection.execute(sa.insert(sync_run).values(values))
    assert added.inserted_primary_key is not None
    return Began(get(connection, added.inserted_primary_key[0]), is_resumed=False)


def hold(connection: Connection, run_id: int, holder: str, now_unix_s: int) -> None:
    """Begin or renew the lease of a run."""
    values = {"holder": holder, "held_until_unix_s": now_unix_s + LEASE_S}
    connection.execute(sa.update(sync_run).where(sync_run.c.id == run_id).values(values))


def save(connection: Connection, run: Run, now_unix_s: int) -> None:
    """Store how far a run has come, and renew its lease."""
    values = {
        "walks": {entity: walk.stored() for entity, walk in run.walks.items()},
        "counts": run.counts,
        "taken_unix_s": run.taken_unix_s,
        "held_until_unix_s": now_unix_s + LEASE_S,
    }
    connection.execute(sa.update(sync_run).where(sync_run.c.id == run.id).values(values))


def end(connection: Connection, run: Run, state: str, reason: str, now_unix_s: int) -> Run:
    """End a run in a state; rows of the peer's older runs are deleted."""
    reason = reason[:MAX_REASON_CHARS]
    ended = replace(run, state=state, reason=reason, ended_unix_s=now_unix_s)
    save(connection, ended, now_unix_s)
    values = {
        "state": state, "reason": reason, "ended_unix_s": now_unix_s, "holder": "",
        "held_until_unix_s": 0,
    }  # fmt: skip
    connection.execute(sa.update(sync_run).where(sync_run.c.id == run.id).values(values))
    connection.execute(sa.delete(sync_seen).where(sync_seen.c.run_id == run.id))
    _drop_old_rows(connection, run.peer_id)
    return ended


def replace_waiting(connection: Connection, run: Run) -> None:
    """Set the earlier runs of the peer that wait to incomplete: this one looked anew."""
    earlier = sa.and_(
        sync_run.c.peer_id == run.peer_id, sync_run.c.state == WAITING, sync_run.c.id != run.id
    )
    values = {"state": INCOMPLETE, "reason": REPLACED}
    connection.execute(sa.update(sync_run).where(earlier).values(values))


def mark_confirmed(connection: Connection, run_id: int, reason: str) -> None:
    """Set a run that waited to done: somebody confirmed its difference."""
    values = {"state": DONE, "reason": reason}
    connection.execute(sa.update(sync_run).where(sync_run.c.id == run_id).values(values))


def _drop_old_rows(connection: Connection, peer_id: int) -> None:
    mine = sync_run.c.peer_id == peer_id
    latest = sa.select(sync_run.c.id).where(mine).order_by(sync_run.c.id.desc())
    newest = connection.execute(latest.limit(RUNS_WITH_ROWS)).scalars().all()
    old = sa.select(sync_run.c.id).where(
        mine, sync_run.c.id < min(newest, default=0), sync_run.c.state != WAITING
    )
    connection.execute(sa.delete(sync_row).where(sync_row.c.run_id.in_(old)))


def get(connection: Connection, run_id: int) -> Run:
    """Return a run; raises NotThere."""
    found = _read(connection, _SELECT.where(sync_run.c.id == run_id))
    if not found:
        raise NotThere(_("There is no full sync %(id)s; see: mnet-peer sync list.", id=run_id))
    return found[0]


def list_runs(connection: Connection, peer_id: int | None = None, limit: int = 50) -> list[Run]:
    """Return runs, newest first; of all peers unless one is named."""
    query = _SELECT.order_by(sync_run.c.id.desc()).limit(limit)
    if peer_id is not None:
        query = query.where(sync_run.c.peer_id == peer_id)
    return _read(connection, query)


def last_run(connection: Connection, peer_id: int, *states: str) -> Run | None:
    """Return the peer's last whole run (no part, no preview), of these states if any is named."""
    query = _SELECT.where(sync_run.c.peer_id == peer_id).order_by(sync_run.c.id.desc())
    for run in _read(connection, query.limit(200)):
        is_whole = not (run.wanted.is_part or run.wanted.is_preview or run.wanted.confirms)
        if is_whole and (not states or run.state in states):
            return run
    return None


def last_preview(connection: Connection, peer_id: int) -> Run | None:
    """Return the peer's last preview of everything; None where a whole run looked anew since."""
    query = _SELECT.where(sync_run.c.peer_id == peer_id).order_by(sync_run.c.id.desc())
    for run in _read(connection, query.limit(200)):
        if not (run.wanted.is_part or run.wanted.confirms):
            return run if run.wanted.is_preview else None
    return None


def abandoned(connection: Connection, holder: str, now_unix_s: int) -> list[Run]:
    """Return runs under way whose lease nobody else has; those of this machine have locks."""
    until = sync_run.c.held_until_unix_s
    is_free = sa.or_(sync_run.c.holder == holder, until <= now_unix_s, until > now_unix_s + LEASE_S)
    return _read(connection, _SELECT.where(sync_run.c.state == RUNNING, is_free))


def add_rows(connection: Connection, run_id: int, rows: Iterable[Row]) -> None:
    """Store what a run found."""
    listed = []
    for row in rows:
        values = {"run_id": run_id, **asdict(row)}
        del values["id"]
        listed.append(values)
    if listed:
        connection.execute(sa.insert(sync_row), listed)


def rows_of(
    connection: Connection,
    run_id: int,
    *,
    entity: str | None = None,
    outcomes: Collection[str] = (),
    after_id: int = 0,
    limit: int | None = None,
) -> list[Row]:
    """Return what a run found, in the order in which it did; a page of it by `after_id`."""
    query = sa.select(sync_row).where(sync_row.c.run_id == run_id, sync_row.c.id > after_id)
    if entity is not None:
        query = query.where(sync_row.c.entity == entity)
    if outcomes:
        query = query.where(sync_row.c.outcome.in_(outcomes))
    rows = connection.execute(query.order_by(sync_row.c.id).limit(limit))
    names = Row.__dataclass_fields__
    return [Row(**{n: v for n, v in r._asdict().items() if n in names}) for r in rows]


def note_applied(connection: Connection, row_ids: Sequence[int]) -> None:
    """Mark rows as applied."""
    for part in in_parts(row_ids):
        mine = sync_row.c.id.in_(part)
        connection.execute(sa.update(sync_row).where(mine).values(is_applied=True))


def note_seen(connection: Connection, run_id: int, things: Mapping[str, Collection[int]]) -> None:
    """Store which things of ours were listed to a run, by kind; once each."""
    for entity, ids in things.items():
        for part in in_parts(sorted(set(ids))):
            mine = (sync_seen.c.run_id == run_id, sync_seen.c.entity == entity)
            known = sa.select(sync_seen.c.thing_id).where(*mine, sync_seen.c.thing_id.in_(part))
            fresh = set(part) - set(connection.execute(known).scalars())
            rows = [{"run_id": run_id, "entity": entity, "thing_id": i} for i in sorted(fresh)]
            if rows:
                connection.execute(sa.insert(sync_seen), rows)


def listed(connection: Connection, run_id: int, entity: str) -> int:
    """Return how many things of ours were listed to a run."""
    seen = (sync_seen.c.run_id == run_id, sync_seen.c.entity == entity)
    count = sa.select(sa.func.count()).select_from(sync_seen).where(*seen)
    return int(connection.execute(count).scalar_one())


_SELECT: sa.Select[Any] = sa.select(sync_run, peer.c.wwwroot).join_from(
    sync_run, peer, peer.c.id == sync_run.c.peer_id
)


def _read(connection: Connection, query: sa.Select[Any]) -> list[Run]:
    return [
        Run(
            id=r.id,
            peer_id=r.peer_id,
            peer=r.wwwroot,
            state=r.state,
            wanted=Wanted.from_stored(r.wanted),
            walks={entity: Walk.from_stored(w) for entity, w in r.walks.items()},
            counts=r.counts,
            reason=r.reason,
            by_actor=r.by_actor,
            started_unix_s=r.started_unix_s,
            ended_unix_s=r.ended_unix_s,
            taken_unix_s=r.taken_unix_s,
            holder=r.holder,
            held_until_unix_s=r.held_until_unix_s,
        )
        for r in connection.execute(query).all()
    ]
