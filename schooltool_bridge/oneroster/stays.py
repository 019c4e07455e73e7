"""From the rows of one person in one class to what an import has to write. Pure.

A row says from which day until which somebody is there. All of them are read together: an earlier
stay does not end a later one, stays that touch are one, and a row that is taken back ends its own
stay alone. What imports said before is laid beside it: only what is missing there is written, so
that the same file again writes nothing. Before the first day that the file names, and after the
last end that it names, what stands there is left alone: a file may hold the present only.
Source: RULES 1.6, R60, D.2.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

# Before any day; after any day.
_EVER = 2**62
# Of a stay that no row of the file is about.
_NO_ROW = 0


@dataclass(frozen=True, slots=True)
class Stay:
    """What a row says: the first and the last second that is in, as unix time; None: unknown."""

    row: int
    begin_unix_s: int | None
    last_unix_s: int | None
    # The sender takes the row back; when that was, as far as it says so.
    is_taken_back: bool = False
    taken_back_unix_s: int | None = None


@dataclass(frozen=True, slots=True)
class EarlierLine:
    """What an import wrote before: a line of the membership's history, in order."""

    at_unix_s: int
    # In from here on, else out.
    is_in: bool
    begin_unix_s: int | None = None
    # The first second that would be out.
    until_unix_s: int | None = None

    @property
    def came_unix_s(self) -> int:
        """When they came by what it says."""
        return self.at_unix_s if self.begin_unix_s is None else self.begin_unix_s


@dataclass(frozen=True, slots=True)
class Line:
    """A line to write, and the row that asks for it."""

    row: int
    at_unix_s: int
    is_in: bool
    begin_unix_s: int | None = None
    until_unix_s: int | None = None

    @property
    def as_earlier(self) -> EarlierLine:
        """The line as it will stand in the history."""
        return EarlierLine(self.at_unix_s, self.is_in, self.begin_unix_s, self.until_unix_s)


@dataclass(frozen=True, slots=True)
class Found:
    """The lines to write, and rows that have to wait until an end before them has come."""

    lines: Sequence[Line]
    waiting: Sequence[int] = ()


@dataclass(frozen=True, slots=True)
class _Spell:
    """Stays that overlap or touch, as one; which rows say when it begins and ends."""

    row: int
    last_row: int
    begin_unix_s: int | None
    last_unix_s: int | None

    @property
    def begin(self) -> int:
        return -_EVER if self.begin_unix_s is None else self.begin_unix_s

    @property
    def last(self) -> int:
        return _EVER if self.last_unix_s is None else self.last_unix_s


def found(
    stays: Sequence[Stay],
    earlier: Sequence[EarlierLine],
    now_unix_s: int,
    *,
    is_delta: bool = False,
) -> Found:
    """Return what is to be written, given what imports wrote before, in the order that holds.

    A file of changes (`is_delta`) leaves out the other stays of a membership; a whole one does not.
    """
    counting = _counting(stays, earlier, now_unix_s)
    if is_delta:
        counting += _others(counting, earlier)
    spells, waiting = _reached(_spells(counting), now_unix_s)
    lines: list[Line] = []
    for spell in spells:
        line = _begin(spell, [*earlier, *(line.as_earlier for line in lines)], now_unix_s)
        lines += [line] if line else []
    lines += _promise(spells, [*earlier, *(line.as_earlier for line in lines)], now_unix_s)
    lines += _corrections(spells, [*earlier, *(line.as_earlier for line in lines)], now_unix_s)
    return Found([line for line in lines if line.row != _NO_ROW], waiting)


def _counting(stays: Iterable[Stay], earlier: Sequence[EarlierLine], now_unix_s: int) -> list[Stay]:
    """The stays that hold: not those that were taken back before they were ever imported."""
    counting = []
    for stay in stays:
        if not stay.is_taken_back:
            counting.append(stay)
            continue
        ended = _taken_back_at(stay, earlier, now_unix_s)
        if ended is not None:
            counting.append(replace(stay, last_unix_s=ended))
    return counting


def _taken_back_at(stay: Stay, earlier: Sequence[EarlierLine], now_unix_s: int) -> int | None:
    """When a stay that is taken back ended; None: it was never imported, or is over already."""
    ins = [t for t in earlier if t.is_in]
    if not earlier or not earlier[-1].is_in:
        return None
    since_out = len(earlier) - next(
        (n for n, t in enumerate(reversed(earlier)) if not t.is_in), len(earlier)
    )
    open_ = earlier[since_out:]
    ends = [t for t in (stay.last_unix_s, stay.taken_back_unix_s, now_unix_s) if t is not None]
    ended = min(ends[0], now_unix_s)
    if stay.begin_unix_s is None:
        # It does not say which stay: the open one, unless that began later.
        came = open_[0].came_unix_s
        return ended if came <= ended else None
    if all(t.came_unix_s != stay.begin_unix_s for t in open_):
        return None
    # What began since is another stay.
    later = [t.came_unix_s - 1 for t in ins if t.came_unix_s > stay.begin_unix_s]
    return max(min([ended, *later]), stay.begin_unix_s)


