"""Adding a peer: what the first step says when the site cannot be asked."""

from __future__ import annotations

from typing import Any

import pytest

from keys.certificate import load
from keys.keypair import generate
from mnet.call_errors import CannotReach
from mnet.protocol import APPLICATIONS
from peers import bootstrap
from peers.bootstrap import Found
from peers.typed import as_openssl_prints
from schooltool_bridge.server.app import App
from tests.helpers.framed import signed_in
from tests.helpers.moodle import Moodle
from tests.helpers.rig import START_UNIX_S, Rig
from tests.helpers.site import Refused, Site

ADD = "/admin/peers/add"


@pytest.mark.parametrize(
    ("reason", "is_offered"), [("other", True), ("name", False), ("connection", False), ("time", False)]
)  # fmt: skip
def test_an_unchecked_certificate_is_offered_only_where_it_may_be_the_trouble(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, reason: Any, is_offered: bool
) -> None:
    def discover(*_about: object, **_how: object) -> None:
        raise CannotReach("No way there.", reason=reason)

    monkeypatch.setattr(bootstrap, "discover", discover)
    answer = signed_in(rig, "manager").send(ADD, wwwroot="https://moodle.example.org")
    assert answer.status == 400
    assert "No way there." in answer.text
    assert ('name="any_tls"' in answer.text) == is_offered


THERE = generate("https://moodle.example.org", "M", START_UNIX_S)
OTHER = generate("https://moodle.example.org", "M", START_UNIX_S)


@pytest.fixture
def moodle(monkeypatch: pytest.MonkeyPatch) -> None:
    def discover(_out: object, _way: object, wwwroot: str, **_how: object) -> Found:
        certificate = load(THERE.certificate_pem)
        return Found(wwwroot, "M", APPLICATIONS["moodle"], certificate)

    monkeypatch.setattr(bootstrap, "discover", discover)


@pytest.mark.usefixtures("moodle")
@pytest.mark.parametrize(
    "typed", ["moodle.example.org", " moodle.example.org/ ", "https://moodle.example.org"]
)
def test_an_address_is_completed(rig: Rig, typed: str) -> None:
    answer = signed_in(rig, "manager").send(ADD, wwwroot=typed)
    assert answer.status == 200
    assert answer.tree.xpath("string(//dl/dd[2])") == "https://moodle.example.org"
    assert as_openssl_prints(THERE.fingerprint) in answer.tree.xpath("string(//dl)")


@pytest.mark.usefixtures("moodle")
@pytest.mark.parametrize(
    ("pasted", "ticked", "sentence"),
    [
        (f"sha256 Fingerprint={as_openssl_prints(THERE.fingerprint)}\n", False, ""),
        (THERE.fingerprint.upper(), False, ""),
        (THERE.certificate_pem, False, ""),
        ("", True, ""),
        ("", False, "Please compare the fingerprint first"),
        (OTHER.certificate_pem, True, "These are not the same"),
        (OTHER.fingerprint, True, "These are not the same"),
        ("AB:CD", True, "This is no SHA-256 fingerprint"),
    ],
    ids=["openssl", "hex", "certificate", "eyes", "nothing", "another", "another in hex", "short"],
)
def test_what_the_other_site_shows_is_compared(
    rig: Rig, pasted: str, ticked: bool, sentence: str
) -> None:
    fields = {
        "wwwroot": "https://moodle.example.org", "application": "moodle", "name": "M",
        "certificate": THERE.certificate_pem, "seen_there": pasted,
    }  # fmt: skip
    if ticked:
        fields["compared"] = "on"
    answer = signed_in(rig, "manager").send(ADD + "/confirm", page=ADD, **fields)
    assert answer.status == (400 if sentence else 303)
    assert sentence in answer.text
    assert bool(rig.app.registry.find("https://moodle.example.org")) == (not sentence)


@pytest.mark.parametrize(
    "off", [{"body": b"<!DOCTYPE html><html></html>"}, {"server": (404, "")}, {"keyswap": 5}],
    ids=["a web page", "404", "no certificate"],
)  # fmt: skip
def test_a_moodle_with_networking_off_is_told_that_first(
    site: Site, app: App, off: dict[str, Any]
) -> None:
    with Moodle(site.wwwroot, app.custody.keyring().certificate_pem) as moodle:
        for name, value in off.items():
            setattr(moodle, name, value)
        with pytest.raises(Refused, match="tick Networking") as refused:
            site.text("peer", "add", moodle.wwwroot, "--yes")
    assert refused.value.status == 1
    assert site.run("peer", "list") == []
