"""Sections as they were at a moment: who was in them, what was to be done, what was graded.

The one reader behind every report, list and gradebook page. It asks a fixed number of questions
(rows.py), however many sections, people and grades there are, and folds the answers with the
same rules as events are applied (fold.py). Source: RULES 1.3, 1.5, 1.6, R58, R69, R73.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mnet.database import now_unix_s
from schooltool_bridge.common import times
from schooltool_bridge.common.ids import OWN_ID, key
from schooltool_bridge.common.roles import STUDENT, TEACHER
from schooltool_bridge.history import fold, identity, past
from schooltool_bridge.history.cells import MANUAL, PEER, row_of
from schooltool_bridge.history.fold import (
    EnrolmentRow,
    EnrolmentState,
    TeacherRow,
    item_state,
    position,
)
from schooltool_bridge.history.fold_enrolments import row_of as row_of_enrolment
from schooltool_bridge.history.fold_enrolments import timeline
from schooltool_bridge.history.rows import Read, Rows, read
from schooltool_bridge.history.snapshot import Entry, Item, SectionSnapshot
from schooltool_bridge.store.model import enrolment, section

ROLES = (STUDENT, TEACHER)
Names = Mapping[tuple[int, int | None], set[str]]


def of_person(
    connection: Connection, person_id: int, at_unix_s: int | None = None
) -> list[SectionSnapshot]:
    """Read every section where somebody ever was, with this person's own grades, and who taught.

    Without a moment: all that is known.
    """
    return of_person_at_each(connection, person_id, [at_unix_s])[0]


def of_person_at_each(
    connection: Connection, person_id: int, moments: Sequence[int | None]
) -> list[list[SectionSnapshot]]:
    """Read the same for several moments, by as many statements as for one."""
    everybody = identity.everybody(connection, person_id)
    theirs = sa.select(enrolment.c.section_id).where(enrolment.c.person_id.in_(everybody))
    known = [m for m in moments if m is not None]
    until_unix_s = max(known) if known and len(known) == len(moments) else None
    rows = read(connection, theirs, everybody, until_unix_s)
    now = now_unix_s(connection)
    return [_only(_fold(rows, moment, now), everybody[0]) for moment in moments]


def of_section(
    connection: Connection, section_id: int, at_unix_s: int | None = None
) -> SectionSnapshot:
    """Read a section with everybody in it."""
    only = sa.select(section.c.id).where(section.c.id == section_id)
    return of_sections(connection, only, at_unix_s)[0]


def of_sections(
    connection: Connection, wanted: sa.Select[tuple[int]], at_unix_s: int | None = None
) -> list[SectionSnapshot]:
    """Read many sections, given by a select of their ids, with everybody in them."""
    return _fold(read(connection, wanted, None, at_unix_s), at_unix_s, now_unix_s(connection))


def _only(found: Iterable[SectionSnapshot], person_id: int) -> list[SectionSnapshot]:
    """Keep the sections where this person was, and of the others there only who taught."""
    narrowed = [
        replace(
            s,
            enrolments={
                (who, role): state
                for (who, role), state in s.enrolments.items()
                if who == person_id or role == TEACHER
            },
            joined={who: since for who, since in s.joined.items() if who == person_id},
        )
        for s in found
    ]
    return [s for s in narrowed if any(who == person_id for who, _role in s.enrolments)]


def _fold(rows: Read, at_unix_s: int | None, now_unix_s: int) -> list[SectionSnapshot]:
    """Fold what had taken effect by a moment."""
    by_section = _by(lambda r: r.section_id, _in_effect_by(rows.section_rows, at_unix_s))
    items = _items(rows, at_unix_s)
    entries, graded = _entries(rows, items, at_unix_s)
    people = _people_in(rows, graded, at_unix_s, now_unix_s)
    weights = _weights(rows, at_unix_s)
    filed = _filed(rows, at_unix_s)
    return [
        _section(
            r,
            filed[r.id],
            by_section.get(r.id, ()),
            people[r.id],
            items[r.id],
            entries[r.id],
            weights[r.id],
        )
        for r in rows.sections
    ]  # fmt: skip - in the order of the parameters


def _in_effect_by(rows: Rows, at_unix_s: int | None) -> Rows:
    if at_unix_s is None:
        return rows
    return [r for r in rows if times.took_effect(r) <= at_unix_s]


def _filed(rows: Read, at_unix_s: int | None) -> dict[int, tuple[int | None, int | None]]:
    """Under which course and term each section was filed then; both None: ongoing."""
    found = {r.id: (r.course_id, r.term_id) for r in rows.sections}
    if at_unix_s is None:
        return found
    by_section = _by(lambda r: r.section_id, rows.section_rows)
    for section_id, some in _by(lambda r: r.section_id, rows.filings).items():
        # One that came filed, as by an import, was filed from its first day on.
        came_unix_s = min((r.recorded_unix_s for r in by_section.get(section_id, ())), default=None)
        in_effect = [
            r for r in some if r.effective_unix_s <= at_unix_s or r.recorded_unix_s == came_unix_s
        ]
        last = max(in_effect, key=lambda r: (r.effective_unix_s, r.id), default=None)
        found[section_id] = (last.course_id, last.term_id) if last is not None else (None, None)
    return found


def _section(
    row: sa.Row[Any],
    filed: tuple[int | None, int | None],
    section_rows: Rows,
    people: _People,
    items: Sequence[Item],
    entries: Mapping[tuple[int, int], Entry],
    weights: Mapping[int, Decimal],
) -> SectionSnapshot:
    ordered = sorted(section_rows, key=position)
    named = [r.name for r in ordered if not r.deleted]
    return SectionSnapshot(
        row.id,
        row.idnumber,
        row.segment,
        named[-1] if named else row.name,
        ordered[-1].deleted if ordered else False,
        row.wwwroot,
        *filed,
        people.enrolments,
        items,
        entries,
        people.joined,
        weights,
        past.is_past(
            row.starts_day, row.ends_day, is_filed=filed != (None, None), first=row.school_began
        ),
    )  # fmt: skip - in the order of the fields


def _by(
    name: Callable[[sa.Row[Any]], int], rows: Iterable[sa.Row[Any]]
) -> dict[int, list[sa.Row[Any]]]:
    found: dict[int, list[sa.Row[Any]]] = defaultdict(list)
    for row in rows:
        found[name(row)].append(row)
    return found


def _items(rows: Read, at_unix_s: int | None) -> dict[int, list[Item]]:
    """Each section's assessments then, in the order in which they appeared."""
    by_item = _by(lambda r: r.assessment_id, _in_effect_by(rows.assessments, at_unix_s))
    details = _by(lambda r: r.assessment_id, _in_effect_by(rows.details, at_unix_s))
    found: dict[int, list[Item]] = defaultdict(list)
    for assessment_id in sorted(by_item):
        holds = item_state(by_item[assessment_id])
        if holds.deleted:
            continue
        row = holds.row
        some = details.get(assessment_id)
        detail = max(some, key=lambda r: (r.effective_unix_s, r.id)) if some else None
        first = min(by_item[assessment_id], key=position)
        found[row.section_id].append(_item(holds, first, detail))
    return found


