"""The peers as the server sees them: an immutable snapshot, re-read when configuration changed.

Also keeps what a stranger's keyswap leaves behind and the keys that peers announce; which of
these are believed is decided in peers/trust.py.
Source: RULES R15-R23; PROTOCOL.md sections 5 (keyswap) and 6 (new keys).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

import structlog
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from sqlalchemy.engine import Connection

from keys.certificate import BadCertificate, PeerCertificate, check_subject, load
from mnet import outcomes
from mnet.asked_once import AskedOnce
from mnet.database import Database
from mnet.dispatcher import Services
from mnet.language import N_
from mnet.protocol import APPLICATIONS, Application, BadWwwroot, KeyCame, check_wwwroot
from mnet.xmlrpc import Dialect
from peers import audit, store
from peers.policy import PeerPolicy
from peers.trust import Trust, judge

# One forced look at a peer's key in this time; the messages between are refused (section 6).
REFRESH_INTERVAL_S = 2.0
# Whoever comes during a look waits for what it finds: a keyswap, and a call with its second try.
REFRESH_WAIT_S = 30.0

log = structlog.get_logger("peers")


@dataclass(frozen=True, slots=True)
class Peer:
    """One remote site that is not deleted, ready for use."""

    id: int
    wwwroot: str
    name: str
    application: Application
    enabled: bool
    dialect: Dialect | None
    names_addressee: bool
    policy: PeerPolicy
    methods: Mapping[str, str]
    certificate: PeerCertificate
    addresses: frozenset[str]
    services: Services

    @property
    def key(self) -> RSAPublicKey:
        """The key that signs for it and that we seal to."""
        return self.certificate.public_key


class Registry:
    """All peers; one for the whole process, used by many threads."""

    def __init__(self, database: Database, clock: Callable[[], float]) -> None:
        """Read peers from `database`, lazily."""
        self._database = database
        self._clock = clock
        self._lock = threading.Lock()
        self._revision: str | None = None
        self._by_address: Mapping[str, Peer] = {}
        self._refreshing = AskedOnce[None]()
        self._refreshed_at: dict[int, float] = {}
        # Set by the composition root: asks the peer itself (peers/bootstrap.py).
        self.ask_for_key: Callable[[Peer], None] = lambda _peer: None

    def find(self, wwwroot: str) -> Peer | None:
        """Return the peer that has this address, own or alias; never a deleted one."""
        return self._snapshot().get(wwwroot)

    def by_id(self, peer_id: int) -> Peer | None:
        """Return the peer with this id."""
        return next((p for p in self._snapshot().values() if p.id == peer_id), None)

    def all(self) -> list[Peer]:
        """Return every peer that is not deleted."""
        return list({p.id: p for p in self._snapshot().values()}.values())

    def _snapshot(self) -> Mapping[str, Peer]:
        revision = self._database.revision()
        if revision != self._revision:
            found: dict[str, Peer] = {}
            with self._database.read() as connection:
                for stored in store.all_peers(connection):
                    peer = _usable(stored)
                    if peer is not None:
                        found.update(dict.fromkeys(peer.addresses, peer))
            with self._lock:
                self._by_address, self._revision = found, revision
        return self._by_address

    def learn_dialect(self, connection: Connection, peer: Peer, dialect: Dialect) -> None:
        """Remember how a peer writes XML-RPC, for the calls that we make on it."""
        store.set_columns(connection, peer.id, dialect=dialect.value)

    def stranger(self, wwwroot: str, pem: str, application: str) -> None:
        """Note a keyswap: one pending row for a stranger, nothing for a known or deleted peer.

        Fetches nothing and trusts nothing; what is no sane address, or no certificate that names
        it, is dropped.
        """
        try:
            wwwroot = check_wwwroot(wwwroot)
            certificate = load(pem)
            check_subject(certificate, wwwroot)
            pem = certificate.pem
        except (BadWwwroot, BadCertificate):
            return
        with self._database.read() as connection:
            if store.find(connection, wwwroot) is not None or any(
                p.wwwroot == wwwroot and p.pem == pem for p in store.pending(connection)
            ):
                return
        row = store.PendingPeer(wwwroot, pem, application, int(self._clock()))
        with self._database.write() as connection:
            store.note_pending(connection, row)
        log.info("stranger", wwwroot=wwwroot)

    def refresh_key(self, peer: Peer) -> Peer | None:
        """Look for a new key of a peer whose signature did not verify.

        At most one look per peer at a time, for which others wait, and one in two seconds; None
        when there is nothing new to believe.
        """
        # It may have been learnt since this call looked the peer up.
        if (changed := self._changed(peer)) is not None:
            return changed
        with self._lock:
            since_s = self._clock() - self._refreshed_at.get(peer.id, 0.0)
        if 0 <= since_s < REFRESH_INTERVAL_S:
            return None
        with suppress(TimeoutError):
            self._refreshing.ask(peer.id, partial(self._look, peer), wait_s=REFRESH_WAIT_S)
        return self._changed(peer)

    def _look(self, peer: Peer) -> None:
        try:
            self.ask_for_key(peer)
        finally:
            with self._lock:
                self._refreshed_at[peer.id] = self._clock()

    def _changed(self, peer: Peer) -> Peer | None:
        """Return a peer as it is now, when it has another key than `peer`."""
        now = self.by_id(peer.id)
        if now is None or now.certificate.fingerprint == peer.certificate.fingerprint:
            return None
        return now

    def believes(self, peer: Peer, came: KeyCame) -> bool:
        """Tell whether a new key of the peer that came so is believed."""
        return _judged(peer, came) is Trust.BELIEVE

    def take_key(self, peer: Peer, pem: str, *, came: KeyCame) -> Peer | None:
        """Take in a certificate that a peer announced, as peers/trust.py judges it.

        Believed ones become its key; others wait for an admin (`peer accept-key`). What came for
        a `peer` whose key is another by now changes nothing. Returns the peer as it is
        afterwards, or None when the certificate cannot be its own.
        """
        trust, origin = _judged(peer, came), came.value
        try:
            certificate = load(pem)
            check_subject(certificate, peer.wwwroot)
        except BadCertificate as problem:
            log.warning(
                "key refused", peer=peer.wwwroot, origin=origin, reason=outcomes.clean(str(problem))
            )
            return None
        if certificate.fingerprint == peer.certificate.fingerprint or trust is Trust.IGNORE:
            return peer
        believed, now_unix_s = trust is Trust.BELIEVE, int(self._clock())
        action = N_("key changed") if believed else N_("key waits for an admin")
        before, after = peer.certificate.fingerprint, certificate.fingerprint
        with self._database.write() as connection:
            is_news = _is_news(store.by_id(connection, peer.id), before, after, believed=believed)
            if is_news:
                store.set_certificate(
                    connection,
                    peer.id,
                    pem=certificate.pem,
                    fingerprint=after,
                    origin=origin,
                    now_unix_s=now_unix_s,
                    state=store.CURRENT if believed else store.OFFERED,
                )
                audit.record(
                    connection,
                    actor=audit.SERVER,
                    action=action,
                    subject=peer.wwwroot,
                    detail={"came by": origin, "before": before, "after": after},
                    now_unix_s=now_unix_s,
                )
        if is_news:
            log.warning(action, peer=peer.wwwroot, origin=origin, before=before, after=after)
        return self.by_id(peer.id)


def _is_news(stored: store.StoredPeer | None, before: str, after: str, *, believed: bool) -> bool:
    """Tell whether a certificate is still to be taken in, by the fingerprints that are kept.

    `before` is the key that was asked: when others learnt a newer one meanwhile, the answer is
    late, and what it brings may be older than what we have.
    """
    current = stored.certificate() if stored and stored.state != store.DELETED else None
    if stored is None or current is None or current.fingerprint != before:
        return False
    offered = stored.certificate(store.OFFERED)
    return believed or offered is None or offered.fingerprint != after


def _judged(peer: Peer, came: KeyCame) -> Trust:
    return judge(came, trusts_tls=peer.policy.trust_tls_key)


def _usable(stored: store.StoredPeer) -> Peer | None:
    current = stored.certificate()
    if stored.state == store.DELETED or current is None:
        return None
    return Peer(
        id=stored.id,
        wwwroot=stored.wwwroot,
        name=stored.name,
        application=APPLICATIONS[stored.application],
        enabled=stored.state == store.ENABLED,
        dialect=Dialect(stored.dialect) if stored.dialect else None,
        names_addressee=stored.names_addressee,
        policy=PeerPolicy.from_stored(stored.policy),
        methods=stored.methods,
        certificate=load(current.pem),
        addresses=frozenset({stored.wwwroot, *stored.aliases}),
        services=Services(stored.published, stored.subscribed),
    )
