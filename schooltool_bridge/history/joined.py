"""Sections that are one: ours, and a peer's that a person joined with it; from when until when.

A peer's section stays the peer's own record: its events find it there, whatever it is joined with.
While it is joined, everybody sees it as part of ours: its people, assessments and grades stand
there, and it is on no list by itself. Nothing is moved for that, and nothing copied: who was where
on a day is folded from the histories of both, or of each alone, as it was on that day. So joining
changes nothing that is said of a day before, and undoing nothing of the days between.
Source: RULES 1.4.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mnet.database import in_parts
from schooltool_bridge.store.model_joining import section_join

IS_NOW = section_join.c.undone_unix_s.is_(None)
# The peers' sections that are part of one of ours now, and so on no list.
AWAY: sa.Select[tuple[int]] = sa.select(section_join.c.theirs_id).where(IS_NOW)


def is_shown(section_id: sa.ColumnElement[int]) -> sa.ColumnElement[bool]:
    """Return the condition that a column's section stands on lists by itself now."""
    return section_id.not_in(AWAY)


@dataclass(frozen=True, slots=True)
class Whole:
    """A section as people see it now: where it stands, and which sections are part of that."""

    home_id: int
    # The one that it stands in first.
    parts: tuple[int, ...]


def whole(connection: Connection, section_id: int) -> Whole:
    """Return where a section stands now: in itself, or in ours that a peer's is joined with."""
    pair = connection.execute(
        sa.select(section_join.c.ours_id, section_join.c.theirs_id).where(
            IS_NOW,
            sa.or_(section_join.c.ours_id == section_id, section_join.c.theirs_id == section_id),
        )
    ).first()
    if pair is None:
        return Whole(section_id, (section_id,))
    return Whole(pair.ours_id, (pair.ours_id, pair.theirs_id))


def home(connection: Connection, section_id: int) -> int:
    """Return the section in which a section stands now: ours, or itself."""
    return whole(connection, section_id).home_id


def of_peer(section_id: sa.ColumnElement[int]) -> sa.ColumnElement[int]:
    """Return the section in which a peer has what stands in a column's: its own, joined or not."""
    theirs = (
        sa.select(section_join.c.theirs_id)
        .where(IS_NOW, section_join.c.ours_id == section_id)
        .scalar_subquery()
    )
    return sa.func.coalesce(theirs, section_id)


def is_of_peer(sections: sa.Table, peer_id: int) -> sa.ColumnElement[bool]:
    """Return the condition that a section is a peer's, or one of that peer's is part of it."""
    theirs = sections.alias("theirs")
    theirs_of = (
        sa.select(section_join.c.ours_id)
        .join(theirs, theirs.c.id == section_join.c.theirs_id)
        .where(IS_NOW, theirs.c.peer_id == peer_id)
    )
    return sa.or_(sections.c.peer_id == peer_id, sections.c.id.in_(theirs_of))


def actor(connection: Connection, theirs_id: int) -> str:
    """Return who joined a peer's section with ours; it is joined."""
    one = sa.select(section_join.c.by_actor).where(IS_NOW, section_join.c.theirs_id == theirs_id)
    return str(connection.execute(one).scalar_one())


def homes(connection: Connection, section_ids: Iterable[int]) -> dict[int, int]:
    """Return what peers' sections are part of now, for these and for what is part of these."""
    found: dict[int, int] = {}
    for part in in_parts(sorted(set(section_ids))):
        rows = connection.execute(
            sa.select(section_join.c.theirs_id, section_join.c.ours_id).where(
                IS_NOW,
                sa.or_(section_join.c.ours_id.in_(part), section_join.c.theirs_id.in_(part)),
            )
        )
        found.update({r.theirs_id: r.ours_id for r in rows})
    return found


def homes_now(connection: Connection) -> dict[int, int]:
    """Return in which section of ours each peer's that is joined with one stands."""
    pairs = sa.select(section_join.c.theirs_id, section_join.c.ours_id).where(IS_NOW)
    return {r.theirs_id: r.ours_id for r in connection.execute(pairs)}


@dataclass(frozen=True, slots=True)
class Spell:
    """From when until when (unix seconds; None: still) a peer's section is part of ours."""

    ours_id: int
    theirs_id: int
    joined_unix_s: int
    undone_unix_s: int | None

    def holds_at(self, at_unix_s: int | None) -> bool:
        """Tell whether they were one at a moment; None: now."""
        if at_unix_s is None:
            return self.undone_unix_s is None
        until = self.undone_unix_s
        return self.joined_unix_s <= at_unix_s and (until is None or at_unix_s < until)


def spells_of(wanted: sa.Select[tuple[int]]) -> sa.Select[Any]:
    """Select the columns of a Spell: when these sections (a select of ids) were part of another."""
    table = section_join.c
    columns = (table.ours_id, table.theirs_id, table.joined_unix_s, table.undone_unix_s)
    return sa.select(*columns).where(sa.or_(table.ours_id.in_(wanted), table.theirs_id.in_(wanted)))


def spells(connection: Connection, wanted: sa.Select[tuple[int]]) -> list[Spell]:
    """Return when which of these sections (a select of ids) were one with another."""
    return [Spell(*row) for row in connection.execute(spells_of(wanted))]


def homes_at(some: Sequence[Spell], at_unix_s: int | None) -> Mapping[int, int]:
    """Return in which section of ours each peer's stood at a moment; None: now. Pure."""
    return {s.theirs_id: s.ours_id for s in some if s.holds_at(at_unix_s)}


def or_ours(wanted: sa.Select[tuple[int]], sections: sa.Table) -> sa.Select[tuple[int]]:
    """Select these sections (a select of ids), and ours that ever were one with any of them."""
    ours = sa.select(section_join.c.ours_id).where(section_join.c.theirs_id.in_(wanted))
    return sa.select(sections.c.id).where(
        sa.or_(sections.c.id.in_(wanted), sections.c.id.in_(ours))
    )
