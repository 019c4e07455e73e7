"""Final marks as they stand, and what came after they were stored: proposals, and who joined.

Only reads; they are stored by closing.py. Source: RULES R70, R71.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mnet.language import SOURCE, speaking
from schooltool_bridge.common.roles import STUDENT
from schooltool_bridge.history import as_of, identity
from schooltool_bridge.history.averages import ScoreSystem, counts_hidden, percent_of
from schooltool_bridge.history.snapshot import SectionSnapshot
from schooltool_bridge.school.labels import School
from schooltool_bridge.store.model import section
from schooltool_bridge.store.model_reports import final_mark
from schooltool_bridge.store.model_school import term

# So much of a digest tells one set of proposals from another.
DIGEST_CHARS = 16


@dataclass(frozen=True, slots=True)
class Final:
    """A stored final mark; percent is None when nothing was graded."""

    section_id: int
    person_id: int
    percent: Decimal | None
    mark: str
    code: str
    score_system_id: int | None
    recorded_unix_s: int
    by_actor: str
    why: str


@dataclass(frozen=True, slots=True)
class Proposal:
    """What the records say now, where it differs from the mark that was stored."""

    final: Final
    percent: Decimal | None
    mark: str
    code: str


@dataclass(frozen=True, slots=True)
class Standing:
    """What the records say of a student in a section now."""

    section_id: int
    person_id: int
    percent: Decimal | None
    code: str
    # It counts what the student does not see.
    counts_hidden: bool = False


@dataclass(frozen=True, slots=True)
class Since:
    """What came after sections were closed."""

    proposals: Sequence[Proposal]
    # Students who have no final mark there.
    joined: Sequence[Standing]


def of_term(term_id: int) -> sa.Select[tuple[int]]:
    """Select the ids of a term's sections."""
    return sa.select(section.c.id).where(section.c.term_id == term_id)


def of_section(section_id: int) -> sa.Select[tuple[int]]:
    """Select the id of one section."""
    return sa.select(section.c.id).where(section.c.id == section_id)


def finals(
    connection: Connection,
    *,
    wanted: sa.Select[tuple[int]] | None = None,
    person_id: int | None = None,
) -> list[Final]:
    """Return the final marks that hold: the latest of each student in each section.

    `wanted` (a select of section ids) and `person_id` choose some. A merged person's marks stand
    under the id that stands for the person.
    """
    chosen = sa.select(final_mark).order_by(final_mark.c.id)
    if wanted is not None:
        chosen = chosen.where(final_mark.c.section_id.in_(wanted))
    if person_id is not None:
        everybody = identity.everybody(connection, person_id)
        chosen = chosen.where(final_mark.c.person_id.in_(everybody))
    roots = identity.roots(connection)
    latest: dict[tuple[int, int], Final] = {}
    for r in connection.execute(chosen):
        who = roots.get(r.person_id, r.person_id)
        latest[r.section_id, who] = Final(
            r.section_id,
            who,
            None if r.percent is None else Decimal(r.percent),
            r.mark,
            r.code,
            r.score_system_id,
            r.recorded_unix_s,
            r.by_actor,
            r.why,
        )
    return list(latest.values())


def counts(connection: Connection, wanted: sa.Select[tuple[int]]) -> Counter[int]:
    """Count the final marks that hold in each of these sections (a select of ids)."""
    each = sa.select(final_mark.c.section_id, final_mark.c.person_id).distinct()
    rows = connection.execute(each.where(final_mark.c.section_id.in_(wanted)))
    return Counter(row.section_id for row in rows)


def latest_system(connection: Connection, wanted: sa.Select[tuple[int]]) -> int | None:
    """Return the score system of the mark that was stored last in these sections (their ids)."""
    latest = sa.select(final_mark.c.score_system_id).where(final_mark.c.section_id.in_(wanted))
    return connection.execute(latest.order_by(final_mark.c.id.desc()).limit(1)).scalar()


def proposals(connection: Connection, wanted: sa.Select[tuple[int]]) -> Sequence[Proposal]:
    """Return where the records of these sections (a select of ids) now say something else."""
    return since(connection, wanted).proposals


def since(connection: Connection, wanted: sa.Select[tuple[int]]) -> Since:
    """Return what came after these sections (a select of ids) were closed, if they were."""
    is_marked = sa.exists().where(final_mark.c.section_id == section.c.id)
    in_closed = section.c.term_id.in_(sa.select(term.c.id).where(term.c.closed_unix_s.is_not(None)))
    closed = wanted.where(is_marked | in_closed)
    stored = {(f.section_id, f.person_id): f for f in finals(connection, wanted=closed)}
    systems = School(connection).systems
    proposed, joined = [], []
    for now in standings(as_of.of_sections(connection, closed)):
        final = stored.get((now.section_id, now.person_id))
        if final is None:
            joined.append(now)
        elif (now.percent, now.code) != (final.percent, final.code):
            mark = mark_of(systems.get(final.score_system_id or 0), now.percent)
            proposed.append(Proposal(final, now.percent, mark, now.code))
    return Since(proposed, joined)


def digest(some: Iterable[Proposal]) -> str:
    """Return a short text that changes with what is proposed, for forms that come back later."""
    lines = sorted(
        f"{p.final.section_id} {p.final.person_id} {p.final.percent} {p.final.code} "
        f"{p.percent} {p.code}"
        for p in some
    )
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:DIGEST_CHARS]


def standings(sections: Iterable[SectionSnapshot]) -> list[Standing]:
    """Return what the records say of every student of these sections."""
    return [
        Standing(
            s.id,
            who,
            percent_of(s, who),
            s.enrolments[who, STUDENT].code,
            counts_hidden(s, who),
        )
        for s in sections
        for who in s.people(STUDENT)
    ]


def without_mark(
    connection: Connection, wanted: sa.Select[tuple[int]], some: Iterable[Standing]
) -> list[Standing]:
    """Keep those who have no final mark in these sections (a select of ids)."""
    marked = {(f.section_id, f.person_id) for f in finals(connection, wanted=wanted)}
    return [s for s in some if (s.section_id, s.person_id) not in marked]


def mark_of(system: ScoreSystem | None, percent: Decimal | None) -> str:
    """Write a percentage by a score system, as marks are stored."""
    if system is None or percent is None:
        return ""
    with speaking(SOURCE):  # as everything that is stored
        return system.mark(percent)
