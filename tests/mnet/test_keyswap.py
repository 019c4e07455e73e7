"""What comes without a signature or seal, and what it leaves behind: hardly anything."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

import pytest
import sqlalchemy as sa
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from structlog.testing import capture_logs

from keys.keypair import generate
from mnet import xmlrpc
from mnet.envelope import SignedMessage
from mnet.protocol import MAX_KEYSWAP_BYTES
from mnet.xmlrpc import Dialect, Value
from peers import store
from peers.journal import call_journal
from tests.helpers.rig import START_UNIX_S, Rig, make_rig

MOODLE = "http://moodle.example.org"


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Rig]:
    rig = make_rig(tmp_path)
    rig.add(MOODLE)
    yield rig
    rig.app.database.close()


def test_strangers_wait_in_a_bounded_list_and_a_known_peer_changes_nothing(own: Rig) -> None:
    before = own.dump()
    keyswap(own, MOODLE, generate(MOODLE, "x", START_UNIX_S).certificate_pem)
    keyswap(own, "not an address", certificate_of("not an address"))
    keyswap(own, "http://junk.example.org", "junk")
    # A certificate that names somebody else is nobody's.
    keyswap(own, "http://x1.example.org", certificate_of("http://x0.example.org"))
    assert own.dump() == before
    for number in range(105):
        address = f"http://x{number}.example.org"
        keyswap(own, address, certificate_of(address))
        keyswap(own, address, certificate_of(address))
    waiting = pending(own)
    assert len(waiting) == 100
    assert waiting[0] == "http://x104.example.org"
    assert "http://x4.example.org" not in waiting


@pytest.mark.requirement("R21")
def test_strangers_with_one_certificate_are_one(own: Rig) -> None:
    """Its name holds only the beginning of a long address, so it fits several."""
    long = "http://x.example.org/" + "a" * 60
    pem = certificate_of(long)
    for number in range(3):
        keyswap(own, f"{long}/{number}", pem)
    assert pending(own) == [f"{long}/2"]
    keyswap(own, f"{long}/2", certificate_of(long))
    assert pending(own) == [f"{long}/2"]


def keyswap(rig: Rig, wwwroot: str, pem: str) -> None:
    rig.clock.now += 1
    params: list[Value] = [wwwroot, pem, "moodle"]
    body = rig.answer(xmlrpc.write_call("system/keyswap", params, Dialect.PHPXMLRPC))
    response = xmlrpc.read_response(body)
    assert isinstance(response, xmlrpc.MethodResponse)
    assert response.value == rig.pem


def pending(rig: Rig) -> list[str]:
    with rig.app.database.read() as connection:
        return [p.wwwroot for p in store.pending(connection)]


@cache
def a_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


def certificate_of(wwwroot: str) -> str:
    """A new certificate of a site: all with one key, since making one takes long."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, wwwroot[:64])])
    begin = x509.CertificateBuilder().subject_name(name).issuer_name(name)
    begin = begin.public_key(a_key().public_key()).serial_number(x509.random_serial_number())
    moment = datetime.fromtimestamp(START_UNIX_S, UTC)
    built = begin.not_valid_before(moment).not_valid_after(moment + timedelta(days=28))
    return built.sign(a_key(), SHA256()).public_bytes(Encoding.PEM).decode()


@pytest.mark.requirement("R21")
def test_what_is_not_signed_and_sealed_is_a_short_keyswap_or_not_read_at_all(
    own: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    moodle = own.peers[MOODLE]
    address = "http://x.example.org"
    swap = moodle.payload("system/keyswap", [address, certificate_of(address), "moodle"])
    long = swap + b" " * (MAX_KEYSWAP_BYTES - len(swap))
    before = own.dump()
    cases = [
        (long + b" ", 7021, "plain"),
        (b" " * MAX_KEYSWAP_BYTES + swap, 7021, "plain"),
        (moodle.sign(long), 7021, "plain"),
        (moodle.seal(long + b" ", own.pem), 711, "sealed"),
        (b"<a>" + b" " * MAX_KEYSWAP_BYTES + b"</a>", 7000, "plain"),
        (b" " * MAX_KEYSWAP_BYTES + b" ", 7000, "plain"),
    ]
    with monkeypatch.context() as patch:
        for reader in ("mnet.envelope.parse", "mnet.xmlrpc.parse", "mnet.xmlrpc_flat.read"):
            patch.setattr(reader, lambda *_: pytest.fail("it was read"))
        answers = [own.answer(body) for body, _code, _how in cases]
    for answer, (_body, code, how) in zip(answers, cases, strict=True):
        assert own.fault_of(answer) == (code, how)
    assert own.dump() == before
    assert own.certificate_in(own.answer(long)) == own.pem
    # In base64 twice over it grows beyond the limit, but the wrapper is no call.
    assert own.certificate_in(moodle.open(own.answer(moodle.seal(long, own.pem)))) == own.pem
    sealed = moodle.request(own.pem, "system/listMethods", [])
    moved = sealed.replace(b"<wwwroot>", b" " * MAX_KEYSWAP_BYTES + b"<wwwroot>")
    assert isinstance(moodle.open(own.answer(b"\n\xef\xbb\xbf \n" + moved)), SignedMessage)


@pytest.mark.requirement("R23")
def test_a_long_method_name_is_cut_before_it_is_logged_and_kept(own: Rig) -> None:
    moodle, name = own.peers[MOODLE], "a/" * 500_000
    plain = moodle.payload("a/" * 20_000, [])
    with capture_logs() as logged:
        assert own.fault(moodle.request(own.pem, name, [])) == (713, "sealed and signed")
        assert own.fault(plain) == (7021, "plain")
    said = [line["method"] for line in logged if line["event"] == "call"]
    assert said == [name[:200]] * 2
    with own.app.database.read() as connection:
        kept = connection.execute(sa.select(call_journal.c.method)).scalars().all()
    assert kept == [name[:200]]
