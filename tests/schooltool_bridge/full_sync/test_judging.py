"""Whether a walk is worth a judgement, and when a run must ask: for whatever a peer may answer."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schooltool_bridge.full_sync import differences
from schooltool_bridge.full_sync.differences import Absences, why_ask
from schooltool_bridge.full_sync.walking import (
    PAGE_ITEMS,
    BadPage,
    Page,
    Walk,
    cut_short,
    go_on,
    read_page,
)

NOW = 1_795_000_000
SIZES = st.lists(st.integers(0, 5), min_size=1, max_size=12)


def pages_of(sizes: list[int], **differs: Any) -> list[dict[str, Any]]:
    """The answers of a walk of so many items a page."""
    total = sum(sizes)
    return [
        {
            "items": [{"idnumber": f"{page}-{n}"} for n in range(size)],
            "next": "" if page == len(sizes) - 1 else f"c{page}",
            "count": total,
            "taken_at": NOW - 300,
            "scope": "all",
            "complete": 1 if page == len(sizes) - 1 else 0,
            **differs,
        }
        for page, size in enumerate(sizes)
    ]


def walked(answers: list[dict[str, Any]]) -> Walk:
    """A walk through answers, stored and read again after each page as by a run that is killed."""
    walk = Walk()
    for answer in answers:
        walk = Walk.from_stored(json.loads(json.dumps(walk.stored())))
        walk = go_on(walk, read_page(answer), NOW)
    return walk


@pytest.mark.requirement("1.10")
@given(SIZES)
def test_a_walk_that_says_one_thing_is_whole(sizes: list[int]) -> None:
    walk = walked(pages_of(sizes))
    assert (walk.is_whole, walk.problem) == (True, "")
    assert (walk.came, walk.taken_unix_s, walk.scope) == (sum(sizes), NOW - 300, "all")


WRONG: list[dict[str, Any]] = [
    {"taken_at": NOW - 299}, {"taken_at": 0}, {"taken_at": NOW + 90_000}, {"scope": "other"},
    {"scope": ""},
]  # fmt: skip
WRONG_AT_THE_END: list[dict[str, Any]] = [
    {"complete": 0}, {"complete": ""}, {"complete": []}, {"count": 10**6}, {"count": None},
]  # fmt: skip


@given(SIZES.filter(lambda s: len(s) > 1), st.sampled_from(WRONG), st.data())
def test_one_page_that_says_otherwise_spoils_it(
    sizes: list[int], wrong: dict[str, Any], data: st.DataObject
) -> None:
    answers = pages_of(sizes)
    answers[data.draw(st.integers(0, len(sizes) - 1))] |= wrong
    walk = walked(answers)
    assert walk.is_over
    assert not walk.is_whole
    assert walk.problem


@given(SIZES, st.sampled_from(WRONG_AT_THE_END))
def test_an_end_that_says_otherwise_spoils_it(sizes: list[int], wrong: dict[str, Any]) -> None:
    answers = pages_of(sizes)
    answers[-1] |= wrong
    assert not walked(answers).is_whole


@given(SIZES, st.data())
def test_items_that_go_missing_or_come_twice_spoil_it(
    sizes: list[int], data: st.DataObject
) -> None:
    answers = pages_of(sizes)
    page = data.draw(st.sampled_from(answers))
    page["items"] = page["items"][1:] if data.draw(st.booleans()) and page["items"] else [
        *page["items"], {"idnumber": "more"}
    ]  # fmt: skip
    assert not walked(answers).is_whole


@given(SIZES.filter(lambda s: len(s) > 1), st.data())
def test_a_walk_that_is_cut_is_not_whole(sizes: list[int], data: st.DataObject) -> None:
    answers = pages_of(sizes)[: data.draw(st.integers(0, len(sizes) - 1))]
    walk = walked(answers)
    assert not walk.is_over
    cut = cut_short(walk, "gone")
    assert (cut.is_over, cut.is_whole, cut.problem) == (True, False, "gone")


@given(st.dictionaries(st.integers(0, 9), st.integers(0, 9), min_size=10))
def test_a_walk_in_a_circle_ends_soon(following: dict[int, int]) -> None:
    walk, steps = Walk(), 0
    while not walk.is_over:
        at = int(walk.cursor or 0)
        page = Page((), str(following[at]), 0, NOW, "", is_complete=False)
        walk = go_on(walk, page, NOW)
        steps += 1
        assert steps < 60
    assert not walk.is_whole


VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.text(max_size=300) | st.floats(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)


@given(
    st.fixed_dictionaries(
        {},
        optional=dict.fromkeys(("items", "next", "count", "taken_at", "scope", "complete"), VALUES),
    )
    | VALUES
)
def test_any_answer_is_a_page_or_none(answer: Any) -> None:
    said = ""
    try:
        page = read_page(answer)
    except BadPage as problem:
        said = problem.text
    else:
        assert len(page.items) <= PAGE_ITEMS
        walk = go_on(Walk(), page, NOW)
        assert walk.is_over == (not page.next)
    assert not said or said.startswith("full_sync")


def test_the_shapes_of_php_are_read() -> None:
    page = read_page({"items": {"3": {"a": 1}}, "next": 7, "count": "1", "complete": "1"})
    assert (page.items, page.next, page.count, page.is_complete) == (({"a": 1},), "7", 1, True)
    assert read_page({"items": [], "next": []}).next == ""


NUMBERS = st.integers(0, 400)


@given(NUMBERS, NUMBERS, NUMBERS, st.booleans(), st.sampled_from(["small", "preview"]))
def test_when_a_run_asks(held: int, listed: int, missing: int, known: bool, policy: str) -> None:
    missing = min(missing, held)
    found = Absences(held, listed, missing, missing, missing, "s" if known else None, "s")
    asks = bool(why_ask(policy, found))
    if not missing:
        assert not asks
    elif not known or not listed or policy == "preview":
        assert asks
    else:
        above = missing > min(differences.ASK_ABOVE_ROWS, held / 10)
        assert asks == (missing > differences.NEVER_FOR_ROWS and above)
    if asks and missing < held:
        more = replace(
            found, missing=missing + 1, by_themselves=missing + 1, not_listed=missing + 1
        )
        assert why_ask(policy, more), "more never asks less"
