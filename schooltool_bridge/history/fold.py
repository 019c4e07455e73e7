"""From history to what holds: pure functions of rows, in whatever order they arrived.

    rows of one thing                sorted by position        what holds
    (in whatever order they came)    (time, seq, arrival)
      10:00 seq 2  points 8            10:00 seq 1  points 7
      10:05        deleted      ──>    10:00 seq 2  points 8   ──>   deleted since 10:05
      10:00 seq 1  points 7            10:05        deleted          as of 10:03: 8 points

A position is the time by the sender's clock, the sender's running number, then the arrival; when a
row took effect says common/times.py: never before it was known. Applying events and answering "as
of" use the same functions, on all rows or on those that had taken effect by then. Enrolments have
dates of their own (fold_enrolments.py). Pure. Source: RULES 1.3, 1.5, 1.6.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Generic, NamedTuple, Protocol, TypeVar

from schooltool_bridge.common.hiding import SHOWN
from schooltool_bridge.common.points import MAX_DECIMALS
from schooltool_bridge.common.times import ordered

# The highest running number that says nothing: outboxes count from 1, a missing one is kept as -1.
NO_NUMBER = 0


class When(NamedTuple):
    """When an event happened at the sender's: its time and running number, where it gave them."""

    timemodified: int | None
    seq: int

    @property
    def is_timed(self) -> bool:
        """Tell whether the sender gave a time."""
        return self.timemodified is not None


class Positioned(Protocol):
    """A history row, as far as its position goes."""

    @property
    def id(self) -> int:
        """Its number in the order of arrival."""
        ...

    @property
    def effective_unix_s(self) -> int:
        """When it took effect by its sender's clock."""
        ...

    @property
    def seq(self) -> int:
        """The sender's running number; -1 without one."""
        ...

    @property
    def recorded_unix_s(self) -> int:
        """When it first arrived."""
        ...


Row = TypeVar("Row", bound=Positioned)


def position(row: Positioned) -> tuple[int, int, int]:
    """The position of a row in its history: time, running number, arrival."""
    return ordered(row.effective_unix_s, row.recorded_unix_s), row.seq, row.id


class AssessmentRow(Positioned, Protocol):
    """A row of an assessment's history: whose it is, and whether it is a deletion."""

    @property
    def deleted(self) -> bool:
        """Whether it says that the assessment is gone."""
        ...

    @property
    def by_actor(self) -> str | None:
        """Who wrote it by hand; None: the peer sent it."""
        ...

    @property
    def points(self) -> str:
        """What the assessment is worth."""
        ...

    @property
    def recorded_unix_s(self) -> int:
        """When it arrived or was written."""
        ...

    @property
    def hidden(self) -> int | None:
        """What it says of whether students see the assessment (hiding.py); None: nothing."""
        ...


def standing(row: AssessmentRow) -> tuple[bool, int, int, int]:
    """The position of a row among all rows of an assessment.

    Whatever the peer says outranks what was written by hand before the peer's took it over.
    """
    return row.by_actor is None, *position(row)


ItemRow = TypeVar("ItemRow", bound=AssessmentRow)


@dataclass(frozen=True, slots=True)
class ItemState(Generic[ItemRow]):
    """What an assessment is: the row that has its name and points, and whose it is."""

    row: ItemRow
    deleted: bool
    is_peers: bool
    # Whether students see it (hiding.py); what is the school's own they do.
    hidden: int = SHOWN


def item_state(rows: Iterable[ItemRow]) -> ItemState[ItemRow]:
    """Fold an assessment's history of at least one row.

    One that was made by hand and taken over stays when its peer deletes it: by hand again, as
    it stood, until somebody here says otherwise (RULES R10, R66).
    """
    ordered = sorted(rows, key=standing)
    last = ordered[-1]
    if last.by_actor is not None:
        return ItemState(last, last.deleted, is_peers=False)
    by_hand = [r for r in ordered if r.by_actor is not None]
    if not last.deleted:
        return ItemState(last, deleted=False, is_peers=True, hidden=item_hidden(ordered))
    by_peer = [r for r in ordered if r.by_actor is None and not r.deleted]
    if not by_hand or not by_peer:
        return ItemState(by_peer[-1] if by_peer else last, deleted=True, is_peers=True)
    # While it is a peer's nobody here changes it: rows that came later are of one given back.
    first_peer_id = min(r.id for r in ordered if r.by_actor is None)
    holds = max([by_peer[-1], *(r for r in by_hand if r.id > first_peer_id)], key=position)
    return ItemState(holds, holds.deleted, is_peers=False)


