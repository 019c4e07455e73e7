"""Closing: final marks are stored, and what comes later is a proposal until somebody takes it.

A term is closed with all sections filed there; a section that is ongoing is closed alone. Nothing
is refused after that: grades go on, but the stored mark stands on every transcript. Every change
works in the caller's transaction with its entry in the audit trail, which names no mark. Source:
requirements R70, R71.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mnet.database import one_at_a_time
from mnet.language import N_, SOURCE, _, speaking
from peers import audit
from schooltool_bridge import identity
from schooltool_bridge.fields import STUDENT, decimal_text
from schooltool_bridge.hand.author import Author, Refused
from schooltool_bridge.model import section
from schooltool_bridge.model_reports import final_mark
from schooltool_bridge.model_school import score_system, term
from schooltool_bridge.reports import as_of
from schooltool_bridge.reports.averages import Score, ScoreSystem, percent_of
from schooltool_bridge.reports.then import SectionThen
from schooltool_bridge.school.years import OWN_ORDER

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
class Preview:
    """What closing would store."""

    sections: int
    # People, each counted once; the marks are one for each of their sections.
    students: int
    marks: int
    # Marks that would be empty, since nothing is graded.
    without: int


def of_term(term_id: int) -> sa.Select[tuple[int]]:
    """Select the ids of a term's sections."""
    return sa.select(section.c.id).where(section.c.term_id == term_id)


def of_section(section_id: int) -> sa.Select[tuple[int]]:
    """Select the id of one section."""
    return sa.select(section.c.id).where(section.c.id == section_id)


def preview(connection: Connection, wanted: sa.Select[tuple[int]]) -> Preview:
    """Count what closing these sections (a select of ids) would store now."""
    sections = as_of.of_sections(connection, wanted)
    percents = [percent_of(s, who) for s in sections for who in s.people(STUDENT)]
    students = {who for s in sections for who in s.people(STUDENT)}
    return Preview(len(sections), len(students), len(percents), percents.count(None))


def close_term(connection: Connection, author: Author, term_id: int, score_system_id: int) -> int:
    """Store the final mark of every student of every section in a term; return how many.

    Raises Refused when the term is closed already or has no sections.
    """
    one_at_a_time(connection, OWN_ORDER)
    found = connection.execute(
        sa.select(term.c.title, term.c.closed_unix_s).where(term.c.id == term_id)
    ).first()
    if found is None:
        raise Refused("term", _("There is no term with id %(id)s.", id=term_id))
    if found.closed_unix_s is not None:
        raise Refused("term", _("%(term)s is closed already.", term=found.title))
    sections = as_of.of_sections(connection, of_term(term_id))
    if not sections:
        raise Refused(
            "term", _("No section is filed under %(term)s; file some first.", term=found.title)
        )
    system = score_system_of(connection, score_system_id)
    stored = _store(connection, author, sections, system)
    connection.execute(
        sa.update(term).where(term.c.id == term_id).values(closed_unix_s=author.now_unix_s)
    )
    detail = {"sections": len(sections), "marks": stored, "score system": system.title}
    _note(connection, author, N_("term closed"), found.title, detail)
    return stored


def close_section(
    connection: Connection, author: Author, section_id: int, score_system_id: int
) -> int:
    """Store the final marks of one section, whose students have none yet; return how many.

    Raises Refused when there are marks already: then accept what is proposed.
    """
    one_at_a_time(connection, OWN_ORDER)
    if finals(connection, wanted=of_section(section_id)):
        raise Refused("section", _("This section has final marks already; look at the proposals."))
    sections = as_of.of_sections(connection, of_section(section_id))
    if not any(s.people(STUDENT) for s in sections):
        raise Refused(
            "section", _("No student is in this section, so that there is nothing to store.")
        )
    system = score_system_of(connection, score_system_id)
    stored = _store(connection, author, sections, system)
    detail = {"marks": stored, "score system": system.title}
    _note(connection, author, N_("section closed"), f"section {section_id}", detail)
    return stored


