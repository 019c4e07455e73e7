"""make bench: what an item of a full sync costs, in pairs of RSA operations: new, then unchanged.

A Moodle in this process answers page by page. What counts is the processor's time of a step of
ours without that of the Moodle's answer, set against a signature and a decryption just before;
beside it the statements of an item.

    python -m tests.bench.syncs [sqlite] [postgresql]
"""

from __future__ import annotations

import time
from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from typing import Any

from schooltool_bridge.full_sync import runs
from schooltool_bridge.full_sync.runs import Wanted
from schooltool_bridge.full_sync.syncing import next_entity
from tests.bench.floor import Statements, each_store, pair_s
from tests.helpers.listing import (
    ListingSite,
    a_section,
    assessment,
    enrolment,
    grade,
    listing_site,
    user,
)

PEOPLE, SECTIONS, PLACES, ITEMS = 800, 40, 2, 20


class Bench:
    """A site of ours that walks through a Moodle's lists."""

    def __init__(self, folder: Path, url: str) -> None:
        folder.mkdir()
        self.site: ListingSite = listing_site(folder, url)
        self.statements = Statements(self.site.rig.app.database)
        self.there_s = 0.0
        app = self.site.rig.app
        self._post = app.outbound.post
        app.outbound = app.peer_client.outbound = replace(app.outbound, post=self._timed)
        app.full_sync.outbound = app.outbound
        school(self.site.lister.data)

    def _timed(self, url: str, body: bytes, **how: Any) -> bytes:
        began, before = time.process_time(), self.statements.count
        answer = self._post(url, body, **how)
        self.there_s += time.process_time() - began
        self.statements.count = before
        return answer

    def run(self, what: str) -> None:
        """Do one run, and print what an item of each kind cost."""
        key = self.site.voucher.fake.pair.private_key
        self.site.rig.clock.now += 3600
        sync = self.site.sync
        run = sync.begin(self.site.peer, Wanted(), "bench")
        pairs: dict[str, float] = defaultdict(float)
        statements: dict[str, int] = defaultdict(int)
        while run.state == runs.RUNNING:
            entity = next_entity(run, self.site.peer) or "judging"
            floor_s = pair_s(key)
            self.there_s, self.statements.count, began = 0.0, 0, time.process_time()
            run = sync.step(run)
            pairs[entity] += (time.process_time() - began - self.there_s) / floor_s
            statements[entity] += self.statements.count
        assert run.state == runs.DONE, run
        for entity, all_pairs in pairs.items():
            count = run.walks[entity].came if entity in run.walks else 1
            print(
                f"  {what:10} {entity:12} {count:6,} x {all_pairs / count:6.2f} RSA pairs, "
                f"{statements[entity] / count:5.1f} statements"
            )


def school(data: dict[str, list[dict[str, Any]]]) -> None:
    """Fill a Moodle: everybody in some sections, one item in each, everybody graded."""
    data["users"] = [user(n) for n in range(PEOPLE)]
    data["sections"] = [a_section(n, teacheridnumber=f"u{n}") for n in range(SECTIONS)]
    data["enrolments"] = [
        enrolment((n + m * 7) % SECTIONS, n) for m in range(PLACES) for n in range(PEOPLE)
    ]
    data["enrolments"].sort(key=lambda e: (e["sectionid"], e["userid"]))
    data["assessments"] = [assessment(n % SECTIONS, n) for n in range(SECTIONS * ITEMS)]
    data["grades"] = [grade(n % SECTIONS, n) for n in range(PEOPLE)]


def measure(title: str, folder: Path, url: str = "") -> None:
    print(f"{title}: full sync")
    bench = Bench(folder, url)
    for what in ("new", "unchanged"):
        bench.run(what)
    bench.site.rig.app.database.close()


if __name__ == "__main__":
    each_store(measure)
