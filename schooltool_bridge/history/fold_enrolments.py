"""From the history of somebody in a section to what they are there on any day.

An enrolment may have dates: before its begin it is pending, from its end on it is over. Nothing
needs to run for that: what is folded says what comes next, and when. Pure. Source: RULES 1.3, 1.6.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate
from typing import Any, TypeGuard

from peers.policy import DATES
from schooltool_bridge.common import times
from schooltool_bridge.common.roles import TEACHER
from schooltool_bridge.history.fold import EnrolmentRow, EnrolmentState, TeacherRow, position
from schooltool_bridge.history.meaning import (
    ACTIVE,
    ENDED,
    PENDING,
    WITHDRAWN,
    WITHDRAWN_NO_GRADE,
)

# How far the dates of an enrolment hold: both, only the end, only the begin, none.
HOLD, IGNORE_START, IGNORE_END, IGNORE = DATES


def row_of(row: Any) -> EnrolmentRow:
    """Read a row of enrolment_history, with what its state means beside it (roster.HISTORY)."""
    begins, ends = held_dates(row)
    # Written by hand for another day than that on which it was written, or simply written.
    has_own_day = row.by_actor is None or row.effective_unix_s < row.recorded_unix_s
    return EnrolmentRow(
        id=row.id,
        effective_unix_s=row.effective_unix_s,
        seq=row.seq,
        recorded_unix_s=row.recorded_unix_s,
        role=row.role,
        code=row.code,
        note=row.note,
        by_actor=row.by_actor,
        holds=bool(row.holds),
        is_left=bool(row.is_left),
        has_own_day=has_own_day,
        begins_unix_s=begins,
        ends_unix_s=ends,
        timestart_unix_s=row.timestart_unix_s,
        timeend_unix_s=row.timeend_unix_s,
    )


def held_dates(row: Any) -> tuple[int | None, int | None]:
    """Return from when until when a row of enrolment_history holds (unix seconds).

    As the policy wanted under which it first arrived. What people write or import has its own
    day, and its dates are for the record.
    """
    if row.by_actor is not None:
        return None, None
    # Rows from before there were such policies are read by what is the default now.
    policy = row.dates or (IGNORE_END if row.role == TEACHER else HOLD)
    begins, ends = times.known(row.timestart_unix_s), times.known(row.timeend_unix_s)
    if policy in (IGNORE_START, IGNORE):
        begins = None
    if policy in (IGNORE_END, IGNORE):
        ends = None
    return begins, ends


@dataclass(frozen=True, slots=True)
class _Piece:
    """What somebody is from a moment on."""

    from_unix_s: int
    code: str
    note: str = ""
    holds: bool = False
    # By its dates alone: not yet, or no more.
    is_pending: bool = False
    is_lapsed: bool = False
    # A withdrawal; and whether it was given a day, or only says more of the one that stands.
    is_left: bool = False
    has_own_day: bool = True

    @property
    def kind(self) -> tuple[str, bool, bool]:
        """What tells one from the next."""
        return self.code, self.is_pending, self.is_lapsed

    def says_more_of(self, before: _Piece) -> bool:
        """Whether a withdrawal is given its code later, which leaves its day."""
        return self.is_left and before.is_left and not self.has_own_day

    @property
    def is_contrary(self) -> bool:
        """Whether it says otherwise than that there is an enrolment, whatever its dates."""
        return not (self.holds or self.is_pending or self.is_lapsed)


@dataclass(frozen=True, slots=True)
class Timeline:
    """What somebody is in a section: each state from its moment on, the last ones still to come."""

    # From when on each holds, in order; a note alone makes one, too.
    moments: Sequence[int] = ()
    states: Sequence[EnrolmentState] = ()
    # When the last row took effect; what begins later comes by the dates alone.
    last_row_unix_s: int = 0
    # When somebody first is enrolled, or will be.
    first_held_unix_s: int | None = None

    def at(self, unix_s: int) -> EnrolmentState | None:
        """Return what it is at a moment; None before anything is known."""
        found = bisect_right(self.moments, unix_s)
        return self.states[found - 1] if found else None

    def from_moment(self, unix_s: int) -> tuple[EnrolmentState | None, Sequence[EnrolmentState]]:
        """Return what it is at a moment, and what comes after that."""
        found = bisect_right(self.moments, unix_s)
        return (self.states[found - 1] if found else None), self.states[found:]


def timeline(
    rows: Iterable[EnrolmentRow],
    teacher_rows: Iterable[TeacherRow],
    *,
    role: str,
    has_grade: bool,
    until_unix_s: int | None = None,
) -> Timeline:
    """Fold what is known of a person in a section in one role, by a moment or for ever.

    A teacher may be there by an enrolment of his own, by the section naming him, or both; he
    leaves when neither holds any more. An ending by the peer means "Withdrawn - No Grade" as
    long as there is no grade; it does not undo a code that a person gave.

    A row after `until_unix_s` may still say that an enrolment began before.
    """
    mine = [r for r in rows if r.role in (None, role)]
    steps: list[EnrolmentRow | TeacherRow] = [*mine, *teacher_rows]
    # A row of the one history may share its id with one of the other: sections speak first.
    steps.sort(key=lambda s: (*position(s)[:2], isinstance(s, EnrolmentRow), s.id))
    if len(steps) == 1 and _is_plain(steps[0], until_unix_s):
        only = steps[0]
        now = moment(only)
        state = EnrolmentState(only.code or "", now, only.note, holds=True)
        return Timeline((now,), (state,), now, now)
    by_moment = [s for s in steps if until_unix_s is None or moment(s) <= until_unix_s]
    walk = _Walk(has_grade)
    walk.take_all(by_moment)
    planned = walk.with_dates()
    if len(by_moment) < len(steps):
        # Of the later rows only this counts: an enrolment may have begun before.
        walk.take_all([s for s in steps if moment(s) > (until_unix_s or 0)])
    return walk.timeline(planned, until_unix_s)


def _is_plain(step: EnrolmentRow | TeacherRow, until_unix_s: int | None) -> TypeGuard[EnrolmentRow]:
    """Tell whether it says that somebody is there, and nothing of dates: as most do."""
    return (
        isinstance(step, EnrolmentRow)
        and step.holds
        and step.begins_unix_s is None
        and step.ends_unix_s is None
        and (until_unix_s is None or moment(step) <= until_unix_s)
    )


def moment(step: EnrolmentRow | TeacherRow) -> int:
    """When something took effect."""
    return times.took_effect(step)


def _moments(steps: Sequence[EnrolmentRow | TeacherRow]) -> list[int]:
    """When each took effect, at the latest when what comes after it in their order did."""
    found = list(accumulate((moment(s) for s in reversed(steps)), min))
    found.reverse()
    return found


@dataclass(slots=True)
class _Walk:
    """Goes through the rows, in order."""

    has_grade: bool
    pieces: list[_Piece] = field(default_factory=list)
    # The enrolment's own word while it stands, and whether the section names this person.
    own: EnrolmentRow | None = None
    named: bool = False
    ended: str = ""
    last_unix_s: int = 0

    def take_all(self, steps: Sequence[EnrolmentRow | TeacherRow]) -> None:
        """Take rows, in order."""
        for step, now in zip(steps, _moments(steps), strict=True):
            self.take(step, now)

    def take(self, step: EnrolmentRow | TeacherRow, now: int) -> None:
        """Take one row."""
        self._dates_pass(now)
        self.last_unix_s = now
        if isinstance(step, TeacherRow):
            if self.named and not step.names_person:
                self.ended = WITHDRAWN
            self.named = step.names_person
            self._append(self._piece(now))
            return
        if step.holds:
            self.own = step
            self.reach_back(step, now)
        else:
            self._end(step)
        piece = replace(
            self._piece(now),
            note=step.note,
            is_left=step.is_left or (step.code is None and self.ended != ENDED),
            has_own_day=step.has_own_day,
        )
        self._append(piece, step)

    def _end(self, step: EnrolmentRow) -> None:
        last = self.pieces[-1] if self.pieces else None
        is_lapsed = last is not None and last.is_lapsed
        is_held = self.named or (self.own is not None and not is_lapsed)
        self.own, self.named = None, False
        if step.code is not None:
            self.ended = step.code
        elif last is not None and is_held:
            self.ended = WITHDRAWN if self.has_grade else WITHDRAWN_NO_GRADE
        elif last is not None and is_lapsed:
            self.ended = ENDED  # it was over by itself: no withdrawal

    def _piece(self, now: int) -> _Piece:
        """Return what it is at a moment, by the rows so far."""
        own = self.own
        if own is not None:
            of_own = _by_dates(own, now)
            if of_own.holds or not self.named:
                return of_own
        if self.named:
            return _Piece(now, ACTIVE, holds=True)
        return _Piece(now, self.ended, is_left=self.ended == WITHDRAWN)

    def _append(self, piece: _Piece, step: EnrolmentRow | None = None) -> None:
        if not piece.code:
            return
        last = self.pieces[-1] if self.pieces else None
        is_by_hand = step is not None and step.by_actor is not None
        if last is None or is_by_hand or last.kind != piece.kind:
            self.pieces.append(piece)

    def _dates_pass(self, now: int | None) -> None:
        """Add what the dates bring between the last row and a moment."""
        if self.own is None:
            return
        dates = {d for d in (self.own.begins_unix_s, self.own.ends_unix_s) if d is not None}
        for date in sorted(dates):
            if self.last_unix_s < date and (now is None or date < now):
                self._append(self._piece(date))

    def with_dates(self) -> list[_Piece]:
        """Return what it is from each moment on, with what comes of itself."""
        ahead = replace(self, pieces=[*self.pieces])
        ahead._dates_pass(None)  # noqa: SLF001 - of its own kind
        return ahead.pieces

    def reach_back(self, row: EnrolmentRow, end: int) -> None:
        """Let an enrolment begin when it says, before `end`, where nothing else is known.

        Not before whatever ended an earlier one; and what was so stays: only days on which
        nothing was known, or on which it was pending by its dates, are its own.
        """
        begins = row.begins_unix_s
        before = [p for p in self.pieces if p.from_unix_s <= end]
        if begins is None or begins >= end or (before and before[-1].is_contrary):
            return
        ends = [n for n, p in enumerate(before) if p.is_contrary]
        if ends:
            begins = max(begins, before[ends[-1] + 1].from_unix_s)
        before_it = [p for p in self.pieces if p.from_unix_s < begins]
        inside = [p for p in before if p.from_unix_s >= begins]
        # Where a piece begins, with what was so from there on; None: nothing was known.
        points = [(p.from_unix_s, p if not p.is_pending else None) for p in inside]
        for date in (begins, row.ends_unix_s):
            if date is not None and begins <= date < end:
                until_date = [p for p in before if p.from_unix_s <= date]
                here = until_date[-1] if until_date and not until_date[-1].is_pending else None
                points.append((date, here))
        points.sort(key=lambda point: point[0])
        filled = [
            _by_dates(row, date) if piece is None else replace(piece, from_unix_s=date)
            for date, piece in points
        ]
        self.pieces = [*before_it, *filled, *(p for p in self.pieces if p.from_unix_s > end)]

    def timeline(self, planned: Sequence[_Piece], until_unix_s: int | None) -> Timeline:
        """Say since when each holds; `planned` is what was to come by that moment."""
        pieces = self.with_dates()
        moments: list[int] = []
        states: list[EnrolmentState] = []
        before: _Piece | None = None
        for piece in pieces:
            since = piece.from_unix_s
            if before is not None and (before.code == piece.code or piece.says_more_of(before)):
                since = states[-1].since_unix_s
            moments.append(piece.from_unix_s)
            states.append(EnrolmentState(piece.code, since, piece.note, holds=piece.holds))
            before = piece
        begun = (p for p in pieces if until_unix_s is None or p.from_unix_s <= until_unix_s)
        held = (p.from_unix_s for p in (*begun, *planned) if p.holds)
        return Timeline(moments, states, self.last_unix_s, next(held, None))


def _by_dates(row: EnrolmentRow, now: int) -> _Piece:
    """What an enrolment is at a moment, by its own dates."""
    if row.ends_unix_s is not None and row.ends_unix_s <= now:
        return _Piece(now, ENDED, is_lapsed=True)
    if row.begins_unix_s is not None and row.begins_unix_s > now:
        return _Piece(now, PENDING, is_pending=True)
    assert row.code is not None
    return _Piece(now, row.code, row.note, holds=True)
