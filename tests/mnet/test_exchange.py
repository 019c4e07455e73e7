"""What the exchange answers to each way a request can be wrong, and that nothing changes then."""

from __future__ import annotations

import base64
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from keys.certificate import load
from keys.keypair import generate
from mnet import envelope, xmlrpc
from mnet.envelope import SignedMessage
from mnet.protocol import KeyCame
from mnet.xmlrpc import FaultResponse, Value
from peers import store
from peers.registry import Peer
from schooltool_bridge.events import kinds
from schooltool_bridge.events.applied import Applied
from tests.helpers.rig import OURS, SIS, START_UNIX_S, FakePeer, Rig, make_rig

MOODLE = "http://moodle.example.org"
PERSON: dict[str, Value] = {"idnumber": "1", "username": "a", "firstname": "A", "lastname": "B"}
SEALED = "sealed and signed"


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Rig]:
    """A rig of a test's own, for tests that rotate or count."""
    rig = make_rig(tmp_path)
    rig.add(MOODLE)
    yield rig
    rig.app.database.close()


def stranger() -> FakePeer:
    return FakePeer("http://stranger.example.org")


CASES: dict[str, tuple[Callable[[Rig, FakePeer], bytes], int, str]] = {
    "no XML at all": (lambda r, m: b"hello", 7000, "plain"),
    "nothing": (lambda r, m: b"", 7000, "plain"),
    "some other XML": (lambda r, m: b"<html><body/></html>", 7000, "plain"),
    "a DTD": (
        lambda r, m: b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "c">]><methodCall/>',
        7000, "plain",
    ),
    "XML that is nested too deeply": (lambda r, m: b"<a>" * 500 + b"</a>" * 500, 7000, "plain"),
    "more tags than any wrapper has": (lambda r, m: b"<a>" + b"<b/>" * 500 + b"</a>", 7000, "plain"),
    "more attributes than any wrapper has": (
        lambda r, m: b"<a " + b" ".join(b"b%d=''" % n for n in range(500)) + b"/>", 7000, "plain",
    ),
    "a plain call": (lambda r, m: m.payload("system/listMethods", []), 7021, "plain"),
    "a signed call that is not sealed": (
        lambda r, m: m.sign(m.payload("system/listMethods", [])), 7021, "signed",
    ),
    "a sealed call that is not signed": (
        lambda r, m: m.seal(m.payload("system/listMethods", []), r.pem), 711, "sealed",
    ),
    "an unknown sender": (
        lambda r, m: stranger().request(r.pem, "system/listMethods", []), 7020, "plain",
    ),
    "sealed to somebody else's key": (
        lambda r, m: m.request(stranger().pair.certificate_pem, "system/listMethods", []),
        7023, "plain",
    ),
    "text that is no message of the protocol": (lambda r, m: m.seal(b"hello" * 99, r.pem), 7023, "plain"),
    "an empty text": (lambda r, m: m.seal(b"", r.pem), 7023, "plain"),
    "a wrapped key of a wrong length": (
        lambda r, m: re.sub(
            rb"(<EncryptedKey.*<CipherValue>)[^<]*", rb"\1AAAA",
            m.request(r.pem, "system/listMethods", []), flags=re.DOTALL,
        ),
        7023, "plain",
    ),
    "a wrapped key that is no base64": (
        lambda r, m: re.sub(
            rb"(<EncryptedKey.*<CipherValue>)[^<]*", rb"\1%%%",
            m.request(r.pem, "system/listMethods", []), flags=re.DOTALL,
        ),
        7023, "plain",
    ),
    "a signature of another key": (
        lambda r, m: m.request(r.pem, "system/listMethods", [], pair=stranger().pair), 710, SEALED,
    ),
    "another address inside than outside": (
        lambda r, m: m.request(r.pem, "system/listMethods", [], wwwroot="http://other.example.org"),
        710, SEALED,
    ),
    "a signedMessage without its parts": (
        lambda r, m: m.seal(b"<signedMessage></signedMessage>", r.pem), 710, SEALED,
    ),
    "a signedMessage with a second object": (
        lambda r, m: m.seal(
            m.sign(m.payload("system/listMethods", [])).replace(
                b"<wwwroot>", b"<object>AAAA</object><wwwroot>"
            ),
            r.pem,
        ),
        710, SEALED,
    ),
    "a signedMessage with a DTD": (
        lambda r, m: m.seal(b"<signedMessage><!DOCTYPE x></signedMessage>", r.pem), 710, SEALED,
    ),
    "junk behind the signed message": (
        lambda r, m: m.seal(m.sign(m.payload("system/listMethods", [])) + b"<junk/>", r.pem),
        710, SEALED,
    ),
    "a payload that is no XML": (lambda r, m: m.seal(m.sign(b"hello"), r.pem), 15, SEALED),
    "a payload that is no call": (
        lambda r, m: m.seal(m.sign(xmlrpc.write_response("x", None)), r.pem), 15, SEALED,
    ),
    "a method name without a slash": (lambda r, m: m.request(r.pem, "foo", []), 713, SEALED),
    "an unknown system method": (lambda r, m: m.request(r.pem, "system/nosuch", []), 7018, SEALED),
    "an unknown method": (
        lambda r, m: m.request(r.pem, "mod/forum/lib.php/forum_add_instance", []), 7012, SEALED,
    ),
    "methodHelp of nothing": (lambda r, m: m.request(r.pem, "system/methodHelp", []), 17, SEALED),
    "an event without its struct": (lambda r, m: m.request(r.pem, SIS + "new_grade", []), 8400, SEALED),
    "an event that is no struct": (lambda r, m: m.request(r.pem, SIS + "new_grade", [5]), 8400, SEALED),
    "an event that lacks a field": (
        lambda r, m: m.request(r.pem, SIS + "new_section", [{"name": "x"}]), 8400, SEALED,
    ),
    "an event with a number that is none": (
        lambda r, m: m.request(
            r.pem, SIS + "new_grade",
            [{"assessmentid": 1, "userid": 2, "points_earned": "many"}],
        ),
        8400, SEALED,
    ),
    "an event addressed elsewhere": (
        lambda r, m: m.request(r.pem, SIS + "fetch_user", [{**PERSON, "to": "http://x.org"}]),
        8400, SEALED,
    ),
    "the end of an enrolment never seen": (
        lambda r, m: m.request(r.pem, SIS + "end_enrolment", [{"sectionid": 9, "userid": 9}]),
        8404, SEALED,
    ),
}  # fmt: skip


