"""What a report is made of: a section, its assessments and grades, as they were at a moment.

Values only; as_of.py reads them, averages.py counts with them. Pure. Source: RULES 1.5.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal

from schooltool_bridge.common.hiding import SHOWN, both
from schooltool_bridge.history.fold import EnrolmentState


@dataclass(frozen=True, slots=True)
class Item:
    """An assessment; `points` is what it is worth."""

    id: int
    # The shared idnumber, ours where there is none.
    name_for_scripts: str
    name: str
    points: Decimal
    extra_credit: bool
    chapternum: str
    honors_required: bool
    nonhonors_required: bool
    peer: str | None
    effective_unix_s: int
    label: str = ""
    description: str = ""
    category_id: int | None = None
    worksheet_id: int | None = None
    score_system_id: int | None = None
    due_day: date | None = None
    # From whom it is hidden then (common/hiding.py); SHOWN also once that has ended.
    hidden: int = SHOWN


@dataclass(frozen=True, slots=True)
class Entry:
    """What a cell of the gradebook held; `points` is None when it says that there is no grade."""

    points: Decimal | None
    excepted: bool
    attempt: int
    authority: str
    effective_unix_s: int
    recorded_unix_s: int
    # The peer's value beside an entry made by hand.
    peer_points: Decimal | None = None
    why: str = ""
    # As that of an item: the cell itself, whatever of its item.
    hidden: int = SHOWN


@dataclass(frozen=True, slots=True)
class SectionSnapshot:
    """A section as it was; people are our ids, each person under one id only."""

    id: int
    idnumber: str | None
    segment: str
    name: str
    deleted: bool
    # The peer that brought it; none: made here.
    peer: str | None
    course_id: int | None
    term_id: int | None
    enrolments: Mapping[tuple[int, str], EnrolmentState] = field(default_factory=dict)
    items: Sequence[Item] = ()
    entries: Mapping[tuple[int, int], Entry] = field(default_factory=dict)
    # When each student first came, as far as is known.
    joined: Mapping[int, int] = field(default_factory=dict)
    # Category id to weight; empty: every point counts alike.
    weights: Mapping[int, Decimal] = field(default_factory=dict)
    # Our section in which this one of a peer's stood then.
    joined_into_id: int | None = None
    # Older than the school's first year, and not filed.
    is_past: bool = False

    @property
    def name_for_scripts(self) -> str:
        """The shared idnumber, ours where there is none."""
        return self.idnumber or str(self.id)

    def people(self, role: str) -> list[int]:
        """Whoever was here in a role by then, whatever became of it."""
        return [who for who, what in self.enrolments if what == role]

    def hidden(self, item: Item, person_id: int) -> int:
        """Whether a student sees their own cell: the item and the grade in it (hiding.py)."""
        entry = self.entries.get((item.id, person_id))
        return both(item.hidden, entry.hidden) if entry is not None else item.hidden

    def as_students_see(self) -> SectionSnapshot:
        """Return what students see of it: without hidden items, and without hidden grades.

        Whatever is worked out of that tells nothing of what is hidden.
        """
        items = [item for item in self.items if item.hidden == SHOWN]
        seen = {item.id for item in items}
        entries = {
            where: entry
            for where, entry in self.entries.items()
            if where[0] in seen and entry.hidden == SHOWN
        }
        return replace(self, items=items, entries=entries)
