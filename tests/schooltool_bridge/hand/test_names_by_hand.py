"""Somebody's names are corrected on a page: what peers sent that waited for that comes again."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from mnet.database import one_at_a_time
from peers import accounts
from peers.accounts import CLERK
from peers.audit import By
from peers.changes import set_policy
from peers.registry import Peer
from schooltool_bridge.events import receiving as events
from schooltool_bridge.events.applied import source
from tests.helpers.rig import START_UNIX_S, Rig, make_rig
from tests.helpers.visitor import Page
from tests.schooltool_bridge.events.test_across_peers import (
    ADA,
    PUPIL,
    A,
    B,
    enrolled,
    push,
    waiting,
)
from tests.schooltool_bridge.web.test_school_pages import PASSWORD, browser

EDIT = "/admin/people/1/edit"
RENAMED = {"username": "ada.l", "firstname": "Ada", "lastname": "L", "idnumber": "1", "email": ""}
WAIT_S = 30.0


@pytest.fixture
def rig(tmp_path: Path, database_url: str) -> Iterator[Rig]:
    """A school with a clerk, to which B was introduced before A."""
    made = make_rig(tmp_path, database_url)
    with made.app:
        with made.app.database.write() as connection:
            accounts.add(
                connection, "carl", PASSWORD, one_time=False, now_unix_s=START_UNIX_S, role=CLERK
            )
        made.add(B)
        made.add(A)
        push(made, A, "fetch_user", **ADA)
        yield made


on_postgresql = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


def peer_of(rig: Rig, wwwroot: str) -> Peer:
    found = rig.app.registry.find(wwwroot)
    assert found is not None
    return found


def wait_for_a_lock(rig: Rig, running: Future[Page]) -> None:
    """Go on when the other one waits for a peer's turn."""
    waits = sa.text("SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
    until = time.monotonic() + WAIT_S
    while not running.done() and time.monotonic() < until:
        with rig.app.database.read() as connection:
            if connection.execute(waits).first() is not None:
                return
        time.sleep(0.01)
    raise AssertionError(f"nobody waits: {running}")


def test_what_a_freed_event_brings_frees_what_another_peer_sent(rig: Rig) -> None:
    with rig.app.database.write() as connection:
        by_name: dict[str, Any] = {"match_username": "yes"}
        set_policy(connection, By("x", 1), peer_of(rig, B).id, values=by_name)
    push(rig, A, "new_section", idnumber="5", name="Biology")
    push(rig, A, "new_enrolment", **PUPIL | {"userid": "2"})
    push(rig, B, "fetch_user", **{**ADA, "idnumber": "2"})
    assert sorted(waiting(rig)) == [(A, "new_enrolment", "held"), (B, "fetch_user", "conflict")]
    shown = browser(rig, "carl").send(EDIT, **RENAMED, why="two of a name")
    assert shown.status == 303
    assert waiting(rig) == []
    assert enrolled(rig) == [("2", "a")]


@on_postgresql
def test_whoever_holds_a_peers_turn_gets_the_others_while_names_are_corrected(rig: Rig) -> None:
    visitor = browser(rig, "carl")
    first, second = peer_of(rig, B), peer_of(rig, A)
    assert first.id < second.id
    with ThreadPoolExecutor(1) as pool:
        with rig.app.database.write() as connection:
            one_at_a_time(connection, first.id)  # in the order of ids, as merging takes them
            running = pool.submit(visitor.send, EDIT, **RENAMED, why="a slip")
            wait_for_a_lock(rig, running)
            one_at_a_time(connection, second.id)
        assert running.result(WAIT_S).status == 303


@on_postgresql
def test_a_push_about_somebody_is_applied_while_their_names_are_corrected(rig: Rig) -> None:
    visitor = browser(rig, "carl")
    moodle = peer_of(rig, A)
    with ThreadPoolExecutor(1) as pool:
        with rig.app.database.write() as connection:
            one_at_a_time(connection, moodle.id)
            running = pool.submit(visitor.send, EDIT, **RENAMED, why="a slip")
            wait_for_a_lock(rig, running)
            told = {**ADA, "lastname": "Lovelace"}
            sender = source(moodle, rig.app.site)
            events.receive(connection, sender, "fetch_user", told, START_UNIX_S + 5)
        assert running.result(WAIT_S).status == 303
