"""Where our people may go over to: denied one by one, or by a peer's rule about roles.

Whoever may sign in here may go to every peer that takes ours; a row denies one person one peer.
No page is here; how somebody goes over stands in jumping.py. Source: RULES 1.7, R29, R30.
"""

from __future__ import annotations

from collections.abc import Collection

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mnet.database import in_parts
from mnet.language import N_
from peers import audit, sign_on, store
from peers.policy import PeerPolicy
from peers.sign_on import jump_session, person_session
from peers.store import StoredPeer
from schooltool_bridge.history import identity, school_roles
from schooltool_bridge.sign_on import person_sessions
from schooltool_bridge.sign_on.rights import Change
from schooltool_bridge.sign_on.sign_offs import Visit
from schooltool_bridge.store.model_access import jump_denied


def set_many(
    connection: Connection, ids: Collection[int], peer_id: int, *, allowed: bool
) -> list[Visit]:
    """Let people go to a peer or keep them from it; return the visits that are to be ended there.

    `ids` are people's, each once.
    """
    visits = []
    for some in in_parts(sorted(set(identity.of_all(connection, ids)))):
        there = (jump_denied.c.peer_id == peer_id, jump_denied.c.person_id.in_(some))
        if allowed:
            connection.execute(sa.delete(jump_denied).where(*there))
            continue
        denied = set(connection.execute(sa.select(jump_denied.c.person_id).where(*there)).scalars())
        rows = [{"person_id": i, "peer_id": peer_id} for i in some if i not in denied]
        if rows:
            connection.execute(sa.insert(jump_denied), rows)
        visits += person_sessions.end_visits(
            connection, jump_session.c.peer_id == peer_id, jump_session.c.person_id.in_(some)
        )
    return visits


def set_one(
    connection: Connection, change: Change, person_id: int, to: StoredPeer, *, allowed: bool
) -> list[Visit]:
    """Let one person go to a peer or keep them from it, with its entry in the audit trail.

    Returns the visits that are to be ended there.
    """
    visits = set_many(connection, [person_id], to.id, allowed=allowed)
    audit.record(
        connection,
        actor=change.actor,
        action=N_("going over allowed") if allowed else N_("going over denied"),
        subject=f"person {person_id}",
        detail={"peer": to.wwwroot},
        now_unix_s=change.now_unix_s,
    )
    return visits


def denied_to(connection: Connection, person_id: int) -> frozenset[int]:
    """Return our ids of the peers that a person is denied."""
    mine = jump_denied.c.person_id.in_(identity.everybody(connection, person_id))
    return frozenset(connection.execute(sa.select(jump_denied.c.peer_id).where(mine)).scalars())


def is_open(connection: Connection, person_id: int, peer_id: int) -> bool:
    """Tell whether a person may go to a peer: not denied, and within its rule about roles."""
    stored = store.by_id(connection, peer_id)
    if stored is None or peer_id in denied_to(connection, person_id):
        return False
    listed = PeerPolicy.from_stored(stored.policy).jump_roles
    return school_roles.may(connection, person_id, listed)


def takes_ours(peer: StoredPeer) -> bool:
    """Tell whether anybody at all may go to a peer."""
    return peer.state == store.ENABLED and sign_on.may_jump(peer.published, peer.subscribed)


def enforce(connection: Connection, peer_id: int) -> list[Visit]:
    """End what a peer's rules about roles do not let through, both ways.

    Returns the visits that are to be ended at peers; for after a change of its policy.
    """
    stored = store.by_id(connection, peer_id)
    if stored is None:
        return []
    policy, are = PeerPolicy.from_stored(stored.policy), school_roles.are
    landed, gone = person_session.c, jump_session.c
    return [
        *person_sessions.end_where(
            connection,
            landed.peer_id == peer_id,
            sa.not_(are(connection, policy.land_roles, landed.person_id)),
        ),
        *person_sessions.end_visits(
            connection,
            gone.peer_id == peer_id,
            sa.not_(are(connection, policy.jump_roles, gone.person_id)),
        ),
    ]
