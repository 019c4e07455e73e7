"""In which order a list of people stands: by name, or by any other of its columns.

Whoever has nothing there comes last, also from the last to the first; among equals the order is
that of names. Source: RULES 1.8.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mnet.folding import FoldedColumn
from peers import store
from peers.model import peer
from schooltool_bridge.history import identity, school_roles
from schooltool_bridge.history.people_search import by_name
from schooltool_bridge.sign_on import rights
from schooltool_bridge.store.model import person, person_link
from schooltool_bridge.store.model_people import person_password

NAME, USERNAME, IDNUMBER, EMAIL, ROLE, LINKED, RIGHT = SORTS = (
    "name", "username", "idnumber", "email", "role", "linked", "right",
)  # fmt: skip
# From those who may sign in to those who cannot.
_MAY, _WAITS, _MAY_NOT, _NO_WAY = range(4)


def sorted_by(
    connection: Connection, people: sa.Select[Any], by: str, *, is_down: bool
) -> sa.Select[Any]:
    """Return a select of people (`person`) in an order; `by` is one of SORTS."""
    if by == NAME:
        *names, own = by_name()
        return people.order_by(*(c.desc() if is_down else c for c in names), own)
    value: sa.ColumnElement[Any]
    if by in (USERNAME, IDNUMBER, EMAIL):
        value = {USERNAME: person.c.username_key, IDNUMBER: person.c.idnumber_key}.get(
            by, FoldedColumn(person.c.email)
        )
        is_empty = sa.or_(value.is_(None), value == "")
    else:
        made = {ROLE: _roles, LINKED: _peers, RIGHT: _rights}[by](connection)
        people = people.outerjoin(made, made.c.who == person.c.id)
        value, is_empty = made.c.value, made.c.value.is_(None)
    empty_last = sa.case((is_empty, 1), else_=0)
    return people.order_by(empty_last, value.desc() if is_down else value, *by_name())


def _roles(connection: Connection) -> sa.Subquery:
    """Students, then teachers, then those who are neither."""
    return school_roles.ranked(connection)


def _peers(_connection: Connection) -> sa.Subquery:
    """The first of the peers with which they are linked, by its address."""
    who = identity.root_of(person_link.c.person_id).label("who")
    return (
        sa.select(who, sa.func.min(peer.c.wwwroot).label("value"))
        .join_from(person_link, peer, peer.c.id == person_link.c.peer_id)
        .where(sa.not_(person_link.c.unlinked), peer.c.state != store.DELETED)
        .group_by(who)
        .subquery("links")
    )


def _rights(_connection: Connection) -> sa.Subquery:
    """Whether something signs them in, waits for a decision, or nothing could."""
    who = identity.root_of(person_link.c.person_id).label("who")
    each = sa.case((person_link.c.can_login, _MAY), (rights.waits(), _WAITS), else_=_MAY_NOT)
    links = (
        sa.select(who, sa.func.min(each).label("value"))
        .select_from(person_link)
        .group_by(who)
        .subquery("rights_by_link")
    )
    secret = person_password.c.person_id
    value = sa.case(
        (sa.or_(person.c.can_login, links.c.value == _MAY), _MAY),
        (links.c.value.is_not(None), links.c.value),
        (secret.is_not(None), _MAY_NOT),
        else_=_NO_WAY,
    )
    everybody = person.outerjoin(links, links.c.who == person.c.id).outerjoin(
        person_password, secret == person.c.id
    )
    return (
        sa.select(person.c.id.label("who"), value.label("value"))
        .select_from(everybody)
        .subquery("rights_of_people")
    )
