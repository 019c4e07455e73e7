"""What a full sync left: who is what in a section, what was counted, what is marked as missing."""

from __future__ import annotations

from typing import Any

from schooltool_bridge.cli import lists
from schooltool_bridge.events.applied import source
from schooltool_bridge.events.receiving import receive
from schooltool_bridge.full_sync import marks
from schooltool_bridge.full_sync.runs import Run
from tests.helpers.listing import ListingSite


def codes(site: ListingSite, section: str = "s1") -> dict[str, str]:
    """What everybody is in a section."""
    with site.rig.app.database.read() as connection:
        rows: list[dict[str, Any]] = lists.enrolments(connection)
    return {r["person"]: r["code"] for r in rows if r["section"] == section}


def since(site: ListingSite, person: str, section: str = "s1") -> str:
    with site.rig.app.database.read() as connection:
        rows: list[dict[str, Any]] = lists.enrolments(connection)
    return next(str(r["since"]) for r in rows if (r["section"], r["person"]) == (section, person))


def push(site: ListingSite, event: str, **data: Any) -> Any:
    with site.rig.app.database.write() as connection:
        sender = source(site.peer, site.rig.app.site)
        return receive(connection, sender, event, data, int(site.rig.clock.now)).answer


def counted(run: Run, entity: str) -> dict[str, int]:
    return {name: n for name, n in run.counts[entity].items() if n}


def marked(site: ListingSite, entity: str) -> int:
    with site.rig.app.database.read() as connection:
        return len(marks.marked(connection, site.peer.id, entity))


def without_runs(dump: dict[str, Any]) -> dict[str, Any]:
    return {name: rows for name, rows in dump.items() if not name.startswith("sync_r")}
