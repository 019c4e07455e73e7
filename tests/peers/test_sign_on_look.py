"""Verifying sees whether a Moodle signs people on; where it does not, nobody is sent there."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from mnet import language
from mnet.stored_sentences import localized
from peers import checks
from peers.verify_sign_on import SIGN_ON
from schooltool_bridge.server.app import App
from schooltool_bridge.sign_on import jumping
from tests.helpers.moodle import METHODS, TICKED, Moodle
from tests.helpers.verifying import broken, only, register, step, verify

ALL = ("schooltool", "sso_idp", "sso_sp")
# As Moodles 3.11, 4.5 and 5.1 show it, with the status 404 like every error of theirs.
OFF = (
    b'<div class="errorbox" data-rel="fatalerror"><p class="errormessage">MNET is disabled</p>'
    b'<a href="https://docs.moodle.org/405/en/error/moodle/mnetdisable">More</a></div>'
)
ON = (
    b'<div class="errorbox" data-rel="fatalerror"><p class="errormessage">You may not</p>'
    b'<a href="https://docs.moodle.org/405/en/error/mnet/notpermittedtoland">More</a></div>'
)
NOT_THERE = b"<html><h1>404 Not Found</h1></html>"


@pytest.fixture
def moodle(app: App) -> Iterator[Moodle]:
    with Moodle(app.settings.wwwroot, app.custody.keyring().certificate_pem) as moodle:
        moodle.methods = METHODS
        moodle.services = [{**TICKED[0], "name": name} for name in ALL]
        yield moodle


@pytest.mark.requirement("R17")
def test_signing_on_that_is_off_there_is_named_with_its_remedy(app: App, moodle: Moodle) -> None:
    register(app, moodle.wwwroot, moodle.fake.pair.certificate_pem, ALL)
    moodle.land = (404, OFF)
    detail, remedy = only(app, moodle.wwwroot, "signing on")
    assert "switched off there" in detail
    assert "Manage authentication: enable MNet authentication" in remedy
    assert f"services {moodle.wwwroot} --publish schooltool --subscribe schooltool" in remedy
    assert "plugin auth_mnet" not in remedy
    moodle.land = (404, ON)
    report = verify(app, moodle.wwwroot)
    assert report["ok"], broken(report)
    assert step(report, "signing on")["detail"] == "It is switched on there."
    # No site that a Moodle could ask about the token.
    landings = [asked for asked in moodle.asked if "/auth/mnet/land.php" in asked]
    assert landings
    assert all("nobody.invalid" in asked and "wantsurl=" in asked for asked in landings)


@pytest.mark.requirement("R17")
@pytest.mark.parametrize(("release", "is_told"), [("5.1.3", True), ("", True), ("4.5.6", False)])
def test_a_moodle_5_without_the_plugin_is_told_apart(
    app: App, moodle: Moodle, release: str, is_told: bool
) -> None:
    register(app, moodle.wwwroot, moodle.fake.pair.certificate_pem, ALL)
    moodle.info = {"release": release}
    moodle.land = (404, NOT_THERE)
    if is_told:
        detail, remedy = only(app, moodle.wwwroot, "signing on")
        assert "is not there" in detail
        assert "needs the plugin auth_mnet (mnet-peer plugin --sign-on FILE.zip)" in remedy
    else:  # it has its own, so something else is wrong
        assert verify(app, moodle.wwwroot)["ok"]


@pytest.mark.parametrize("land", [(200, b"<p>Hello</p>"), (503, b"maintenance"), (403, b"")])
def test_what_cannot_be_told_is_no_failure(
    app: App, moodle: Moodle, land: tuple[int, bytes]
) -> None:
    register(app, moodle.wwwroot, moodle.fake.pair.certificate_pem, ALL)
    moodle.land = land
    report = verify(app, moodle.wwwroot)
    assert report["ok"], broken(report)
    assert f"(HTTP status {land[0]})" in step(report, "signing on")["detail"]


@pytest.mark.parametrize(
    ("ticked", "application"), [(("schooltool",), "moodle"), (ALL[1:], "mahara")]
)
def test_only_a_moodle_for_which_it_is_ticked_is_looked_at(
    app: App, moodle: Moodle, ticked: tuple[str, ...], application: str
) -> None:
    pem = moodle.fake.pair.certificate_pem
    register(app, moodle.wwwroot, pem, ticked, application=application)
    moodle.land = (404, OFF)
    report = verify(app, moodle.wwwroot)
    assert "Does not apply" in step(report, "signing on")["detail"]
    assert not [asked for asked in moodle.asked if "land.php" in asked]


@pytest.mark.requirement("R31")
def test_nobody_is_offered_a_way_that_ends_nowhere(app: App, moodle: Moodle) -> None:
    peer_id = register(app, moodle.wwwroot, moodle.fake.pair.certificate_pem, ALL)
    peer = app.registry.by_id(peer_id)
    assert peer is not None
    moodle.info = {"release": "5.1.3"}
    for land, is_offered in ((OFF, False), (ON, True), (NOT_THERE, False)):
        moodle.land = (404, land)
        app.verify(peer)
        with app.database.read() as connection:
            ways = jumping.ways_in(connection, app.registry, app.site, "/me")
            assert (peer_id not in checks.failed(connection, SIGN_ON)) is is_offered
        assert any(url.startswith(moodle.wwwroot) for _name, url in ways) is is_offered


def test_the_step_speaks_german(app: App, moodle: Moodle) -> None:
    register(app, moodle.wwwroot, moodle.fake.pair.certificate_pem, ALL)
    moodle.land = (404, OFF)
    with language.speaking("de"):
        assert localized(only(app, moodle.wwwroot, "signing on")[0]) == (
            "Das Anmelden von Website zu Website ist dort ausgeschaltet."
        )
