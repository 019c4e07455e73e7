"""Full syncs of a running server: when they are due, in turns, and gone on with after a kill."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mnet.slow_work import SlowWork
from mnet.workers import Workers
from schooltool_bridge.common.refusals import Refused
from schooltool_bridge.full_sync import runs
from schooltool_bridge.full_sync.runs import Run, Wanted
from schooltool_bridge.full_sync.timing import last_due
from schooltool_bridge.server.syncs import AGAIN_S, BY_ITSELF, Syncs
from tests.helpers.listing import ListingSite, listing_site, totals

BERLIN = ZoneInfo("Europe/Berlin")
HOUR_S = 3600
DAY_S = 24 * HOUR_S


@pytest.fixture
def site(tmp_path: Path) -> Iterator[ListingSite]:
    made = listing_site(tmp_path)
    made.lister.small_school()
    yield made
    made.rig.app.syncs.close(10)
    made.rig.app.database.close()


def all_runs(site: ListingSite) -> list[Run]:
    with site.rig.app.database.read() as connection:
        return runs.list_runs(connection)


def wait_for(site: ListingSite, count: int) -> list[Run]:
    """Wait until so many runs were begun, and all have ended."""
    until = time.monotonic() + 30
    while time.monotonic() < until:
        found = all_runs(site)
        if len(found) == count and all(r.state != runs.RUNNING for r in found):
            return found
        time.sleep(0.02)
    raise AssertionError(all_runs(site))


def pass_time(site: ListingSite, seconds: int) -> None:
    site.rig.clock.now += seconds
    site.rig.app.syncs.start_due()


@pytest.mark.requirement("R81", "1.10")
def test_it_is_done_every_day_and_not_at_once(site: ListingSite) -> None:
    pass_time(site, 0)
    pass_time(site, 60)
    assert all_runs(site) == []
    pass_time(site, DAY_S)
    [run] = wait_for(site, 1)
    assert (run.state, run.by_actor, totals(run)["created"]) == (runs.DONE, BY_ITSELF, 28)
    pass_time(site, HOUR_S)
    pass_time(site, DAY_S)
    second, _first = wait_for(site, 2)
    assert totals(second) == {"seen": 28, "unchanged": 28}


def test_it_is_done_as_often_as_the_policy_says(site: ListingSite) -> None:
    site.policy(sync_every_hours=0)
    pass_time(site, 0)
    pass_time(site, 30 * DAY_S)
    time.sleep(0.1)
    assert all_runs(site) == []
    site.policy(sync_every_hours=6)
    pass_time(site, 0)
    pass_time(site, 6 * HOUR_S)
    wait_for(site, 1)
    pass_time(site, 6 * HOUR_S)
    wait_for(site, 2)


def test_one_that_failed_is_tried_again_after_an_hour(site: ListingSite) -> None:
    pass_time(site, 0)
    site.lister.before = lambda *_asked: "no struct"
    pass_time(site, DAY_S)
    assert wait_for(site, 1)[0].state == runs.FAILED
    site.lister.before = None
    pass_time(site, AGAIN_S - 60)
    assert len(wait_for(site, 1)) == 1
    pass_time(site, 60)
    assert wait_for(site, 2)[0].state == runs.DONE


def test_a_peer_without_the_plugin_is_left_alone(site: ListingSite) -> None:
    site.voucher.scripted["listMethods"] = list
    pass_time(site, 0)
    pass_time(site, DAY_S)
    site.rig.app.syncs.close(10)
    assert all_runs(site) == []
    assert site.voucher.calls


def test_a_clock_that_is_set_back_starts_one_and_no_more(site: ListingSite) -> None:
    assert site.run().state == runs.DONE
    pass_time(site, -30 * DAY_S)
    wait_for(site, 2)
    pass_time(site, 60)
    pass_time(site, 60)
    assert len(wait_for(site, 2)) == 2


def test_a_page_starts_one_and_one_at_a_time(site: ListingSite) -> None:
    go = threading.Event()
    site.lister.before = lambda *_asked: None if go.wait(20) else "late"
    begun = site.rig.app.syncs.start(site.peer, Wanted(), "clerk")
    with pytest.raises(Refused, match="is under way"):
        site.rig.app.syncs.start(site.peer, Wanted(), "other")
    go.set()
    [run] = wait_for(site, 1)
    assert (run.id, run.state, run.by_actor) == (begun.id, runs.DONE, "clerk")
    preview = site.rig.app.syncs.start(site.peer, Wanted(is_preview=True), "clerk")
    assert wait_for(site, 2)[0].id == preview.id


@pytest.mark.requirement("R82")
def test_what_a_killed_process_left_is_gone_on_with(site: ListingSite) -> None:
    site.rig.clock.now += 60
    site.lister.most = 2
    run = site.sync.step(site.sync.begin(site.peer, Wanted(), "test"))
    assert run.state == runs.RUNNING
    site.sync.release(run)  # as its process goes
    asked = len(site.lister.asked)
    pass_time(site, 60)
    [ended] = wait_for(site, 1)
    assert (ended.id, ended.state, ended.by_actor) == (run.id, runs.DONE, "test")
    assert len(site.lister.asked) == len(set(site.lister.asked)) > asked
    preview = site.sync.begin(site.peer, Wanted(is_preview=True), "test")
    site.sync.release(preview)
    pass_time(site, 60)
    assert wait_for(site, 2)[0].reason == runs.STOPPED


def test_a_slow_peer_keeps_no_other_waiting(tmp_path: Path) -> None:
    """Even with a single thread: between two pages of a large one others have their turn."""
    site = listing_site(tmp_path)
    site.lister.small_school(30)
    site.lister.most = 1
    order: list[int] = []
    syncs = Syncs(site.sync, BERLIN, SlowWork(Workers(1)))
    go = threading.Event()

    def page(entity: str, _cursor: str, _limit: int) -> None:
        go.wait(20)
        order.append(len(entity))

    site.lister.before = page
    syncs.start(site.peer, Wanted(), "test")
    done = threading.Event()
    syncs.slow_work.submit("another peer", done.set)
    go.set()
    assert done.wait(20)
    assert len(order) < 5
    syncs.close(20)
    site.rig.app.database.close()


@given(
    st.integers(10**9, 4 * 10**9),
    st.integers(1, 400),
    st.times().map(lambda t: t.strftime("%H:%M")),
)
def test_what_is_due_lies_behind_and_less_than_its_hours_ago(now: int, hours: int, at: str) -> None:
    due = last_due(now, hours, at, BERLIN)
    # A clock that is set forward or back shifts it by an hour.
    assert -HOUR_S <= now - due <= (hours + 1) * HOUR_S
    assert last_due(due, hours, at, BERLIN) in range(due - HOUR_S, due + HOUR_S + 1)


def test_a_day_has_one_at_its_time_whatever_the_clock_does() -> None:
    for month, day in ((1, 5), (3, 29), (7, 9), (10, 25)):
        noon = int(datetime(2026, month, day, 12, tzinfo=BERLIN).timestamp())
        due = datetime.fromtimestamp(last_due(noon, 24, "03:30", BERLIN), BERLIN)
        assert (due.month, due.day, due.hour, due.minute) == (month, day, 3, 30)
