"""Identity provider: our people go over to a peer, and we tell it who they are.

A token is random, for one person, one peer, one browser and half a minute, and is told about
once. No page here. Source: RULES 1.7, R26, R36; PROTOCOL.md section 11.
"""

from __future__ import annotations

import hmac
import re
import secrets
from typing import Any
from urllib.parse import quote, urlencode

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mnet.exchange import Site
from mnet.faults import NoSuchVisit, VisitorGone, VisitTimedOut
from mnet.language import N_, _
from mnet.protocol import DEFAULT_APPLICATION
from mnet.xmlrpc import Value
from peers import checks, sign_on, store
from peers.model import peer as peer_table
from peers.registry import Peer, Registry
from peers.sign_on import jump_session, person_session
from peers.verify_sign_on import SIGN_ON
from peers.web import tokens
from schooltool_bridge.history import identity
from schooltool_bridge.sign_on import jump_rights, pictures, sign_offs
from schooltool_bridge.sign_on.person_sessions import PersonSession
from schooltool_bridge.sign_on.pictures import Stored
from schooltool_bridge.sign_on.sign_offs import Visit
from schooltool_bridge.store.errands import KILL_CHILD
from schooltool_bridge.store.model import peer_course, person

CONFIRM_S = 30  # Moodle's own default
TOKEN_BYTES = 20  # 40 hex digits, a Moodle's column
# What a Moodle takes as a user name; it refuses to make an account of another.
USERNAME = re.compile(r"[a-z0-9._@-]{1,100}")
# What other sites want of everybody.
_NEEDED = {
    "firstname": N_("first name"),
    "lastname": N_("last name"),
    "email": N_("email address"),
}


class CannotJump(Exception):
    """Somebody cannot go over; the text is for them."""


def destinations(connection: Connection, registry: Registry, person_id: int) -> list[Peer]:
    """Return the peers to which a person may go over, by name.

    One at which signing on was found switched off, or not there, is left out.
    """
    shut = checks.failed(connection, SIGN_ON)
    open_ones = (p for p in registry.all() if p.enabled and _may_jump(p) and p.id not in shut)
    found = [p for p in open_ones if jump_rights.is_open(connection, person_id, p.id)]
    return sorted(found, key=lambda p: (p.name or p.wwwroot).casefold())


def ways_in(
    connection: Connection, registry: Registry, site: Site, path: str
) -> list[tuple[str, str]]:
    """Return name and address of each peer whose users may come here, leading back to `path`.

    A Mahara is left out: one can begin at it only from within. So is a peer at which signing on
    was found switched off, or not there.
    """
    shut, found = checks.failed(connection, SIGN_ON), []
    for peer in registry.all():
        services = peer.services
        lands = sign_on.may_land(services.published, services.subscribed)
        is_open = peer.enabled and lands and peer.id not in shut
        if is_open and peer.application is DEFAULT_APPLICATION:
            query = urlencode({"hostwwwroot": site.wwwroot, "wantsurl": path})
            url = f"{peer.wwwroot}{peer.application.jump}?{query}"
            found.append((peer.name or peer.wwwroot, url))
    return sorted(found, key=lambda way: way[0].casefold())


def courses_of(connection: Connection, person_id: int) -> list[tuple[str, str]]:
    """Return the courses in which peers say a person is, with the peer's name."""
    rows = connection.execute(
        sa.select(peer_course.c.fullname, peer_table.c.name, peer_table.c.wwwroot)
        .join_from(peer_course, peer_table, peer_table.c.id == peer_course.c.peer_id)
        .where(
            peer_course.c.person_id.in_(identity.everybody(connection, person_id)),
            peer_table.c.state != store.DELETED,
        )
        .order_by(peer_course.c.fullname)
    )
    return list(dict.fromkeys((row.fullname, row.name or row.wwwroot) for row in rows))


def visit_before(
    connection: Connection, session: PersonSession, peer: Peer, agent_sha1: str
) -> Visit | None:
    """Return the person's visit to a peer that is to end before another; None for a first one.

    A stock Moodle knows one visit of a person and browser, and keeps its first session's id when
    they come again: what ends the visit would miss the new session. Raises CannotJump.
    """
    visit = Visit(peer.id, _name_there(connection, session, peer), agent_sha1)
    over_there = (*_rows_of(visit), jump_session.c.used_unix_s.is_not(None))
    before = sa.select(jump_session.c.peer_id).where(*over_there).limit(1)
    is_there = connection.execute(before).first() is not None
    return visit if is_there or sign_offs.is_left(connection, KILL_CHILD, visit) else None


def start(
    connection: Connection,
    session: PersonSession,
    peer: Peer,
    *,
    site: Site,
    wantsurl: str,
    agent_sha1: str,
    now_unix_s: int,
) -> str:
    """Make a token and return the whole address to send the browser to; raises CannotJump."""
    visit = Visit(peer.id, _name_there(connection, session, peer), agent_sha1)
    token = secrets.token_hex(TOKEN_BYTES)
    mine = jump_session.c.session_digest == session.digest
    connection.execute(sa.delete(jump_session).where(*_rows_of(visit), mine))
    connection.execute(
        sa.insert(jump_session).values(
            token_digest=tokens.digest_of(token),
            person_id=session.person_id,
            peer_id=peer.id,
            username=visit.username,
            agent_sha1=agent_sha1,
            session_digest=session.digest,
            created_unix_s=now_unix_s,
            used_unix_s=None,
        )
    )
    where = quote(wantsurl, safe="")
    return (
        f"{peer.wwwroot}{peer.application.land}?token={token}&idp={site.wwwroot}&wantsurl={where}"
    )


