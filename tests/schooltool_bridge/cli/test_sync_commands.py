"""The commands of full syncs: what they print, how they end, and a kill in the middle."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.helpers.listing import FULL_SYNC, Lister, enrolment, user
from tests.helpers.moodle import Moodle
from tests.helpers.roaming import befriend, pem_of, site_in
from tests.helpers.site import PROGRAM, Refused, Site

ENTITY = {
    "seen", "created", "updated", "unchanged", "held", "failed", "withdrawn", "restored", "missing"
}  # fmt: skip


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with site_in(tmp_path_factory.mktemp("sis")) as running:
        yield running


@pytest.fixture
def lister(site: Site) -> Iterator[tuple[Lister, Moodle]]:
    with Moodle(site.wwwroot, pem_of(site)) as moodle:
        befriend(site, moodle)
        moodle.methods = [FULL_SYNC]
        lister = Lister(time.time)
        moodle.scripted = {"full_sync": lister.full_sync}
        lister.small_school()
        yield lister, moodle


def run(site: Site, moodle: Moodle, *options: str) -> tuple[int, dict[str, Any]]:
    try:
        text, status, said = site.text("sync", "run", moodle.wwwroot, *options, "--json"), 0, ""
    except Refused as refused:
        text, status, said = refused.stdout, refused.status, refused.stderr
    assert len(said.strip().splitlines()) == status
    told: dict[str, Any] = json.loads(text)
    return status, told


@pytest.mark.requirement("R80", "R82", "R83", "1.8", "1.10")
def test_a_whole_story(site: Site, lister: tuple[Lister, Moodle]) -> None:
    listing, moodle = lister
    status, told = run(site, moodle)
    assert (status, told["state"], told["peer"]) == (0, "done", moodle.wwwroot)
    assert set(told) == {
        "id", "peer", "state", "started_at", "ended_at", "taken_at", "entities", "reason"
    }  # fmt: skip
    assert list(told["entities"]) == [
        "users", "sections", "enrolments", "assessments", "grades"
    ]  # fmt: skip
    assert all(set(e) == ENTITY for e in told["entities"].values())
    assert told["entities"]["grades"]["created"] == 9
    time.sleep(1.1)  # what is heard in the very second when a walk begins is not judged missing
    listing.data["users"].append(user(9))
    listing.data["enrolments"] = [enrolment(1, 1)]
    status, told = run(site, moodle, "--preview")
    assert (status, told["state"]) == (1, "waiting")
    assert told["entities"]["users"]["created"] == 1
    assert told["entities"]["enrolments"]["withdrawn"] == 8
    preview = told["id"]
    status, told = run(site, moodle)
    assert (status, told["state"]) == (1, "waiting")
    shown = site.run("sync", "show", told["id"])
    assert {k: shown[k] for k in told} == told
    assert {r["outcome"] for r in shown["rows"]} == {"created", "withdrawn"}
    gone = [r for r in shown["rows"] if r["outcome"] == "withdrawn"]
    assert {(r["person"], r["section"]) for r in gone} == {
        *((f"u{n}", "s1") for n in range(2, 7)), *((f"u{n}", "s2") for n in range(1, 4))
    }  # fmt: skip
    assert "First2 Last2 / Section 1" in {r["name"] for r in gone}
    status, done = run(site, moodle, "--confirm", told["id"])
    assert (status, done["state"]) == (0, "done")
    assert done["entities"]["enrolments"]["withdrawn"] == 8
    status, again = run(site, moodle)
    assert (status, again["entities"]["enrolments"]["withdrawn"]) == (0, 0)
    listed = site.run("sync", "list", "--peer", moodle.wwwroot)
    assert [r["id"] for r in listed][:3] == [again["id"], done["id"], told["id"]]
    assert {r["id"]: r["state"] for r in listed}[preview] == "incomplete"
    with pytest.raises(Refused, match="waits for nobody"):
        site.text("sync", "run", moodle.wwwroot, "--confirm", told["id"])
    with pytest.raises(Refused, match="There is no full sync 99999"):
        site.text("sync", "run", moodle.wwwroot, "--confirm", "99999")


@pytest.mark.requirement("R82", "1.10")
def test_a_killed_run_is_gone_on_with(site: Site, lister: tuple[Lister, Moodle]) -> None:
    listing, moodle = lister
    listing.most = 2
    pages: list[str] = []

    def slow(entity: str, cursor: str, _limit: int) -> None:
        pages.append(f"{entity} {cursor}")
        if len(pages) == 6:
            os.kill(process.pid, signal.SIGKILL)
            process.wait()

    listing.before = slow
    command = [*PROGRAM, "sync", "run", moodle.wwwroot, "--home", str(site.home)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    assert process.wait(60) == -signal.SIGKILL
    status, told = run(site, moodle)
    assert (status, told["state"]) == (0, "done")
    assert pages[6] == pages[5]
    assert len(set(pages)) == len(pages) - 1
    # The killed one had applied what came before.
    assert told["entities"]["users"]["created"] + told["entities"]["users"]["unchanged"] == 6


def test_odd_choices_are_refused(site: Site, lister: tuple[Lister, Moodle]) -> None:
    _listing, moodle = lister
    for options, status in (
        (("--only", "pupils"), 2),
        (("--preview", "--confirm", "1"), 2),
        (("--person", "nobody"), 1),
        (("--section", "nowhere"), 1),
    ):
        with pytest.raises(Refused) as refused:
            site.text("sync", "run", moodle.wwwroot, *options)
        assert refused.value.status == status
    moodle.methods = []
    with pytest.raises(Refused, match="There is no peer"):
        site.text("sync", "run", "http://nobody.example.org")


def test_a_peer_without_the_plugin(site: Site) -> None:
    with Moodle(site.wwwroot, pem_of(site)) as moodle:
        befriend(site, moodle)
        status, told = run(site, moodle)
    assert (status, told["state"]) == (1, "failed")
    assert "offers no full_sync" in told["reason"]