def _others(counting: Sequence[Stay], earlier: Sequence[EarlierLine]) -> list[Stay]:
    """Earlier stays that a file of changes leaves out, and that go on."""
    begins = {s.begin_unix_s for s in counting}
    same = [t.came_unix_s for t in earlier if t.is_in and t.came_unix_s in begins]
    found = []
    for at, line in enumerate(earlier):
        if same and line.is_in and line.came_unix_s > min(same) and line.came_unix_s not in begins:
            ends = (t.at_unix_s for t in earlier[at:] if not t.is_in)
            found.append(Stay(_NO_ROW, line.came_unix_s, next(ends, None)))
    return found


def _spells(stays: Iterable[Stay]) -> list[_Spell]:
    """Put stays that overlap or touch together, in time."""
    spells: list[_Spell] = []
    each = [_Spell(s.row, s.row, s.begin_unix_s, s.last_unix_s) for s in stays]
    for spell in sorted(each, key=lambda s: (s.begin, s.last)):
        before = spells[-1] if spells else None
        if before is None or spell.begin > before.last + 1:
            spells.append(spell)
            continue
        if before.begin_unix_s is None and spell.begin_unix_s is not None:
            before = replace(before, row=spell.row, begin_unix_s=spell.begin_unix_s)
        if spell.last > before.last:
            before = replace(before, last_row=spell.row, last_unix_s=spell.last_unix_s)
        spells[-1] = before
    return spells


def _reached(spells: Sequence[_Spell], now_unix_s: int) -> tuple[Sequence[_Spell], Sequence[int]]:
    """Part the spells up to the first that is not over from those that come after it."""
    for number, spell in enumerate(spells):
        if spell.last >= now_unix_s:
            return spells[: number + 1], [s.row for s in spells[number + 1 :]]
    return spells, ()


def _begin(spell: _Spell, earlier: Sequence[EarlierLine], now_unix_s: int) -> Line | None:
    """The line with which a spell begins; None when it stands there."""
    if any(t.is_in and spell.begin_unix_s in (None, t.came_unix_s) for t in earlier):
        return None
    at = spell.begin
    if spell.begin_unix_s is None:
        at = spell.last
    return Line(
        spell.row, min(at, now_unix_s), is_in=True, begin_unix_s=spell.begin_unix_s,
        until_unix_s=_until(spell, now_unix_s),
    )  # fmt: skip


def _until(spell: _Spell, now_unix_s: int) -> int | None:
    """The first second that will be out; None: it is over, or nobody knows."""
    return spell.last + 1 if now_unix_s <= spell.last < _EVER else None


def _promise(
    spells: Sequence[_Spell], earlier: Iterable[EarlierLine], now_unix_s: int
) -> list[Line]:
    """Write until when it is meant, where the last line says otherwise."""
    ins = sorted((t for t in earlier if t.is_in), key=lambda t: t.at_unix_s)
    if not ins or not spells or spells[-1].last < now_unix_s:
        return []
    spell, until = spells[-1], _until(spells[-1], now_unix_s)
    if ins[-1].until_unix_s == until:
        return []
    return [
        Line(
            spell.last_row,
            ins[-1].at_unix_s,
            is_in=True,
            begin_unix_s=spell.begin_unix_s,
            until_unix_s=until,
        )
    ]


def _corrections(
    spells: Sequence[_Spell], earlier: Iterable[EarlierLine], now_unix_s: int
) -> list[Line]:
    """Go through the lines in time, and write in or out where the spells say otherwise."""
    if not spells:
        return []
    after: dict[int, bool] = {}
    # The last of those at one second holds.
    for line in sorted(earlier, key=lambda t: t.at_unix_s):
        after[max(line.at_unix_s, line.came_unix_s) if line.is_in else line.at_unix_s] = line.is_in
    moments = {*after, *(s.last for s in spells), now_unix_s}
    lines: list[Line] = []
    is_in = False
    for moment in sorted(m for m in moments if m <= now_unix_s):
        is_in = after.get(moment, is_in)
        spell, wanted = _wanted(spells, moment, now_unix_s)
        if spell is not None and is_in != wanted:
            is_in = wanted
            row = spell.row if wanted else spell.last_row
            until = _until(spell, now_unix_s) if wanted else None
            lines.append(Line(row, moment, is_in=wanted, until_unix_s=until))
    return lines


def _wanted(spells: Sequence[_Spell], moment: int, now_unix_s: int) -> tuple[_Spell | None, bool]:
    """Whether somebody is in after a moment, and by which spell; None: the file is silent."""
    begun = [
        s
        for s in spells
        if s.begin <= moment and (s.begin_unix_s is not None or moment >= min(s.last, now_unix_s))
    ]
    if not begun:
        return None, False
    spell = begun[-1]
    if moment < spell.last:
        return spell, True
    # Behind the last end that the file names, what stands there is left alone.
    if moment > spell.last and spell is spells[-1]:
        return None, False
    return spell, False
