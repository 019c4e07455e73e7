"""A server's exchange in memory, and a peer that can be told to lie; real store, keys, envelopes."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA1

from keys.certificate import load
from keys.keypair import KeyPair, generate
from mnet import envelope, xmlrpc
from mnet import settings as settings_file
from mnet.envelope import SealedMessage, SignedMessage
from mnet.settings import Settings
from mnet.xmlrpc import Dialect, FaultResponse, Value
from peers import store
from schooltool_bridge.server.app import App
from tests.helpers.migrated import fill

START_UNIX_S = 1_795_000_000
OURS = "http://sis.example.org"
SIS = "schooltool/sis.php/"
SERVICES = ("schooltool",)


@dataclass(slots=True)
class Clock:
    now: float = START_UNIX_S

    def __call__(self) -> float:
        return self.now


class FakePeer:
    """A remote site: its keys, and every way to make a request wrong."""

    def __init__(self, wwwroot: str) -> None:
        self.wwwroot = wwwroot
        self.pair: KeyPair = generate(wwwroot, "Fake", START_UNIX_S)

    def payload(
        self, method: str, params: list[Value], dialect: Dialect = Dialect.PHPXMLRPC
    ) -> bytes:
        return xmlrpc.write_call(method, params, dialect)

    def sign(self, payload: bytes, **wrong: Any) -> bytes:
        signer = wrong.get("pair", self.pair)
        return envelope.signed_message(
            payload,
            signature=signer.private_key.sign(payload, PKCS1v15(), SHA1()),
            wwwroot=wrong.get("wwwroot", self.wwwroot),
            public_key_path="/mnet/publickey.php",
            timestamp_unix_s=wrong.get("timestamp", START_UNIX_S),
        )

    def seal(self, text: bytes, certificate_pem: str, **wrong: Any) -> bytes:
        return envelope.sealed_message(
            text,
            key=load(certificate_pem).public_key,
            wwwroot=wrong.get("outer", self.wwwroot),
            random=wrong.get("random", os.urandom),
        )

    def request(self, to_pem: str, method: str, params: list[Value], **wrong: Any) -> bytes:
        return self.seal(self.sign(self.payload(method, params), **wrong), to_pem, **wrong)

    def open(self, body: bytes) -> SignedMessage | bytes:
        """Open an answer: its signed message, or the text when it is not signed."""
        message = envelope.read_message(body)
        assert isinstance(message, SealedMessage), body[:200]
        key = self.pair.private_key.decrypt(message.wrapped_key, PKCS1v15())
        text = envelope.open_text(message, key)
        assert text is not None
        return envelope.read_signed(text) if envelope.is_signed(text) else text


@dataclass
class Rig:
    """Our side, and its peers."""

    app: App
    clock: Clock
    peers: dict[str, FakePeer] = field(default_factory=dict)

    @property
    def pem(self) -> str:
        return self.app.custody.keyring().certificate_pem

    def add(self, wwwroot: str, services: tuple[str, ...] = SERVICES) -> FakePeer:
        fake = FakePeer(wwwroot)
        certificate = load(fake.pair.certificate_pem)
        with self.app.database.write() as connection:
            peer_id = store.add(
                connection,
                wwwroot=wwwroot,
                name="Fake",
                application="moodle",
                state=store.ENABLED,
                now_unix_s=START_UNIX_S,
            )
            store.set_certificate(
                connection,
                peer_id,
                pem=certificate.pem,
                fingerprint=certificate.fingerprint,
                origin="file",
                now_unix_s=START_UNIX_S,
            )
            store.set_services(connection, peer_id, publish=services, subscribe=())
        self.peers[wwwroot] = fake
        return fake

    def answer(self, body: bytes) -> bytes:
        return self.app.exchange.answer(body).body

    def call(
        self, peer: FakePeer, method: str, *params: Value, **wrong: Any
    ) -> Value | FaultResponse:
        """Call as the peer; returns the value or the fault, checking that it is proven."""
        body = self.answer(peer.request(self.pem, method, list(params), **wrong))
        signed = peer.open(body)
        assert isinstance(signed, SignedMessage)
        assert envelope.verify(signed, load(self.pem).public_key)
        response = xmlrpc.read_response(signed.payload)
        return response if isinstance(response, FaultResponse) else response.value

    def fault(self, body: bytes) -> tuple[int, str]:
        """The code of an answer that is a fault, and how it is wrapped."""
        return self.fault_of(self.answer(body))

    def fault_of(self, answer: bytes) -> tuple[int, str]:
        """The same of an answer that is here already."""
        message = envelope.read_message(answer)
        if isinstance(message, SealedMessage):
            for fake in self.peers.values():
                try:
                    opened = fake.open(answer)
                except (AssertionError, ValueError):  # sealed to another one
                    continue
                how = "sealed and signed" if isinstance(opened, SignedMessage) else "sealed"
                payload = opened.payload if isinstance(opened, SignedMessage) else opened
                return _code(payload), how
            raise AssertionError("sealed to nobody")
        if isinstance(message, SignedMessage):
            return _code(message.payload), "signed"
        return _code(answer), "plain"

    def certificate_in(self, answer: SignedMessage | bytes) -> Value:
        """What a keyswap brought."""
        payload = answer.payload if isinstance(answer, SignedMessage) else answer
        response = xmlrpc.read_response(payload)
        assert isinstance(response, xmlrpc.MethodResponse), payload
        return response.value

    def dump(self) -> dict[str, list[tuple[Any, ...]]]:
        """Everything in the store but the journal of what was seen."""
        from mnet.database import metadata

        skipped = {
            "call_journal",
            "seen_envelope",
            "store_revision",
            "inbox",
            "inbox_wait",
            "inbox_count",
        }
        with self.app.database.read() as connection:
            return {
                t.name: [tuple(r) for r in connection.execute(t.select().order_by(*t.primary_key))]
                for t in metadata.sorted_tables
                if t.name not in skipped
            }


def _code(payload: bytes) -> int:
    response = xmlrpc.read_response(payload)
    assert isinstance(response, FaultResponse), payload
    return response.code


def make_rig(folder: Path, database_url: str = "") -> Rig:
    clock = Clock()
    settings = Settings(folder, OURS, "Test SIS", database_url=database_url)
    settings_file.write(settings)
    app = App(settings, clock=clock)
    fill(app.database)
    app.make_key()
    rig = Rig(app, clock)
    # No network here: a peer's key is never asked for unless a test does so itself.
    _ = app.exchange
    app.registry.ask_for_key = lambda _peer: None
    return rig
