"""What happened to a student, newest first and in words: sections come to and left, marks.

Which rows are the newest is decided in SQL; history_lines.py says what each of them means.
Source: RULES R55, R58, R72.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import tzinfo

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mnet.language import _
from peers.model import peer
from schooltool_bridge.common.times import DAY_S
from schooltool_bridge.events import naming
from schooltool_bridge.history import identity, joined
from schooltool_bridge.reports import history_lines, section_history
from schooltool_bridge.reports.history_lines import Line
from schooltool_bridge.reports.section_history import GRADE, LineKey
from schooltool_bridge.store.model import section

# As many as an id has at most.
MAX_DIGITS = 9


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that changed."""

    effective_unix_s: int
    recorded_unix_s: int
    section_id: int
    # A sentence.
    what: str
    # A person's or an account's name, or the peer's that told it.
    by: str
    why: str

    @property
    def came_late(self) -> bool:
        """Whether it became known so much later that it is worth telling."""
        return self.recorded_unix_s - self.effective_unix_s > DAY_S


def newest(
    connection: Connection,
    person_id: int,
    zone: tzinfo,
    *,
    at_unix_s: int | None = None,
    limit: int,
) -> list[Change]:
    """Return what changed for a student by a moment (None: now), at most `limit`, newest first."""
    everybody = identity.everybody(connection, person_id)
    found = section_history.of_person(connection, everybody, until_unix_s=at_unix_s, limit=limit)
    homes = joined.homes(connection, [section_id for section_id, _key in found])
    by_section: dict[int, list[LineKey]] = defaultdict(list)
    for section_id, line_key in found:
        by_section[homes.get(section_id, section_id)].append(line_key)
    named = sa.select(section.c.id, section.c.name).where(section.c.id.in_(by_section))
    names = {r.id: r.name for r in connection.execute(named)}
    lines = [
        (section_id, line)
        for section_id, line_keys in by_section.items()
        for line in history_lines.read(connection, section_id, line_keys, zone)
    ]
    lines.sort(key=lambda pair: _order(pair[1].line_key), reverse=True)
    signed = {line.by: number for _id, line in lines if (number := _person_id(line.by))}
    people = naming.of_people(connection, signed.values())
    peers = connection.execute(sa.select(peer.c.wwwroot, peer.c.name))
    called = {r.wwwroot: r.name or r.wwwroot for r in peers}
    called |= {actor: people[number] for actor, number in signed.items() if number in people}
    return [
        Change(
            line.line_key.effective_unix_s,
            line.recorded_unix_s,
            section_id,
            _sentence(line, names[section_id]),
            called.get(line.by, line.by),
            line.why,
        )
        for section_id, line in lines
    ]


def _person_id(actor: str) -> int | None:
    """Read how somebody signs what they enter at their own desk (own_access.actor_of)."""
    number = actor.removeprefix("person ")
    is_signed = number != actor and number.isascii() and number.isdigit()
    return int(number) if is_signed and len(number) <= MAX_DIGITS else None


def _order(line_key: LineKey) -> tuple[int, int, int, int]:
    return line_key.effective_unix_s, line_key.seq, line_key.rank, line_key.row_id


def _sentence(line: Line, name: str) -> str:
    words = {"item": line.subject, "section": name, "before": line.before, "after": line.after}
    if line.kind == GRADE:
        if line.before:
            return _("%(item)s in %(section)s: %(after)s, before that %(before)s.", **words)
        return _("%(item)s in %(section)s: %(after)s.", **words)
    if line.before:
        return _("%(section)s: %(after)s, before that %(before)s.", **words)
    return _("%(section)s, as %(role)s: %(after)s.", role=line.subject, **words)
