"""Reading and changing the rows of peers. No network, no rules of trust, no wire.

Every function takes a Connection and returns plain values; each change bumps the store's
revision, so that a running server sees it with its next request.
Source: RULES R15-R19, R22.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from mnet.database import bump_revision, insert_one
from peers import sign_on
from peers.model import peer, peer_alias, peer_certificate, peer_service, pending_peer

MAX_PENDING = 100

ENABLED, DISABLED, DELETED = "enabled", "disabled", "deleted"
PRODUCTION, TEST = "production", "test"
CURRENT, OFFERED, RETIRED = "current", "offered", "retired"


@dataclass(frozen=True, slots=True)
class StoredCertificate:
    """A certificate of a peer and how it came."""

    pem: str
    fingerprint: str
    state: str
    origin: str
    since_unix_s: int


@dataclass(frozen=True, slots=True)
class StoredPeer:
    """A peer's rows, as they are kept."""

    id: int
    wwwroot: str
    name: str
    application: str
    state: str
    label: str
    dialect: str | None
    names_addressee: bool
    policy: Mapping[str, str]
    methods: Mapping[str, str]
    aliases: tuple[str, ...]
    certificates: tuple[StoredCertificate, ...]
    published: frozenset[str]
    subscribed: frozenset[str]

    def certificate(self, state: str = CURRENT) -> StoredCertificate | None:
        """The latest certificate in a state."""
        found = [c for c in self.certificates if c.state == state]
        return found[-1] if found else None


@dataclass(frozen=True, slots=True)
class PendingPeer:
    """A stranger that sent a keyswap and waits for an admin's decision."""

    wwwroot: str
    pem: str
    application: str
    seen_unix_s: int


def all_peers(connection: Connection) -> list[StoredPeer]:
    """Return every peer, deleted ones too, by wwwroot."""
    rows = connection.execute(sa.select(peer).order_by(peer.c.wwwroot)).mappings()
    return [_peer(connection, row) for row in rows.all()]


def find(connection: Connection, wwwroot: str) -> StoredPeer | None:
    """Return the peer with this address or alias."""
    alias = sa.select(peer_alias.c.peer_id).where(peer_alias.c.wwwroot == wwwroot)
    wanted = sa.or_(peer.c.wwwroot == wwwroot, peer.c.id.in_(alias))
    row = connection.execute(sa.select(peer).where(wanted)).mappings().first()
    return _peer(connection, row) if row else None


def by_id(connection: Connection, peer_id: int) -> StoredPeer | None:
    """Return the peer with this id, also a deleted one."""
    row = connection.execute(sa.select(peer).where(peer.c.id == peer_id)).mappings().first()
    return _peer(connection, row) if row else None


def _peer(connection: Connection, row: RowMapping) -> StoredPeer:
    peer_id = row["id"]
    certificates = connection.execute(
        sa.select(peer_certificate)
        .where(peer_certificate.c.peer_id == peer_id)
        .order_by(peer_certificate.c.id)
    ).mappings()
    services = (
        connection.execute(sa.select(peer_service).where(peer_service.c.peer_id == peer_id))
        .mappings()
        .all()
    )
    aliases = connection.execute(
        sa.select(peer_alias.c.wwwroot).where(peer_alias.c.peer_id == peer_id)
    ).scalars()
    return StoredPeer(
        id=peer_id,
        wwwroot=row["wwwroot"],
        name=row["name"],
        application=row["application"],
        state=row["state"],
        label=row["label"],
        dialect=row["dialect"],
        names_addressee=row["names_addressee"],
        policy=row["policy"],
        methods=row["methods"],
        aliases=tuple(sorted(aliases)),
        certificates=tuple(
            StoredCertificate(
                c["pem"], c["fingerprint"], c["state"], c["origin"], c["since_unix_s"]
            )
            for c in certificates
        ),
        published=frozenset(s["service"] for s in services if s["publish"]),
        subscribed=frozenset(s["service"] for s in services if s["subscribe"]),
    )


def add(
    connection: Connection,
    *,
    wwwroot: str,
    name: str,
    application: str,
    state: str,
    now_unix_s: int,
) -> int:
    """Insert a peer, or take up again the one deleted under the same address; return its id."""
    values = {"name": name[:255], "application": application, "state": state}
    known = connection.execute(sa.select(peer.c.id).where(peer.c.wwwroot == wwwroot)).scalar()
    if known is None:
        known = insert_one(
            connection,
            sa.insert(peer).values(
                wwwroot=wwwroot,
                names_addressee=False,
                policy={},
                methods={},
                added_unix_s=now_unix_s,
                **values,
            ),
        )
    else:
        connection.execute(sa.update(peer).where(peer.c.id == known).values(**values))
    forget_pending(connection, wwwroot)
    bump_revision(connection)
    return int(known)


