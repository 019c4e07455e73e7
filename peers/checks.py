"""What the last verification of each peer found, stored. Runs none.

What is kept is of the peer as it is: an admin's change of what was looked at drops it
(peers/changes.py), so that no old green stands above a switch.

Source: RULES R17.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from peers.model import peer_check
from peers.policy import PeerPolicy
from peers.registry import Peer
from peers.store import DELETED, StoredPeer
from peers.verify_rules import SWITCH, RemoteService, Report, Step


@dataclass(frozen=True, slots=True)
class Check:
    """What was found, and when."""

    at_unix_s: int
    ok: bool
    steps: tuple[Step, ...]
    clock_offset_s: float | None
    release: str | None
    # What the peer ticked for us; None when it did not tell.
    services: Mapping[str, RemoteService] | None = None

    @property
    def is_well_but_off(self) -> bool:
        """Whether nothing is wrong, but perhaps that it is switched off here."""
        return all(step.ok or step.name == SWITCH for step in self.steps)

    @property
    def failed(self) -> list[Step]:
        """The steps that were tried and did not work, but that it is switched off here."""
        return [s for s in self.steps if not s.ok and s.was_tried and s.name != SWITCH]


def save_check(connection: Connection, peer_id: int, report: Report, now_unix_s: int) -> None:
    """Keep a peer's report in place of the one before."""
    forget(connection, peer_id)
    connection.execute(
        sa.insert(peer_check).values(
            peer_id=peer_id,
            at_unix_s=now_unix_s,
            ok=report.ok,
            steps=[asdict(step) for step in report.steps],
            clock_offset_s=report.clock_offset_s,
            release=report.release,
            services={name: asdict(service) for name, service in report.services.items()},
        )
    )


def is_as_verified(stored: StoredPeer | None, peer: Peer) -> bool:
    """Tell whether a peer is still as it was when its verification began, as `peer` says.

    A key that it proved meanwhile counts as the same.
    """
    if stored is None or stored.state == DELETED:
        return False
    ticked, policy = peer.services, PeerPolicy.from_stored(stored.policy)
    return (stored.wwwroot, stored.published, stored.subscribed, policy.tls) == (
        peer.wwwroot, ticked.published, ticked.subscribed, peer.policy.tls,
    )  # fmt: skip


def forget(connection: Connection, peer_id: int) -> None:
    """Drop what the last verification of a peer found."""
    connection.execute(sa.delete(peer_check).where(peer_check.c.peer_id == peer_id))


def last_check(connection: Connection, peer_id: int) -> Check | None:
    """Return what the last verification of a peer found; None when there was none."""
    query = sa.select(peer_check).where(peer_check.c.peer_id == peer_id)
    row = connection.execute(query).mappings().first()
    if row is None:
        return None
    return Check(
        at_unix_s=row["at_unix_s"],
        ok=row["ok"],
        steps=tuple(Step(**{**step, "was_tried": was_tried(step)}) for step in row["steps"]),
        clock_offset_s=row["clock_offset_s"],
        release=row["release"],
        services={n: RemoteService(**s) for n, s in (row["services"] or {}).items()} or None,
    )


def failed(connection: Connection, name: str) -> frozenset[int]:
    """Return the ids of the peers at whose last verification a step was looked at and failed."""
    rows = connection.execute(sa.select(peer_check.c.peer_id, peer_check.c.steps))
    return frozenset(
        row.peer_id
        for row in rows
        if any(s.get("name") == name and not s.get("ok") and was_tried(s) for s in row.steps)
    )


def was_tried(step: Mapping[str, object]) -> bool:
    """Tell whether a step that was kept was looked at, or made pointless by one before it."""
    flag = step.get("was_tried")
    if isinstance(flag, bool):
        return flag
    # Stored before steps had this field, all in English.
    return not str(step.get("detail", "")).startswith("Not tried")
