"""Calls that we make, on peers that misbehave: refused, told clearly, and nothing learnt."""

from __future__ import annotations

import http.server
import itertools
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from keys.keypair import generate
from mnet import envelope, xmlrpc
from mnet.call_errors import BadAnswer, CallError, CannotReach, RemoteFault
from mnet.envelope import SealedMessage, SignedMessage
from mnet.xmlrpc import Dialect
from peers import store
from tests.helpers.rig import START_UNIX_S, FakePeer, Rig, make_rig
from tests.helpers.site import Refused, Site
from tests.php_peer.runner import free_port

MOODLE = "http://moodle.example.org"


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    rig = make_rig(tmp_path)
    rig.add(MOODLE)
    yield rig
    rig.app.database.close()


class Answering:
    """Stands where the network stands, and answers as a peer would, or wrongly."""

    def __init__(self, rig: Rig, *answers: Callable[[FakePeer], bytes]) -> None:
        self.rig = rig
        self.answers = list(answers)
        self.calls: list[xmlrpc.MethodCall] = []
        self.timeouts_s: list[float] = []

    def __call__(self, url: str, body: bytes, *, verify_tls: bool, timeout_s: float) -> bytes:
        assert url == MOODLE + "/mnet/xmlrpc/server.php"
        assert verify_tls
        assert timeout_s <= 30
        self.timeouts_s.append(timeout_s)
        moodle = self.rig.peers[MOODLE]
        message = envelope.read_message(body)
        if isinstance(message, SealedMessage):
            signed = moodle.open(body)
            assert isinstance(signed, SignedMessage)
            self.calls.append(xmlrpc.read_call(signed.payload))
        else:
            self.calls.append(xmlrpc.read_call(body))
        return self.answers.pop(0)(moodle)


def call(rig: Rig, *answers: Callable[[FakePeer], bytes]) -> Any:
    outbound = rig.app.outbound
    answering = Answering(rig, *answers)
    changed = type(outbound)(
        outbound.site, outbound.keys, outbound.peers, outbound.database, outbound.ledger, answering,
        outbound.clock, outbound.random, outbound.verifies_tls, outbound.application_of,
    )  # fmt: skip
    peer = rig.app.registry.find(MOODLE)
    assert peer is not None
    try:
        return changed.call(peer, "system/listServices", [])
    finally:
        assert not answering.answers, "every answer was asked for"
        spent = answering.timeouts_s
        assert all(second < first for first, second in itertools.pairwise(spent)), spent


def says(rig: Rig, value: Any = "ok", **wrong: Any) -> Callable[[FakePeer], bytes]:
    payload = wrong.pop("payload", None) or xmlrpc.write_response(value, Dialect.EXTENSION)
    return lambda moodle: moodle.seal(
        moodle.sign(payload, **wrong), wrong.get("to", rig.pem), **wrong
    )


def test_a_proper_answer_is_returned_and_its_dialect_remembered(rig: Rig) -> None:
    assert call(rig, says(rig, ["Ü"])) == ["Ü"]
    peer = rig.app.registry.find(MOODLE)
    assert peer is not None
    assert peer.dialect is Dialect.EXTENSION


def test_a_fault_is_told_with_its_code(rig: Rig) -> None:
    with pytest.raises(RemoteFault) as fault:
        call(rig, says(rig, payload=xmlrpc.write_fault(7012, "nö")))
    assert (fault.value.code, fault.value.text, fault.value.proven) == (7012, "nö", True)
    with pytest.raises(RemoteFault) as fault:
        call(rig, lambda _moodle: xmlrpc.write_fault(7020, "wrong"))
    assert (fault.value.code, fault.value.proven) == (7020, False)


@pytest.mark.parametrize(
    ("case", "answer", "says_so"),
    [
        ("a web page", lambda r: lambda m: b"<html><title>Moodle</title></html>", "web page"),
        ("a PHP warning", lambda r: lambda m: b"<br /><b>Warning</b>: x <?xml?>", "PHP warnings"),
        ("nothing", lambda r: lambda m: b"", "no message"),
        ("a plain answer", lambda r: lambda m: xmlrpc.write_response("x", None), "neither sealed"),
        (
            "another signer",
            lambda r: says(r, pair=generate(MOODLE, "x", START_UNIX_S)),
            "signature",
        ),
        ("another address inside", lambda r: says(r, wwwroot="http://x.example.org"), "signature"),
        ("another address outside", lambda r: says(r, outer="http://x.example.org"), "not sealed"),
        (
            "sealed to another",
            lambda r: says(r, to=generate(MOODLE, "x", START_UNIX_S).certificate_pem),
            "not sealed",
        ),
        (
            "not signed",
            lambda r: lambda m: m.seal(xmlrpc.write_response("x", None), r.pem),
            "not signed",
        ),
        ("no XML-RPC inside", lambda r: says(r, payload=b"<a/>"), "no message"),
    ],
)
def test_a_wrong_answer_is_refused_with_a_reason(
    rig: Rig, case: str, answer: Callable[[Rig], Callable[[FakePeer], bytes]], says_so: str
) -> None:
    with pytest.raises(BadAnswer) as problem:
        call(rig, answer(rig))
    assert says_so in str(problem.value), case


