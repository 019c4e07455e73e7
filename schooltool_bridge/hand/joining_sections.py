"""A section of ours and one that a peer brought are one: said by a person, and undone again.

What a peer says of its section stands in ours from then on, as history/joined.py has it; ours keeps
its name, where it is filed, its weights and worksheets. Assessments of one name become one
(events/adopting.py). Source: RULES 1.4, 1.5.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mnet.database import one_at_a_time
from mnet.language import N_, _
from schooltool_bridge.common.refusals import Refused
from schooltool_bridge.events import adopting, assessments
from schooltool_bridge.hand import enrolments, joining
from schooltool_bridge.hand.joining_plan import Plan, must_fit, plan_of
from schooltool_bridge.history import joined, present, roster, roster_many
from schooltool_bridge.history.author import Author, note
from schooltool_bridge.store.model import (
    assessment,
    assessment_history,
    enrolment,
    enrolment_history,
    grade,
    grade_history,
    section,
)
from schooltool_bridge.store.model_joining import section_apart, section_join
from schooltool_bridge.store.model_reports import final_mark


@dataclass(frozen=True, slots=True)
class Apart:
    """What taking two sections apart did."""

    ours_id: int
    theirs_id: int
    # Assessments of ours that are back, by themselves.
    back: int
    # Assessments that went with the Moodle's section.
    gone: int
    # People who stay in ours, since something of it was written about them by hand.
    kept: int


def pairs_of(connection: Connection, ours_id: int, theirs_id: int) -> list[tuple[int, int]]:
    """Return which parts (segments) are joined with which: all, where both sections have several.

    Those with the same segment; else just the two that are named. Raises Refused as `must_fit`.
    """
    ours, theirs = must_fit(connection, ours_id, theirs_id)
    found = [
        {
            r.segment: r.id
            for r in connection.execute(
                sa.select(section.c.id, section.c.segment).where(
                    section.c.peer_id.is_(None)
                    if row.peer_id is None
                    else section.c.peer_id == row.peer_id,
                    section.c.idnumber == row.idnumber,
                )
            )
        }
        for row in (ours, theirs)
    ]
    of_ours, of_theirs = found
    if len(of_ours) == 1 or len(of_theirs) == 1 or ours.segment != theirs.segment:
        return [(ours_id, theirs_id)]
    return [(of_ours[s], of_theirs[s]) for s in sorted(of_ours.keys() & of_theirs.keys())]


def plans(connection: Connection, ours_id: int, theirs_id: int) -> list[Plan]:
    """Look what joining would do, part by part; raises Refused."""
    return [plan_of(connection, *pair) for pair in pairs_of(connection, ours_id, theirs_id)]


def join(
    connection: Connection,
    author: Author,
    ours_id: int,
    theirs_id: int,
    *,
    shown: str | None = None,
) -> list[Plan]:
    """Join two sections, all parts; `shown` is what a person agreed to (`digest_of`).

    Raises Refused.
    """
    _wait(connection, ours_id, theirs_id)
    why = note(author.why)
    done = plans(connection, ours_id, theirs_id)
    if shown not in (None, digest_of(done)):
        message = _("Somebody changed this meanwhile; look at it again.")
        raise Refused("section", message)
    for plan in done:
        _join(connection, author, plan, why)
    return done


def plans_of_many(connection: Connection, pairs: Sequence[tuple[int, int]]) -> list[Plan]:
    """Look what joining many would do, each part once; raises Refused for the first that cannot."""
    found: dict[tuple[int, int], Plan] = {}
    for pair in pairs:
        if pair not in found:
            found.update({(p.ours_id, p.theirs_id): p for p in plans(connection, *pair)})
    return list(found.values())


def join_many(
    connection: Connection, author: Author, pairs: Sequence[tuple[int, int]], *, shown: str
) -> list[Plan]:
    """Join many at once, or none; `shown` is what a person agreed to. Raises Refused."""
    for pair in sorted(pairs):
        _wait(connection, *pair)
    done = plans_of_many(connection, pairs)
    if shown != digest_of(done):
        message = _("Somebody changed this meanwhile; look at it again.")
        raise Refused("section", message)
    joined_ids: set[int] = set()
    for plan in done:
        if {plan.ours_id, plan.theirs_id} & joined_ids:
            must_fit(connection, plan.ours_id, plan.theirs_id)  # says with whom it is one now
        _join(connection, author, plan, note(author.why))
        joined_ids |= {plan.ours_id, plan.theirs_id}
    return done


def digest_of(some: Sequence[Plan]) -> str:
    """Return a text that changes with what joining would do."""
    return ".".join(plan.digest for plan in some)


def _join(connection: Connection, author: Author, plan: Plan, why: str) -> None:
    ours_id, theirs_id = plan.ours_id, plan.theirs_id
    connection.execute(
        sa.insert(section_join).values(
            ours_id=ours_id,
            theirs_id=theirs_id,
            joined_unix_s=author.now_unix_s,
            by_actor=author.actor,
            why=why,
        )
    )
    connection.execute(
        sa.update(assessment).where(assessment.c.section_id == theirs_id).values(section_id=ours_id)
    )
    roster_many.refold(connection, {(theirs_id, who) for who in _people(connection, theirs_id)})
    for each in plan.shared:
        adopting.adopt(connection, author.actor, each.ours_id, each.theirs_id, author.now_unix_s)
    author.note(
        connection,
        N_("sections joined"),
        f"section {ours_id}",
        {"section": plan.theirs_name, "peer": plan.peer, "id": theirs_id, "why": why},
    )


def take_apart(connection: Connection, author: Author, section_id: int) -> Apart:
    """Undo the joining of a section, named by either of the two; raises Refused.

    Ours has again what is its own; what the peer brought goes back to the peer's section, with
    all grades. What was said of the days between stays as it was said.
    """
    whole = joined.whole(connection, section_id)
    if len(whole.parts) == 1:
        message = _("This section is joined with no other (any more).")
        raise Refused("section", message)
    ours_id, theirs_id = whole.parts
    _wait(connection, ours_id, theirs_id)
    why = note(author.why)
    back = _take_items_apart(connection, author, ours_id, theirs_id)
    kept = _keep_people(connection, replace(author, why=why), ours_id)
    people = _people(connection, ours_id) | _people(connection, theirs_id)
    connection.execute(
        sa.update(section_join)
        .where(
            section_join.c.theirs_id == theirs_id,
            section_join.c.ours_id == ours_id,
            section_join.c.undone_unix_s.is_(None),
        )
        .values(undone_unix_s=author.now_unix_s, undone_by=author.actor, undone_why=why)
    )
    items = _items_of(connection, theirs_id)
    for item in items:
        assessments.refold(connection, item)
    for who in sorted(people):
        roster.refold(connection, theirs_id, who, afresh=True)
        roster.refold(connection, ours_id, who, afresh=True)
    names = sa.select(section.c.name).where(section.c.id == theirs_id)
    author.note(
        connection,
        N_("sections taken apart"),
        f"section {ours_id}",
        {"section": connection.execute(names).scalar_one(), "id": theirs_id, "why": why},
    )
    return Apart(ours_id, theirs_id, back, len(items), kept)


def keep_apart(connection: Connection, author: Author, ours_id: int, theirs_id: int) -> bool:
    """Remember that two sections are not the same; False when that is known. Raises Refused."""
    must_fit(connection, ours_id, theirs_id)
    pair = sa.and_(section_apart.c.ours_id == ours_id, section_apart.c.theirs_id == theirs_id)
    if connection.execute(sa.select(section_apart.c.ours_id).where(pair)).first() is not None:
        return False
    connection.execute(
        sa.insert(section_apart).values(
            ours_id=ours_id,
            theirs_id=theirs_id,
            decided_unix_s=author.now_unix_s,
            by_actor=author.actor,
        )
    )
    author.note(
        connection, N_("sections are not the same"), f"section {ours_id}", {"id": theirs_id}
    )
    return True


def _wait(connection: Connection, ours_id: int, theirs_id: int) -> None:
    """Let neither the Moodle nor anybody here write meanwhile."""
    rows = sa.select(section.c.id, section.c.peer_id).where(section.c.id.in_((ours_id, theirs_id)))
    for peer_id in sorted({r.peer_id for r in connection.execute(rows)} - {None}):
        one_at_a_time(connection, peer_id)
    connection.execute(rows.order_by(section.c.id).with_for_update())  # SQLite has one writer


def _items_of(connection: Connection, theirs_id: int) -> list[int]:
    """The assessments that the peer's section brought."""
    here = assessment_history.c.section_id == theirs_id
    rows = connection.execute(sa.select(assessment_history.c.assessment_id).where(here))
    return sorted({row.assessment_id for row in rows})


