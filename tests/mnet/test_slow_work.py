"""Who may wait and be at work for whom: by a machine against a model, then with real threads."""

from __future__ import annotations

import threading
import time
from collections import deque

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from mnet.slow_work import SHARE, SLOW_THREADS, WAITING_ALL, WAITING_EACH, Shares, SlowWork
from mnet.workers import Workers

WAIT_S = 30.0
THREADS, EACH_AT_WORK, EACH_WAITING, ALL_WAITING = 5, 2, 3, 7
NAMES = "abcde"
SITES = st.sampled_from(NAMES)


class SharesMachine(RuleBasedStateMachine):
    """Any order of works that come, begin, end, and lose whoever waited for them."""

    def __init__(self) -> None:
        super().__init__()
        self.shares = Shares[int](
            threads=THREADS,
            share=EACH_AT_WORK,
            waiting_each=EACH_WAITING,
            waiting_all=ALL_WAITING,
        )
        self.waiting: dict[str, deque[int]] = {site: deque() for site in NAMES}
        self.at_work: list[str] = []
        self.dropped: set[int] = set()
        self.number = 0
        # How many others began since a site has waited with room in its share.
        self.passed_over: dict[str, int] = dict.fromkeys(NAMES, 0)

    def total(self) -> int:
        return sum(map(len, self.waiting.values()))

    def is_full(self, site: str) -> bool:
        return len(self.waiting[site]) >= EACH_WAITING or self.total() >= ALL_WAITING

    def may_begin(self) -> set[str]:
        if len(self.at_work) >= THREADS:
            return set()
        return {
            site
            for site, works in self.waiting.items()
            if works and self.at_work.count(site) < EACH_AT_WORK
        }

    @rule(site=SITES)
    def comes(self, site: str) -> None:
        self.number += 1
        taken = self.shares.offer(site, self.number, self.dropped.__contains__)
        if self.is_full(site):
            self.waiting = {
                s: deque(n for n in works if n not in self.dropped)
                for s, works in self.waiting.items()
            }
        assert taken is not self.is_full(site)
        if taken:
            self.waiting[site].append(self.number)

    @precondition(lambda self: self.total())
    @rule(data=st.data())
    def hangs_up(self, data: st.DataObject) -> None:
        alive = sorted(n for works in self.waiting.values() for n in works)
        self.dropped.add(data.draw(st.sampled_from(alive)))

    @rule()
    def begins(self) -> None:
        may = self.may_begin()
        taken = self.shares.take()
        if taken is None:
            assert not may
            return
        site, number = str(taken[0]), taken[1]
        assert site in may
        assert number == self.waiting[site].popleft(), "in the order in which they came"
        self.at_work.append(site)
        for other in may - {site}:
            self.passed_over[other] += 1
            assert self.passed_over[other] < len(NAMES), "nobody is passed over for long"
        self.passed_over[site] = 0

    @precondition(lambda self: self.at_work)
    @rule(data=st.data())
    def ends(self, data: st.DataObject) -> None:
        site = data.draw(st.sampled_from(sorted(self.at_work)))
        self.at_work.remove(site)
        self.shares.done(site)

    @invariant()
    def bounds_hold(self) -> None:
        assert len(self.at_work) <= THREADS
        assert self.shares.waiting() == self.total() <= ALL_WAITING
        for site, works in self.waiting.items():
            assert self.at_work.count(site) <= EACH_AT_WORK
            assert self.shares.waiting(site) == len(works) <= EACH_WAITING


TestShares = SharesMachine.TestCase
TestShares.settings = settings(max_examples=60, stateful_step_count=50, deadline=None)


class Silent:
    """Work that does not end until the test lets it go."""

    def __init__(self) -> None:
        self.begun = threading.Semaphore(0)
        self.go = threading.Event()
        self.ended: list[int] = []

    def __call__(self) -> None:
        self.begun.release()
        assert self.go.wait(WAIT_S)
        self.ended.append(1)


def close(slow: SlowWork) -> None:
    """Close when nothing is at work any more: then nobody is waited for."""
    started_s = time.monotonic()
    slow.close(WAIT_S)
    assert time.monotonic() - started_s < WAIT_S
    assert len(slow._workers._threads) <= SLOW_THREADS


def test_a_silent_site_fills_its_own_share_and_queue_and_nothing_else() -> None:
    slow, silent = SlowWork(), Silent()
    taken = [slow.submit("silent", silent) for _ in range(256)]
    assert taken.count(True) == SHARE + WAITING_EACH
    assert taken == sorted(taken, reverse=True), "refused at once from then on"
    for _ in range(SHARE):
        assert silent.begun.acquire(timeout=WAIT_S)
    assert not silent.begun.acquire(blocking=False)
    answered = threading.Event()
    assert slow.submit("another", answered.set)
    assert answered.wait(WAIT_S)
    assert silent.ended == []
    silent.go.set()
    for _ in range(WAITING_EACH):
        assert silent.begun.acquire(timeout=WAIT_S)
    close(slow)


def test_seven_silent_sites_leave_threads_to_an_eighth() -> None:
    slow, silent = SlowWork(), Silent()
    for site in range(SLOW_THREADS // SHARE - 1):
        for _ in range(SHARE):
            assert slow.submit(site, silent)
    answered = threading.Event()
    assert slow.submit("another", answered.set)
    assert answered.wait(WAIT_S)
    assert silent.ended == []
    silent.go.set()
    close(slow)


def test_all_that_waits_together_is_bounded() -> None:
    shares = Shares[int](threads=0)
    taken = [shares.offer(n // 50, n, lambda _work: False) for n in range(2 * WAITING_ALL)]
    assert taken.count(True) == WAITING_ALL


def test_what_nobody_waits_for_is_not_begun_and_makes_room() -> None:
    slow, silent = SlowWork(Workers(1)), Silent()
    begun: list[str] = []
    assert slow.submit("first", silent)
    assert silent.begun.acquire(timeout=WAIT_S)
    has_left = threading.Event()
    for _ in range(WAITING_EACH):
        assert slow.submit("site", lambda: begun.append("of one who left"), has_left.is_set)
    assert not slow.submit("site", lambda: begun.append("too many"))
    has_left.set()
    done = threading.Event()
    assert slow.submit("site", lambda: begun.append("in their place"))
    assert slow.submit("site", done.set)
    silent.go.set()
    assert done.wait(WAIT_S)
    assert begun == ["in their place"]
    close(slow)


def test_work_that_fails_gives_its_place_back() -> None:
    slow = SlowWork(Workers(1))
    done = threading.Event()

    def fails() -> None:
        raise ZeroDivisionError

    for _ in range(2 * SHARE):
        assert slow.submit("site", fails)
    assert slow.submit("site", done.set)
    assert done.wait(WAIT_S)
    close(slow)
