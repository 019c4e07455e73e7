"""A call that we make: sign, seal, send, open, verify, and only then believe.

Also how a peer's new key is learnt (fault 7025). Runs in a worker thread and blocks; bytes
go through a `Post`. Source: PROTOCOL.md sections 3, 6 (new keys), 9 (calls that we make).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol

import structlog
from sqlalchemy.engine import Connection

from mnet import envelope, outcomes, xmlrpc
from mnet.breakers import REST_S, SLOW_S, Breakers
from mnet.call_errors import (
    BadAnswer,
    CallError,
    CannotReach,
    RemoteFault,
    no_protocol,
    outcome_of,
    plain_fault,
    read_response,
)
from mnet.database import Database
from mnet.envelope import SealedMessage
from mnet.exchange import Site
from mnet.exchange_parts import CallRecord, Ledger, OurKeys, Peer
from mnet.faults import BadSignature, KeyChanged, NotSealed, UnreadableMessage
from mnet.metrics import Metrics
from mnet.protocol import DEFAULT_APPLICATION, KEYSWAP, MAX_KEYSWAP_BYTES, Application, KeyCame
from mnet.store_errors import STORE_ERRORS, name_of
from mnet.stored_sentences import english
from mnet.xmlrpc import Dialect, FaultResponse, Value

CALL_TIMEOUT_S = 30.0
KEYSWAP_TIMEOUT_S = 10.0
MIN_SECOND_TRY_S = 0.1

log = structlog.get_logger("outbound")


@dataclass(frozen=True, slots=True)
class Answered:
    """A peer's answer: its value, proven, and its clock, which nobody signed."""

    value: Value
    timestamp_unix_s: int | None


class Post(Protocol):
    """Send a body to a URL and return the answer's body; blocks."""

    def __call__(self, url: str, body: bytes, *, verify_tls: bool, timeout_s: float) -> bytes:
        """Raise CannotReach when there is no answer with status 200."""
        ...


class KeyTaker(Protocol[Peer]):
    """Where an announced key goes (peers/registry.py)."""

    def learn_dialect(self, connection: Connection, peer: Peer, dialect: Dialect) -> None:
        """Remember how a peer writes XML-RPC."""
        ...

    def believes(self, peer: Peer, came: KeyCame) -> bool:
        """Tell whether a new key of the peer that came so is believed (peers/trust.py)."""
        ...

    def take_key(self, peer: Peer, pem: str, *, came: KeyCame) -> Peer | None:
        """Take in a certificate that a peer announced."""
        ...


