"""A Moodle from 5.0 on is not told to tick what it does not have, once its release is known."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from peers import accounts, changes, checks
from peers.audit import By
from peers.verify_rules import RemoteService, Report
from peers.verify_services import left_out
from schooltool_bridge.server.app import App
from tests.helpers.framed import signed_in
from tests.helpers.moodle import METHODS, TICKED, Moodle
from tests.helpers.rig import START_UNIX_S, Rig
from tests.helpers.verifying import only, register

ALL = ("schooltool", "sso_idp", "sso_sp", "mnet_enrol")
GONE = ["mnet_enrol", "sso_idp", "sso_sp"]


@pytest.mark.parametrize(
    ("release", "lacks"),
    [
        ("5.1.3 (Build: 20260101)", GONE), ("5.0", GONE), ("5", GONE), ("10.2", GONE),
        ("4.5.6+", []), ("3.11.9", []), ("", []), (None, []), ("v5.0", []), ("2025041403.00", []),
        ("five", []), ("٥.0", []),
    ],
)  # fmt: skip
def test_what_a_release_lacks(release: str | None, lacks: list[str]) -> None:
    assert left_out(ALL, {"schooltool"}, release) == lacks
    assert left_out(ALL, {*ALL}, release) == []  # a plugin brought them back
    assert left_out(["schooltool"], {}, release) == []
    assert left_out(ALL, None, release) == []


@pytest.fixture
def moodle(app: App) -> Iterator[Moodle]:
    with Moodle(app.settings.wwwroot, app.custody.keyring().certificate_pem) as moodle:
        moodle.methods = METHODS
        yield moodle


def test_verifying_says_plugin_or_untick_and_names_no_box(app: App, moodle: Moodle) -> None:
    register(app, moodle.wwwroot, moodle.fake.pair.certificate_pem, ALL)
    moodle.info = {"release": "5.1.3 (Build: 20260101)"}
    detail, remedy = only(app, moodle.wwwroot, "services")
    assert "SSO (Identity Provider)" in detail
    assert "Remote enrolment service" in detail
    assert "plugin" in remedy
    assert "Manage peers" not in remedy
    assert f"services {moodle.wwwroot} --publish schooltool --subscribe schooltool" in remedy
    moodle.info = {"release": "4.5.6"}
    assert "tick Subscribe for Remote enrolment" in only(app, moodle.wwwroot, "services")[1]
    moodle.info = {"release": "5.1.3"}
    moodle.services = [{**TICKED[0], "name": name} for name in ALL]
    peer = app.registry.find(moodle.wwwroot)
    assert peer is not None
    assert app.verify(peer).ok


def test_services_are_compared_although_the_version_cannot_be_asked(
    app: App, moodle: Moodle
) -> None:
    register(app, moodle.wwwroot, moodle.fake.pair.certificate_pem, ALL)
    moodle.plain["listMethods"] = [b"nonsense"]
    peer = app.registry.find(moodle.wwwroot)
    assert peer is not None
    said = {step.name: step for step in app.verify(peer).steps}
    assert not said["remote version"].ok
    assert said["services"].was_tried
    assert "Manage peers" in said["services"].remedy


@pytest.mark.parametrize("release", ["5.1.3", "4.5.6"])
def test_the_list_of_boxes_leaves_out_what_is_not_there(rig: Rig, release: str) -> None:
    rig.add("http://moodle.example.org")
    with rig.app.database.write() as connection:
        changes.set_services(connection, By("olga", START_UNIX_S), 1, publish=ALL, subscribe=ALL)
        listed = {"schooltool": RemoteService(publish=True, subscribe=True)}
        checks.save_check(connection, 1, Report(False, (), 0.0, release, listed, None), 1)
    page = signed_in(rig, accounts.MANAGER).get("/admin/peers/1/verify")
    boxes = ["".join(e.itertext()) for e in page.tree.xpath("//tbody//th")]
    is_five = release == "5.1.3"
    assert len(boxes) == (1 if is_five else len(ALL))
    assert ("untick them here" in page.text) is is_five
