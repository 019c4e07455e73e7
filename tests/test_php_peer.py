"""A peer in PHP, with PHP's own openssl and XML-RPC code, against a running server of ours."""

from __future__ import annotations

import base64
import json
import os
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from keys.keypair import generate
from keys.protect import to_pem
from mnet import envelope, xmlrpc
from mnet.xmlrpc import Dialect
from tests.helpers.recorded import SEALED
from tests.helpers.site import Site
from tests.php_peer.runner import PhpFault, PhpPeer

NAME = "Ōquist – Ünï"
SIS = "schooltool/sis.php/"
STYLES = ("moodle-old", "moodle-new", "mahara")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with Site(tmp_path_factory.mktemp("sis") / "home") as running:
        yield running


@pytest.fixture(scope="module")
def peers(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, PhpPeer]]:
    """A PHP peer of each style, registered both ways."""
    with ExitStack() as stack:
        found = {}
        for style in STYLES:
            peer = stack.enter_context(PhpPeer(tmp_path_factory.mktemp(style), style))
            assert peer.do("add", site.wwwroot) == site.run("key", "show")["fingerprint"]
            added = site.run("peer", "add", peer.wwwroot, "--yes")
            assert added["fingerprint"] == peer.do("fingerprint")
            assert added["name"] == "PHP & peer"
            services = ["--publish", "schooltool", "--subscribe", "schooltool"]
            site.run("peer", "services", peer.wwwroot, *services)
            found[style] = peer
        yield found


def call(peer: PhpPeer, site: Site, event: str, data: Any, **how: Any) -> Any:
    return peer.do("call", site.wwwroot, SIS + event, [data], how)


def soon(condition: Any) -> None:
    """Wait for work that is done right after an answer."""
    for _attempt in range(100):
        if condition():
            return
        time.sleep(0.05)
    pytest.fail("it did not happen")


@pytest.mark.requirement("R2", "R3", "R3a", "R13", "R15", "R50")
@pytest.mark.parametrize("style", STYLES)
def test_the_five_calls_from_php_are_applied(
    style: str, site: Site, peers: dict[str, PhpPeer]
) -> None:
    peer, number = peers[style], 1000 * (1 + STYLES.index(style))
    pupil = {
        "username": f"aquist{number}",
        "firstname": "Ōda",
        "lastname": NAME,
        "idnumber": number,
    }
    enrolment = {"sectionid": number, "userid": number, "role": "student"}
    peer.do("set", "enrolments", {str(number): [{**enrolment, "role": "teacher"}]})
    section = {"name": NAME, "idnumber": number, "segment": 1}
    assert call(peer, site, "new_section", section)["status"] == "created"
    assert call(peer, site, "fetch_user", pupil)["status"] == "created"
    assert call(peer, site, "new_enrolment", enrolment)["status"] == "created"
    item = {"sectionid": number, "name": NAME, "idnumber": f"i{number}", "pointval": "68",
            "extra_credit": "", "honors_required": False}  # fmt: skip
    assert call(peer, site, "new_assessment", item)["status"] == "created"
    grade = {"assessmentid": f"i{number}", "userid": number, "points_earned": 62.5}
    assert call(peer, site, "new_grade", grade)["status"] == "created"
    assert call(peer, site, "new_grade", grade)["status"] == "unchanged"

    person = next(p for p in site.run("person", "list") if p["idnumber"] == str(number))
    assert (person["firstname"], person["lastname"]) == ("Ōda", NAME)
    assert person["links"] == [{"peer": peer.wwwroot, "username": f"aquist{number}"}]
    shown = next(s for s in site.run("section", "list") if s["idnumber"] == str(number))
    assert (shown["name"], shown["peer"]) == (NAME, peer.wwwroot)
    grades = site.run("grade", "list", "--section", str(number))
    assert [(g["name"], g["points"], g["max"]) for g in grades] == [(NAME, 62.5, 68)]
    # An unknown person appeared, so the peer was asked for list_user_enrolments.
    soon(lambda: any(m.endswith("list_user_enrolments") for m, _params in peer.calls()))
    soon(
        lambda: (
            {"student", "teacher"}
            == {e["role"] for e in site.run("enrolment", "list", "--person", str(number))}
        )
    )


