"""An admin who comes in from a peer: only where a manager said so of this very account.

Source: RULES 1.7, R24, R28.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy.engine import Connection

from mnet.language import N_
from peers import account_sign_on
from peers.audit import By
from peers.registry import Peer
from peers.web import sessions
from peers.web.origin import ADMINS, is_admins
from peers.web.sessions import Came
from schooltool_bridge.sign_on.landing_reading import Arrival, Vouched
from schooltool_bridge.sign_on.landing_refusals import LandingRefused


@dataclass(frozen=True, slots=True)
class Browser:
    """Who is signed in already in the browser that somebody comes with."""

    account_id: int | None
    has_person: bool


@dataclass(frozen=True, slots=True)
class AdminLanded:
    """An admin's session that was begun, and where it leads."""

    token: str
    name: str
    path: str


def begin(
    connection: Connection,
    peer: Peer,
    vouched: Vouched,
    arrival: Arrival,
    browser: Browser,
    now_unix_s: int,
) -> AdminLanded | None:
    """Sign in the account that comes in under a peer's user name; None where there is none such.

    Whoever has not chosen a password yet does that first, here. Raises LandingRefused where
    somebody else is signed in: a stranger's link must not change who that is.
    """
    found = account_sign_on.account_of(connection, peer.id, vouched.username)
    if found is None or found.one_time:
        return None
    if browser.has_person or browser.account_id not in {None, found.id}:
        raise LandingRefused("admin-other", peer)
    detail = {"peer": peer.wwwroot, "name": vouched.username}
    By(found.username, now_unix_s).note(connection, N_("signed in"), found.username, detail)
    came = Came(peer.id, vouched.username, arrival.agent_sha1)
    token = sessions.start(connection, found.id, now_unix_s, came)
    path = arrival.wantsurl if is_admins(arrival.wantsurl) else ADMINS
    return AdminLanded(token, found.username, path)
