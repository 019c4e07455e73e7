"""Closing: final marks are stored, and what comes later is a proposal until somebody takes it.

A term is closed with all sections filed there; a section that is ongoing is closed alone. Nothing
is refused after that: grades go on, but the stored mark stands on every transcript. Source:
requirements R70, R71.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from schooltool_bridge.fields import STUDENT, decimal_text
from schooltool_bridge.hand.author import Author, Refused
from schooltool_bridge.model import section
from schooltool_bridge.model_reports import final_mark
from schooltool_bridge.model_school import score_system, term
from schooltool_bridge.reports import as_of
from schooltool_bridge.reports.averages import Score, ScoreSystem, percent_of
from schooltool_bridge.reports.then import SectionThen


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


def close_term(connection: Connection, author: Author, term_id: int, score_system_id: int) -> int:
    """Store the final mark of every student of every section in a term; return how many.

    Raises Refused when the term is closed already or has no sections.
    """
    found = connection.execute(
        sa.select(term.c.title, term.c.closed_unix_s).where(term.c.id == term_id)
    ).first()
    if found is None:
        raise Refused("term", f"There is no term with id {term_id}.")
    if found.closed_unix_s is not None:
        raise Refused("term", f"{found.title} is closed already.")
    filed = sa.select(section.c.id).where(section.c.term_id == term_id)
    sections = as_of.of_sections(connection, filed)
    if not sections:
        raise Refused("term", f"No section is filed under {found.title}; file some first.")
    stored = _store(connection, author, sections, score_system_of(connection, score_system_id))
    connection.execute(
        sa.update(term).where(term.c.id == term_id).values(closed_unix_s=author.now_unix_s)
    )
    return stored


def close_section(
    connection: Connection, author: Author, section_id: int, score_system_id: int
) -> int:
    """Store the final marks of one section, whose students have none yet; return how many.

    Raises Refused when there are marks already: then accept what is proposed.
    """
    if any(f.section_id == section_id for f in finals(connection, section_ids=[section_id])):
        raise Refused("section", "This section has final marks already; look at the proposals.")
    then = as_of.of_section(connection, section_id)
    return _store(connection, author, [then], score_system_of(connection, score_system_id))


def reopen_term(connection: Connection, author: Author, term_id: int) -> None:
    """Let a term be closed again; marks that were stored stay until then. Raises Refused."""
    if not author.why:
        raise Refused("why", "Say why the term is opened again; it stays in the records.")
    changed = connection.execute(
        sa.update(term)
        .where(term.c.id == term_id, term.c.closed_unix_s.is_not(None))
        .values(closed_unix_s=None)
    )
    if not changed.rowcount:
        raise Refused("term", "This term is not closed.")


def finals(
    connection: Connection,
    *,
    section_ids: Iterable[int] | None = None,
    person_id: int | None = None,
) -> list[Final]:
    """Return the final marks that hold: the latest of each student in each section."""
    wanted = sa.select(final_mark).order_by(final_mark.c.id)
    if section_ids is not None:
        wanted = wanted.where(final_mark.c.section_id.in_(list(section_ids)))
    if person_id is not None:
        wanted = wanted.where(final_mark.c.person_id == person_id)
    latest: dict[tuple[int, int], Final] = {}
    for r in connection.execute(wanted):
        latest[r.section_id, r.person_id] = Final(
            r.section_id,
            r.person_id,
            None if r.percent is None else Decimal(r.percent),
            r.mark,
            r.code,
            r.score_system_id,
            r.recorded_unix_s,
            r.by_actor,
            r.why,
        )
    return list(latest.values())


def proposals(connection: Connection, wanted: sa.Select[tuple[int]]) -> list[Proposal]:
    """Return where the records of these sections (a select of ids) now say something else."""
    sections = as_of.of_sections(connection, wanted)
    systems = score_systems(connection)
    found = []
    stored = {
        (f.section_id, f.person_id): f for f in finals(connection, section_ids=_ids(sections))
    }
    for then in sections:
        for person_id in then.people(STUDENT):
            final = stored.get((then.id, person_id))
            if final is None:
                continue
            percent = percent_of(then, person_id)
            code = then.enrolments[person_id, STUDENT].code
            if (percent, code) != (final.percent, final.code):
                mark = _mark(systems.get(final.score_system_id or 0), percent)
                found.append(Proposal(final, percent, mark, code))
    return found


def accept(connection: Connection, author: Author, section_id: int, person_id: int) -> Final:
    """Store what is proposed for a student as the final mark. Raises Refused when nothing is."""
    only = sa.select(section.c.id).where(section.c.id == section_id)
    for proposal in proposals(connection, only):
        if proposal.final.person_id == person_id:
            _insert(
                connection,
                author,
                section_id,
                person_id,
                proposal.percent,
                proposal.mark,
                proposal.code,
                proposal.final.score_system_id,
            )  # fmt: skip - a row
            return finals(connection, section_ids=[section_id], person_id=person_id)[0]
    raise Refused("person", "Nothing is proposed for this student; the page may be an old one.")


def score_systems(connection: Connection) -> Mapping[int, ScoreSystem]:
    """Return every score system, hidden ones too, by id."""
    return {
        row.id: ScoreSystem(
            row.id,
            row.title,
            row.kind,
            tuple(
                Score(s["score"], Decimal(s["percent"]), Decimal(s["from"]), bool(s["passes"]))
                for s in row.scores
            ),
        )
        for row in connection.execute(sa.select(score_system).order_by(score_system.c.id))
    }


def score_system_of(connection: Connection, score_system_id: int) -> ScoreSystem:
    """Return one score system; raises Refused."""
    found = score_systems(connection).get(score_system_id)
    if found is None:
        raise Refused("score system", f"There is no score system with id {score_system_id}.")
    return found


def _store(
    connection: Connection, author: Author, sections: Iterable[SectionThen], system: ScoreSystem
) -> int:
    stored = 0
    for then in sections:
        for person_id in then.people(STUDENT):
            percent = percent_of(then, person_id)
            code = then.enrolments[person_id, STUDENT].code
            _insert(
                connection,
                author,
                then.id,
                person_id,
                percent,
                _mark(system, percent),
                code,
                system.id,
            )  # fmt: skip - a row
            stored += 1
    return stored


def _insert(
    connection: Connection,
    author: Author,
    section_id: int,
    person_id: int,
    percent: Decimal | None,
    mark: str,
    code: str,
    score_system_id: int | None,
) -> None:
    connection.execute(
        sa.insert(final_mark).values(
            section_id=section_id,
            person_id=person_id,
            percent=decimal_text(percent),
            mark=mark,
            score_system_id=score_system_id,
            code=code,
            recorded_unix_s=author.now_unix_s,
            by_actor=author.actor,
            why=author.why,
        )
    )


def _mark(system: ScoreSystem | None, percent: Decimal | None) -> str:
    if system is None or percent is None:
        return ""
    return system.mark(percent)


def _ids(sections: Iterable[SectionThen]) -> list[int]:
    return [then.id for then in sections]
