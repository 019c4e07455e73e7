"""After a landing: the person's picture, asked for when the identity provider has a newer one.

What a picture is stands in pictures.py. Blocks; runs after the page has left, so that no landing
waits for it. Source: RULES 1.7; PROTOCOL.md section 11.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import sqlalchemy as sa
import structlog
from sqlalchemy.engine import Connection

from mnet.call_errors import CallError, RemoteFault
from mnet.database import Database, one_at_a_time
from mnet.outbound import Outbound
from mnet.protocol import AUTH_PATH
from peers.registry import Peer
from schooltool_bridge.sign_on import pictures
from schooltool_bridge.sign_on.pictures import NoPicture, Stored
from schooltool_bridge.store.model import person

FETCH_TIMEOUT_S = 10.0
METHOD = "fetch_user_image"

log = structlog.get_logger("sign-on")


@dataclass(frozen=True, slots=True)
class Shown:
    """What an identity provider sent about a person's picture when it vouched for them."""

    person_id: int
    # As the peer calls the person.
    username: str
    # Another for each picture, empty for none (pictures.version_of).
    version: str


def fetch_if_newer(
    database: Database,
    outbound: Outbound[Peer],
    clock: Callable[[], float],
    peer: Peer,
    shown: Shown,
) -> bool:
    """Have the picture here that the peer has there; never raises CallError.

    Returns False when the peer did not answer, so that it is to be asked again. A person's picture
    comes from the peer that their name follows. Where that peer has none, ours goes away; what
    cannot be fetched or read changes nothing.
    """
    with database.read() as connection:
        if not is_wanted(connection, peer, shown):
            return True
    try:
        png = _ask(outbound, peer, shown.username) if shown.version else None
    except (CallError, NoPicture) as problem:
        reason = problem.in_our_words if isinstance(problem, CallError) else str(problem)
        log.warning(METHOD, peer=peer.wwwroot, reason=reason)
        is_answer = isinstance(problem, RemoteFault) and problem.proven
        return is_answer or isinstance(problem, NoPicture)
    with database.write() as connection:
        one_at_a_time(connection, peer.id)
        if not _is_theirs(connection, peer, shown, pictures.of(connection, shown.person_id)):
            return True
        pictures.forget(connection, shown.person_id)
        if png is not None:
            stored = Stored(peer.id, shown.version, png, int(clock()))
            pictures.add(connection, shown.person_id, stored)
    return True


def is_wanted(connection: Connection, peer: Peer, shown: Shown) -> bool:
    """Tell whether a person's picture is this peer's to give, and another than ours."""
    stored = pictures.of(connection, shown.person_id)
    before = (stored.peer_id, stored.version) if stored else (peer.id, "")
    return before != (peer.id, shown.version) and _is_theirs(connection, peer, shown, stored)


def _is_theirs(connection: Connection, peer: Peer, shown: Shown, stored: Stored | None) -> bool:
    """Tell whether a person's picture is this peer's to give.

    A person made by hand follows no peer; there it is the one that gave the first picture.
    """
    mine = person.c.id == shown.person_id
    follows = connection.execute(sa.select(person.c.follows_peer_id).where(mine)).scalar()
    if follows is not None:
        return bool(follows == peer.id)
    return stored is None or stored.peer_id == peer.id


def _ask(outbound: Outbound[Peer], peer: Peer, username: str) -> bytes | None:
    """Return our PNG of a person's picture there, None for none; raises CallError, NoPicture.

    f1 is the larger one, at a Mahara the file as it was uploaded; where that is too much for us,
    the small one does.
    """
    answer = outbound.call(peer, AUTH_PATH + METHOD, [username], timeout_s=FETCH_TIMEOUT_S)
    if not isinstance(answer, dict) or not answer.get("f1"):
        return None
    try:
        return pictures.from_base64(answer["f1"])
    except NoPicture:
        if not answer.get("f2"):
            raise
        return pictures.from_base64(answer["f2"])
