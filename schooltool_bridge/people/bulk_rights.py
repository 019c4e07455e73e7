"""A right given to or taken from many people at once: looked at first, then done.

An order is about the links that there are at that moment, never about one that a peer makes
later. Each leaves one entry in the audit trail. Source: RULES 1.7, R29, R30.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mnet.database import in_parts
from mnet.language import N_, _
from mnet.refusal import Refusal
from peers import audit, store
from schooltool_bridge.history import identity
from schooltool_bridge.people import people_list
from schooltool_bridge.sign_on import jump_rights, rights
from schooltool_bridge.sign_on.rights import Change
from schooltool_bridge.sign_on.sign_offs import Visit
from schooltool_bridge.store.model import person, person_link
from schooltool_bridge.store.model_people import person_password

# Which right: to come by a link, to sign in by password, both, to go over to a peer.
LINK, OWN, BOTH, GO = "link", "own", "both", "go"
# Enough to see that it is the right people.
FIRST = 10
_ORDER = re.compile(r"(link|own|go)([+-])([0-9]{1,9})?", re.ASCII)


class BadOrder(Refusal, ValueError):
    """There is no such order; the text says what is wrong."""


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be changed; without a peer, LINK is about every link."""

    right: str
    allowed: bool
    peer_id: int | None = None

    def __post_init__(self) -> None:
        """See that going has somewhere to go."""
        if self.right == GO and self.peer_id is None:
            raise BadOrder(_("Choose the peer to go over to."))

    @classmethod
    def read(cls, text: str) -> Order:
        """Read what a form sends, such as link+3 or own-; raises BadOrder."""
        found = _ORDER.fullmatch(text)
        if found is None or (found[1] == OWN and found[3]):
            raise BadOrder(_("Choose what to do."))
        return cls(found[1], found[2] == "+", int(found[3]) if found[3] else None)

    def __str__(self) -> str:
        """Write it as a form sends it."""
        sign = "+" if self.allowed else "-"
        return f"{self.right}{sign}{'' if self.peer_id is None else self.peer_id}"


@dataclass(frozen=True, slots=True)
class Preview:
    """What an order would do to people who were chosen."""

    people: int
    links: int
    # Chosen, but without a link that it could be about.
    left_out: int
    # May sign in by a password then, but have none.
    without_password: int
    first: tuple[str, ...]
    # Stands for exactly these people; another one says that they are others by now.
    digest: str


@dataclass(frozen=True, slots=True)
class Done:
    """What an order did; the visits are to be ended at the peers."""

    people: int
    links: int
    visits: list[Visit]


def existing(connection: Connection, ids: Collection[int]) -> list[int]:
    """Return those of some ids that are people's, in order; for a merged row the kept one."""
    found = [
        person_id
        for some in in_parts(sorted(set(ids)))
        for person_id in connection.execute(
            sa.select(person.c.id).where(person.c.id.in_(some)).order_by(person.c.id)
        ).scalars()
    ]
    roots = identity.roots(connection)
    return sorted({roots.get(person_id, person_id) for person_id in found})


def preview(connection: Connection, order: Order, ids: Collection[int]) -> Preview:
    """Tell what an order would do to people; `ids` are such that exist. Raises BadOrder."""
    _peer_name(connection, order)
    linked, links = _linked(connection, order, ids)
    about = ids if order.right in (OWN, BOTH, GO) else linked
    with_password = sum(
        connection.execute(
            sa.select(sa.func.count())
            .select_from(person_password)
            .where(person_password.c.person_id.in_(some))
        ).scalar_one()
        for some in in_parts(sorted(set(about)))
    )
    by_password = order.right in (OWN, BOTH) and order.allowed
    listed = sorted(about)
    text = f"{order} {','.join(map(str, listed))} {links}"
    return Preview(
        people=len(about),
        links=links,
        left_out=len(ids) - len(about),
        without_password=len(about) - with_password if by_password else 0,
        first=tuple(people_list.names(connection, listed[:FIRST])),
        digest=hashlib.sha256(text.encode()).hexdigest()[:32],
    )


def carry_out(
    connection: Connection,
    change: Change,
    order: Order,
    ids: Collection[int],
    chosen_by: Mapping[str, object],
) -> Done:
    """Give or take a right; `chosen_by` says in the audit trail how people were chosen.

    Raises BadOrder when its peer is not there.
    """
    peer_name = _peer_name(connection, order)
    linked, links = _linked(connection, order, ids)
    about = ids if order.right in (OWN, BOTH, GO) else linked
    allowed, visits = order.allowed, []
    if order.right in (LINK, BOTH):
        visits += rights.set_links(connection, linked, order.peer_id, allowed=allowed)
    if order.right in (OWN, BOTH):
        visits += rights.set_own(connection, about, allowed=allowed)
    if order.peer_id is not None and order.right == GO:
        visits += jump_rights.set_many(connection, about, order.peer_id, allowed=allowed)
    actions = {
        (True, True): N_("going over allowed"),
        (True, False): N_("going over denied"),
        (False, True): N_("sign-on allowed"),
        (False, False): N_("sign-on denied"),
    }
    by = {
        LINK: N_("links"),
        OWN: N_("own password"),
        BOTH: N_("links and own password"),
        GO: N_("to the peer"),
    }
    audit.record(
        connection,
        actor=change.actor,
        action=actions[order.right == GO, allowed],
        subject=f"{len(about)} people",
        detail={
            "people": len(about),
            "links": links,
            "by": by[order.right],
            "peer": peer_name or N_("every"),
            **chosen_by,
        },
        now_unix_s=change.now_unix_s,
    )
    return Done(len(about), links, visits)


def _peer_name(connection: Connection, order: Order) -> str:
    if order.peer_id is None:
        return ""
    found = store.by_id(connection, order.peer_id)
    if found is None or found.state == store.DELETED:
        raise BadOrder(_("That peer is not there any more; choose another one."))
    return found.wwwroot


def _linked(connection: Connection, order: Order, ids: Collection[int]) -> tuple[list[int], int]:
    """Return who of some people has a link that an order is about, and how many those are."""
    if order.right not in (LINK, BOTH):
        return [], 0
    people: set[int] = set()
    links = 0
    roots = identity.roots(connection)
    for some in in_parts(sorted(set(identity.of_all(connection, ids)))):
        found = sa.select(person_link.c.person_id).where(person_link.c.person_id.in_(some))
        if order.peer_id is not None:
            found = found.where(person_link.c.peer_id == order.peer_id)
        for person_id in connection.execute(found).scalars():
            people.add(roots.get(person_id, person_id))
            links += 1
    return sorted(people), links
