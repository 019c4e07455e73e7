"""The school's people for whoever looks after them: searched, filtered, a page at a time.

Only reads. What somebody is comes from the enrolments that are active now; what they may, from
their links. Source: RULES 1.7, R29, R30.
"""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from peers.model import peer
from peers.policy import SCHOOL_ROLES
from schooltool_bridge.common.roles import STUDENT
from schooltool_bridge.history import identity, linked, school_roles
from schooltool_bridge.history.people_search import found_by
from schooltool_bridge.people import people_order
from schooltool_bridge.sign_on import rights
from schooltool_bridge.store.model import enrolment, person, person_link
from schooltool_bridge.store.model_people import person_password

# What a right in a filter may be.
MAY, MAY_NOT, WAITS = RIGHTS = ("may", "may-not", "waits")
# A name has no more words that help to find it.


@dataclass(frozen=True, slots=True)
class PeopleFilter:
    """Which people; what is empty or None leaves nobody out."""

    search: str = ""
    # One of SCHOOL_ROLES.
    role: str = ""
    # With a link of this peer; `right` is then that link's.
    peer_id: int | None = None
    # One of RIGHTS.
    right: str = ""
    # Is or ever was a student somewhere; each person once.
    was_student: bool = False
    # Only those whom no shared idnumber identifies (RULES 1.4, E1).
    lacks_idnumber: bool = False
    # Only those who are linked with no peer now.
    not_linked: bool = False

    def __post_init__(self) -> None:
        """See that role and right are ones that there are."""
        assert self.role in ("", *SCHOOL_ROLES)
        assert self.right in ("", *RIGHTS)


@dataclass(frozen=True, slots=True)
class PersonLink:
    """A peer's word for somebody, and what it is worth."""

    id: int
    peer_id: int
    peer_name: str
    username: str
    can_login: bool
    # Nobody gave or took the right, while something else may sign the person in.
    waits: bool
    # Cut by a person.
    unlinked: bool = False


@dataclass(frozen=True, slots=True)
class MergedRecord:
    """A record of somebody for whom another one stands."""

    id: int
    name: str
    username: str
    idnumber: str


@dataclass(frozen=True, slots=True)
class PersonRow:
    """One of the school's people, as a list shows them."""

    id: int
    name: str
    username: str
    idnumber: str
    email: str
    roles: tuple[str, ...]
    # By the own password; there may be none yet.
    can_login: bool
    has_password: bool
    links: tuple[PersonLink, ...]
    # The other records that this person had, by our ids, before they were merged into this one.
    merged: tuple[MergedRecord, ...] = ()


def count(connection: Connection, wanted: PeopleFilter) -> int:
    """Return how many people a filter finds."""
    counted = sa.select(sa.func.count()).select_from(person).where(condition(connection, wanted))
    return int(connection.execute(counted).scalar_one())


def ids(connection: Connection, wanted: PeopleFilter) -> list[int]:
    """Return the ids of all that a filter finds, in order."""
    found = sa.select(person.c.id).where(condition(connection, wanted)).order_by(person.c.id)
    return list(connection.execute(found).scalars())


def page(
    connection: Connection,
    wanted: PeopleFilter,
    *,
    offset: int,
    limit: int,
    by: str = people_order.NAME,
    is_down: bool = False,
) -> list[PersonRow]:
    """Return some of the people whom a filter finds, in an order (people_order.py)."""
    which = condition(connection, wanted)
    return _rows(connection, which, offset=offset, limit=limit, by=by, is_down=is_down)


def one(connection: Connection, person_id: int) -> PersonRow | None:
    """Return one of the people, for a merged record whoever stands for it; or None."""
    root = identity.root(connection, person_id)
    rows = _rows(connection, person.c.id == root, offset=0, limit=1)
    return rows[0] if rows else None


def names(connection: Connection, some: list[int]) -> list[str]:
    """Return people's names, by name; for a few."""
    return [row.name for row in _rows(connection, person.c.id.in_(some), offset=0, limit=len(some))]