def set_state(connection: Connection, peer_id: int, state: str) -> None:
    """Enable, disable or delete a peer; deleting also takes its services away.

    Whoever is signed in through a peer that is not enabled is signed out.
    """
    connection.execute(sa.update(peer).where(peer.c.id == peer_id).values(state=state))
    if state != ENABLED:
        sign_on.end_of_peer(connection, peer_id)
    if state == DELETED:
        connection.execute(sa.delete(peer_service).where(peer_service.c.peer_id == peer_id))
        connection.execute(sa.delete(peer_alias).where(peer_alias.c.peer_id == peer_id))
    bump_revision(connection)


def set_services(
    connection: Connection,
    peer_id: int,
    *,
    publish: Iterable[str] | None = None,
    subscribe: Iterable[str] | None = None,
) -> None:
    """Replace the published or the subscribed list, or both; None leaves one as it is."""
    rows = connection.execute(
        sa.select(peer_service).where(peer_service.c.peer_id == peer_id)
    ).mappings()
    flags = {row["service"]: [row["publish"], row["subscribe"]] for row in rows}
    for index, wanted in ((0, publish), (1, subscribe)):
        if wanted is None:
            continue
        names = set(wanted)
        for service in names | set(flags):
            flags.setdefault(service, [False, False])[index] = service in names
    connection.execute(sa.delete(peer_service).where(peer_service.c.peer_id == peer_id))
    rows_to_write = [
        {"peer_id": peer_id, "service": service, "publish": out, "subscribe": back}
        for service, (out, back) in flags.items()
        if out or back
    ]
    if rows_to_write:
        connection.execute(sa.insert(peer_service), rows_to_write)
    published = {service for service, (out, _back) in flags.items() if out}
    subscribed = {service for service, (_out, back) in flags.items() if back}
    sign_on.end_without_services(connection, peer_id, published, subscribed)
    bump_revision(connection)


def set_certificate(
    connection: Connection,
    peer_id: int,
    *,
    pem: str,
    fingerprint: str,
    origin: str,
    now_unix_s: int,
    state: str = CURRENT,
) -> None:
    """Take a certificate in: as the current one (the former retires), or as one on offer."""
    table = peer_certificate
    mine = table.c.peer_id == peer_id
    if state == CURRENT:
        connection.execute(
            sa.update(table).where(mine, table.c.state == CURRENT).values(state=RETIRED)
        )
    connection.execute(sa.delete(table).where(mine, table.c.state == OFFERED))
    connection.execute(
        sa.insert(table).values(
            peer_id=peer_id,
            pem=pem,
            fingerprint=fingerprint,
            state=state,
            origin=origin,
            since_unix_s=now_unix_s,
        )
    )
    bump_revision(connection)


def set_columns(connection: Connection, peer_id: int, **values: object) -> None:
    """Change simple columns: wwwroot, name, dialect, policy, methods, names_addressee, label."""
    connection.execute(sa.update(peer).where(peer.c.id == peer_id).values(**values))
    bump_revision(connection)


def add_alias(connection: Connection, peer_id: int, wwwroot: str) -> None:
    """Let a peer be known under one more address."""
    connection.execute(sa.insert(peer_alias).values(wwwroot=wwwroot, peer_id=peer_id))
    bump_revision(connection)


def remove_alias(connection: Connection, peer_id: int, wwwroot: str) -> None:
    """Let a peer no longer be known under an address."""
    mine = sa.and_(peer_alias.c.wwwroot == wwwroot, peer_alias.c.peer_id == peer_id)
    connection.execute(sa.delete(peer_alias).where(mine))
    bump_revision(connection)


def note_pending(connection: Connection, stranger: PendingPeer) -> None:
    """Remember a stranger: one row an address and a certificate, the oldest of too many goes."""
    is_same = sa.or_(pending_peer.c.wwwroot == stranger.wwwroot, pending_peer.c.pem == stranger.pem)
    connection.execute(sa.delete(pending_peer).where(is_same))
    table = pending_peer
    connection.execute(
        sa.insert(table).values(
            wwwroot=stranger.wwwroot,
            pem=stranger.pem,
            application=stranger.application,
            seen_unix_s=stranger.seen_unix_s,
        )
    )
    newest = (
        sa.select(table.c.wwwroot)
        .order_by(table.c.seen_unix_s.desc(), table.c.wwwroot)
        .limit(MAX_PENDING)
    )
    connection.execute(sa.delete(table).where(table.c.wwwroot.not_in(newest)))


def forget_pending(connection: Connection, wwwroot: str) -> None:
    """Drop a stranger's row."""
    connection.execute(sa.delete(pending_peer).where(pending_peer.c.wwwroot == wwwroot))


def pending(connection: Connection) -> list[PendingPeer]:
    """Return the strangers that wait, newest first."""
    rows = connection.execute(sa.select(pending_peer).order_by(pending_peer.c.seen_unix_s.desc()))
    return [PendingPeer(**row) for row in rows.mappings()]
