"""Categories of assessments, and how much each counts in a section from which moment on.

Weights are append-only: a report as of an earlier day counts with those of that day. Changes
work in the caller's transaction with their entry in the audit trail; what is refused raises
NotPossible, with nothing half done. Source: RULES R63, R76, A.4.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mnet.database import insert_one, one_at_a_time
from mnet.folding import folded
from mnet.language import N_, _
from peers.changes import NotPossible
from schooltool_bridge.common.refusals import NotThere
from schooltool_bridge.history.as_of import PEERS
from schooltool_bridge.history.author import Author
from schooltool_bridge.school.filing import MAX_WHY_CHARS
from schooltool_bridge.school.written import free, line, plain, several_lines
from schooltool_bridge.school.years import OWN_ORDER
from schooltool_bridge.store.model import assessment, section
from schooltool_bridge.store.model_school import (
    assessment_detail,
    category,
    category_weight,
    weight_choice,
)


@dataclass(frozen=True, slots=True)
class Category:
    """A category of assessments, such as Homework."""

    id: int
    title: str
    # Whether an assessment or a weight names it or did so once; such a one cannot go.
    is_used: bool


def categories(connection: Connection) -> list[Category]:
    """Return every category by title."""
    used: set[int] = set()
    for column in (
        assessment.c.category_id,
        assessment_detail.c.category_id,
        category_weight.c.category_id,
    ):
        named = sa.select(column).where(column.is_not(None)).distinct()
        used |= {row[0] for row in connection.execute(named)}
    rows = connection.execute(sa.select(category))
    found = [Category(row.id, row.title, row.id in used) for row in rows]
    return sorted(found, key=lambda c: (folded(c.title), c.id))


def add_category(connection: Connection, author: Author, *, title: str) -> int:
    """Add a category and return its id; raises NotPossible."""
    one_at_a_time(connection, OWN_ORDER)
    title = line(title, _("The title"))
    free(title, [c.title for c in categories(connection)], _("a category"))
    new_id = insert_one(connection, sa.insert(category).values(title=title))
    author.note(connection, N_("category added"), title, {})
    return new_id


def rename_category(
    connection: Connection, author: Author, category_id: int, *, title: str
) -> None:
    """Give a category another title; raises NotPossible and NotThere."""
    one_at_a_time(connection, OWN_ORDER)
    known = _category(connection, category_id)
    title = line(title, _("The title"))
    others = [c.title for c in categories(connection) if c.id != category_id]
    free(title, others, _("a category"))
    if title == known.title:
        return
    connection.execute(sa.update(category).where(category.c.id == category_id).values(title=title))
    author.note(connection, N_("category renamed"), title, {"before": known.title})


def remove_category(connection: Connection, author: Author, category_id: int) -> None:
    """Remove a category that nothing ever named; raises NotPossible and NotThere."""
    one_at_a_time(connection, OWN_ORDER)
    known = _category(connection, category_id)
    if known.is_used:
        raise NotPossible(
            _(
                "Assessments or weights name %(category)s, now or once; rename it instead.",
                category=known.title,
            )
        )
    connection.execute(sa.delete(category).where(category.c.id == category_id))
    author.note(connection, N_("category removed"), known.title, {})


def weights(
    connection: Connection, section_id: int, at_unix_s: int | None = None
) -> dict[int, Decimal]:
    """Return a section's weights, now or then, by category; empty: every point counts alike."""
    in_effect = sa.true() if at_unix_s is None else category_weight.c.effective_unix_s <= at_unix_s
    rows = connection.execute(
        sa.select(category_weight)
        .where(category_weight.c.section_id == section_id, in_effect)
        .order_by(category_weight.c.effective_unix_s, category_weight.c.id)
    )
    latest = {row.category_id: row.weight for row in rows}
    return {of: Decimal(weight) for of, weight in latest.items() if weight}


def set_weights(
    connection: Connection,
    author: Author,
    section_id: int,
    wanted: Mapping[int, Decimal | None],
    *,
    effective_unix_s: int | None = None,
) -> int:
    """Say how much categories count in a section from a moment on, by default from now on.

    None ends a category's weight; categories that are not named stay as they are. Returns how
    many changed. Raises NotPossible, also when nothing would count any more, and NotThere.
    """
    one_at_a_time(connection, OWN_ORDER)
    why = several_lines(author.why, _("The reason"), limit=MAX_WHY_CHARS)
    at = author.now_unix_s if effective_unix_s is None else effective_unix_s
    if at > author.now_unix_s:
        raise NotPossible(
            _("Weights cannot hold from a later moment on; set them when it has come.")
        )
    if not connection.execute(sa.select(section.c.id).where(section.c.id == section_id)).first():
        raise NotThere(_("There is no such section (any more)."))
    titles = {c.id: c.title for c in categories(connection)}
    for category_id in wanted:
        if category_id not in titles:
            raise NotThere(_("There is no such category (any more)."))
    before = weights(connection, section_id, at)
    changed = {c: w for c, w in wanted.items() if before.get(c) != w}
    after = {c: w for c, w in {**before, **changed}.items() if w is not None}
    if after and not any(after.values()):
        raise NotPossible(
            _("Some category must weigh more than 0; leave all empty for no weights.")
        )
    for category_id, weight in changed.items():
        connection.execute(
            sa.insert(category_weight).values(
                section_id=section_id,
                category_id=category_id,
                weight="" if weight is None else plain(weight),
                effective_unix_s=at,
                recorded_unix_s=author.now_unix_s,
                by_actor=author.actor,
                why=why,
            )
        )
    if changed:
        weight_texts = {titles[c]: "none" if w is None else plain(w) for c, w in changed.items()}
        subject = f"section {section_id}"
        author.note(connection, N_("weights changed"), subject, weight_texts)
    return len(changed)


OURS, WHOSE = "ours", ("ours", PEERS)


def whose_weights(connection: Connection, section_id: int) -> str:
    """Return whose weights count in a section now: OURS, or PEERS, the points of its items."""
    latest = (
        sa.select(weight_choice.c.whose)
        .where(weight_choice.c.section_id == section_id)
        .order_by(weight_choice.c.effective_unix_s.desc(), weight_choice.c.id.desc())
        .limit(1)
    )
    return connection.execute(latest).scalar() or OURS


def choose_weights(connection: Connection, author: Author, section_id: int, whose: str) -> bool:
    """Say whose weights count in a section from now on; tell whether that is new.

    Ours stay as they are meanwhile. Raises NotPossible for a section of no peer, and NotThere.
    """
    one_at_a_time(connection, OWN_ORDER)
    why = several_lines(author.why, _("The reason"), limit=MAX_WHY_CHARS)
    found = connection.execute(sa.select(section.c.peer_id).where(section.c.id == section_id))
    row = found.first()
    if row is None:
        raise NotThere(_("There is no such section (any more)."))
    if row.peer_id is None and whose == PEERS:
        raise NotPossible(_("No peer brought this section, so only our weights can count."))
    if whose == whose_weights(connection, section_id):
        return False
    connection.execute(
        sa.insert(weight_choice).values(
            section_id=section_id,
            whose=whose,
            effective_unix_s=author.now_unix_s,
            recorded_unix_s=author.now_unix_s,
            by_actor=author.actor,
            why=why,
        )
    )
    author.note(connection, N_("weights chosen"), f"section {section_id}", {"whose": whose})
    return True


def _category(connection: Connection, category_id: int) -> Category:
    found = next((c for c in categories(connection) if c.id == category_id), None)
    if found is None:
        raise NotThere(_("There is no such category (any more)."))
    return found
