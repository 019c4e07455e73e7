"""What people's own pages show: a student's sections with marks, a section's roster, an overview.

Everything is as of a moment, read by reports/as_of.py and counted by reports/averages.py; who may
ask for whom stands in own_access.py. Source: RULES 1.5, 1.6, R58, R70, R77, E18.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, tzinfo
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mnet.database import in_parts
from mnet.folding import folded
from mnet.language import _, translated
from schooltool_bridge.common import hiding
from schooltool_bridge.common.days import day_of
from schooltool_bridge.common.roles import STUDENT, TEACHER
from schooltool_bridge.history import as_of, identity, meaning
from schooltool_bridge.history.averages import (
    counts_hidden,
    is_before,
    number,
    percent_of,
    shown_mark,
)
from schooltool_bridge.history.fold import EnrolmentState
from schooltool_bridge.history.meaning import Meaning
from schooltool_bridge.history.snapshot import Item, SectionSnapshot
from schooltool_bridge.store.model import enrolment_state, person
from schooltool_bridge.store.model_reports import final_mark
from schooltool_bridge.store.model_school import category, term

NOW, LATER, PAST = STANDS = ("now", "later", "past")
# So many marks are shown of a section at a glance.
LATEST = 3


@dataclass(frozen=True, slots=True)
class Moment:
    """A time that is asked about, in the school's own zone; None: all that is known."""

    at_unix_s: int | None
    now_unix_s: int
    zone: tzinfo

    @property
    def day(self) -> date:
        """The day that it lies on."""
        return self.day_of(self.now_unix_s if self.at_unix_s is None else self.at_unix_s)

    def day_of(self, unix_s: int) -> date:
        """Return the day of a time in the school's zone."""
        return day_of(unix_s, self.zone)


@dataclass(frozen=True, slots=True)
class ItemShown:
    """An assessment and what the student has in it; numbers are written as people read them."""

    name: str
    category: str
    due_day: date | None
    worth: str
    # Empty for no grade.
    reached: str
    is_extra: bool
    is_excused: bool
    # Was due before the student came, and does not count (RULES E18).
    is_before: bool
    # For staff only: that the student does not see it, in words.
    hidden: str
    # When that grade took effect.
    graded_unix_s: int = 0


@dataclass(frozen=True, slots=True)
class SectionShown:
    """A section of a student."""

    id: int
    name: str
    term: str
    # now | later | past
    stands: str
    code: str
    title: str
    since_day: date
    begins_day: date | None
    # The office's; for staff only.
    note: str
    is_deleted: bool
    # Empty while nothing that counts is graded.
    percent: str
    # The final mark of a term that is closed; empty before.
    final: str
    items: Sequence[ItemShown]
    # For staff only: the percentage counts what the student does not see.
    counts_hidden: bool
    # Who teaches it; where nobody does any more, who did.
    teachers: Sequence[str]

    @property
    def latest(self) -> list[ItemShown]:
        """What was graded last, newest first."""
        graded = [item for item in self.items if item.reached]
        return sorted(graded, key=lambda item: item.graded_unix_s, reverse=True)[:LATEST]


@dataclass(frozen=True, slots=True)
class RosterRow:
    """A student in a section."""

    person_id: int
    name: str
    code: str
    title: str
    is_active: bool
    since_day: date
    # The day on which it begins, while that is still to come.
    begins_day: date | None
    percent: str


@dataclass(frozen=True, slots=True)
class _Words:
    """What ids and codes are called."""

    titles: Mapping[str, str]
    meanings: Mapping[str, Meaning]
    terms: Mapping[int, sa.Row[Any]]
    categories: Mapping[int, str]
    # Teachers, as _names has them.
    names: Mapping[int, tuple[str, str, int, str]]


def of_student(
    connection: Connection, person_id: int, moment: Moment, *, is_own: bool
) -> list[SectionShown]:
    """Return a student's sections as of a moment: those of now first, then to come, then past.

    `is_own`: for the student, without what is hidden from them, also out of the percentage; else
    for staff, who see it marked and counted. A final mark is the school's word and counts all.
    The number of questions to the store is the same for any number of sections.
    """
    root = identity.root(connection, person_id)
    snapshots = as_of.of_person(connection, person_id, moment.at_unix_s)
    words = _words(connection, [who for s in snapshots for who in s.people(TEACHER)])
    finals = _finals(connection, person_id, moment.at_unix_s)
    found = [
        _section(
            snapshot.as_students_see() if is_own else snapshot,
            root,
            state,
            moment,
            words,
            finals.get(snapshot.id, ""),
        )
        for snapshot in snapshots
        if (state := snapshot.enrolments.get((root, STUDENT))) is not None
    ]
    return sorted(found, key=lambda s: (STANDS.index(s.stands), folded(s.name), s.id))