def _take_items_apart(connection: Connection, author: Author, ours_id: int, theirs_id: int) -> int:
    """Give ours its own assessments back, by themselves; return how many."""
    back = 0
    for item in _items_of(connection, theirs_id):
        for own_id, _name in joining.joined(connection, ours_id, item):
            joining.take_apart(connection, author, ours_id, own_id, item)
            back += 1
    return back


def _keep_people(connection: Connection, author: Author, ours_id: int) -> int:
    """Let stay in ours, by hand, of whom only it says something: a grade by hand, a final mark."""
    own = sa.select(enrolment_history.c.person_id).where(enrolment_history.c.section_id == ours_id)
    its_items = sa.select(assessment_history.c.assessment_id).where(
        assessment_history.c.section_id == ours_id, assessment_history.c.by_actor.is_not(None)
    )
    graded = (
        sa.select(grade.c.person_id)
        .join(grade_history, grade_history.c.grade_id == grade.c.id)
        .where(
            grade.c.assessment_id.in_(its_items),
            grade_history.c.by_actor.is_not(None),
            grade.c.exists,
        )
    )
    marked = sa.select(final_mark.c.person_id).where(final_mark.c.section_id == ours_id)
    now = present.enrolments(connection)
    staying = connection.execute(
        sa.select(now.c.person_id, now.c.role, now.c.code, now.c.note).where(
            now.c.section_id == ours_id,
            now.c.person_id.in_(sa.union(graded, marked)),
            now.c.person_id.not_in(own),
        )
    ).all()
    enrolments.set_all(
        connection,
        author,
        [enrolments.State(ours_id, r.person_id, r.role, r.code, r.note) for r in staying],
    )
    return len(staying)


def _people(connection: Connection, section_id: int) -> set[int]:
    """Whoever is or was in a section, as it is stored."""
    rows = sa.select(enrolment.c.person_id).where(enrolment.c.section_id == section_id)
    return set(connection.execute(rows).scalars())