@pytest.mark.requirement("R21", "R23", "R92")
@pytest.mark.parametrize("case", CASES)
def test_a_wrong_request_gets_its_fault_and_changes_nothing(
    case: str, rig: Rig, moodle: FakePeer
) -> None:
    make, code, how = CASES[case]
    before = rig.dump()
    assert rig.fault(make(rig, moodle)) == (code, how)
    assert rig.dump() == before


def test_a_plain_fault_has_white_space_where_moodle_needs_it(rig: Rig) -> None:
    assert re.search(rb"<fault>\s+<value>", rig.answer(b""))


def test_no_traceback_and_no_secret_is_ever_on_the_wire(rig: Rig, moodle: FakePeer) -> None:
    for make, _code, _how in CASES.values():
        answer = rig.answer(make(rig, moodle))
        assert b"Traceback" not in answer
        assert b"PRIVATE" not in answer


def test_a_bug_in_a_method_is_told_as_try_again_and_leaves_no_trace(
    own: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    moodle = own.peers[MOODLE]
    body = moodle.request(own.pem, SIS + "fetch_user", [PERSON])

    def broken(*_arguments: object) -> Applied:
        raise RuntimeError("secret detail")

    with monkeypatch.context() as patch:
        kind = kinds.BY_NAME[kinds.FETCH_USER]
        patch.setitem(kinds.BY_NAME, kind.name, replace(kind, apply=broken))
        assert own.fault(body) == (8503, SEALED)
    opened = moodle.open(own.answer(body))  # the same envelope may come again
    assert isinstance(opened, SignedMessage)
    response = xmlrpc.read_response(opened.payload)
    assert isinstance(response, xmlrpc.MethodResponse)
    assert isinstance(response.value, dict)
    assert response.value["status"] == "created"


@pytest.mark.requirement("R22")
def test_a_service_that_is_not_published_is_refused(own: Rig) -> None:
    other = own.add("http://other.example.org", services=())
    assert own.fault(other.request(own.pem, SIS + "fetch_user", [PERSON])) == (707, SEALED)


@pytest.mark.requirement("R18")
def test_a_disabled_peer_is_refused_and_a_removed_one_unknown(own: Rig) -> None:
    moodle = own.peers[MOODLE]
    for state, expected in (
        (store.DISABLED, (8403, SEALED)),
        (store.ENABLED, None),
        (store.DELETED, (7020, "plain")),
    ):
        with own.app.database.write() as connection:
            found = store.find(connection, MOODLE)
            assert found is not None
            store.set_state(connection, found.id, state)
        if expected:
            assert own.fault(moodle.request(own.pem, SIS + "fetch_user", [PERSON])) == expected


@pytest.mark.requirement("R1")
def test_the_bare_and_the_dotted_names_are_taken(rig: Rig, moodle: FakePeer) -> None:
    assert rig.call(moodle, "server_info") == {
        "name": "Test SIS",
        "wwwroot": OURS,
        "version": rig.app.site.version,
    }
    assert rig.call(moodle, "system.listServices") == rig.call(moodle, "system/listServices")
    listed = rig.call(moodle, "system/listMethods")
    assert isinstance(listed, list)
    assert SIS + "new_grade" in listed
    assert rig.call(moodle, "system/listMethods", "nothing") == []
    signature = rig.call(moodle, "system/methodSignature", SIS + "new_grade")
    assert isinstance(signature, dict)
    assert set(signature) == {"parameters", "return"}
    assert "grade" in str(rig.call(moodle, "system/methodHelp", SIS + "new_grade"))
    assert rig.call(moodle, "system/methodHelp", "no/such") is False
    assert rig.call(moodle, "system/keyswap") == rig.pem


def test_a_replay_is_refused_also_under_another_timestamp(own: Rig) -> None:
    moodle = own.peers[MOODLE]
    body = moodle.request(own.pem, SIS + "fetch_user", [PERSON])
    assert own.fault(moodle.request(own.pem, "foo", []))[0] == 713
    moodle.open(own.answer(body))
    before = own.dump()
    own.clock.now += 10**7
    assert own.fault(body) == (710, SEALED)
    # RC4 is malleable: the timestamp's digits can be turned without knowing the key.
    data = re.search(rb"<CipherValue>([^<]+)", body)
    assert data is not None
    cipher = bytearray(base64.b64decode(data.group(1)))
    place = len(moodle.sign(moodle.payload(SIS + "fetch_user", [PERSON]))) - len(
        b"</timestamp>\n    </signedMessage>"
    )
    cipher[place - 1] ^= 1
    assert own.fault(body.replace(data.group(1), base64.b64encode(bytes(cipher)))) == (710, SEALED)
    # Wrapped lines and spaces in the base64 do not make it a new message.
    key = re.search(rb"<EncryptedKey.*<CipherValue>([^<]+)", body, re.DOTALL)
    assert key is not None
    wrapped = b"\n ".join(key.group(1)[i : i + 64] for i in range(0, len(key.group(1)), 64))
    assert own.fault(body.replace(key.group(1), wrapped)) == (710, SEALED)
    assert own.dump() == before


def test_of_parallel_copies_one_wins(own: Rig) -> None:
    moodle = own.peers[MOODLE]
    body = moodle.request(own.pem, SIS + "fetch_user", [PERSON])
    answers: list[bytes] = []
    threads = [threading.Thread(target=lambda: answers.append(own.answer(body))) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    responses = []
    for answer in answers:
        signed = moodle.open(answer)
        assert isinstance(signed, SignedMessage)
        responses.append(xmlrpc.read_response(signed.payload))
    refused = [r for r in responses if isinstance(r, FaultResponse)]
    assert len(refused) == 11
    assert {r.code for r in refused} == {710}


def test_a_replay_is_refused_across_a_restart(tmp_path: Path) -> None:
    rig = make_rig(tmp_path)
    moodle = rig.add(MOODLE)
    body = moodle.request(rig.pem, SIS + "fetch_user", [PERSON])
    rig.answer(body)
    rig.app.database.close()
    again = Rig(type(rig.app)(rig.app.settings, clock=rig.clock), rig.clock, rig.peers)
    assert again.fault(body) == (710, SEALED)
    again.app.database.close()


CLOCKS = ((START_UNIX_S - 5000, START_UNIX_S - 5000), (START_UNIX_S + 5000, START_UNIX_S))


def test_the_answer_carries_the_lesser_clock(rig: Rig, moodle: FakePeer) -> None:
    for theirs, expected in CLOCKS:
        body = rig.answer(moodle.request(rig.pem, "system/listMethods", [], timestamp=theirs))
        signed = moodle.open(body)
        assert isinstance(signed, SignedMessage)
        assert signed.timestamp_unix_s == expected


def test_so_does_the_announcement_of_a_new_key(own: Rig) -> None:
    moodle, old = own.peers[MOODLE], own.pem
    own.app.make_key()
    for theirs, expected in CLOCKS:
        body = moodle.request(old, "system/listMethods", [], timestamp=theirs)
        signed = moodle.open(own.answer(body))
        assert isinstance(signed, SignedMessage)
        assert signed.timestamp_unix_s == expected
    for broken in (b"<signedMessage></signedMessage>", moodle.payload("a/b", [])):
        signed = moodle.open(own.answer(moodle.seal(broken, old)))
        assert isinstance(signed, SignedMessage)
        assert signed.timestamp_unix_s == START_UNIX_S


@pytest.mark.requirement("R20")
def test_an_archived_key_only_announces_the_new_one(own: Rig) -> None:
    moodle = own.peers[MOODLE]
    old = own.pem
    early = moodle.request(old, SIS + "fetch_user", [PERSON])
    own.app.make_key()
    before = own.dump()
    signed = moodle.open(own.answer(early))
    assert isinstance(signed, SignedMessage)
    assert envelope.verify(signed, load(old).public_key)
    fault = xmlrpc.read_response(signed.payload)
    assert isinstance(fault, FaultResponse)
    assert (fault.code, fault.text) == (7025, own.pem)
    assert own.dump() == before
    # It is announced also to who signs with a key that we do not know yet: both may rotate.
    moodle.pair = generate(MOODLE, "Fake", START_UNIX_S)
    certificate = generate(MOODLE, "x", START_UNIX_S)
    assert certificate
    for _generation in range(6):
        own.app.make_key()
    assert own.fault(moodle.request(old, "system/listMethods", []))[0] == 7023


def test_a_bad_signature_looks_for_a_new_key_once_in_two_seconds(own: Rig) -> None:
    moodle, looks = own.peers[MOODLE], []
    own.app.registry.ask_for_key = lambda peer: looks.append(peer.wwwroot)
    wrong = {"pair": generate(MOODLE, "x", START_UNIX_S)}
    for _time in range(5):
        assert own.fault(moodle.request(own.pem, "system/listMethods", [], **wrong)) == (
            710,
            SEALED,
        )
    assert looks == [MOODLE]
    own.clock.now += 2
    own.fault(moodle.request(own.pem, "system/listMethods", [], **wrong))
    assert looks == [MOODLE] * 2


def test_a_proven_new_key_is_believed_for_the_message_that_brought_it(own: Rig) -> None:
    moodle = own.peers[MOODLE]
    new = generate(MOODLE, "x", START_UNIX_S + 1)

    def prove(peer: Peer) -> None:
        own.app.registry.take_key(peer, new.certificate_pem, came=KeyCame.PROVEN)

    own.app.registry.ask_for_key = prove
    moodle.pair = new
    assert own.call(moodle, "system/listServices")


def test_an_expired_certificate_still_verifies(own: Rig) -> None:
    own.clock.now += 10 * 365 * 24 * 3600
    assert own.call(own.peers[MOODLE], "system/listServices")


def test_an_alias_is_the_same_peer(own: Rig) -> None:
    moodle = own.peers[MOODLE]
    with own.app.database.write() as connection:
        found = store.find(connection, MOODLE)
        assert found is not None
        store.add_alias(connection, found.id, "https://moodle.example.org")
    moved = {"outer": "https://moodle.example.org", "wwwroot": "https://moodle.example.org"}
    assert own.call(moodle, "system/listServices", **moved)
