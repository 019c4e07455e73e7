"""A page of a list, applied as events are: idempotent, held, conflicts to the inbox.

Each page is committed with its cursor, so that a run that is killed continues after it. What an
earlier run ended by absence, and this list has, is restored as of when the list was taken.
Source: RULES 1.10 (presence), 1.3.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mnet.database import Database, one_at_a_time
from mnet.faults import Conflict
from mnet.stored_sentences import E_
from mnet.xmlrpc import Value
from schooltool_bridge.events import inbox
from schooltool_bridge.events import receiving as events
from schooltool_bridge.events.applied import Source
from schooltool_bridge.full_sync import holding, marks, runs, walking
from schooltool_bridge.full_sync.runs import Row, Run
from schooltool_bridge.full_sync.seeing import Seeing, Thing, name_of
from schooltool_bridge.full_sync.walking import Page, Walk
from schooltool_bridge.history import meaning, present

UNREADABLE = E_("an item does not say which thing it means")
# Whether an item, which means these things of ours, is to be applied.
Accepts = Callable[[Seeing, str, Value, Sequence[Thing]], bool]


class Item(NamedTuple):
    """An item of a page, before it is applied."""

    data: Value
    # What of ours it meant before it was applied.
    things: Sequence[Thing]
    # None: it does not say what it means.
    is_readable: bool
    is_accepted: bool
    # Enrolments that ended by absence, which it brings back.
    restores: frozenset[int]
    # The latest row of the history of what it means.
    known_until_id: int


@dataclass(frozen=True, slots=True)
class Manner:
    """How a run applies its pages."""

    # Whether anything is applied, or items are only looked at.
    applies: bool = True
    accepts: Accepts | None = None
    # Rows for what is unchanged as well, each with what it takes to compare two runs.
    is_exact: bool = False


class After(NamedTuple):
    """A page that was applied."""

    run: Run
    # Names for which other peers' events may wait (releasing.py).
    names: tuple[str, ...]


def apply_page(
    database: Database,
    source: Source,
    run: Run,
    entity: str,
    page: Page,
    walk: Walk,
    manner: Manner,
    now_unix_s: int,
) -> After:
    """Apply a page; in the same transaction, store `walk`, which is the one after this page."""
    with database.read() as connection:
        items = _look(connection, source, entity, page, walk, manner)
    if any(not item.is_readable for item in items):
        walk = replace(walk, problem=walk.problem or UNREADABLE)
    pushed: list[Value] = [
        {"event": walking.EVENT_OF[entity], "data": _data(item, walk)}
        for item in items
        if item.is_accepted and manner.applies
    ]
    before, names = events.Push(source), dict[str, None]()
    while True:
        push = before
        try:
            with database.write() as connection:
                one_at_a_time(connection, source.peer_id)
                if pushed:
                    push = events.receive_part(connection, before, pushed, now_unix_s)
                if not (pushed and events.is_left(push, pushed)):
                    names.update(dict.fromkeys(push.names))
                    results = push.results
                    after = _keep(
                        connection, source, run, entity, walk, manner, items, results, now_unix_s
                    )
                    return After(after, tuple(names))
        except Exception:
            if before.source.is_careful:
                raise
            before = events.carefully(before)  # one event may have stopped all of them
            continue
        names.update(dict.fromkeys(push.names))
        before = push


def _look(
    connection: Connection,
    source: Source,
    entity: str,
    page: Page,
    walk: Walk,
    manner: Manner,
) -> list[Item]:
    seeing = Seeing(connection, source.peer_id, source.policy)
    meant = seeing.all_things(entity, page.items)
    accepts = manner.accepts
    items = []
    for data, things in zip(page.items, meant, strict=True):
        is_accepted = accepts is None or (
            things is not None and accepts(seeing, entity, data, things)
        )
        is_readable = things is not None
        items.append(Item(data, things or (), is_readable, is_accepted, frozenset(), 0))
    if entity == walking.ENROLMENTS:
        gone = _ended_by_absence(connection, source.peer_id, items, walk)
        items = [i._replace(restores=gone & {t.id for t in i.things}) for i in items]
    if manner.is_exact:
        mine = {t.id for i in items for t in i.things if t.entity == entity}
        latest = holding.latest_of(connection, entity, sorted(mine))
        items = [
            i._replace(
                known_until_id=max(
                    (latest[t.id].latest_id for t in i.things if t.id in latest), default=0
                )
            )
            for i in items
        ]
    return items


def _ended_by_absence(
    connection: Connection, peer_id: int, items: Sequence[Item], walk: Walk
) -> frozenset[int]:
    """Return which enrolments ended because an earlier list left them out."""
    mine = {t.id for i in items for t in i.things if t.entity == walking.ENROLMENTS}
    marked = marks.marked(connection, peer_id, walking.ENROLMENTS, mine)
    if not marked or walk.taken_unix_s is None:
        return frozenset()
    now = present.as_peers_say(connection)
    over = sa.select(now.c.id).where(
        now.c.id.in_(marked), sa.not_(meaning.was_not_ended(now.c.code))
    )
    return frozenset(connection.execute(over).scalars())


def _data(item: Item, walk: Walk) -> Value:
    """Return an item as the event that it is; one that restores is as new as its list."""
    if not item.restores or not isinstance(item.data, dict):
        return item.data
    sent = item.data.get("timemodified")
    if isinstance(sent, int) and sent > (walk.taken_unix_s or 0):
        return item.data
    data = {name: value for name, value in item.data.items() if name != "seq"}
    return {**data, "timemodified": walk.taken_unix_s}


def _keep(
    connection: Connection,
    source: Source,
    run: Run,
    entity: str,
    walk: Walk,
    manner: Manner,
    items: Sequence[Item],
    results: Sequence[Mapping[str, Value]],
    now_unix_s: int,
) -> Run:
    """Store what a page meant, what came of it, and the cursor of the next page."""
    answers = iter(results)
    counts = dict(run.counts[entity])
    rows, seen = [], defaultdict[str, set[int]](set)
    # After it was applied an item may mean what was not there before.
    seeing = Seeing(connection, source.peer_id, source.policy)
    meant = seeing.all_things(entity, [item.data for item in items]) if results else []
    for number, item in enumerate(items):
        things = (meant[number] if meant else None) or ()
        for thing in (*things, *item.things):
            seen[thing.entity].add(thing.id)
        counts["seen"] += 1
        if not (item.is_accepted and manner.applies):
            continue
        answer = next(answers)
        outcome = _outcome(answer, item)
        counts[runs.FAILED if outcome == runs.CONFLICT else outcome] += 1
        if outcome in (runs.HELD, runs.CONFLICT, runs.FAILED):
            # Each list says it again; what a person decided about it stands.
            event = walking.EVENT_OF[entity]
            inbox.drop_dismissed(connection, source.peer_id, event, _data(item, walk))
        if _is_listed(outcome, counts, manner):
            rows.append(_row(entity, item, things, outcome, answer))
    runs.add_rows(connection, run.id, rows)
    runs.note_seen(connection, run.id, seen)
    if manner.applies:
        _unmark(connection, source.peer_id, entity, seen)
    taken = [t for t in (run.taken_unix_s, walk.taken_unix_s) if t is not None]
    after = replace(
        run,
        walks={**run.walks, entity: walk},
        counts={**run.counts, entity: counts},
        taken_unix_s=min(taken, default=None),
    )
    runs.save(connection, after, now_unix_s)
    return after


def _is_listed(outcome: str, counts: Mapping[str, int], manner: Manner) -> bool:
    """Tell whether a run lists one more of this outcome; a confirmation needs all of a preview."""
    if outcome == runs.UNCHANGED and not manner.is_exact:
        return False
    must_be = manner.is_exact and outcome != runs.UNCHANGED
    counted = counts[runs.FAILED if outcome == runs.CONFLICT else outcome]
    return must_be or counted <= runs.MAX_LISTED


def _unmark(
    connection: Connection,
    peer_id: int,
    entity: str,
    seen: Mapping[str, set[int]],
) -> None:
    """Delete the marks of what is listed."""
    marked = set(marks.marked(connection, peer_id, entity, seen.get(entity, ())))
    if entity == walking.ENROLMENTS and marked:
        # One that could not be brought back stays marked, so that the next list tries again.
        now = present.as_peers_say(connection)
        back = sa.select(now.c.id).where(now.c.id.in_(marked), meaning.was_not_ended(now.c.code))
        marked = set(connection.execute(back).scalars())
    marks.unmark(connection, peer_id, entity, marked)


def _outcome(answer: Mapping[str, Value], item: Item) -> str:
    status = str(answer["status"])
    if status == "failed":
        return runs.CONFLICT if answer.get("fault") == Conflict.code else runs.FAILED
    if status in (runs.CREATED, runs.UPDATED) and item.restores:
        return runs.RESTORED
    return status if status in runs.COUNTED else runs.UNCHANGED


def _row(
    entity: str,
    item: Item,
    things: Sequence[Thing],
    outcome: str,
    answer: Mapping[str, Value],
) -> Row:
    mine = next((t for t in things if t.entity == entity), None)
    return Row(
        entity,
        outcome,
        mine.person_id if mine else None,
        mine.section_id if mine else None,
        mine.assessment_id if mine else None,
        mine.id if mine else None,
        name_of(entity, item.data),
        str(answer.get("message") or ""),
        digest_of(item.data),
        item.known_until_id,
    )


def digest_of(item: Any) -> str:
    """Return what tells one item from another: the SHA-256 of all that it says."""
    return hashlib.sha256(json.dumps(item, sort_keys=True, default=str).encode()).hexdigest()
