"""The soak itself: every flood runs alone, and what is noticed is judged by its bounds."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.soak.__main__ import Bounds, Row, run
from tests.soak.flood import FLOODS
from tests.soak.held import LONG_S, looking
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


HOLDING = """
import re, sys, threading, time
from pathlib import Path
from tests.soak.held import start
start(Path(sys.argv[1]))
time.sleep(0.5)
until = time.monotonic() + 0.5
{hold}
time.sleep(0.5)
"""
ONE = "re.match('(a|a)*$', 'a' * 22 + 'b')"
TURNS = """
def turn():
    while time.monotonic() < until:
        sum(range(1000))
for _ in range(6):
    threading.Thread(target=turn).start()
"""


@pytest.mark.parametrize(("hold", "is_one"), [(ONE, True), (TURNS, False)])
def test_one_thread_that_holds_the_interpreter_is_found_and_many_in_turn_are_not(
    tmp_path: Path, hold: str, is_one: bool
) -> None:
    file = tmp_path / "beat"
    code = HOLDING.replace("{hold}", hold)
    with (
        subprocess.Popen([sys.executable, "-c", code, str(file)]) as process,
        looking(file, process.pid) as look,
    ):
        assert process.wait(60) == 0
    assert (look.longest_s > LONG_S) is is_one
