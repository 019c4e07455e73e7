"""Closing: final marks are stored, and what comes later is a proposal until somebody takes it.

A term is closed with all sections filed there; a section that is ongoing is closed alone. Nothing
is refused after that: grades go on, but the stored mark stands on every transcript. Closing once
more stores the marks of those alone who joined since. Every change works in the caller's
transaction with its entry in the audit trail, which names no mark. Source: RULES R70, R71.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mnet.database import one_at_a_time
from mnet.language import N_, _
from schooltool_bridge.common.points import decimal_text
from schooltool_bridge.common.refusals import Refused
from schooltool_bridge.events.inbox import WAITING
from schooltool_bridge.history import as_of, identity, joined, meaning
from schooltool_bridge.history.author import Author
from schooltool_bridge.history.averages import ScoreSystem
from schooltool_bridge.school.final_marks import (
    Final,
    Proposal,
    Standing,
    digest,
    finals,
    mark_of,
    of_section,
    of_term,
    proposals,
    standings,
    without_mark,
)
from schooltool_bridge.school.labels import School
from schooltool_bridge.school.years import OWN_ORDER
from schooltool_bridge.store.model import inbox, section
from schooltool_bridge.store.model_joining import section_join
from schooltool_bridge.store.model_reports import final_mark
from schooltool_bridge.store.model_school import term


@dataclass(frozen=True, slots=True)
class Preview:
    """What closing would store."""

    sections: int
    # People, each counted once; the marks are one for each of their sections.
    students: int
    marks: int
    # Marks that would be empty, since nothing is graded.
    without: int
    # Marks that count what their student does not see.
    hidden: int
    # Withdrawals whose code nobody gave yet; a transcript shows them so.
    uncoded: int
    # Events that still wait, of the peers whose sections these are.
    waiting: int


def preview(
    connection: Connection, wanted: sa.Select[tuple[int]], *, only_joined: bool = False
) -> Preview:
    """Count what closing these sections (a select of ids) would store now.

    Everybody's marks, or of those alone who have none.
    """
    sections = as_of.of_sections(connection, wanted)
    some = standings(sections)
    if only_joined:
        some = without_mark(connection, wanted, some)
    students = {s.person_id for s in some}
    empty = sum(s.percent is None for s in some)
    count = len({s.section_id for s in some}) if only_joined else len(sections)
    hidden = sum(s.counts_hidden for s in some)
    uncoded = sum(meaning.lacks_code(s.code) for s in some)
    waiting = _waiting(connection, wanted)
    return Preview(count, len(students), len(some), empty, hidden, uncoded, waiting)


def _waiting(connection: Connection, wanted: sa.Select[tuple[int]]) -> int:
    """Count what waits of the peers whose sections these are, or are part of these."""
    brought = sa.select(section.c.peer_id)
    theirs = sa.or_(
        inbox.c.peer_id.in_(brought.where(section.c.id.in_(wanted))),
        inbox.c.peer_id.in_(
            brought.join(section_join, section_join.c.theirs_id == section.c.id).where(
                joined.IS_NOW, section_join.c.ours_id.in_(wanted)
            )
        ),
    )
    counted = sa.select(sa.func.count()).where(theirs, inbox.c.status.in_(WAITING))
    return int(connection.execute(counted).scalar_one())


def close_term(connection: Connection, author: Author, term_id: int, score_system_id: int) -> int:
    """Store the final mark of every student of every section in a term; return how many.

    In a term that is closed, of those alone who have none. Raises Refused when everybody there
    has one, or it has no sections.
    """
    one_at_a_time(connection, OWN_ORDER)
    found = connection.execute(
        sa.select(term.c.title, term.c.closed_unix_s).where(term.c.id == term_id)
    ).first()
    if found is None:
        raise Refused("term", _("There is no term with id %(id)s.", id=term_id))
    sections = as_of.of_sections(connection, of_term(term_id))
    some = standings(sections)
    if found.closed_unix_s is not None:
        joined = without_mark(connection, of_term(term_id), some)
        if not joined:
            raise Refused("term", _("%(term)s is closed already.", term=found.title))
        return _store_joined(connection, author, found.title, joined, score_system_id)
    if not sections:
        raise Refused(
            "term", _("No section is filed under %(term)s; file some first.", term=found.title)
        )
    system = score_system_of(connection, score_system_id)
    stored = _store(connection, author, some, system)
    connection.execute(
        sa.update(term).where(term.c.id == term_id).values(closed_unix_s=author.now_unix_s)
    )
    detail = {"sections": len(sections), "marks": stored, "score system": system.title}
    author.note(connection, N_("term closed"), found.title, detail)
    return stored


def close_section(
    connection: Connection, author: Author, section_id: int, score_system_id: int
) -> int:
    """Store the final marks of those students of a section who have none yet; return how many.

    Raises Refused when everybody has one: then accept what is proposed.
    """
    one_at_a_time(connection, OWN_ORDER)
    here = of_section(section_id)
    everybody = standings(as_of.of_sections(connection, here))
    some = without_mark(connection, here, everybody)
    if not everybody:
        raise Refused(
            "section", _("No student is in this section, so that there is nothing to store.")
        )
    if not some:
        raise Refused("section", _("This section has final marks already; look at the proposals."))
    if len(some) < len(everybody):
        subject = f"section {section_id}"
        return _store_joined(connection, author, subject, some, score_system_id)
    system = score_system_of(connection, score_system_id)
    stored = _store(connection, author, some, system)
    detail = {"marks": stored, "score system": system.title}
    author.note(connection, N_("section closed"), f"section {section_id}", detail)
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
    author.note(connection, N_("term opened again"), title, {"why": author.why})


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
        author.note(connection, N_("final marks changed"), f"section {section_id}", detail)
    return len(some)


def score_system_of(connection: Connection, score_system_id: int) -> ScoreSystem:
    """Return one score system; raises Refused."""
    found = School(connection).systems.get(score_system_id)
    if found is None:
        raise Refused(
            "score system", _("There is no score system with id %(id)s.", id=score_system_id)
        )
    return found


def _store(
    connection: Connection, author: Author, some: Iterable[Standing], system: ScoreSystem
) -> int:
    stored = 0
    for s in some:
        mark = mark_of(system, s.percent)
        _insert(
            connection, author, s.section_id, s.person_id, s.percent, mark, s.code, system.id
        )  # fmt: skip - a row
        stored += 1
    return stored


def _store_joined(
    connection: Connection,
    author: Author,
    subject: str,
    joined: Sequence[Standing],
    score_system_id: int,
) -> int:
    """Store marks beside those that stand there."""
    system = score_system_of(connection, score_system_id)
    stored = _store(connection, author, joined, system)
    persons = sorted({s.person_id for s in joined})
    detail = {"marks": stored, "persons": persons, "score system": system.title}
    author.note(connection, N_("final marks added"), subject, detail)
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