@pytest.mark.parametrize("style", STYLES)
def test_a_user_named_only_by_idnumber_is_asked_for(
    style: str, site: Site, peers: dict[str, PhpPeer]
) -> None:
    peer, number = peers[style], f"g{STYLES.index(style)}"
    user = {"idnumber": number, "username": f"get{number}", "firstname": NAME, "lastname": "X"}
    peer.do("set", "users", {number: user})
    assert call(peer, site, "fetch_user", {"idnumber": number})["status"] == "created"
    assert any(
        p["firstname"] == NAME and p["idnumber"] == number for p in site.run("person", "list")
    )
    with pytest.raises(PhpFault) as fault:
        call(peer, site, "fetch_user", {"idnumber": "nobody"})
    assert fault.value.code == 8404


@pytest.mark.parametrize("style", STYLES)
def test_accents_survive_in_faults_and_answers(
    style: str, site: Site, peers: dict[str, PhpPeer]
) -> None:
    answer = call(
        peers[style], site, "new_enrolment", {"sectionid": NAME, "userid": "é", "role": "student"}
    )
    assert answer["waiting_for"] == [f"section:{NAME}", "user:é"]


@pytest.mark.parametrize("style", STYLES)
def test_a_call_from_us_reads_and_writes_accents(
    style: str, site: Site, peers: dict[str, PhpPeer]
) -> None:
    user = {"idnumber": "c1", "username": "c1", "firstname": NAME, "lastname": "é"}
    peers[style].do("set", "users", {"c1": user})
    method = "local/schooltool/lib.php/get_user"
    params = json.dumps([{"idnumber": "c1", "username": NAME}])
    assert json.loads(site.text("call", peers[style].wwwroot, method, params)) == user
    assert peers[style].calls()[-1] == [method, [{"idnumber": "c1", "username": NAME}]]


@pytest.mark.parametrize("style", ["moodle-old", "moodle-new"])
def test_the_peer_rotates_and_its_next_call_is_believed(
    style: str, site: Site, peers: dict[str, PhpPeer]
) -> None:
    peers[style].do("rotate", False)
    assert (
        peers[style].do("call", site.wwwroot, "system/listServices", [])[0]["name"] == "schooltool"
    )
    shown = site.run("peer", "show", peers[style].wwwroot)
    assert shown["fingerprint"] == peers[style].do("fingerprint")


@pytest.mark.parametrize("style", ["moodle-old", "moodle-new"])
def test_the_peer_rotates_and_our_next_call_finds_out(
    style: str, site: Site, peers: dict[str, PhpPeer]
) -> None:
    peers[style].do("rotate", False)
    assert "listServices" not in site.text("call", peers[style].wwwroot, "system/listServices")
    assert site.run("peer", "show", peers[style].wwwroot)["fingerprint"] == peers[style].do(
        "fingerprint"
    )


@pytest.mark.parametrize("style", ["moodle-old", "moodle-new"])
def test_we_rotate_and_the_peer_sees_it(style: str, site: Site, peers: dict[str, PhpPeer]) -> None:
    new = site.run("key", "rotate")["fingerprint"]
    assert peers[style].do("call", site.wwwroot, "system/listMethods", [])
    assert site.run("key", "show")["fingerprint"] == new
    # And a call of ours under the new key, which the peer has to find out about by itself.
    site.run("key", "rotate")
    assert "list_user_enrolments" in site.text("call", peers[style].wwwroot, "system/listMethods")


@pytest.mark.requirement("R20")
@pytest.mark.parametrize("style", ["moodle-old", "moodle-new"])
def test_both_rotate_at_once_and_it_heals_in_one_call(
    style: str, site: Site, peers: dict[str, PhpPeer]
) -> None:
    for caller in ("they", "we"):
        peers[style].do("rotate", False)
        site.run("key", "rotate")
        if caller == "they":
            assert peers[style].do("call", site.wwwroot, "system/listMethods", [])
        else:
            assert site.text("call", peers[style].wwwroot, "system/listMethods")


