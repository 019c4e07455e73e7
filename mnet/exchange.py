"""How one request is answered, from bytes to bytes, in one readable place.

    body
     │  read the envelope ........ 7020 for an address that no peer has, 7023 when no key opens it
     ▼
    signed message
     │  verify ................... looks for a new key once; 710 when it is not the one that signed
     ▼
    call
     │  resolve the method ....... may it be called? what does it need to ask? (Slow)
     ▼
    one transaction:  remember the envelope (a replay is refused) · apply · write the journal
     │                           a long push: several, remembered with the first (Long)
     ▼  only now is it acknowledged
    sign with our key, seal to the peer's

Each step that fails is a Fault, and becomes one in the answer. What it needs of keys, peers and
store comes in as small interfaces: nothing here knows a table or a socket.
Source: PROTOCOL.md sections 3 to 8; RULES R20-R23, R90.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Generic, TypeAlias

import structlog
from sqlalchemy.engine import Connection

from mnet import envelope, outcomes, xmlrpc
from mnet.batching import Long, Slow, Steps, run_to_end
from mnet.database import Database
from mnet.dispatcher import MAX_NAME_CHARS, Dispatcher, Method, Services, Unfinished
from mnet.envelope import PlainMessage, SealedMessage, SignedMessage
from mnet.exchange_context import Answer, Context, Site, apology, is_late
from mnet.exchange_parts import CallRecord, Directory, Ledger, OurKeys, Peer, raiser, value_of
from mnet.exchange_plain import plain_call
from mnet.faults import (
    BadSignature,
    CannotOpen,
    Fault,
    KeyChanged,
    NotSigned,
    TryAgainLater,
    UnknownPeer,
    UnreadableMessage,
)
from mnet.logs import log_failure
from mnet.metrics import Metrics
from mnet.once_per_period import OncePerPeriod
from mnet.protocol import DEFAULT_APPLICATION
from mnet.store_errors import PASSING, STORE_ERRORS, name_of
from mnet.stored_sentences import english
from mnet.xmlrpc import MethodCall, Value

# Two transactions that bring the same new person meet once; the second try finds them there.
ATTEMPTS = 3
# Anybody can write a peer's address on an envelope: so often at most one leaves a line.
UNOPENED_EVERY_S = 60.0
UNREAD_METHOD = "(sealed)"

log = structlog.get_logger("exchange")

# What came of a transaction, and its outcome in a word.
Applied: TypeAlias = "tuple[Value | Fault | Unfinished, str]"
Apply: TypeAlias = Callable[[Connection], Applied]


@dataclass(frozen=True, slots=True)
class Exchange(Generic[Peer]):
    """Answers requests; one for the whole server, used by many threads at once."""

    site: Site
    keys: Callable[[], OurKeys]
    directory: Directory[Peer]
    dispatcher: Dispatcher[Context[Peer]]
    database: Database
    ledger: Ledger
    clock: Callable[[], float]
    random: Callable[[int], bytes]
    metrics: Metrics = field(default_factory=Metrics)
    _unopened: OncePerPeriod = field(default_factory=lambda: OncePerPeriod(UNOPENED_EVERY_S))

    def answer(self, body: bytes, sender: str = "") -> Answer:
        """Answer one request body by itself; never raises."""
        return run_to_end(self.steps(body, sender), self.database)

    def steps(self, body: bytes, sender: str = "") -> Steps[Answer]:
        """Answer one request body; never raises. Every failure becomes a fault (section 8).

        Yields where it may take its time, and each work for a transaction, so that others may
        go along (mnet/batching.py). `sender` is the network address that the body came from, for
        the log only.
        """
        started_s = time.perf_counter()
        correlation = self.random(6).hex()
        notes: dict[str, object] = {"call": correlation, "sender": sender}
        try:
            message = envelope.read_message(body)
            if isinstance(message, SealedMessage):
                answer = yield from self._sealed(message, correlation, started_s, notes)
            else:
                bare = yield from plain_call(self.keys, self.directory, message.payload, notes)
                is_signed = isinstance(message, SignedMessage)
                answer = Answer(self._sign(bare, self.keys(), None) if is_signed else bare)
        except Fault as fault:  # before the envelope is open: in plain
            notes["fault"] = fault.code
            answer = Answer(xmlrpc.write_fault(fault.code, fault.text))
        except Exception as problem:  # noqa: BLE001 - a caller gets an answer, whatever it is
            log_failure(log, problem, call=correlation)
            notes["fault"] = TryAgainLater.code
            answer = Answer(xmlrpc.write_fault(TryAgainLater.code, apology(correlation)))
        taken_s = time.perf_counter() - started_s
        notes["ms"] = round(taken_s * 1000, 2)
        log.info("call", **notes)
        code = notes.get("fault")
        outcome = outcomes.of_code(code) if isinstance(code, int) else outcomes.OK
        self.metrics.count("in", str(notes.get("method", "")), outcome, taken_s)
        return answer

    def _sealed(
        self, message: SealedMessage, correlation: str, started_s: float, notes: dict[str, object]
    ) -> Steps[Answer]:
        peer = self.directory.find(message.wwwroot)
        if peer is None:
            raise UnknownPeer
        notes["peer"] = peer.wwwroot
        keys = self.keys()
        opened = keys.open(message.wrapped_key, lambda key: envelope.open_text(message, key))
        if opened is None:
            yield from self._record_unopened(
                Context(peer, int(self.clock()), correlation, started_s)
            )
            raise CannotOpen
        if not opened.is_current:
            # Signed by the key that opened it: the only one that the caller can believe.
            notes["fault"] = KeyChanged.code
            fault = xmlrpc.write_fault(KeyChanged.code, keys.certificate_pem)
            timestamp = _timestamp(opened.result)
            return Answer(self._wrap(fault, peer, keys, timestamp, key_id=opened.key_id))
        if not envelope.is_signed(opened.result):
            bare = yield from plain_call(self.keys, self.directory, opened.result, notes, NotSigned)
            return Answer(self._seal(bare, peer))
        context: Context[Peer] | None = None
        timestamp = None
        signed: SignedMessage | None = None
        try:
            signed = envelope.read_signed(opened.result)
            timestamp = signed.timestamp_unix_s
            peer = yield from self._verified(peer, signed)
            now = int(self.clock())
            context = Context(peer, now, correlation, started_s, sent_unix_s=timestamp)
            digest = envelope.replay_digest(message)
            payload = yield from self._execute(
                context, signed.payload, digest, opened.key_id, notes
            )
        except Fault as fault:
            notes["fault"] = fault.code
            if isinstance(fault, TryAgainLater) and context and signed:
                yield from self._record_unkept(context, signed.payload, fault)
            payload = xmlrpc.write_fault(fault.code, fault.text, peer.dialect)
            # Its frames hold this call's bytes, and one of them a work that holds the fault: in a
            # circle these bytes would stay until somebody looks for circles.
            fault.__traceback__ = None
        if context:
            notes["method"] = context.method
        afterwards = tuple(context.afterwards) if context else ()
        return Answer(self._wrap(payload, peer, keys, timestamp), afterwards)

    def _verified(self, peer: Peer, signed: SignedMessage) -> Steps[Peer]:
        """Return the peer whose key signed the message, perhaps with a key just learnt."""
        if signed.wwwroot not in peer.addresses:
            raise BadSignature
        if envelope.verify(signed, peer.key):
            return peer
        # In a share of its own: whoever forges signatures keeps no other question waiting.
        yield Slow(f"key of {peer.id}")
        refreshed = self.directory.refresh_key(peer)
        if refreshed is None or not envelope.verify(signed, refreshed.key):
            raise BadSignature
        return refreshed

    def _execute(
        self,
        context: Context[Peer],
        payload: bytes,
        digest: bytes,
        key_id: int,
        notes: dict[str, object],
    ) -> Steps[bytes]:
        """Dispatch and apply a verified call; return the answer's payload.

        In one transaction, or where it is long in some, after the first of which it was seen.
        """
        peer = context.peer
        call, work = yield from self._resolve(context, payload, digest)
        dialect = (call.dialect if call else None) or peer.dialect
        apply = self._work(context, call, work, payload, digest, key_id)
        result, notes["outcome"] = yield from self._durable(context, apply)
        if isinstance(result, Unfinished):
            yield Long()
        while isinstance(result, Unfinished):
            context.done = result.done
            durable_count = len(context.afterwards)
            apply = partial(self._apply, context, result.rest, payload, durable_count)
            result, notes["outcome"] = yield from self._durable(context, apply)
        return xmlrpc.write_response(value_of(result), dialect)

    def _durable(self, context: Context[Peer], apply: Apply) -> Steps[Applied]:
        """Return what came of a transaction once it is durable; raises TryAgainLater."""
        durable_count = len(context.afterwards)
        for attempt in range(ATTEMPTS):
            context.is_again = attempt > 0
            try:
                applied: Applied = yield apply
            except Fault:
                raise
            except Exception as problem:  # noqa: BLE001 - a caller gets an answer
                # Nothing was kept. Again, with more care; once more, when it met the store.
                is_last = attempt + 1 == ATTEMPTS or (attempt > 0 and is_late(context))
                if is_last or not isinstance(problem, PASSING):
                    log_failure(log, problem, call=context.correlation)
                    break
            else:
                return applied
        del context.afterwards[durable_count:]
        raise TryAgainLater(apology(context.correlation, context.done))

    def _resolve(
        self, context: Context[Peer], payload: bytes, digest: bytes
    ) -> Steps[tuple[MethodCall | None, Callable[[], Value | Unfinished]]]:
        """Find what the call asks for; a fault found here is raised inside the transaction."""
        call = None
        try:
            call = xmlrpc.read_call(payload)
            context.method = call.name[:MAX_NAME_CHARS]
            found = self.dispatcher.find(call.name, context.peer.services)
            params = list(call.params)
            if not isinstance(found, Method):
                return call, lambda: self._system(found, params, context.peer.services)
            first = found.prepare(context, params) if found.prepare else None
            if first is not None:
                yield Slow(context.peer.id)
                if not self.ledger.seen(digest):
                    params = first()
            if found.is_long and found.is_long(params):
                yield Long()
        except TryAgainLater:
            raise
        except Fault as fault:
            return call, raiser(fault)
        return call, lambda: found.run(context, params)

    def _work(
        self,
        context: Context[Peer],
        call: MethodCall | None,
        work: Callable[[], Value | Unfinished],
        payload: bytes,
        digest: bytes,
        key_id: int,
    ) -> Apply:
        """Return what is done inside the transaction, to the call and to what we remember of it."""
        now = context.now_unix_s

        def apply(connection: Connection) -> Applied:
            if not self.ledger.remember(connection, digest, key_id, now):
                raise BadSignature
            if call and call.dialect and call.dialect is not context.peer.dialect:
                self.directory.learn_dialect(connection, context.peer, call.dialect)
            return self._apply(context, work, payload, 0, connection)

        return apply

    def _apply(
        self,
        context: Context[Peer],
        work: Callable[[], Value | Unfinished],
        payload: bytes,
        durable_count: int,
        connection: Connection,
    ) -> Applied:
        """Do a call's work or a part of it; after the last write down how it went.

        Of the works for afterwards those before `durable_count` come from parts that are durable.
        """
        context.open_connection = connection
        del context.afterwards[durable_count:]
        result: Value | Fault | Unfinished
        try:
            result = work()
        except TryAgainLater:
            raise  # leaves no trace: the same message may come again
        except Fault as fault:
            result = fault
        if isinstance(result, Unfinished):
            return result, ""
        if isinstance(result, Fault):
            outcome, reason = outcomes.of_fault(result)
        else:
            outcome, reason = outcomes.of_value(result)
        self._record(connection, context, payload, outcome, reason)
        return result, outcome

    def _record(
        self,
        connection: Connection,
        context: Context[Peer],
        payload: bytes,
        outcome: str,
        reason: str,
    ) -> None:
        record = CallRecord(
            peer_id=context.peer.id,
            method=context.method,
            payload=payload,
            correlation=context.correlation,
            outcome=outcome,
            at_unix_s=context.now_unix_s,
            direction="in",
            duration_ms=round((time.perf_counter() - context.started_s) * 1000),
            reason=reason,
        )
        self.ledger.record(connection, record)

    def _record_unkept(
        self, context: Context[Peer], payload: bytes, fault: TryAgainLater
    ) -> Steps[None]:
        """Write down a call that left no other line, so that an admin sees it failing."""
        if is_late(context) and not context.done:
            return  # the store is what fails; this would wait for it too
        try:
            outcome = outcomes.of_fault(fault)
            yield lambda c: self._record(c, context, payload, *outcome)
        except STORE_ERRORS as problem:
            log.warning("not recorded", problem=name_of(problem), call=context.correlation)

    def _record_unopened(self, context: Context[Peer]) -> Steps[None]:
        """Write down, now and then, that what names this peer is sealed to no key of ours."""
        if not self._unopened.is_due(context.peer.id, self.clock()):
            return
        context.method = UNREAD_METHOD
        reason = english(
            "Sealed to a key that this site does not have, or has no longer: on the peer fetch "
            "this site's key again. At most one such call a minute is written down."
        )
        try:
            yield lambda c: self._record(c, context, b"", outcomes.of_code(CannotOpen.code), reason)
        except STORE_ERRORS as problem:
            log.warning("not recorded", problem=name_of(problem), call=context.correlation)

    def _system(self, name: str, params: list[Value], services: Services) -> Value:
        if name == "keyswap":
            return self.keys().certificate_pem
        return self.dispatcher.system(name, params, services)

    def _wrap(
        self,
        payload: bytes,
        peer: Peer,
        keys: OurKeys,
        timestamp_unix_s: int | None,
        *,
        key_id: int | None = None,
    ) -> bytes:
        return self._seal(self._sign(payload, keys, timestamp_unix_s, key_id), peer)

    def _sign(
        self, payload: bytes, keys: OurKeys, theirs_unix_s: int | None, key_id: int | None = None
    ) -> bytes:
        # Never ahead of the caller's clock: a slow Moodle refuses answers from its future.
        now = int(self.clock())
        return envelope.signed_message(
            payload,
            signature=keys.sign(payload, key_id),
            wwwroot=self.site.wwwroot,
            public_key_path=DEFAULT_APPLICATION.public_key,
            timestamp_unix_s=now if theirs_unix_s is None else min(now, theirs_unix_s),
        )

    def _seal(self, text: bytes, peer: Peer) -> bytes:
        return envelope.sealed_message(
            text, key=peer.key, wwwroot=self.site.wwwroot, random=self.random
        )


def _timestamp(text: bytes) -> int | None:
    """Return when a message was signed that is not going to be looked at any further."""
    try:
        return envelope.read_signed(text).timestamp_unix_s
    except BadSignature:
        return None


__all__ = ["Answer", "Context", "Exchange", "PlainMessage", "Site", "UnreadableMessage"]
