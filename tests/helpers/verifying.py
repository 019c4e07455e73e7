"""Verifying a peer, in this process or by a site's command, and what a report must keep to."""

from __future__ import annotations

import json
import time
from typing import Any

from keys.certificate import load
from peers import changes, store
from peers.audit import By
from peers.verify import ORDER
from peers.verify import verify as look
from schooltool_bridge.server.app import App
from tests.helpers.site import Refused, Site

BOTH = ("schooltool",)


def register(
    app: App,
    wwwroot: str,
    pem: str,
    ticked: tuple[str, ...] = BOTH,
    *,
    application: str = "moodle",
) -> int:
    now = int(time.time())
    with app.database.write() as connection:
        known = store.find(connection, wwwroot)
        if known is not None:  # the port was another test's before
            changes.remove_peer(connection, By("test", now), known.id)
        peer_id = changes.add_peer(connection, By("test", now), wwwroot=wwwroot, our_wwwroot=app.settings.wwwroot, name="Moodle", application=application, certificate=load(pem), origin="file")  # fmt: skip
        changes.set_services(connection, By("test", now), peer_id, publish=ticked, subscribe=ticked)
        return peer_id


def verify(by: Site | App, wwwroot: str) -> dict[str, Any]:
    """Verify in this process, or by a site's command, whose exit status must fit."""
    if isinstance(by, App):
        report = in_process(by, wwwroot)
    else:
        status = 0
        try:
            text = by.text("peer", "verify", wwwroot, "--json")
        except Refused as refused:
            status, text = refused.status, refused.stdout
        report = json.loads(text)
        assert status == (0 if report["ok"] else 1)
    assert report["ok"] == all(step["ok"] for step in report["steps"])
    assert [step["name"] for step in report["steps"]] == list(ORDER)
    for step in report["steps"]:
        assert set(step) == {"name", "ok", "detail", "remedy"}
        assert step["detail"]
        assert bool(step["remedy"]) is not step["ok"], step
    return report


def in_process(app: App, wwwroot: str) -> dict[str, Any]:
    peer = app.registry.find(wwwroot)
    assert peer is not None
    report = look(
        peer,
        outbound=app.outbound,
        transport=app.transport,
        registry=app.registry,
        clock=app.clock,
    )
    return {"ok": report.ok, "steps": [step.for_programs() for step in report.steps]}


def broken(report: dict[str, Any]) -> list[dict[str, str]]:
    """The steps that failed themselves, without those that were not tried."""
    return [
        step
        for step in report["steps"]
        if not step["ok"] and not step["detail"].startswith("Not tried")
    ]


def only(by: Site | App, wwwroot: str, name: str) -> tuple[str, str]:
    """Verify, see that this step alone is broken, and return what it says."""
    found = broken(verify(by, wwwroot))
    assert [step["name"] for step in found] == [name], found
    return found[0]["detail"], found[0]["remedy"]


def step(report: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(s for s in report["steps"] if s["name"] == name)
    return found