def test_an_answer_that_was_seen_before_is_refused(rig: Rig) -> None:
    captured = says(rig, "user A")(rig.peers[MOODLE])
    assert call(rig, lambda _moodle: captured) == "user A"
    with pytest.raises(BadAnswer, match="seen before"):
        call(rig, lambda _moodle: captured)


def new_key(rig: Rig, signer: Any = None, pem: str = "") -> tuple[Any, Callable[[FakePeer], bytes]]:
    """A 7025 with a new key; signed by the old one unless another signer is given."""
    pair = generate(MOODLE, "x", START_UNIX_S)
    wrong = {"pair": signer(pair)} if signer else {}
    return pair, says(rig, payload=xmlrpc.write_fault(7025, pem or pair.certificate_pem), **wrong)


def known(rig: Rig) -> str:
    peer = rig.app.registry.find(MOODLE)
    assert peer is not None
    return peer.certificate.fingerprint


def test_a_new_key_proven_by_the_old_one_is_believed_and_the_call_made_again(rig: Rig) -> None:
    pair, announced = new_key(rig)

    def announce(moodle: FakePeer) -> bytes:
        answer = announced(moodle)
        moodle.pair = pair
        return answer

    assert call(rig, announce, says(rig, "yes")) == "yes"
    assert known(rig) == pair.fingerprint


def test_a_key_that_changes_twice_in_one_call_is_not_followed(rig: Rig) -> None:
    pair, first = new_key(rig)

    def announce(moodle: FakePeer) -> bytes:
        answer = first(moodle)
        moodle.pair = pair
        return answer

    with pytest.raises(BadAnswer, match="twice"):
        call(rig, announce, new_key(rig)[1])


def test_a_key_that_proves_itself_waits_for_an_admin(rig: Rig) -> None:
    before = known(rig)
    pair, announced = new_key(rig, signer=lambda new: new)
    with pytest.raises(BadAnswer, match="accept-key"):
        call(rig, announced)
    assert known(rig) == before
    with rig.app.database.read() as connection:
        stored = store.find(connection, MOODLE)
    assert stored is not None
    offered = stored.certificate(store.OFFERED)
    assert offered is not None
    assert offered.fingerprint == pair.fingerprint


@pytest.mark.parametrize(
    "pem", ["junk", generate("http://other.example.org", "x", START_UNIX_S).certificate_pem]
)
def test_a_new_key_that_cannot_be_the_peers_is_refused(rig: Rig, pem: str) -> None:
    before = known(rig)
    with pytest.raises(BadAnswer, match="cannot be its own"):
        call(rig, new_key(rig, pem=pem)[1])
    assert known(rig) == before


def test_under_an_archived_key_of_ours_only_a_new_key_is_taken(rig: Rig) -> None:
    old = rig.pem
    rig.app.make_key()
    with pytest.raises(BadAnswer, match="no longer uses"):
        call(rig, says(rig, to=old))


class _Handler(http.server.BaseHTTPRequestHandler):
    """Answers as its server is told: a redirect, an error, too much, nothing."""

    server: _Server

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        what = self.server.what
        self.server.asked += 1
        if what == "redirect":
            self.send_response(302)
            self.send_header("Location", "http://127.0.0.1:1/elsewhere")
            self.end_headers()
        elif what == "error":
            self.send_response(500)
            self.end_headers()
        elif what == "created":
            self.send_response(201)
            self.end_headers()
        elif what == "too much":
            self.send_response(200)
            self.end_headers()
            try:
                for _megabyte in range(12):
                    self.wfile.write(b"x" * 1024 * 1024)
            except OSError:
                return
        elif what == "nothing":
            self.connection.shutdown(socket.SHUT_RDWR)

    def log_message(self, *_arguments: object) -> None:
        pass


class _Server(http.server.ThreadingHTTPServer):
    """A site that answers wrongly, and counts how often it is asked."""

    def __init__(self, what: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.what, self.asked = what, 0


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    return Site(tmp_path_factory.mktemp("site") / "home")


@pytest.mark.parametrize(
    ("what", "says_so"),
    [
        ("redirect", "status 302 to http://127.0.0.1:1/elsewhere"),
        ("error", "status 500"),
        ("created", "status 201"),
        ("too much", "more than the limit"),
        ("nothing", "could not be asked"),
    ],
)
def test_a_site_that_answers_wrongly_is_told_clearly(
    site: Site, tmp_path: Path, what: str, says_so: str
) -> None:
    server = _Server(what)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    fake = FakePeer(f"http://127.0.0.1:{server.server_port}")
    (tmp_path / "c.pem").write_text(fake.pair.certificate_pem)
    site.run("peer", "add", fake.wwwroot, "--certificate", str(tmp_path / "c.pem"), "--yes")
    with pytest.raises(Refused) as refused:
        site.text("call", fake.wwwroot, "system/listServices")
    assert refused.value.status == 1
    assert says_so in refused.value.stderr
    assert server.asked == 1
    server.shutdown()
    server.server_close()


def test_a_site_that_is_not_there_is_told_clearly(site: Site) -> None:
    with pytest.raises(Refused, match="No connection"):
        site.text("peer", "add", f"http://127.0.0.1:{free_port()}", "--yes")
    assert issubclass(CannotReach, CallError)