def test_a_maharas_new_key_waits_for_an_admin(site: Site, peers: dict[str, PhpPeer]) -> None:
    mahara = peers["mahara"]
    mahara.do("add", site.wwwroot)  # we rotated often above
    before = site.run("peer", "show", mahara.wwwroot)["fingerprint"]
    mahara.do("rotate", False)
    new = mahara.do("fingerprint")
    with pytest.raises(PhpFault) as fault:
        mahara.do("call", site.wwwroot, "system/listServices", [])
    assert fault.value.code == 710
    shown = site.run("peer", "show", mahara.wwwroot)
    assert (shown["fingerprint"], shown["offered_fingerprint"]) == (before, new)
    site.run("peer", "accept-key", mahara.wwwroot, "--fingerprint", new)
    assert mahara.do("call", site.wwwroot, "system/listServices", [])


def test_a_replay_is_refused_and_changes_nothing(
    site: Site, peers: dict[str, PhpPeer], tmp_path: Path
) -> None:
    peer, saved = peers["moodle-old"], tmp_path / "saved"
    person = {"idnumber": "r1", "username": "r1", "firstname": "A", "lastname": "B"}
    assert call(peer, site, "fetch_user", person, save=str(saved))["status"] == "created"
    call(peer, site, "fetch_user", {**person, "firstname": "C"})
    answer = base64.b64encode(site.post(saved.read_bytes())).decode()
    private = json.loads((peer.folder / "state.json").read_text())["keys"][0]["private"]
    opened = peer.do("open", answer, private, site.run("key", "show")["certificate"])
    assert opened["verified"]
    fault = xmlrpc.read_response(base64.b64decode(opened["payload"]))
    assert isinstance(fault, xmlrpc.FaultResponse)
    assert fault.code == 710
    assert [p["firstname"] for p in site.run("person", "list") if p["idnumber"] == "r1"] == ["C"]


def test_a_moodle_with_a_slow_clock_takes_our_answer(site: Site, peers: dict[str, PhpPeer]) -> None:
    an_hour_ago = int(time.time()) - 3600
    how = {"timestamp": an_hour_ago, "clock": -3600}
    assert peers["moodle-new"].do("call", site.wwwroot, "system/listMethods", [], how)


@pytest.mark.parametrize(
    "message", [m for m in SEALED if m.side == "request"][:25], ids=lambda m: m.label
)
def test_our_answer_to_a_recorded_request_is_accepted_by_php(
    message: Any, peers: dict[str, PhpPeer]
) -> None:
    """Sealed to the recorded caller's certificate, opened with its key by PHP's openssl."""
    if message.form != "sealed":
        return
    assert message.payload is not None
    value: Any = {"name": NAME, "list": [1, "é", True, {}], "n": 2.5}
    dialect = xmlrpc.read_call(message.payload).dialect
    payload = xmlrpc.write_response(value, dialect)
    ours = generate("http://127.0.0.1:8900", "SIS", int(time.time()))
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.hazmat.primitives.hashes import SHA1

    signed = envelope.signed_message(
        payload,
        signature=ours.private_key.sign(payload, PKCS1v15(), SHA1()),
        wwwroot="http://127.0.0.1:8900",
        public_key_path="/mnet/publickey.php",
        timestamp_unix_s=1,
    )
    caller = message.private_key()
    body = envelope.sealed_message(
        signed, key=caller.public_key(), wwwroot="http://127.0.0.1:8900", random=os.urandom
    )
    php = peers["moodle-old"]
    opened = php.do(
        "open", base64.b64encode(body).decode(), to_pem(caller, None), ours.certificate_pem
    )
    assert opened["verified"]
    assert base64.b64decode(opened["payload"]) == payload
    style = "moodle-old" if dialect is Dialect.EXTENSION else "moodle-new"
    decoded = php.do("decode_answer", style, opened["payload"])
    assert decoded == {"name": NAME, "list": [1, "é", True, []], "n": 2.5}


def test_our_certificate_passes_moodles_checks(site: Site, peers: dict[str, PhpPeer]) -> None:
    shown = site.run("key", "show")
    checked = peers["moodle-old"].do("check_certificate", shown["certificate"])
    assert checked["clean"]
    assert checked["cn"] == site.wwwroot
    assert checked["until"] > time.time() + 27 * 24 * 3600