def roster(
    connection: Connection, section_id: int, moment: Moment
) -> tuple[SectionSnapshot, list[RosterRow]]:
    """Return a section as of a moment, and its students by name: those who are there first."""
    snapshot = as_of.of_section(connection, section_id, moment.at_unix_s)
    words = _words(connection)
    names = _names(connection, snapshot.people(STUDENT))
    rows = []
    for who in sorted(snapshot.people(STUDENT), key=lambda i: names[i]):
        state = snapshot.enrolments[who, STUDENT]
        rows.append(
            RosterRow(
                person_id=who,
                name=names[who][-1],
                code=state.code,
                title=words.titles[state.code],
                is_active=words.meanings[state.code].is_active,
                since_day=moment.day_of(state.since_unix_s),
                begins_day=_begins(snapshot, who, None, moment),
                percent=_percent(snapshot, who),
            )
        )
    return snapshot, sorted(rows, key=lambda r: not r.is_active)


def _section(
    snapshot: SectionSnapshot,
    who: int,
    state: EnrolmentState,
    moment: Moment,
    words: _Words,
    final: str,
) -> SectionShown:
    meaning = words.meanings[state.code]
    filed = words.terms.get(snapshot.term_id) if snapshot.term_id is not None else None
    begins = _begins(snapshot, who, filed, moment)
    is_coming = meaning.is_coming or begins is not None
    is_active = meaning.is_active and not snapshot.deleted
    return SectionShown(
        id=snapshot.id,
        name=snapshot.name,
        term=filed.title if filed else "",
        stands=LATER if is_coming and not snapshot.deleted else NOW if is_active else PAST,
        code=state.code,
        title=words.titles[state.code],
        since_day=moment.day_of(state.since_unix_s),
        begins_day=begins,
        note=state.note,
        is_deleted=snapshot.deleted,
        percent=_percent(snapshot, who),
        final=final,
        # Of what has not begun nothing was missed yet.
        items=[
            _item(snapshot, item, who, words, moment.zone, has_begun=begins is None)
            for item in snapshot.items
        ],
        counts_hidden=counts_hidden(snapshot, who),
        teachers=_teachers(snapshot, words),
    )


def _teachers(snapshot: SectionSnapshot, words: _Words) -> list[str]:
    held = {
        who: words.meanings[state.code]
        for (who, role), state in snapshot.enrolments.items()
        if role == TEACHER
    }
    there = [who for who, what in held.items() if what.is_active]
    shown = there or [who for who, what in held.items() if not (what.in_error or what.is_coming)]
    return [words.names[who][-1] for who in sorted(shown, key=lambda i: words.names[i])]


def _begins(
    snapshot: SectionSnapshot, who: int, filed: sa.Row[Any] | None, moment: Moment
) -> date | None:
    """Return the day on which a section begins for a student, while that is still to come."""
    days = [filed.first_day] if filed else []
    if who in snapshot.joined:
        days.append(moment.day_of(snapshot.joined[who]))
    coming = [day for day in days if day > moment.day]
    return max(coming) if coming else None


def _item(
    snapshot: SectionSnapshot,
    item: Item,
    who: int,
    words: _Words,
    zone: tzinfo,
    *,
    has_begun: bool,
) -> ItemShown:
    entry = snapshot.entries.get((item.id, who))
    has_points = entry is not None and entry.points is not None
    return ItemShown(
        name=item.name,
        category=words.categories.get(item.category_id, "") if item.category_id else "",
        due_day=item.due_day,
        worth=number(item.points),
        reached=number(entry.points) if entry and entry.points is not None else "",
        is_extra=item.extra_credit,
        is_excused=entry is not None and entry.excepted,
        is_before=has_begun and not has_points and is_before(snapshot, item, who, zone),
        hidden=hiding.words(snapshot.hidden(item, who), zone),
        graded_unix_s=entry.effective_unix_s if entry is not None else 0,
    )


def _percent(snapshot: SectionSnapshot, who: int) -> str:
    percent = percent_of(snapshot, who)
    return "" if percent is None else _("%(number)s %%", number=number(percent))


def _words(connection: Connection, named: Sequence[int] = ()) -> _Words:
    states = connection.execute(sa.select(enrolment_state)).all()
    return _Words(
        {r.code: translated(r.title) for r in states},
        {r.code: meaning.of(r.code, r.meaning) for r in states},
        {r.id: r for r in connection.execute(sa.select(term))},
        {r.id: r.title for r in connection.execute(sa.select(category))},
        _names(connection, named),
    )


def _finals(connection: Connection, person_id: int, at_unix_s: int | None) -> dict[int, str]:
    """Return the latest final mark in each section that a person has one in."""
    mark = final_mark.c
    everybody = identity.everybody(connection, person_id)
    mine: list[sa.ColumnElement[bool]] = [mark.person_id.in_(everybody)]
    if at_unix_s is not None:
        mine.append(mark.recorded_unix_s <= at_unix_s)
    rows = sa.select(mark.section_id, mark.mark, mark.percent).where(*mine).order_by(mark.id)
    return {
        r.section_id: shown_mark(r.mark, None if r.percent is None else Decimal(r.percent))
        for r in connection.execute(rows)
    }


def _names(connection: Connection, ids: Sequence[int]) -> dict[int, tuple[str, str, int, str]]:
    """Return what people sort by, and last their whole name, by their ids."""
    found = {}
    for some in in_parts(sorted(set(ids))):
        for r in connection.execute(sa.select(person).where(person.c.id.in_(some))):
            whole = f"{r.firstname} {r.lastname}".strip() or r.username
            found[r.id] = (folded(r.lastname), folded(r.firstname), r.id, whole)
    return found
