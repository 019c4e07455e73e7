"""A Moodle with a plugin that lists all that it has (full_sync), and can be told to lie.

`Lister` goes into the `scripted` methods of a Moodle (moodle.py) or a Voucher (vouching.py);
`listing_site` is a site of ours in memory with one such peer.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from mnet.xmlrpc import FaultResponse
from peers import store
from peers.registry import Peer
from schooltool_bridge.full_sync import confirming, runs
from schooltool_bridge.full_sync.carrying import carry_out
from schooltool_bridge.full_sync.runs import Row, Run, Wanted
from schooltool_bridge.full_sync.syncing import FullSync
from tests.helpers.rig import SERVICES, Rig, make_rig
from tests.helpers.vouching import Voucher

MOODLE = "http://moodle.example.org"
FULL_SYNC = "local/schooltool/lib.php/full_sync"
BEFORE_S = 300


def user(number: int, **more: Any) -> dict[str, Any]:
    return {
        "idnumber": f"u{number}", "username": f"user{number}", "firstname": f"First{number}",
        "lastname": f"Last{number}", "email": "", "moodleid": 100 + number, **more,
    }  # fmt: skip


def a_section(number: int, **more: Any) -> dict[str, Any]:
    return {"idnumber": f"s{number}", "name": f"Section {number}", "moodleid": 10 + number, **more}


def enrolment(section: int, person: int, role: str = "student", **more: Any) -> dict[str, Any]:
    return {"sectionid": f"s{section}", "userid": f"u{person}", "role": role, **more}


def assessment(section: int, number: int, **more: Any) -> dict[str, Any]:
    return {
        "sectionid": f"s{section}", "idnumber": f"a{number}", "name": f"Quiz {number}",
        "pointval": 10, **more,
    }  # fmt: skip


def grade(number: int, person: int, points: Any = 7, **more: Any) -> dict[str, Any]:
    return {"assessmentid": f"a{number}", "userid": f"u{person}", "points_earned": points, **more}


@dataclass
class Lister:
    """What a Moodle has, as its plugin would list it; each item without its time is an old one."""

    clock: Callable[[], float]
    data: dict[str, list[dict[str, Any]]] = field(
        default_factory=lambda: {
            name: [] for name in ("users", "sections", "enrolments", "assessments", "grades")
        }
    )
    scope: str = "all"
    complete: Any = 1
    most: int = 1000
    # Called before each page with entity, cursor and limit; what it returns, if anything, is the
    # answer, and what it raises is a fault.
    before: Callable[[str, str, int], Any] | None = None
    # Changes each answer before it leaves.
    twist: Callable[[str, dict[str, Any]], Any] | None = None
    asked: list[tuple[str, str, int]] = field(default_factory=list)
    # When an item without one was changed.
    since_unix_s: int = 0

    def __post_init__(self) -> None:
        self.since_unix_s = self.since_unix_s or int(self.clock()) - 30 * 24 * 3600

    @property
    def scripted(self) -> dict[str, Callable[..., Any]]:
        return {"listMethods": lambda: [FULL_SYNC], "full_sync": self.full_sync}

    def full_sync(self, entity: str, cursor: str, limit: int) -> Any:
        self.asked.append((entity, cursor, limit))
        if self.before is not None:
            answer = self.before(entity, cursor, limit)
            if answer is not None:
                return answer
        if entity not in self.data:
            return FaultResponse(8400, f"full_sync: there is no {entity}", None)
        items = self.data[entity]
        if cursor:
            first, sent, top, taken = map(int, cursor.split("-"))
        else:
            first, sent, top, taken = 0, 0, len(items), int(self.clock()) - BEFORE_S
        page = items[first : min(first + min(limit, self.most), top)]
        sent += len(page)
        following = first + len(page)
        is_last = following >= min(top, len(items))
        answer = {
            "items": [{"timemodified": self.since_unix_s, **item} for item in page],
            "next": "" if is_last else f"{following}-{sent}-{top}-{taken}",
            "count": sent if is_last else top,
            "taken_at": taken,
            "scope": self.scope,
            "complete": self.complete if is_last else 0,
        }
        return answer if self.twist is None else self.twist(entity, answer)

    def small_school(self, people: int = 6) -> None:
        """Two sections, everybody in the first, half in the second, two quizzes, all graded."""
        self.data["users"] = [user(n) for n in range(1, people + 1)]
        self.data["sections"] = [a_section(1), a_section(2)]
        self.data["enrolments"] = [
            *(enrolment(1, n) for n in range(1, people + 1)),
            *(enrolment(2, n) for n in range(1, people // 2 + 1)),
        ]
        self.data["assessments"] = [assessment(1, 1), assessment(2, 2)]
        self.data["grades"] = [
            *(grade(1, n, n) for n in range(1, people + 1)),
            *(grade(2, n, n) for n in range(1, people // 2 + 1)),
        ]

    def drop(self, entity: str, **which: Any) -> None:
        """Let items be gone that say all of this."""
        self.data[entity] = [
            i for i in self.data[entity] if any(i.get(k) != v for k, v in which.items())
        ]


@dataclass
class ListingSite:
    """A site of ours in memory, and a Moodle that lists."""

    rig: Rig
    lister: Lister
    voucher: Voucher
    waited_s: list[float] = field(default_factory=list)

    @property
    def sync(self) -> FullSync:
        return self.rig.app.full_sync

    @property
    def peer(self) -> Peer:
        found = self.rig.app.registry.find(MOODLE)
        assert found is not None
        return found

    def run(self, **wanted: Any) -> Run:
        """Do a whole run, a minute after whatever was before."""
        self.rig.clock.now += 60
        return carry_out(self.sync, self.sync.begin(self.peer, Wanted(**wanted), "test"))

    def confirm(self, diff: Run) -> Run:
        """Confirm a difference, a minute after whatever was before."""
        self.rig.clock.now += 60
        with self.rig.app.database.read() as connection:
            wanted = confirming.wanted(connection, self.peer.id, diff.id)
        return carry_out(self.sync, self.sync.begin(self.peer, wanted, "test"))

    def policy(self, **policy: Any) -> None:
        with self.rig.app.database.write() as connection:
            stored = {name: str(value) for name, value in policy.items()}
            store.set_columns(connection, self.peer.id, policy=stored)

    def rows(self, run: Run, *outcomes: str) -> list[Row]:
        with self.rig.app.database.read() as connection:
            return runs.rows_of(connection, run.id, outcomes=outcomes)

    def get(self, run: Run) -> Run:
        with self.rig.app.database.read() as connection:
            return runs.get(connection, run.id)


def listing_site(folder: Path, url: str = "") -> ListingSite:
    rig = make_rig(folder, url)
    voucher = Voucher(rig.add(MOODLE), rig.clock)
    with rig.app.database.write() as connection:
        stored = store.find(connection, MOODLE)
        assert stored is not None
        store.set_services(connection, stored.id, publish=SERVICES, subscribe=SERVICES)
    lister = Lister(rig.clock)
    voucher.scripted = lister.scripted

    def post(url: str, body: bytes, **_how: object) -> bytes:
        assert url.startswith(MOODLE)
        return voucher.answer(body, rig.pem)

    rig.app.outbound = rig.app.peer_client.outbound = replace(rig.app.outbound, post=post)
    site = ListingSite(rig, lister, voucher)
    rig.app.full_sync.sleep = site.waited_s.append
    return site


def totals(run: Run) -> dict[str, int]:
    """What a run counted in all, without what is nothing."""
    found: dict[str, int] = {}
    for counts in run.counts.values():
        for name, number in counts.items():
            if number:
                found[name] = found.get(name, 0) + number
    return found
