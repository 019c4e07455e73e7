"""Who keeps a place when there is not room for all."""

from __future__ import annotations

from dataclasses import dataclass

from mnet.connection_shares import (
    MAX_CONNECTIONS,
    MAX_PAGES,
    MAX_SLOW_PAGES_EACH,
    MAX_UNDER_WAY,
    PATIENCE_S,
    RequestShares,
    SlowPages,
    first_to_go,
)

NOW_S = 100.0


@dataclass(frozen=True)
class One:
    address: str
    since_s: float
    has_asked: bool = False


def test_pages_leave_places_to_calls_and_both_to_who_has_yet_to_say_what_they_want() -> None:
    shares = RequestShares()
    assert sum(shares.take("page") for _ in range(MAX_CONNECTIONS)) == MAX_PAGES
    assert sum(shares.take("call") for _ in range(MAX_CONNECTIONS)) == MAX_UNDER_WAY - MAX_PAGES
    assert MAX_UNDER_WAY < MAX_CONNECTIONS
    shares.leave("page")
    assert shares.take("call"), "calls may have them all"
    assert not shares.take("page")


def test_who_has_sent_no_whole_request_goes_first() -> None:
    old, young = One("a", 1), One("a", 5)
    idle = One("b", 0, has_asked=True)
    assert first_to_go([idle, young, old], NOW_S, PATIENCE_S) is old
    assert first_to_go([idle], NOW_S, PATIENCE_S) is idle
    assert first_to_go([], NOW_S, PATIENCE_S) is None


def test_who_has_only_just_come_is_heard_first() -> None:
    just_come = [One("flood", NOW_S - PATIENCE_S / 2) for _ in range(9)]
    silent, idle = One("b", NOW_S - PATIENCE_S), One("b", NOW_S, has_asked=True)
    assert first_to_go([*just_come, silent, idle], NOW_S, PATIENCE_S) is silent
    assert first_to_go([*just_come, idle], NOW_S, PATIENCE_S) is idle
    assert first_to_go(just_come, NOW_S, PATIENCE_S) is None
    assert first_to_go(just_come, NOW_S, 0.0) is just_come[0]


def test_the_address_that_keeps_most_of_them_loses_one() -> None:
    slow_upload = One("school", 0)
    flood = [One("attacker", n) for n in range(2, 9)]
    assert first_to_go([slow_upload, *flood], NOW_S, PATIENCE_S) is flood[0]
    # Whoever has asked before counts for nothing in this.
    others = [One("school", 1, has_asked=True) for _ in range(50)]
    assert first_to_go([slow_upload, *others, *flood], NOW_S, PATIENCE_S) is flood[0]


def test_an_address_has_a_share_of_the_slow_pages() -> None:
    slow = SlowPages()
    taken = [slow.take(f"2001:db8:1:2::{n:x}") for n in range(1, 2 * MAX_SLOW_PAGES_EACH)]
    leaves = [leave for leave in taken if leave is not None]
    assert len(leaves) == MAX_SLOW_PAGES_EACH, "a network is one address"
    assert slow.take("203.0.113.9")
    for _again in range(2):
        leaves[0]()
    assert slow.take("2001:db8:1:2::1")
    assert not slow.take("2001:db8:1:2::1"), "one was counted out, and once"
