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
from schooltool_bridge.common import hiding, times
from schooltool_bridge.common.roles import STUDENT, TEACHER
from schooltool_bridge.history import fold, identity, joined, past
from schooltool_bridge.history.cells import MANUAL, PEER, row_of
from schooltool_bridge.history.fold import (
    EnrolmentRow,
    EnrolmentState,
    item_state,
    position,
)
from schooltool_bridge.history.fold_enrolments import row_of as row_of_enrolment
from schooltool_bridge.history.fold_enrolments import timeline
from schooltool_bridge.history.rows import Graded, Read, Rows, read
from schooltool_bridge.history.snapshot import Entry, Item, SectionSnapshot
from schooltool_bridge.history.taught import taught
from schooltool_bridge.store.model import enrolment, section

ROLES = (STUDENT, TEACHER)


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
    roots = identity.roots(connection)
    root_id = roots.get(person_id, person_id)
    everybody = [root_id, *(row for row, stands in roots.items() if stands == root_id)]
    in_any = sa.select(enrolment.c.section_id).where(enrolment.c.person_id.in_(everybody))
    theirs = joined.or_ours(in_any, section)
    known = [m for m in moments if m is not None]
    until_unix_s = max(known) if known and len(known) == len(moments) else None
    rows = read(connection, theirs, everybody, until_unix_s, roots)
    now = now_unix_s(connection)
    return [_only(_fold(rows, moment, now), everybody[0]) for moment in moments]


def of_section(
    connection: Connection, section_id: int, at_unix_s: int | None = None
) -> SectionSnapshot:
    """Read a section with everybody in it; nobody is in a peer's while it is joined with ours."""
    only = sa.select(section.c.id).where(section.c.id == section_id)
    return _fold(read(connection, only, None, at_unix_s), at_unix_s, now_unix_s(connection))[0]


def as_if_joined(connection: Connection, ours_id: int, theirs_id: int) -> SectionSnapshot:
    """Read a section of ours as it would be now, were a peer's joined with it."""
    both = sa.select(section.c.id).where(section.c.id.in_((ours_id, theirs_id)))
    spell = joined.Spell(ours_id, theirs_id, 0, None)
    rows = replace(read(connection, both, None, None), spells=[spell])
    return next(s for s in _fold(rows, None, now_unix_s(connection)) if s.id == ours_id)


def of_sections(
    connection: Connection, wanted: sa.Select[tuple[int]], at_unix_s: int | None = None
) -> list[SectionSnapshot]:
    """Read many sections, given by a select of their ids, with everybody in them.

    Without those of peers that were part of ours then.
    """
    found = _fold(read(connection, wanted, None, at_unix_s), at_unix_s, now_unix_s(connection))
    return [s for s in found if s.joined_into_id is None]


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
    return [
        s
        for s in narrowed
        if s.joined_into_id is None and any(who == person_id for who, _role in s.enrolments)
    ]


def folded(
    rows: Read,
    at_unix_s: int | None,
    now_unix_s: int,
    graded_in: Callable[[Mapping[int, Sequence[Item]]], Graded],
) -> list[SectionSnapshot]:
    """Fold sections whose grades were not read, by what `graded_in` says of their assessments.

    The snapshots have the entries of those cells alone that need folding.
    """
    return _fold(rows, at_unix_s, now_unix_s, graded_in)


