"""Silent sites are left alone for a while, and tried again by themselves; time is passed in."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from mnet.breakers import REST_S, TIME_OUTS, TRIAL_S, Breakers


class BreakersMachine(RuleBasedStateMachine):
    """Calls of one site that begin and end in any order; another site is never touched by it."""

    def __init__(self) -> None:
        super().__init__()
        self.breakers = Breakers()
        self.now_s = 1000.0
        # How calls ended since the last one that did not time out, and when the last one did.
        self.time_outs: list[float] = []
        self.under_way = 0
        self.trial_since_s: float | None = None

    def rests(self) -> bool:
        if len(self.time_outs) < TIME_OUTS:
            return False
        if self.now_s - self.time_outs[-1] < REST_S:
            return True
        return self.trial_since_s is not None and self.now_s - self.trial_since_s < TRIAL_S

    @rule(seconds=st.sampled_from([0.1, 3.0, REST_S - 1, REST_S, TRIAL_S]))
    def time_passes(self, seconds: float) -> None:
        self.now_s += seconds

    @rule()
    def begins(self) -> None:
        may = self.breakers.begins("site", self.now_s)
        assert may is not self.rests()
        if may:
            self.under_way += 1
            if len(self.time_outs) >= TIME_OUTS:
                self.trial_since_s = self.now_s

    @precondition(lambda self: self.under_way)
    @rule(timed_out=st.booleans())
    def ends(self, timed_out: bool) -> None:
        self.under_way -= 1
        self.breakers.ended("site", self.now_s, timed_out=timed_out)
        self.trial_since_s = None
        self.time_outs = [*self.time_outs, self.now_s] if timed_out else []

    @rule()
    def is_looked_at_by_a_person(self) -> None:
        self.breakers.forget("site")
        self.time_outs, self.trial_since_s = [], None

    @invariant()
    def it_is_as_the_model_says(self) -> None:
        assert self.breakers.rests("site", self.now_s) is self.rests()
        assert not self.breakers.rests("another", self.now_s)


TestBreakers = BreakersMachine.TestCase
TestBreakers.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


def silent(breakers: Breakers, now_s: float = 0.0) -> Breakers:
    for _ in range(TIME_OUTS):
        assert breakers.begins("site", now_s)
    for _ in range(TIME_OUTS):
        breakers.ended("site", now_s, timed_out=True)
    return breakers


def test_of_many_that_come_after_the_rest_one_tries() -> None:
    breakers = silent(Breakers())
    assert not breakers.begins("site", REST_S - 0.1)
    assert [breakers.begins("site", REST_S) for _ in range(3)] == [True, False, False]
    breakers.ended("site", REST_S + 1, timed_out=False)
    assert breakers.begins("site", REST_S + 1)


def test_a_try_that_times_out_begins_the_rest_anew() -> None:
    breakers = silent(Breakers())
    assert breakers.begins("site", REST_S)
    breakers.ended("site", REST_S + 10, timed_out=True)
    assert not breakers.begins("site", 2 * REST_S + 9.9)
    assert breakers.begins("site", 2 * REST_S + 10)


def test_time_outs_between_answers_open_nothing() -> None:
    breakers = Breakers()
    for n in range(10 * TIME_OUTS):
        assert breakers.begins("site", float(n))
        breakers.ended("site", float(n), timed_out=n % TIME_OUTS != 0)