def item_hidden(rows: Iterable[ItemRow]) -> int:
    """What a peer's rows say of whether students see its assessment; a deletion ends that."""
    return _hidden(r for r in rows if r.by_actor is None)


class _Hiding(Positioned, Protocol):
    @property
    def hidden(self) -> int | None: ...

    @property
    def deleted(self) -> bool: ...


def _hidden(rows: Iterable[_Hiding]) -> int:
    """The latest word, which stands until another comes: a row without one says nothing."""
    found = SHOWN
    for row in sorted(rows, key=position):
        if row.deleted:
            found = SHOWN
        elif row.hidden is not None:
            found = row.hidden
    return found


@dataclass(frozen=True, slots=True)
class TakenOver:
    """What an assessment made by hand was worth when a peer's took it over, and when that was."""

    points: Decimal
    recorded_unix_s: int


def takings_over(rows: Iterable[ItemRow]) -> tuple[TakenOver, ...]:
    """Tell from an assessment's history when a peer's took it over from the school, each time.

    More than once where a peer deleted its own, so that it was given back, and it or another
    brought it anew.
    """
    by_arrival = sorted(rows, key=lambda r: r.id)
    if not any(r.by_actor is not None for r in by_arrival):
        return ()
    found, before = [], None
    for number, row in enumerate(by_arrival, 1):
        now = item_state(by_arrival[:number])
        if before is not None and now.is_peers and not before.is_peers:
            found.append(TakenOver(Decimal(before.row.points), row.recorded_unix_s))
        before = now
    return tuple(found)


def position_of(when: When, now_unix_s: int, last: tuple[int, int] | None) -> tuple[int, int]:
    """Return the time and running number under which an event enters a history.

    An event without a time comes now and after everything that is there already.
    """
    if when.timemodified is not None:
        return when.timemodified, when.seq
    if last is None or last[0] < now_unix_s:
        return now_unix_s, -1
    return last


def is_same_moment(there: tuple[int, int], at: tuple[int, int]) -> bool:
    """Tell whether an event that says the same as a row of the history only repeats it.

    What has no running number of its own (a full sync) tells how things are since that second,
    and comes before all that has one: where the same was told in that second, it adds nothing.
    """
    return there == at or (there[0] == at[0] and at[1] <= NO_NUMBER)


def latest(rows: Iterable[Row]) -> Row | None:
    """The row that holds now."""
    return max(rows, key=position, default=None)


@dataclass(frozen=True, slots=True)
class EnrolmentRow:
    """One row of a person's history in a section; code None is an ending by the peer."""

    id: int
    effective_unix_s: int
    seq: int
    recorded_unix_s: int
    role: str | None
    code: str | None
    note: str = ""
    by_actor: str | None = None
    # Whether its code leaves somebody enrolled, or is a withdrawal's (meaning.py).
    holds: bool = False
    is_left: bool = False
    # By hand: whether it was written for another day than that of writing.
    has_own_day: bool = True
    # Its dates as far as they hold (fold_enrolments.held_dates).
    begins_unix_s: int | None = None
    ends_unix_s: int | None = None
    # Its dates as they were told.
    timestart_unix_s: int | None = None
    timeend_unix_s: int | None = None


@dataclass(frozen=True, slots=True)
class TeacherRow:
    """A section row that names a teacher: this person, or somebody else."""

    id: int
    effective_unix_s: int
    seq: int
    recorded_unix_s: int
    names_person: bool


@dataclass(frozen=True, slots=True)
class EnrolmentState:
    """What an enrolment is, since when."""

    code: str
    since_unix_s: int
    note: str
    # Whether it leaves somebody enrolled: active, or suspended in Moodle.
    holds: bool = False