def _item(
    holds: fold.ItemState[sa.Row[Any]], first: sa.Row[Any], detail: sa.Row[Any] | None
) -> Item:
    row = holds.row
    item = Item(
        row.assessment_id,
        row.idnumber or str(row.assessment_id),
        row.name,
        Decimal(row.points),
        row.extra_credit,
        row.chapternum,
        row.honors_required,
        row.nonhonors_required,
        row.wwwroot if holds.is_peers else None,
        times.took_effect(first),
    )  # fmt: skip - in the order of the fields
    if detail is None:
        return item
    return replace(item, **{name: getattr(detail, name) for name in _DETAILS})


# What the school itself says of an assessment.
_DETAILS = (
    "label", "description", "category_id", "worksheet_id", "score_system_id", "due_day",
)  # fmt: skip


def _entries(
    rows: Read,
    items: Mapping[int, Sequence[Item]],
    at_unix_s: int | None,
) -> tuple[dict[int, dict[tuple[int, int], Entry]], set[tuple[int, int]]]:
    """The cells of each section, and who has a grade in which."""
    of = {item.id: (section_id, item) for section_id, some in items.items() for item in some}
    by_item = _by(lambda r: r.assessment_id, _in_effect_by(rows.assessments, at_unix_s))
    taken = {item: fold.takings_over(some) for item, some in by_item.items()}
    histories: dict[tuple[int, int], list[tuple[fold.GradeRow, str]]] = defaultdict(list)
    for row in _in_effect_by(rows.grades, at_unix_s):
        histories[row.assessment_id, rows.root(row.person_id)].append((row_of(row), row.why))
    found: dict[int, dict[tuple[int, int], Entry]] = defaultdict(dict)
    graded: set[tuple[int, int]] = set()
    for (assessment_id, person_id), history in histories.items():
        section_id, item = of.get(assessment_id, (None, None))
        if section_id is None or item is None:
            continue
        entry = _entry(history, item, taken.get(assessment_id, ()))
        if entry is not None:
            found[section_id][assessment_id, person_id] = entry
            graded |= {(section_id, person_id)} if entry.points is not None else set()
    return found, graded