@dataclass(frozen=True, slots=True)
class Outbound(Generic[Peer]):
    """Makes calls; one for the whole process, used by many threads."""

    site: Site
    keys: Callable[[], OurKeys]
    peers: KeyTaker[Peer]
    database: Database
    ledger: Ledger
    post: Post
    clock: Callable[[], float]
    random: Callable[[int], bytes]
    verifies_tls: Callable[[Peer], bool]
    application_of: Callable[[Peer], Application]
    metrics: Metrics = field(default_factory=Metrics)
    # Peers that let calls time out are left alone for a while.
    breakers: Breakers = field(default_factory=Breakers)
    # Seconds of a clock that does not jump.
    seconds: Callable[[], float] = time.monotonic

    def call(
        self, peer: Peer, method: str, params: list[Value], *, timeout_s: float = CALL_TIMEOUT_S
    ) -> Value:
        """Call `method` on a peer and return its value.

        Raises CallError: CannotReach, BadAnswer or RemoteFault. A peer that
        announces a new key under its known one is asked once more with it.
        """
        return self.ask(peer, method, params, timeout_s=timeout_s).value

    def ask(
        self, peer: Peer, method: str, params: list[Value], *, timeout_s: float = CALL_TIMEOUT_S
    ) -> Answered:
        """Call as `call` does, and return also when the peer says that it answered."""
        self._check_rest(peer)
        asked = _Asked(method, params, timeout_s, self.random(6).hex(), time.perf_counter())
        began_s, outcome, timed_out = self.seconds(), "", False
        try:
            answered = self._up_to_twice(peer, asked)
            outcome = outcomes.OK
        except CallError as failed:
            outcome, _reason = outcome_of(failed)
            timed_out = isinstance(failed, CannotReach) and (
                failed.reason == "time" or self.seconds() - began_s >= SLOW_S
            )
            # A proven fault was recorded together with the answer that brought it.
            if not (isinstance(failed, RemoteFault) and failed.proven):
                self._record_failure(peer, asked, failed)
            raise
        else:
            return answered
        finally:
            self.breakers.ended(peer.id, self.seconds(), timed_out=timed_out)
            self.metrics.count("out", method, outcome, time.perf_counter() - asked.started_s)

    def rests(self, peer: Peer) -> bool:
        """Tell whether a peer was silent so often that it is not asked at the moment."""
        return self.breakers.rests(peer.id, self.seconds())

    def _check_rest(self, peer: Peer) -> None:
        if self.breakers.begins(peer.id, self.seconds()):
            return
        text = english(
            "%(peer)s let calls time out again and again; it is asked anew after %(rest)s s.",
            peer=peer.wwwroot,
            rest=round(REST_S),
        )
        raise CannotReach(text, reason="rests")

    def _up_to_twice(self, peer: Peer, asked: _Asked) -> Answered:
        try:
            return self._once(peer, asked)
        except _NewKey as announced:
            # Both attempts share the time that the caller has.
            spent_s = time.perf_counter() - asked.started_s
            asked.timeout_s = max(asked.timeout_s - spent_s, MIN_SECOND_TRY_S)
            return self._once(announced.peer, asked, retry=False)

    def keyswap(self, wwwroot: str, application: Application, *, verify_tls: bool) -> str:
        """Fetch the certificate that a site gives out, in plain; proves nothing (section 5)."""
        params: list[Value] = [self.site.wwwroot, self.keys().certificate_pem, application.name]
        body = xmlrpc.write_call(KEYSWAP, params, Dialect.PHPXMLRPC)
        answer = self.post(
            wwwroot + application.server, body, verify_tls=verify_tls, timeout_s=KEYSWAP_TIMEOUT_S
        )
        # A longer one is none, and what is cut is no XML.
        response = read_response(answer[: MAX_KEYSWAP_BYTES + 1])
        if isinstance(response, FaultResponse):
            raise RemoteFault(response.code, response.text, proven=False)
        if not isinstance(response.value, str):
            raise BadAnswer(
                english("The site answered the keyswap with something that is no certificate."),
                wrong="no certificate",
            )
        return response.value

    def _once(self, peer: Peer, asked: _Asked, *, retry: bool = True) -> Answered:
        keys = self.keys()
        application = self.application_of(peer)
        dialect = peer.dialect or Dialect.PHPXMLRPC
        payload = asked.payload = xmlrpc.write_call(asked.method, asked.params, dialect)
        signed = envelope.signed_message(
            payload,
            signature=keys.sign(payload),
            wwwroot=self.site.wwwroot,
            public_key_path=DEFAULT_APPLICATION.public_key,
            timestamp_unix_s=int(self.clock()),
        )
        sealed = envelope.sealed_message(
            signed, key=peer.key, wwwroot=self.site.wwwroot, random=self.random
        )
        body = self.post(
            peer.wwwroot + application.server,
            sealed,
            verify_tls=self.verifies_tls(peer),
            timeout_s=asked.timeout_s,
        )
        return self._open_answer(peer, asked, body, retry=retry)

    def _open_answer(self, peer: Peer, asked: _Asked, body: bytes, *, retry: bool) -> Answered:
        try:
            message = envelope.read_message(body)
        except (UnreadableMessage, BadSignature, NotSealed):
            raise no_protocol(body) from None
        if not isinstance(message, SealedMessage):
            raise plain_fault(body)
        opened = self.keys().open(message.wrapped_key, lambda k: envelope.open_text(message, k))
        if opened is None or message.wwwroot not in peer.addresses:
            raise BadAnswer(english("The answer is not sealed for this site by the peer."))
        try:
            signed = envelope.read_signed(opened.result)
        except BadSignature:
            raise BadAnswer(english("The answer is not signed.")) from None
        proven = signed.wwwroot in peer.addresses and envelope.verify(signed, peer.key)
        response = read_response(signed.payload)
        if isinstance(response, FaultResponse) and response.code == KeyChanged.code:
            raise self._new_key(peer, response.text, proven=proven, retry=retry)
        if not proven:
            raise BadAnswer(
                english("The answer's signature does not verify with the peer's known key."),
                wrong="key",
            )
        if not opened.is_current:
            raise BadAnswer(english("The answer is sealed to a key that this site no longer uses."))
        if isinstance(response, FaultResponse):
            failed = RemoteFault(response.code, response.text, proven=True)
            self._remember(peer, asked, message, opened.key_id, response.dialect, failed)
            raise failed
        self._remember(peer, asked, message, opened.key_id, response.dialect)
        return Answered(response.value, signed.timestamp_unix_s)

    def _new_key(self, peer: Peer, pem: str, *, proven: bool, retry: bool) -> Exception:
        """Take in an announced key, and tell what that means for the call."""
        came = KeyCame.PROVEN if proven else KeyCame.UNPROVEN
        # A Mahara signs with its new key; the same certificate over verified TLS may do instead.
        if not proven and self.peers.believes(peer, KeyCame.VERIFIED_TLS):
            came = KeyCame.VERIFIED_TLS if self._verified_tls_gives(peer, pem) else came
        after = self.peers.take_key(peer, pem, came=came)
        if after is None:
            return BadAnswer(
                english("The peer announced a new key with a certificate that cannot be its own."),
                wrong="key",
            )
        if not self.peers.believes(peer, came):
            return BadAnswer(
                english(
                    "The peer has a new key but did not prove it with its old one. Compare the "
                    "fingerprint with the peer's admin, then: mnet-peer peer accept-key."
                ),
                wrong="key",
            )
        if retry:
            return _NewKey(after)
        return BadAnswer(english("The peer changed its key twice in one call."))

    def _verified_tls_gives(self, peer: Peer, pem: str) -> bool:
        """Tell whether the site, reached over verified TLS, gives out the same certificate."""
        if not peer.wwwroot.startswith("https://") or not self.verifies_tls(peer):
            return False
        try:
            given = self.keyswap(peer.wwwroot, self.application_of(peer), verify_tls=True)
        except CallError:
            return False
        return given.split() == pem.split()

    def _remember(
        self,
        peer: Peer,
        asked: _Asked,
        message: SealedMessage,
        key_id: int,
        dialect: Dialect | None,
        failed: RemoteFault | None = None,
    ) -> None:
        digest = envelope.replay_digest(message)
        with self.database.write() as connection:
            fresh = self.ledger.remember(connection, digest, key_id, int(self.clock()))
            if dialect is not None and dialect is not peer.dialect:
                self.peers.learn_dialect(connection, peer, dialect)
            if fresh:
                self._record(connection, peer, asked, failed)
        if not fresh:
            raise BadAnswer(english("The answer was seen before; somebody replayed it."))

    def _record_failure(self, peer: Peer, asked: _Asked, failed: CallError) -> None:
        """Write down a call that brought no answer to remember; the failure itself matters more."""
        try:
            with self.database.write() as connection:
                self._record(connection, peer, asked, failed)
        except STORE_ERRORS as problem:
            log.warning("not recorded", problem=name_of(problem), call=asked.correlation)

    def _record(
        self, connection: Connection, peer: Peer, asked: _Asked, failed: CallError | None
    ) -> None:
        outcome, reason = outcome_of(failed) if failed else (outcomes.OK, "")
        record = CallRecord(
            peer_id=peer.id,
            method=asked.method,
            payload=asked.payload,
            correlation=asked.correlation,
            outcome=outcome,
            at_unix_s=int(self.clock()),
            direction="out",
            duration_ms=round((time.perf_counter() - asked.started_s) * 1000),
            reason=reason,
        )
        self.ledger.record(connection, record)


@dataclass(slots=True)
class _Asked:
    """One call that we make, through both of its attempts."""

    method: str
    params: list[Value]
    timeout_s: float
    correlation: str
    started_s: float  # by time.perf_counter
    payload: bytes = b""  # as it was last sent


class _NewKey(Exception):
    """The peer proved a new key; call again with it."""

    def __init__(self, peer: Any) -> None:
        super().__init__()
        self.peer = peer