@dataclass(frozen=True, slots=True)
class GradeRow:
    """One row of a grade's history."""

    id: int
    effective_unix_s: int
    seq: int
    recorded_unix_s: int
    raw_points: Decimal | None
    excepted: bool
    attempt: int | None
    deleted: bool
    # Who wrote it by hand; None: the peer sent it.
    by_actor: str | None = None
    # Arrived under the policy that holds points between nought and the maximum.
    is_clamped: bool = False
    # What it says of whether students see the cell (hiding.py); None: nothing.
    hidden: int | None = None


@dataclass(frozen=True, slots=True)
class Cell:
    """What stands in a cell of the gradebook: by hand, else by the peer; None: nothing is there."""

    by_hand: GradeRow | None
    by_peer: GradeRow | None
    # Whether students see it (hiding.py), as the peer says; also of an entry by hand.
    hidden: int = SHOWN

    @property
    def counting(self) -> GradeRow | None:
        """The row that counts: a manual entry wins until it is released."""
        return self.by_hand or self.by_peer


def cell(rows: Sequence[GradeRow]) -> Cell:
    """Fold a cell's history."""
    manual = latest(r for r in rows if r.by_actor is not None)
    return Cell(
        manual if manual and not manual.deleted else None,
        counting_grade([r for r in rows if r.by_actor is None]),
        grade_hidden(rows),
    )


def grade_hidden(rows: Iterable[GradeRow]) -> int:
    """What a peer's rows say of whether students see a cell; taking every attempt back ends that.

    Moodle hides a cell and no attempt; what takes back one attempt says nothing of it.
    """
    return _hidden(
        r for r in rows if r.by_actor is None and not (r.deleted and r.attempt is not None)
    )


def counting_grade(rows: Sequence[GradeRow]) -> GradeRow | None:
    """The peer's row that counts: the latest of the highest attempt that was not taken back.

    A cleared attempt is not taken back: its row says that there are no points.
    """
    numbered = with_attempts(rows)
    for attempt in sorted({r.attempt for r in numbered if r.attempt is not None}, reverse=True):
        row = latest(r for r in numbered if r.attempt in (None, attempt))
        if row is not None and not row.deleted:
            return row
    return None


FIRST_ATTEMPT = 1


def with_attempts(rows: Sequence[GradeRow]) -> list[GradeRow]:
    """Say to which attempt a peer's grades without a number belong.

    To the highest one whose first grade is not later than theirs, the first where there is none.
    A deletion without a number stays: it takes every attempt back (RULES 1.3).
    """
    if all(r.attempt is not None or r.deleted for r in rows):
        return list(rows)
    by_time = sorted(
        (*position(r)[:2], r.attempt) for r in rows if r.attempt is not None and not r.deleted
    )
    found: list[GradeRow] = []
    highest, begun = None, 0
    for row in sorted(rows, key=position):
        if row.attempt is not None or row.deleted:
            found.append(row)
            continue
        while begun < len(by_time) and by_time[begun][:2] <= position(row)[:2]:
            attempt = by_time[begun][2]
            highest = attempt if highest is None else max(highest, attempt)
            begun += 1
        found.append(replace(row, attempt=FIRST_ATTEMPT if highest is None else highest))
    return found


def within(row: GradeRow | None, maximum: Decimal) -> Decimal | None:
    """Return a peer's points under the policy with which they came; the raw value stays."""
    points = row.raw_points if row is not None else None
    if row is None or points is None or not row.is_clamped:
        return points
    return min(max(points, Decimal(0)), maximum)


def entered(row: GradeRow, maximum: Decimal, taken: Sequence[TakenOver]) -> Decimal | None:
    """Return the points of an entry by hand, in terms of what the assessment is worth.

    One that was made before a peer's assessment of another worth took this one over keeps its
    percentage; whoever meant the points themselves enters them again (RULES 1.5).
    """
    points = row.raw_points
    after = next((t for t in taken if row.recorded_unix_s < t.recorded_unix_s), None)
    if points is None or after is None or after.points in (0, maximum):
        return points
    return round(points * maximum / after.points, MAX_DECIMALS)
