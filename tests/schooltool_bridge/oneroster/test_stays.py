"""Rows of one person in one class, read together: whatever they are, and however often they come."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schooltool_bridge.oneroster.stays import EarlierLine, Stay, found

NOW = 100
_MOMENTS = st.integers(1, 2 * NOW)


@st.composite
def stays(draw: st.DrawFn) -> list[Stay]:
    """Rows as a file may have them; each has a begin."""
    rows = []
    for row in range(2, 2 + draw(st.integers(1, 4))):
        begin = draw(_MOMENTS)
        last = draw(st.none() | st.integers(begin, 2 * NOW + 10))
        rows.append(Stay(row, begin, last))
    return rows


def written(
    told: Sequence[EarlierLine], rows: Sequence[Stay], now: int, **how: bool
) -> list[EarlierLine]:
    """What imports have told after one more: withdrawals are written last."""
    lines = sorted(found(rows, told, now, **how).lines, key=lambda line: not line.is_in)
    assert all(line.at_unix_s <= now for line in lines)
    return sorted([*told, *(line.as_earlier for line in lines)], key=lambda t: t.at_unix_s)


def is_in(told: Sequence[EarlierLine], moment: int) -> bool:
    """Whether somebody is in after a moment, by what was told."""
    reached = [
        t for t in told if (max(t.at_unix_s, t.came_unix_s) if t.is_in else t.at_unix_s) <= moment
    ]
    return bool(reached) and reached[-1].is_in


def holds(rows: Sequence[Stay], moment: int) -> bool:
    """Whether a row says that somebody is in at a moment and the next."""
    ends = [2**62 if r.last_unix_s is None else r.last_unix_s for r in rows]
    begins = [r.begin_unix_s or 0 for r in rows]
    here = [(b, e) for b, e in zip(begins, ends, strict=True) if b <= moment <= e]
    # One that ends just here is in no more, unless another begins with the next second.
    return any(moment < e or (moment + 1) in begins for _b, e in here)


@given(stays())
def test_as_of_any_moment_the_rows_say_who_is_in(rows: list[Stay]) -> None:
    told = written([], rows, NOW)
    begun = min(r.begin_unix_s or 0 for r in rows)
    for moment in range(begun, NOW + 1):
        assert is_in(told, moment) == holds(rows, moment), moment


@pytest.mark.requirement("D.2")
@given(stays(), st.randoms(use_true_random=False), st.integers(0, NOW))
def test_the_same_file_again_writes_nothing_in_whatever_order(
    rows: list[Stay], shuffling: object, later: int
) -> None:
    told = written([], rows, NOW)
    shuffled = list(rows)
    getattr(shuffling, "shuffle")(shuffled)  # noqa: B009 - Hypothesis names no type for it
    assert found(shuffled, told, NOW).lines == []
    # What has been reached since is written once.
    again = written(told, rows, NOW + later)
    assert found(rows, again, NOW + later).lines == []


@given(stays(), stays())
def test_what_a_later_file_corrects_holds_from_its_first_day_to_its_last(
    first: list[Stay], second: list[Stay]
) -> None:
    told = written(written([], first, NOW), second, NOW)
    assert found(second, told, NOW).lines == []
    begun = min(r.begin_unix_s or 0 for r in second)
    ended = max(2**62 if r.last_unix_s is None else r.last_unix_s for r in second)
    for moment in range(begun, min(NOW, ended) + 1):
        assert is_in(told, moment) == holds(second, moment), moment


def test_an_end_that_came_too_early_is_corrected_once() -> None:
    later = [Stay(2, 1, NOW)]
    told = written(written([], [Stay(2, 1, 2)], NOW), later, NOW)
    assert found(later, told, NOW).lines == []


def test_leaving_and_coming_back_is_three_lines_once() -> None:
    rows = [Stay(2, 50, None), Stay(3, 10, 30)]
    told = written([], rows, NOW)
    assert [(t.at_unix_s, t.is_in) for t in told] == [(10, True), (30, False), (50, True)]
    assert written(told, rows, NOW + 5) == told


@pytest.mark.requirement("D.2")
def test_what_is_taken_back_ends_its_own_stay_alone() -> None:
    new, old = Stay(2, 50, None), Stay(3, 10, None)
    gone = replace(old, is_taken_back=True, taken_back_unix_s=60)
    assert found([new, gone], [], NOW).lines == found([new], [], NOW).lines, "never said here"
    told = written([], [old], NOW)
    assert is_in(written(told, [new, gone], NOW), NOW)
    both = written(told, [new], NOW)
    for is_delta in (True, False):
        after = written(both, [gone], NOW, is_delta=is_delta)
        assert is_in(after, NOW), "an old row ends no new one"
    alone = written(told, [gone], NOW)
    assert [(t.at_unix_s, t.is_in) for t in alone] == [(10, True), (60, False)]
    assert found([gone], alone, NOW + 5).lines == []


def test_a_row_without_a_begin_is_there_from_now_or_to_its_end() -> None:
    assert written([], [Stay(2, None, None)], NOW) == [EarlierLine(NOW, is_in=True)]
    over = written([], [Stay(2, None, 40)], NOW)
    assert [(t.at_unix_s, t.is_in) for t in over] == [(40, True), (40, False)]
    back = written(over, [Stay(2, None, None)], NOW)
    assert is_in(back, NOW)
    assert not is_in(back, NOW - 1)
    assert found([Stay(2, None, None)], back, NOW + 9).lines == []


def test_an_end_to_come_is_kept_and_what_is_behind_it_waits() -> None:
    rows = [Stay(2, 10, NOW + 20), Stay(3, NOW + 40, None)]
    first = found(rows, [], NOW)
    assert [(line.until_unix_s, line.is_in) for line in first.lines] == [(NOW + 21, True)]
    assert first.waiting == [3]
    told = written([], rows, NOW)
    moved = [replace(rows[0], last_unix_s=NOW + 30)]
    told = written(told, moved, NOW + 1)
    assert told[-1].until_unix_s == NOW + 31
    assert found(moved, told, NOW + 2).lines == []
    assert is_in(written(told, rows, NOW + 50), NOW + 50)