def forget(connection: Connection, visit: Visit) -> None:
    """Forget a visit that is over and known to be, in whichever session here it was begun."""
    sign_offs.forget(connection, KILL_CHILD, visit)
    used = jump_session.c.used_unix_s.is_not(None)
    connection.execute(sa.delete(jump_session).where(*_rows_of(visit), used))


def _rows_of(visit: Visit) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        jump_session.c.peer_id == visit.peer_id,
        jump_session.c.username == visit.username,
        jump_session.c.agent_sha1 == visit.agent_sha1,
    )


def _name_there(connection: Connection, session: PersonSession, peer: Peer) -> str:
    """Return what a person who may go over to a peer is called there; raises CannotJump."""
    if session.peer_id is not None:
        raise CannotJump(
            _(
                "You came from %(peer)s, and only that site can send you on. Go back there and "
                "take its link.",
                peer=session.peer_name,
            )
        )
    if not peer.enabled or not _may_jump(peer):
        raise CannotJump(_("Nobody can go over to that site from here; it is not set up for it."))
    if not jump_rights.is_open(connection, session.person_id, peer.id):
        raise CannotJump(
            _(
                "You may not go over to that site from here. Should you have to, please ask the "
                "school office."
            )
        )
    found = connection.execute(sa.select(person).where(person.c.id == session.person_id)).one()
    missing = [n for n in _NEEDED if not getattr(found, n)]
    if missing:
        raise CannotJump(
            _(
                "Other sites want your %(names)s, which is not known here. Please ask the school "
                "office to add it.",
                names=_(" and ").join(_(_NEEDED[n]) for n in missing),
            )
        )
    username: str = found.username.lower()
    if not USERNAME.fullmatch(username):
        raise CannotJump(
            _(
                "Other sites take user names of plain letters, digits and . _ - @ only. Please ask "
                "the school office for another user name."
            )
        )
    return username


def authorise(
    connection: Connection, peer: Peer, token: str, agent_sha1: str, now_unix_s: int
) -> sa.Row[Any]:
    """Return the row of the person who came to a peer with a token, this once.

    Raises NoSuchVisit (1: no such token for this peer and browser, or used), VisitTimedOut (2) or
    VisitorGone (3: signed out, or without the right or the way to that peer by now).
    """
    digest = tokens.digest_of(token)
    mine = (jump_session.c.token_digest == digest, jump_session.c.peer_id == peer.id)
    visit = connection.execute(sa.select(jump_session).where(*mine)).first()
    if visit is None or not hmac.compare_digest(visit.agent_sha1.encode(), agent_sha1.encode()):
        raise NoSuchVisit
    unused = (*mine, jump_session.c.used_unix_s.is_(None))
    used = {"used_unix_s": now_unix_s}
    if not connection.execute(sa.update(jump_session).where(*unused).values(used)).rowcount:
        raise NoSuchVisit
    if not 0 <= now_unix_s - visit.created_unix_s <= CONFIRM_S:
        raise VisitTimedOut
    live = (
        person_session.c.token_digest == visit.session_digest,
        person.c.can_login,
    )
    found = connection.execute(
        sa.select(person)
        .join_from(person, person_session, person_session.c.person_id == person.c.id)
        .where(*live)
    ).first()
    if found is None or not jump_rights.is_open(connection, found.id, peer.id):
        raise VisitorGone
    sign_offs.forget(connection, KILL_CHILD, Visit(peer.id, visit.username, visit.agent_sha1))
    return found


def profile(found: sa.Row[Any], site: Site, picture: Stored | None) -> dict[str, Value]:
    """Return what a peer gets of a person: all that a Moodle needs for an account of theirs."""
    return {
        "username": found.username.lower(),
        "email": found.email,
        "auth": "mnet",
        "confirmed": "1",
        "deleted": "0",
        "firstname": found.firstname,
        "lastname": found.lastname,
        "city": "",
        "description": "",
        "mailformat": "1",
        "maildigest": "0",
        "maildisplay": "2",
        "htmleditor": "1",
        "picture": "0",
        **(pictures.authorise_fields(picture) if picture else {}),
        "wwwroot": site.wwwroot,
        "session.gc_maxlifetime": str(tokens.IDLE_S),
        "myhosts": [],
    }


def visitors(connection: Connection, peer_id: int, usernames: list[str]) -> list[sa.Row[Any]]:
    """Return the visits of these people to a peer, of those who are still signed in here."""
    mine = (
        jump_session.c.peer_id == peer_id,
        jump_session.c.used_unix_s.is_not(None),
        jump_session.c.username.in_([name.lower() for name in usernames]),
    )
    joined = person_session.c.token_digest == jump_session.c.session_digest
    rows = sa.select(jump_session).join_from(jump_session, person_session, joined).where(*mine)
    return [*connection.execute(rows).all()]


def _may_jump(peer: Peer) -> bool:
    return sign_on.may_jump(peer.services.published, peer.services.subscribed)
