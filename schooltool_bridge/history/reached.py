"""What everybody has reached in many sections as of a moment: nearly all cells added up in SQL.

A large school has a million cells. One that did not change after the moment holds what its row in
`grade` says, which the database adds up; only the others are folded from their history: changed
since, of an assessment that changed since, of somebody with several records, or with more digits
than an exact sum takes. The arithmetic is averages.py's. Source: RULES 1.5, A.4.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mnet.database import now_unix_s
from schooltool_bridge.common import times
from schooltool_bridge.history import as_of, averages, rows
from schooltool_bridge.history.averages import NO_POINTS, Sum
from schooltool_bridge.history.rows import Graded, Rows
from schooltool_bridge.history.snapshot import Item, SectionSnapshot
from schooltool_bridge.store.model import assessment_history, grade, grade_history, person

# Points are added up as whole numbers of this part of a point; exact up to so many characters.
_PARTS = 10**7
_MAX_CHARS = 9
Membership = tuple[int, int]  # section, person


@dataclass(frozen=True, slots=True)
class SectionReached:
    """A section as it was, with the entries of few cells, and the percentages of all students."""

    snapshot: SectionSnapshot
    # None: nothing that counts is graded.
    percents: Mapping[int, Decimal | None]


def of_sections(
    connection: Connection, wanted: sa.Select[tuple[int]], at_unix_s: int | None
) -> list[SectionReached]:
    """Read the sections that a select of ids gives, without those that were part of ours then."""
    read = rows.read(connection, wanted, None, at_unix_s, with_grades=False)
    sums = _Sums(connection, at_unix_s)
    snapshots = as_of.folded(read, at_unix_s, now_unix_s(connection), sums.read)
    return [SectionReached(s, sums.percents(s)) for s in snapshots if s.joined_into_id is None]


@dataclass(slots=True)
class _Sums:
    connection: Connection
    at_unix_s: int | None
    # By category; of what the database added up.
    found: dict[Membership, dict[int | None, Sum]] = field(
        default_factory=lambda: defaultdict(dict)
    )

    def read(self, items: Mapping[int, Sequence[Item]]) -> Graded:
        """Add up what can be added up, and return the rest."""
        changed = self._changed_items()
        plain: list[tuple[int, int, int]] = []
        slots: list[tuple[int, int | None]] = []
        folded_ids: list[int] = []
        for section_id, some in items.items():
            known: dict[int | None, int] = {}
            for item in some:
                parts = averages.worth(item) * _PARTS
                if item.id in changed or parts != int(parts) or parts > _PARTS * 10**_MAX_CHARS:
                    folded_ids.append(item.id)
                    continue
                if item.category_id not in known:
                    known[item.category_id] = len(slots)
                    slots.append((section_id, item.category_id))
                plain.append((item.id, known[item.category_id], int(parts)))
        graded = self._add_up(plain, slots) if plain else set()
        return Graded(self._to_fold([i for i, _slot, _worth in plain], folded_ids), graded)

    def percents(self, snapshot: SectionSnapshot) -> dict[int, Decimal | None]:
        """Return the percentages of all who were in a section, cells that were folded included."""
        sums: dict[int, dict[int | None, Sum]] = {
            who: dict(self.found.get((snapshot.id, who), {})) for who, _role in snapshot.enrolments
        }
        categories = {item.id: (item.category_id, averages.worth(item)) for item in snapshot.items}
        for (item_id, who), entry in snapshot.entries.items():
            if who in sums and not entry.excepted and entry.points is not None:
                category_id, worth = categories[item_id]
                before = sums[who].get(category_id, NO_POINTS)
                sums[who][category_id] = before + Sum(entry.points, worth)
        return {w: averages.percent_of_sums(s, snapshot.weights) for w, s in sums.items()}

    def _changed_items(self) -> set[int]:
        """Assessments that are something else now than they were then."""
        if self.at_unix_s is None:
            return set()
        later = sa.not_(times.in_effect_by(assessment_history, self.at_unix_s))
        return set(
            self.connection.execute(
                sa.select(assessment_history.c.assessment_id).where(later)
            ).scalars()
        )

    def _is_plain(self) -> list[sa.ColumnElement[bool]]:
        """Cells that are what their row in `grade` says, as far as the person and digits go."""
        return [
            sa.func.coalesce(sa.func.length(grade.c.points), 0) <= _MAX_CHARS,
            grade.c.person_id.not_in(_SEVERAL),
        ]

    def _unchanged(self) -> list[sa.ColumnElement[bool]]:
        if self.at_unix_s is None:
            return []
        later = sa.not_(times.in_effect_by(grade_history, self.at_unix_s))
        changed = sa.select(grade_history.c.grade_id).where(later)
        return [grade.c.id.not_in(changed)]

    def _add_up(
        self, plain: Sequence[tuple[int, int, int]], slots: Sequence[tuple[int, int | None]]
    ) -> set[Membership]:
        items = _table(plain)
        counts = sa.not_(grade.c.excepted)
        points = sa.cast(
            sa.func.round(sa.cast(grade.c.points, sa.Numeric) * sa.literal_column(str(_PARTS))),
            sa.BigInteger,
        )
        found = self.connection.execute(
            sa.select(
                items.c.column2,
                grade.c.person_id,
                sa.func.sum(sa.case((counts, points), else_=0)),
                sa.func.sum(sa.case((counts, items.c.column3), else_=0)),
                sa.func.sum(sa.case((counts, 1), else_=0)),
            )
            .join_from(items, grade, grade.c.assessment_id == items.c.column1)
            .where(
                grade.c.exists,
                grade.c.points.is_not(None),
                *self._is_plain(),
                *self._unchanged(),
            )
            .group_by(items.c.column2, grade.c.person_id)
        )
        graded = set()
        for slot, person_id, reached, possible, counted in found:
            section_id, category_id = slots[slot]
            graded.add((section_id, person_id))
            if counted:
                self.found[section_id, person_id][category_id] = Sum(
                    Decimal(int(reached)) / _PARTS, Decimal(int(possible)) / _PARTS
                )
        return graded

    def _to_fold(self, plain_ids: Sequence[int], folded_ids: Sequence[int]) -> Rows:
        """Read the histories of the cells that were not added up."""
        by_id: dict[int, sa.Row[Any]] = {}
        in_effect = (
            sa.true()
            if self.at_unix_s is None
            else times.in_effect_by(grade_history, self.at_unix_s)
        )
        odd = sa.or_(grade.c.person_id.in_(_SEVERAL), sa.func.length(grade.c.points) > _MAX_CHARS)
        if self.at_unix_s is not None:
            earlier = grade_history.alias()
            was_there = (
                sa.select(earlier.c.id)
                .where(earlier.c.grade_id == grade.c.id)
                .where(times.in_effect_by(earlier, self.at_unix_s))
                .exists()
            )
            odd = sa.or_(odd, sa.and_(sa.not_(sa.and_(*self._unchanged())), was_there))
        for ids, which in ((plain_ids, odd), (folded_ids, sa.true())):
            if ids:
                items = _table([(i, 0, 0) for i in ids])
                query = rows.GRADES.join(items, items.c.column1 == grade.c.assessment_id)
                for row in self.connection.execute(query.where(which, in_effect)):
                    by_id[row.id] = row
        return [by_id[i] for i in sorted(by_id)]


def _table(plain: Iterable[tuple[int, int, int]]) -> sa.CTE:
    """Assessments as a table: their slot, and what they are worth in parts of a point.

    Written out, since thousands of parameters take longer to bind than the sum takes.
    """
    written = ", ".join(f"({item:d}, {slot:d}, {worth:d})" for item, slot, worth in plain)
    columns = [sa.column(f"column{n}", sa.BigInteger) for n in (1, 2, 3)]
    return sa.text(f"VALUES {written}").columns(*columns).cte("items")


_MERGED = sa.select(person.c.id).where(person.c.merged_into_id.is_not(None))
_STANDING = sa.select(person.c.merged_into_id).where(person.c.merged_into_id.is_not(None))
# Whoever has several records: their cells are folded from the histories of all of them.
_SEVERAL = sa.union(_MERGED, _STANDING)