def condition(connection: Connection, wanted: PeopleFilter) -> sa.ColumnElement[bool]:
    """Return a filter as a condition on person."""
    parts = [person.c.merged_into_id.is_(None), *found_by(wanted.search)]
    if wanted.role:
        parts.append(school_roles.are(connection, [wanted.role], person.c.id))
    if wanted.lacks_idnumber:
        known = person.alias()
        have = sa.select(identity.root_of(known.c.id)).where(
            known.c.idnumber_key.is_not(None), known.c.merged_into_id.is_not(None)
        )
        parts += [person.c.idnumber_key.is_(None), person.c.id.not_in(have)]
    if wanted.not_linked:
        parts.append(linked.without_people())
    link = sa.select(identity.root_of(person_link.c.person_id))
    if wanted.peer_id is not None:
        link = link.where(person_link.c.peer_id == wanted.peer_id)
        parts.append(person.c.id.in_(link))
    by_link = person.c.id.in_(link.where(person_link.c.can_login))
    may = sa.or_(by_link, person.c.can_login) if wanted.peer_id is None else by_link
    if wanted.right == WAITS:
        parts.append(person.c.id.in_(link.where(rights.waits())))
    elif wanted.right:
        parts.append(may if wanted.right == MAY else sa.not_(may))
    if wanted.was_student:
        ever = sa.select(enrolment.c.id).where(
            enrolment.c.person_id == person.c.id, enrolment.c.role == STUDENT
        )
        parts += [ever.correlate(person).exists(), person.c.merged_into_id.is_(None)]
    return sa.and_(*parts)


def _rows(
    connection: Connection,
    which: sa.ColumnElement[bool],
    *,
    offset: int,
    limit: int,
    by: str = people_order.NAME,
    is_down: bool = False,
) -> list[PersonRow]:
    secret = person_password.c.person_id
    people = (
        sa.select(person, secret.is_not(None).label("has_password"))
        .select_from(person.outerjoin(person_password, secret == person.c.id))
        .where(which)
    )
    in_order = people_order.sorted_by(connection, people, by, is_down=is_down)
    found = connection.execute(in_order.offset(offset).limit(limit)).all()
    shown = [row.id for row in found]
    roles, links = school_roles.of_people(connection, shown), _links(connection, shown)
    merged = _merged(connection, shown)
    return [
        PersonRow(
            id=row.id,
            name=f"{row.firstname} {row.lastname}".strip() or row.username,
            username=row.username,
            idnumber=row.idnumber or "",
            email=row.email,
            roles=roles[row.id],
            can_login=row.can_login,
            has_password=row.has_password,
            links=tuple(links[row.id]),
            merged=tuple(merged[row.id]),
        )
        for row in found
    ]


def _merged(connection: Connection, people: list[int]) -> dict[int, list[MergedRecord]]:
    found: dict[int, list[MergedRecord]] = {person_id: [] for person_id in people}
    roots = {row: root for row, root in identity.roots(connection).items() if root in found}
    rows = sa.select(person).where(person.c.id.in_(list(roots))).order_by(person.c.id)
    for row in connection.execute(rows) if roots else ():
        name = f"{row.firstname} {row.lastname}".strip() or row.username
        record = MergedRecord(row.id, name, row.username, row.idnumber or "")
        found[roots[row.id]].append(record)
    return found


def _links(connection: Connection, people: list[int]) -> dict[int, list[PersonLink]]:
    link = person_link.c
    roots = identity.roots(connection)
    rows = connection.execute(
        sa.select(
            link.id,
            link.person_id,
            link.peer_id,
            peer.c.name,
            peer.c.wwwroot,
            link.username,
            link.idnumber_key,
            link.can_login,
            rights.waits().label("waits"),
            link.unlinked,
        )
        .join_from(person_link, peer, peer.c.id == link.peer_id)
        .where(link.person_id.in_(identity.of_all(connection, people)))
        .order_by(peer.c.wwwroot, link.id)
    )
    found: dict[int, list[PersonLink]] = {person_id: [] for person_id in people}
    for row in rows:
        found[roots.get(row.person_id, row.person_id)].append(
            PersonLink(
                row.id,
                row.peer_id,
                row.name or row.wwwroot,
                row.username or row.idnumber_key or "",
                row.can_login,
                row.waits,
                row.unlinked,
            )
        )
    return found
