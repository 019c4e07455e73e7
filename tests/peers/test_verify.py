"""Verifying a peer: green where all is well, and each break named with its remedy."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from keys.keypair import generate
from mnet import language
from mnet.stored_sentences import localized
from peers import checks, store, verify_rules
from peers.verify import ORDER
from peers.verify_rules import Step
from schooltool_bridge.server.app import App
from tests.helpers.moodle import METHODS, TICKED, Moodle
from tests.helpers.site import Refused, Site
from tests.helpers.verifying import broken, only, register, step, verify
from tests.php_peer.runner import PhpPeer, free_port


@pytest.fixture
def moodle(app: App) -> Iterator[Moodle]:
    pem = app.custody.keyring().certificate_pem
    with Moodle(app.settings.wwwroot, pem) as moodle:
        yield moodle


def test_a_second_site_of_ours_is_green(site: Site, tmp_path: Path) -> None:
    with Site(tmp_path / "other", name="Other") as other:
        for one, two in ((site, other), (other, site)):
            one.run("peer", "add", two.wwwroot, "--yes")
            one.run("peer", "services", two.wwwroot, "--publish", "schooltool",
                    "--subscribe", "schooltool")  # fmt: skip
        report = verify(site, other.wwwroot)
        assert report["ok"], broken(report)
        assert "Does not apply" in step(report, "TLS")["detail"]
        text = site.text("peer", "verify", other.wwwroot)
        assert text.count("\N{CHECK MARK}") == len(ORDER)
        other.run("peer", "services", site.wwwroot, "--subscribe", "")
        detail, remedy = only(site, other.wwwroot, "services")
        assert "Subscribe for schooltool" in detail
        assert "Manage peers > (this site) > Services: tick Subscribe for schooltool" in remedy
        site.run("peer", "remove", other.wwwroot)
        other.run("peer", "remove", site.wwwroot)


@pytest.mark.requirement("R17")
@pytest.mark.system
@pytest.mark.parametrize("style", ["moodle-old", "moodle-new", "mahara"])
def test_a_php_peer_is_green_and_a_rotation_heals(site: Site, tmp_path: Path, style: str) -> None:
    with PhpPeer(tmp_path / "php", style) as peer:
        peer.do("add", site.wwwroot)
        site.run("peer", "add", peer.wwwroot, "--yes")
        services = ["--publish", "schooltool", "--subscribe", "schooltool"]
        site.run("peer", "services", peer.wwwroot, *services)
        assert verify(site, peer.wwwroot)["ok"]
        peer.do("rotate", False)
        report = verify(site, peer.wwwroot)
        if style == "mahara":  # it signs the new key with the new key, and there is no TLS
            _detail, remedy = only(site, peer.wwwroot, "key")
            assert f"accept-key {peer.wwwroot} --fingerprint {peer.do('fingerprint')}" in remedy
        else:
            assert report["ok"], broken(report)
            assert "was proven" in step(report, "key")["detail"]
            shown = site.run("peer", "show", peer.wwwroot)
            assert shown["fingerprint"] == peer.do("fingerprint")


def test_a_green_report_is_kept_with_clock_and_release(
    site: Site, app: App, moodle: Moodle
) -> None:
    peer_id = register(app, moodle.wwwroot, moodle.fake.pair.certificate_pem)
    moodle.methods = METHODS
    report = verify(site, moodle.wwwroot)
    assert report["ok"], broken(report)
    assert step(report, "remote version")["detail"] == "4.5.1 (Build: 20241202)"
    with app.database.read() as connection:
        kept = checks.last_check(connection, peer_id)
        assert checks.last_check(connection, peer_id + 1000) is None
    assert kept is not None
    assert kept.ok
    assert kept.release == "4.5.1 (Build: 20241202)"
    assert kept.clock_offset_s is not None
    assert abs(kept.clock_offset_s) < 5
    assert [s.name for s in kept.steps] == list(ORDER)
    assert {path for path in moodle.asked if "GET" in path} == {'["GET", "/"]'}


def test_a_peer_that_does_not_tell_its_version_is_fine(app: App, moodle: Moodle) -> None:
    register(app, moodle.wwwroot, moodle.fake.pair.certificate_pem)
    report = verify(app, moodle.wwwroot)
    assert report["ok"], broken(report)
    assert step(report, "remote version")["detail"] == "Not offered."
    moodle.methods, moodle.info = METHODS, []
    report = verify(app, moodle.wwwroot)
    assert report["ok"], broken(report)
    assert step(report, "remote version")["detail"] == "Offered, but it does not tell one."


Break = Callable[[Moodle], None]


def set_to(**fields: Any) -> Break:
    def change(moodle: Moodle) -> None:
        for name, value in fields.items():
            setattr(moodle, name, value)

    return change


def fault_0(text: str) -> Break:
    """As Moodles 4.5 and 5.1 answer what they did not foresee."""
    body = (
        "<?xml version='1.0'?><methodResponse><fault><value><struct><member><name>faultCode</name>"
        "<value><int>0</int></value></member><member><name>faultString</name><value><string>"
        f"{text}</string></value></member></struct></value></fault></methodResponse>"
    )
    return lambda moodle: moodle.plain.update(listServices=[body.encode()])


def row(**flags: str) -> list[dict[str, Any]]:
    return [{**TICKED[0], **flags}]


BREAKS: list[tuple[str, Break, str, str, str]] = [
    # what is broken, how, the step that says so, what it says, what it advises
    ("an HTML answer", set_to(body=b"<!DOCTYPE html><html>secret</html>"), "XML-RPC",
     "web page", "Advanced features: tick Networking"),
    ("PHP warnings", set_to(before_xml=b"<br />\n<b>Warning</b>:  x in <b>/y</b>\n"), "XML-RPC",
     "PHP warnings", "display_errors = Off"),
    ("PHP warnings as text", set_to(before_xml=b"\nWarning: x in /y on line 3\n"), "XML-RPC",
     "PHP warnings", "display_errors = Off"),
    ("nonsense", set_to(body=b"hello"), "XML-RPC", "no message of this protocol", "wwwroot"),
    ("networking 404", set_to(server=(404, "")), "XML-RPC", "404", "Networking"),
    ("a 403", set_to(server=(403, "")), "XML-RPC", "403", "Let this machine through"),
    ("a 500", set_to(server=(500, "")), "XML-RPC", "500", "error log"),
    ("a redirect", set_to(page=(301, "https://www.moodle.example.org/")), "HTTP",
     "redirects to https://www.moodle.example.org/", "peer rename"),
    ("a redirected call", set_to(server=(302, "/login/index.php")), "XML-RPC",
     "/login/index.php", "let /mnet/ through"),
    ("no certificate", set_to(keyswap=5), "keyswap", "no certificate", "Networking"),
    ("a bad certificate", set_to(keyswap="x"), "keyswap", "certificate", "Delete key"),
    ("another site's certificate",
     set_to(keyswap=generate("http://other.example.org", "x", int(time.time())).certificate_pem),
     "key", "other.example.org", "peer rename"),
    ("we are not known", set_to(knows_us=False), "sealed round trip", "7020", "Manage peers: add exactly"),
    ("we are not known by a Moodle that is debugged", fault_0(
        "Coding error detected, it must be fixed by a programmer: Cache definition core/string "
        "requires simple keys. Invalid key provided."),
     "sealed round trip", "fault 0: Coding error", "Manage peers: add exactly"),
    ("another fault 0", fault_0("x"), "sealed round trip", "fault 0: x", "own log"),
    ("networking off in an old Moodle", set_to(fault=(704, "RPC disabled")), "sealed round trip",
     "704: RPC disabled", "tick Networking"),
    ("our key is not the one it has", set_to(fault=(710, "bad \n\t" + "x" * 5000)),
     "sealed round trip", "710: bad x", "mnet-peer key show"),
    ("it cannot open", set_to(fault=(7023, "encryption-invalid")), "sealed round trip", "7023",
     "legacy provider"),
    ("its clock is ahead", set_to(clock_ahead_s=40), "clock", "ahead of ours", "NTP"),
    ("its clock is behind", set_to(clock_ahead_s=-40), "clock", "behind ours", "NTP"),
    ("it does not subscribe", set_to(services=row(subscribe="0")), "services",
     "Subscribe for schooltool", "tick Subscribe for schooltool"),
    ("it does not publish", set_to(services=row(publish="0")), "services",
     "Publish for schooltool", "tick Publish for schooltool"),
    ("it lists no service", set_to(services=[]), "services", "does not know the service schooltool",
     "mnet-peer plugin FILE.zip"),
    ("its plugin is old", set_to(methods=METHODS, info={"moodle": "4.5.6", "plugin": "0.0.9"}),
     "remote version", "4.5.6, plugin 0.0.9, which is older", "Install plugins"),
    ("no list of services", set_to(services="none"), "services", "no list", "Update"),
]  # fmt: skip


@pytest.mark.requirement("R17")
@pytest.mark.parametrize(
    ("change", "name", "says", "advises"),
    [case[1:] for case in BREAKS],
    ids=[case[0] for case in BREAKS],
)
def test_what_is_broken_is_named_with_its_remedy(
    app: App, moodle: Moodle, change: Break, name: str, says: str, advises: str
) -> None:
    register(app, moodle.wwwroot, moodle.fake.pair.certificate_pem)
    change(moodle)
    detail, remedy = only(app, moodle.wwwroot, name)
    assert says in detail
    assert advises in remedy
    assert "secret" not in detail, "a remote body is never repeated"
    assert len(detail) < 400
    assert detail.isprintable()


MAHARA = [
    {"name": name, "apiversion": 1, "publish": 1, "subscribe": 1}
    for name in ("sso_in", "sso_out", "portfolio_in", "repository_out")
]
SSO = ("sso_idp", "sso_sp")


@pytest.mark.requirement("R13")
@pytest.mark.parametrize(
    ("ticked", "says"),
    [
        (SSO, "They SSO in, We SSO out"),
        (("schooltool", "mnet_enrol", *SSO), "It knows no mnet_enrol, schooltool."),
    ],
)
def test_a_mahara_is_green_by_its_own_words(
    site: Site, app: App, moodle: Moodle, ticked: tuple[str, ...], says: str
) -> None:
    pem = moodle.fake.pair.certificate_pem
    register(app, moodle.wwwroot, pem, ticked, application="mahara")
    # As a recorded Mahara answers.
    moodle.services, moodle.methods = MAHARA, {"auth/mnet/auth.php/user_authorise": "x"}
    report = verify(site, moodle.wwwroot)
    assert report["ok"], broken(report)
    assert says in step(report, "services")["detail"]
    assert "SSO direction" in step(report, "services")["detail"]


@pytest.mark.parametrize(
    ("change", "name", "ticked", "advises"),
    [
        (set_to(services=[]), "services", SSO, "SSO direction"),
        (set_to(), "services", ("schooltool",), "--publish sso_idp,sso_sp"),
        (set_to(server=(403, "")), "XML-RPC", SSO, "Configure site > Networking"),
        (set_to(fault=(6003, "no record")), "sealed round trip", SSO, "authentication plugin XML-RPC"),
        (set_to(fault=(6012, "off")), "sealed round trip", SSO, "Enable networking"),
        (set_to(fault=(710, "bad")), "sealed round trip", SSO, "its public key must be"),
        (set_to(keyswap="x"), "keyswap", SSO, "Delete this key"),
    ],
)  # fmt: skip
def test_a_maharas_remedies_name_its_own_menus(
    app: App, moodle: Moodle, change: Break, name: str, ticked: tuple[str, ...], advises: str
) -> None:
    pem = moodle.fake.pair.certificate_pem
    register(app, moodle.wwwroot, pem, ticked, application="mahara")
    moodle.services = MAHARA
    change(moodle)
    _detail, remedy = only(app, moodle.wwwroot, name)
    assert advises in remedy
    assert "Site administration" not in remedy


def test_the_address_to_register_is_ours_to_the_letter(app: App, moodle: Moodle) -> None:
    register(app, moodle.wwwroot, moodle.fake.pair.certificate_pem)
    moodle.knows_us = False
    assert (
        f"add exactly {app.settings.wwwroot} " in only(app, moodle.wwwroot, "sealed round trip")[1]
    )


def test_a_clock_on_its_way_is_pointed_out(app: App, moodle: Moodle) -> None:
    register(app, moodle.wwwroot, moodle.fake.pair.certificate_pem)
    moodle.clock_ahead_s = 10
    report = verify(app, moodle.wwwroot)
    assert report["ok"]
    assert "soon too much" in step(report, "clock")["detail"]


def test_our_own_box_is_named_when_it_is_the_one_missing(
    site: Site, app: App, moodle: Moodle
) -> None:
    register(app, moodle.wwwroot, moodle.fake.pair.certificate_pem, ticked=())
    detail, remedy = only(app, moodle.wwwroot, "services")
    assert "publish schooltool here" in detail
    command = (
        f"mnet-peer peer services {moodle.wwwroot} --publish schooltool --subscribe schooltool"
    )
    assert command in remedy
    site.text(*command.split()[1:])
    assert verify(app, moodle.wwwroot)["ok"]
    moodle.services = []
    site.run("peer", "services", moodle.wwwroot, "--publish", "", "--subscribe", "")
    assert "nothing can flow" in only(app, moodle.wwwroot, "services")[0]


def test_another_key_than_the_trusted_one_waits(site: Site, app: App, moodle: Moodle) -> None:
    old = moodle.fake.pair
    peer_id = register(app, moodle.wwwroot, old.certificate_pem)
    moodle.fake.pair = generate(moodle.wwwroot, "Moodle", int(time.time()))
    new = moodle.fake.pair.fingerprint
    detail, remedy = only(site, moodle.wwwroot, "key")
    assert old.fingerprint in detail
    assert f"accept-key {moodle.wwwroot} --fingerprint {new}" in remedy
    with app.database.read() as connection:
        stored = store.by_id(connection, peer_id)
        kept = checks.last_check(connection, peer_id)
    assert stored is not None
    current, offered = stored.certificate(), stored.certificate(store.OFFERED)
    assert current is not None
    assert offered is not None
    assert (current.fingerprint, offered.fingerprint) == (old.fingerprint, new)
    assert kept is not None
    assert not kept.ok
    # The old key's word changes everything: the new one is then proven.
    moodle.old = old
    report = verify(site, moodle.wwwroot)
    assert report["ok"], broken(report)
    assert "was proven" in step(report, "key")["detail"]


def test_another_certificate_in_the_keyswap_alone_is_suspicious(app: App, moodle: Moodle) -> None:
    register(app, moodle.wwwroot, moodle.fake.pair.certificate_pem)
    moodle.keyswap = generate(moodle.wwwroot, "Moodle", int(time.time())).certificate_pem
    detail, remedy = only(app, moodle.wwwroot, "key")
    assert "another key" in detail
    assert "still proves itself" in remedy


def test_an_expired_key_is_told_and_the_rest_goes_on(app: App, moodle: Moodle) -> None:
    past = int(time.time()) - 400 * 24 * 3600
    moodle.fake.pair = generate(moodle.wwwroot, "Moodle", past)
    register(app, moodle.wwwroot, moodle.fake.pair.certificate_pem)
    detail, remedy = only(app, moodle.wwwroot, "certificate")
    assert "ended 20" in detail
    assert "Delete key" in remedy


def test_a_peer_that_is_switched_off_here_says_so(site: Site, app: App, moodle: Moodle) -> None:
    register(app, moodle.wwwroot, moodle.fake.pair.certificate_pem)
    site.run("peer", "disable", moodle.wwwroot)
    _detail, remedy = only(app, moodle.wwwroot, "switched on here")
    site.text(*remedy.split()[1:])
    assert verify(app, moodle.wwwroot)["ok"]


@pytest.mark.parametrize(
    ("wwwroot", "name", "says", "advises"),
    [
        ("http://no-such-host.invalid", "name resolution", "not known", "spelt"),
        ("http://" + "a" * 70 + ".example.org", "name resolution", "not known", "spelt"),
        ("http://127.0.0.1:{free}", "TCP", "connection refused", "port"),
    ],
)
def test_a_site_that_is_not_there(
    site: Site, app: App, wwwroot: str, name: str, says: str, advises: str
) -> None:
    wwwroot = wwwroot.format(free=free_port())
    register(app, wwwroot, generate(wwwroot, "x", int(time.time())).certificate_pem)
    report = verify(site, wwwroot)
    found = broken(report)
    assert [step["name"] for step in found] == [name]
    assert says in found[0]["detail"]
    assert advises in found[0]["remedy"]
    assert step(report, "sealed round trip")["detail"] == f"Not tried, because this failed: {name}."
    with pytest.raises(Refused) as refused:
        site.text("peer", "verify", wwwroot)
    assert refused.value.stdout.count("\N{BALLOT X}") == 1
    assert f"    -> {found[0]['remedy']}" in refused.value.stdout
    assert "Traceback" not in refused.value.stderr


def test_a_step_not_tried_is_known_as_such_in_every_language() -> None:
    skipped = verify_rules.not_tried("services", Step("keyswap", ok=False, detail=""))
    with language.speaking("de"):
        assert localized(skipped.detail) == "Nicht versucht, weil dies scheiterte: Schlüsseltausch."
    assert not skipped.was_tried
    assert skipped.for_programs().keys() == {"name", "ok", "detail", "remedy"}
