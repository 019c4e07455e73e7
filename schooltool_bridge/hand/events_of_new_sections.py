"""How many events of the inbox come in with each new section that waits for a person.

The section's own events, those about who is in it, its assessments, and the grades of these: which
wait for an assessment, so that they name no section. Source: RULES 1.12.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mnet.database import in_parts
from schooltool_bridge.common.ids import key
from schooltool_bridge.events import admitting, inbox
from schooltool_bridge.events.applied import (
    approval_key,
    assessment_key,
    enrolment_key,
    grade_key,
    section_key,
)
from schooltool_bridge.events.kinds import NEW_ASSESSMENT
from schooltool_bridge.store.model import inbox as inbox_table
from schooltool_bridge.store.model import inbox_wait


def count(connection: Connection, peer_id: int, sections: Sequence[Sequence[str]]) -> list[int]:
    """Return how many of a peer's events wait for each of some sections; each has several names.

    One that waits for something else as well is counted.
    """
    waits = connection.execute(
        sa.select(inbox_wait.c.inbox_id, inbox_wait.c.key, inbox_wait.c.event)
        .join_from(inbox_wait, inbox_table, inbox_table.c.id == inbox_wait.c.inbox_id)
        .where(inbox_wait.c.peer_id == peer_id, inbox_table.c.status == inbox.HELD)
    ).all()
    of_key = defaultdict[str, set[int]](set)
    for number, names in enumerate(sections):
        for name in names:
            for wait in (approval_key(name), section_key(name), enrolment_key(name, "")):
                of_key[key(wait)].add(number)
    found = _waiting(waits, of_key)
    assessments = {r.inbox_id for r in waits if r.inbox_id in found and r.event == NEW_ASSESSMENT}
    of_item = defaultdict[str, set[int]](set)
    for inbox_id, names in _names(connection, assessments):
        for name in names:
            for wait in (assessment_key(name), grade_key(name, "")):
                of_item[key(wait)] |= found[inbox_id]
    for inbox_id, numbers in _waiting(waits, of_item).items():
        found[inbox_id] |= numbers
    counts = Counter(number for numbers in found.values() for number in numbers)
    return [counts[number] for number in range(len(sections))]


def _waiting(waits: Iterable[Any], wanted: Mapping[str, set[int]]) -> defaultdict[int, set[int]]:
    """Return which events wait for some of what is wanted, and for which sections that is."""
    found = defaultdict[int, set[int]](set)
    for row in waits:
        for wait in _prefixes(row.key):
            if wait in wanted:
                found[row.inbox_id] |= wanted[wait]
    return found


def _prefixes(wait: str) -> Iterator[str]:
    """Return what an event waits for, and of an enrolment or a grade whatever stands before its /.

    A name may have such a stroke itself.
    """
    yield wait
    at = wait.find("/")
    while at >= 0:
        yield wait[: at + 1]
        at = wait.find("/", at + 1)


def _names(connection: Connection, inbox_ids: set[int]) -> Iterator[tuple[int, tuple[str, ...]]]:
    """Return by which names events about assessments may be named by others."""
    for part in in_parts(sorted(inbox_ids)):
        rows = sa.select(inbox_table.c.id, inbox_table.c.payload).where(inbox_table.c.id.in_(part))
        for row in connection.execute(rows):
            said = row.payload if isinstance(row.payload, dict) else {}
            own = str(said.get("moodleid") or "") or None
            yield row.id, admitting.names_of(str(said.get("idnumber") or ""), own)
