"""The soak itself: every flood runs alone, and what is noticed is judged by its bounds."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import pytest

from tests.soak.__main__ import Bounds, Row, run
from tests.soak.flood import FLOODS
from tests.soak.held import LONG_S, Thread, hold_s
from tests.soak.stage import Stage, stage

FINE = Row("x", 0.1, 0.2, 0.1, 0.0, 100, 1.0, [])


def test_a_row_names_each_bound_that_is_broken_and_what_was_no_answer() -> None:
    assert FINE.broken(Bounds()) == []
    for name, most in dataclasses.asdict(Bounds()).items():
        assert dataclasses.replace(FINE, **{name: most}).broken(Bounds()) == []
        assert dataclasses.replace(FINE, **{name: most + 0.01}).broken(Bounds()) == [name]
    assert dataclasses.replace(FINE, wrong=["healthz: 1 of 9"]).broken(Bounds()) == [
        "healthz: 1 of 9"
    ]


def test_there_is_a_flood_of_each_kind() -> None:
    assert len(FLOODS) >= 16
    assert all(function.__doc__ for function in FLOODS.values())


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with stage(tmp_path_factory.mktemp("stage")) as made:
        yield made


@pytest.mark.parametrize("name", ["quiet", "slow connections"])
def test_a_flood_runs_against_a_real_server_and_everything_is_measured(
    made: Stage, name: str
) -> None:
    row = run(made, name, 3.0)
    assert row.flood == name
    assert row.wrong == []
    assert min(row.server_info_s, row.landing_s, row.memory_mib, row.stop_s) > 0


BEATING = {1, 2}
NOTHING = dict.fromkeys((1, 2, 3, 4), Thread(0.0, 0.0))


def held_s(waited_s: float, queued_s: float = 0.0, **ran_s: float) -> float:
    now = {int(task[1:]): Thread(ran, 0.0) for task, ran in ran_s.items()}
    beats = {1: Thread(0.0, queued_s), 2: Thread(0.0, queued_s)}
    return hold_s(NOTHING, {**beats, **now}, BEATING, waited_s)


def test_one_thread_that_ran_all_the_while_held_up_the_others() -> None:
    assert held_s(0.5, t3=0.5) == 0.5
    assert held_s(0.5, t3=0.25, t4=0.25) == 0, "in turn"
    assert held_s(LONG_S / 2, t3=LONG_S / 2) == 0, "not long"
    assert held_s(0.5, queued_s=0.45, t3=0.5) == pytest.approx(0.05), "the machine was busy"
    assert held_s(0.5, queued_s=0.6, t3=0.5) == 0