def reopen_term(connection: Connection, author: Author, term_id: int) -> None:
    """Let a term be closed again; marks that were stored stay until then. Raises Refused."""
    if not author.why:
        raise Refused("why", _("Say why the term is opened again; it stays in the records."))
    one_at_a_time(connection, OWN_ORDER)
    closed = sa.and_(term.c.id == term_id, term.c.closed_unix_s.is_not(None))
    title = connection.execute(sa.select(term.c.title).where(closed)).scalar()
    if title is None:
        raise Refused("term", _("This term is not closed."))
    connection.execute(sa.update(term).where(closed).values(closed_unix_s=None))
    _note(connection, author, N_("term opened again"), title, {"why": author.why})


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


def proposals(connection: Connection, wanted: sa.Select[tuple[int]]) -> list[Proposal]:
    """Return where the records of these sections (a select of ids) now say something else."""
    stored = {(f.section_id, f.person_id): f for f in finals(connection, wanted=wanted)}
    if not stored:
        return []
    systems = score_systems(connection)
    found = []
    for then in as_of.of_sections(connection, wanted):
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


def digest(some: Iterable[Proposal]) -> str:
    """Return a short text that changes with what is proposed, for forms that come back later."""
    lines = sorted(
        f"{p.final.section_id} {p.final.person_id} {p.final.percent} {p.final.code} "
        f"{p.percent} {p.code}"
        for p in some
    )
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:DIGEST_CHARS]


def accept(connection: Connection, author: Author, section_id: int, person_id: int) -> Final:
    """Store what is proposed for a student as the final mark, with a reason.

    Raises Refused when nothing is proposed or no reason is given.
    """
    who = identity.root(connection, person_id)
    accept_where(connection, author, of_section(section_id), lambda p: p.final.person_id == who)
    return finals(connection, wanted=of_section(section_id), person_id=who)[0]


def accept_where(
    connection: Connection,
    author: Author,
    wanted: sa.Select[tuple[int]],
    chosen: Callable[[Proposal], bool] = lambda _proposal: True,
    seen: str = "",
) -> int:
    """Store what is proposed in these sections (a select of ids) and was chosen; return how many.

    `seen` is the digest of what somebody looked at, empty for nobody. Raises Refused when nothing
    is proposed, no reason is given, or it is no longer what was seen.
    """
    one_at_a_time(connection, OWN_ORDER)
    some = [p for p in proposals(connection, wanted) if chosen(p)]
    if not some:
        raise Refused("person", _("Nothing is proposed here any more; the page may be an old one."))
    if seen and seen != digest(some):
        raise Refused(
            "seen", _("The records changed meanwhile; look again at what is proposed now.")
        )
    if not author.why:
        raise Refused("why", _("Say why the new marks are accepted; it stays in the records."))
    for p in some:
        _insert(
            connection,
            author,
            p.final.section_id,
            p.final.person_id,
            p.percent,
            p.mark,
            p.code,
            p.final.score_system_id,
        )
    for section_id in sorted({p.final.section_id for p in some}):
        people = sorted(p.final.person_id for p in some if p.final.section_id == section_id)
        detail = {"marks": len(people), "persons": people}
        _note(connection, author, N_("final marks changed"), f"section {section_id}", detail)
    return len(some)


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
        raise Refused(
            "score system", _("There is no score system with id %(id)s.", id=score_system_id)
        )
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
    with speaking(SOURCE):  # as everything that is stored
        return system.mark(percent)


def _note(
    connection: Connection,
    author: Author,
    action: str,
    subject: str,
    detail: Mapping[str, object],
) -> None:
    audit.record(
        connection,
        actor=author.actor,
        action=action,
        subject=subject,
        detail=detail,
        now_unix_s=author.now_unix_s,
    )