def _fold(
    rows: Read,
    at_unix_s: int | None,
    now_unix_s: int,
    graded_in: Callable[[Mapping[int, Sequence[Item]]], Graded] | None = None,
) -> list[SectionSnapshot]:
    """Fold what had taken effect by a moment."""
    by_section = _by(lambda r: r.section_id, _in_effect_by(rows.section_rows, at_unix_s))
    homes = joined.homes_at(rows.spells, at_unix_s)
    gone = {s for s, some in by_section.items() if max(some, key=position).deleted}
    gone |= {homes[s] for s in gone if s in homes}
    # Of a day to come it is not known what will be hidden then; what is now is.
    seen_unix_s = now_unix_s if at_unix_s is None else min(at_unix_s, now_unix_s)
    items = _items(rows, homes, at_unix_s, seen_unix_s)
    summed = graded_in(items) if graded_in else Graded((), ())
    if graded_in:
        rows = replace(rows, grades=summed.rows)
    entries, graded = _entries(rows, items, at_unix_s, seen_unix_s)
    graded |= set(summed.memberships)
    people = _people_in(rows, homes, graded, at_unix_s, now_unix_s)
    weights = _weights(rows, at_unix_s)
    filed = _filed(rows, at_unix_s)
    return [
        _section(
            r,
            filed[r.id],
            by_section.get(r.id, ()),
            r.id in gone,
            people[r.id],
            items[r.id],
            entries[r.id],
            weights[r.id],
            homes.get(r.id),
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
    deleted: bool,  # noqa: FBT001 - in the order of the call
    people: _People,
    items: Sequence[Item],
    entries: Mapping[tuple[int, int], Entry],
    weights: Mapping[int, Decimal],
    joined_into_id: int | None,
) -> SectionSnapshot:
    ordered = sorted(section_rows, key=position)
    named = [r.name for r in ordered if not r.deleted]
    return SectionSnapshot(
        row.id,
        row.idnumber,
        row.segment,
        named[-1] if named else row.name,
        deleted,
        row.wwwroot,
        *filed,
        people.enrolments,
        items,
        entries,
        people.joined,
        weights,
        joined_into_id,
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


def _items(
    rows: Read, homes: Mapping[int, int], at_unix_s: int | None, seen_unix_s: int
) -> dict[int, list[Item]]:
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
        item = _item(holds, first, detail)
        hidden = hiding.at(holds.hidden, seen_unix_s)
        stands = homes.get(row.section_id, row.section_id)
        found[stands].append(replace(item, hidden=hidden) if hidden else item)
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
    seen_unix_s: int,
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
        entry = _entry(history, item, taken.get(assessment_id, ()), seen_unix_s)
        if entry is not None:
            found[section_id][assessment_id, person_id] = entry
            graded |= {(section_id, person_id)} if entry.points is not None else set()
    return found, graded


def _entry(
    history: Sequence[tuple[fold.GradeRow, str]],
    item: Item,
    taken: Sequence[fold.TakenOver],
    seen_unix_s: int,
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
        # What is the school's own is hidden by nobody.
        hiding.at(cell.hidden, seen_unix_s) if item.peer is not None else hiding.SHOWN,
    )


@dataclass(slots=True)
class _People:
    enrolments: dict[tuple[int, str], EnrolmentState] = field(default_factory=dict)
    joined: dict[int, int] = field(default_factory=dict)


def _people_in(
    rows: Read,
    homes: Mapping[int, int],
    graded: set[tuple[int, int]],
    at_unix_s: int | None,
    now_unix_s: int,
) -> dict[int, _People]:
    """Who was in each section."""
    held: dict[tuple[int, int], list[EnrolmentRow]] = defaultdict(list)
    found: dict[int, _People] = defaultdict(_People)
    for r in rows.enrolments:
        there = homes.get(r.section_id, r.section_id), rows.root(r.person_id)
        held[there].append(row_of_enrolment(r))
    named = taught(rows, homes, _by(lambda r: r.section_id, rows.section_rows))
    for membership in held.keys() | named.keys():
        section_id, person_id = membership
        for role in ROLES:
            folded = timeline(
                held.get(membership, ()),
                named.get(membership, ()) if role == TEACHER else (),
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


# Of whose weights count: the peer's (model_school.weight_choice).
PEERS = "peer"


def _weights(rows: Read, at_unix_s: int | None) -> dict[int, dict[int, Decimal]]:
    found: dict[int, dict[int, Decimal]] = defaultdict(dict)
    some = _in_effect_by(rows.weights, at_unix_s)
    whose: dict[int, str] = {}
    for row in sorted(some, key=lambda r: (r.effective_unix_s, r.id)):
        if row.category_id is None:
            whose[row.section_id] = row.weight
        elif row.weight:
            found[row.section_id][row.category_id] = Decimal(row.weight)
        else:
            found[row.section_id].pop(row.category_id, None)
    for section_id, choice in whose.items():
        if choice == PEERS:
            # The points that its items came with, each counting alike.
            found[section_id] = {}
    return found