def _entry(
    history: Sequence[tuple[fold.GradeRow, str]], item: Item, taken: Sequence[fold.TakenOver]
) -> Entry | None:
    cell = fold.cell([row for row, _why in history])
    counting = cell.counting
    if counting is None:
        return None
    peer_row = cell.by_peer
    by_peer = fold.within(peer_row, item.points)
    return Entry(
        fold.entered(cell.by_hand, item.points, taken) if cell.by_hand else by_peer,
        counting.excepted,
        counting.attempt or 0,
        MANUAL if cell.by_hand else PEER,
        times.took_effect(counting),
        counting.recorded_unix_s,
        by_peer if cell.by_hand else None,
        next(why for row, why in history if row.id == counting.id),
    )


@dataclass(slots=True)
class _People:
    enrolments: dict[tuple[int, str], EnrolmentState] = field(default_factory=dict)
    joined: dict[int, int] = field(default_factory=dict)


def _people_in(
    rows: Read,
    graded: set[tuple[int, int]],
    at_unix_s: int | None,
    now_unix_s: int,
) -> dict[int, _People]:
    """Who was in each section."""
    held: dict[tuple[int, int], list[EnrolmentRow]] = defaultdict(list)
    found: dict[int, _People] = defaultdict(_People)
    for r in rows.enrolments:
        held[r.section_id, rows.root(r.person_id)].append(row_of_enrolment(r))
    taught = _taught(rows, _by(lambda r: r.section_id, rows.section_rows))
    for membership in held.keys() | taught.keys():
        section_id, person_id = membership
        for role in ROLES:
            folded = timeline(
                held.get(membership, ()),
                taught.get(membership, ()) if role == TEACHER else (),
                role=role,
                has_grade=membership in graded,
                until_unix_s=at_unix_s,
            )
            at = max(now_unix_s, folded.last_row_unix_s) if at_unix_s is None else at_unix_s
            state = folded.at(at)
            if state is None:
                continue
            found[section_id].enrolments[person_id, role] = state
            came_unix_s = folded.first_held_unix_s
            if role == STUDENT and came_unix_s is not None:
                found[section_id].joined[person_id] = came_unix_s
    return found


def _taught(rows: Read, by_section: Mapping[int, Rows]) -> dict[tuple[int, int], list[TeacherRow]]:
    """For everybody who ever taught a section: the rows that name its teacher."""
    names = _names(rows)
    found = {}
    for row in rows.teachers:
        who = rows.root(row.person_id)
        apart = {r.idnumber_key for r in rows.apart if _is_of_another(rows, r, row.peer_id, who)}
        known_as = (names[who, None] - apart) | names[who, row.peer_id]
        naming = [
            TeacherRow(
                r.id,
                r.effective_unix_s,
                r.seq,
                r.recorded_unix_s,
                key(r.teacheridnumber) in known_as,
            )
            for r in by_section.get(row.section_id, ())
            if r.teacheridnumber
        ]
        if naming:
            found[row.section_id, who] = naming
    return found


def _names(rows: Read) -> Names:
    """What each teacher is called: (person, peer) to names; peer None: by everybody."""
    names: dict[tuple[int, int | None], set[str]] = defaultdict(set)
    for row in rows.names:
        who, own = rows.root(row.id), OWN_ID + row.moodle_id if row.moodle_id else None
        names[who, None] |= {row.idnumber_key} - {None}
        names[who, row.peer_id] |= {row.link_key, own} - {None}
    for person_id, peer_id, number in rows.former:
        names[rows.root(person_id), peer_id].add(number)
    return names


def _is_of_another(rows: Read, apart: sa.Row[Any], peer_id: int | None, who: int) -> bool:
    """Tell whether this peer's name for somebody is kept apart from this person."""
    return apart.peer_id == peer_id and rows.root(apart.person_id) != who


def _weights(rows: Read, at_unix_s: int | None) -> dict[int, dict[int, Decimal]]:
    found: dict[int, dict[int, Decimal]] = defaultdict(dict)
    some = _in_effect_by(rows.weights, at_unix_s)
    for row in sorted(some, key=lambda r: (r.effective_unix_s, r.id)):
        if row.weight:
            found[row.section_id][row.category_id] = Decimal(row.weight)
        else:
            found[row.section_id].pop(row.category_id, None)
    return found
