"""A school in random use agrees for every moment with a list of what was said (any_day_model.py)."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from keys.certificate import load
from keys.keypair import generate
from mnet.database import Database
from peers import store
from peers.policy import PeerPolicy
from tests.helpers.any_day_machine import AnyDay
from tests.helpers.postgres import Cluster
from tests.helpers.school import NOW, A, B, School

# Always the same examples; many times as many, and new ones each time: ANY_DAY_TIMES=20.
TIMES = int(os.environ.get("ANY_DAY_TIMES", "1"))


def begin(url: str) -> School:
    """A school with two peers, one of which has points clamped; nothing else is known."""
    school = School.open(url, A, B)
    stored = {"out_of_range": "clamp"}
    clamping = school.sources[B]
    with school.database.write() as connection:
        store.set_columns(connection, clamping.peer_id, policy=stored)
        for wwwroot, source in school.sources.items():
            certificate = load(generate(wwwroot, "Fake", NOW).certificate_pem)
            store.set_certificate(
                connection, source.peer_id, pem=certificate.pem,
                fingerprint=certificate.fingerprint, origin="file", now_unix_s=NOW,
            )  # fmt: skip
    school.sources[B] = clamping._replace(policy=PeerPolicy.from_stored(stored))
    school.database.close()
    return school


def run(school: School, copied: Callable[[], str], examples: int) -> None:
    """Run the machine, each time on a copy of the school."""

    class OnCopies(AnyDay):
        def open(self) -> School:
            return School(Database(copied()), NOW, dict(school.sources))

    chosen = settings(
        max_examples=examples * TIMES,
        stateful_step_count=25,
        deadline=None,
        derandomize=TIMES == 1,
        database=None,
        phases=[Phase.generate, Phase.shrink],
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(OnCopies, settings=chosen)


@pytest.mark.requirement("R72", "R73", "R74")
@pytest.mark.timeout(600 * TIMES)
def test_on_sqlite_every_moment_is_answered_as_what_was_said(tmp_path: Path) -> None:
    first, other = tmp_path / "first.sqlite", tmp_path / "copy.sqlite"

    def copied() -> str:
        for left in tmp_path.glob("copy.sqlite*"):
            left.unlink()
        shutil.copy(first, other)
        return f"sqlite:///{other}"

    run(begin(f"sqlite:///{first}"), copied, examples=36)


@pytest.mark.requirement("R39b", "R72", "R73", "R74")
@pytest.mark.timeout(600 * TIMES)
def test_on_postgresql_every_moment_is_answered_as_what_was_said(postgres: Cluster) -> None:
    first = postgres.url("any_day")
    school = begin(first)
    maker = sa.create_engine(postgres.url("any_day_maker"), isolation_level="AUTOCOMMIT")

    def copied() -> str:
        with maker.connect() as connection:
            connection.execute(sa.text("DROP DATABASE IF EXISTS any_day_copy WITH (FORCE)"))
            connection.execute(sa.text("CREATE DATABASE any_day_copy TEMPLATE any_day"))
        return first.replace("/any_day?", "/any_day_copy?")

    try:
        run(school, copied, examples=8)
    finally:
        maker.dispose()
