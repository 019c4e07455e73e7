"""Who it is that a peer vouches for: found here, or made, as by its fetch_user.

Source: RULES 1.4, R24, R26.
"""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mnet import outcomes
from mnet.exchange import Site
from mnet.faults import Conflict, Fault, SwitchedOff
from peers.registry import Peer
from schooltool_bridge.events import inbox, people, people_match
from schooltool_bridge.events import receiving as events
from schooltool_bridge.history import identity, links
from schooltool_bridge.sign_on.landing_reading import Vouched
from schooltool_bridge.sign_on.landing_refusals import LandingRefused
from schooltool_bridge.store.model import person, person_link


@dataclass(frozen=True, slots=True)
class Known:
    """Somebody of the school, by the link of the peer that vouched."""

    person_id: int
    link_id: int
    name: str
    username_key: str
    # This link may sign in.
    has_right: bool


def bring(
    connection: Connection, site: Site, peer: Peer, vouched: Vouched, now: int
) -> events.Received:
    """Find or make the person, as fetch_user does; return who appeared by it.

    Raises LandingRefused.
    """
    source = _source(site, peer)
    link = _link(connection, peer, vouched)
    if _is_contested(connection, peer, vouched):
        # Perhaps no more; what else that frees is for others (releasing.release_missed).
        again = events.lot([people.username_key(vouched.username)])
        events.come_again(connection, source, again)
        if _is_contested(connection, peer, vouched):
            raise LandingRefused("person-conflict", peer, "it waits in the inbox")
    try:
        if link is not None and not links.is_same_name(link.username, vouched.username):
            # Else the profile of the one would be written over the other's.
            events.refuse(
                connection,
                source,
                "fetch_user",
                vouched.data,
                people_match.alike(vouched.username, link.username or ""),
                now,
            )  # fmt: skip - one call
        return events.receive(connection, source, "fetch_user", vouched.data, now)
    except SwitchedOff:
        return events.Received({})  # it may bring nobody new, and vouches for those whom it brought
    except Conflict as conflict:
        raise LandingRefused("person-conflict", peer, "it waits in the inbox") from conflict
    except Fault as fault:
        raise LandingRefused("answer-incomplete", peer, outcomes.clean(fault.text)) from fault


def known(connection: Connection, peer: Peer, vouched: Vouched) -> Known:
    """Return whom a peer calls so; raises LandingRefused."""
    link = _known_link(connection, peer, vouched)
    found = connection.execute(
        sa.select(person, person_link.c.can_login.label("link_can_login"))
        .join_from(person, person_link, person_link.c.id == link.id)
        .where(person.c.id == identity.root(connection, link.person_id))
    ).one()
    name = f"{found.firstname} {found.lastname}".strip()
    return Known(found.id, link.id, name, found.username_key, bool(found.link_can_login))


def _source(site: Site, peer: Peer) -> events.Source:
    # Its answer to our own question names no addressee.
    return events.Source(
        peer_id=peer.id,
        wwwroot=peer.wwwroot,
        our_wwwroot=site.wwwroot,
        policy=peer.policy,
        enabled=True,
        names_addressee=False,
        zone=site.zone,
    )


def _is_contested(connection: Connection, peer: Peer, vouched: Vouched) -> bool:
    """Tell whether the peer gave this user name to somebody of whom it is not clear who it is.

    Then whoever comes under it may be the one or the other.
    """
    key = people.username_key(vouched.username)
    return any(
        isinstance(payload, dict)
        and (payload.get("idnumber") or payload.get("moodleid"))
        and links.is_same_name(str(payload.get("username", "")).strip(), vouched.username)
        for payload in inbox.in_conflict(connection, peer.id, key)
    )


def _link(connection: Connection, peer: Peer, vouched: Vouched) -> links.Link | None:
    return links.by(connection, peer.id, vouched.username, person_link.c.username_key)


def _known_link(connection: Connection, peer: Peer, vouched: Vouched) -> links.Link:
    found = _link(connection, peer, vouched)
    if found is None:
        raise LandingRefused("person-unknown", peer)
    # Where the peer may bring nobody, nothing looked at this before.
    if not links.is_same_name(found.username, vouched.username):
        raise LandingRefused("person-conflict", peer, "two user names look the same")
    return found
