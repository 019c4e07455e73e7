"""Whom a peer's event means: the match ladder, and where it stops for a person to decide.

A peer's own link (Moodle's own id, its idnumber or its username) -> our idnumber -> username, if
the peer's policy allows -> a new person; never email. A link whose Moodle's own id is another than
the event's is never meant: user names and idnumbers are given again. Only looks.
Source: RULES 1.3 (Identity fields), 1.4, R37-R39e.
"""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mnet.faults import Conflict
from mnet.stored_sentences import E_, english
from peers import accounts
from schooltool_bridge.common.ids import key, own_id
from schooltool_bridge.events.applied import Source
from schooltool_bridge.events.fields import UserEvent
from schooltool_bridge.history import identity, links
from schooltool_bridge.history.links import Link
from schooltool_bridge.store.model import person, person_link


@dataclass(frozen=True, slots=True)
class Found:
    """The peer's links that an event's ids and its user name find."""

    by_number: Link | None
    by_own: Link | None
    by_name: Link | None
    # Moodle's own id of whom it is about, in the form compared.
    own: str | None

    def is_other(self, link: Link | None) -> bool:
        """Tell whether Moodle's own ids say that a link is somebody else's."""
        return (
            link is not None
            and None not in (self.own, link.moodle_id)
            and (link.moodle_id != self.own)
        )  # fmt: skip - one condition


@dataclass(frozen=True, slots=True)
class Match:
    """Whom an event means: a link and its person, a person without a link, or nobody yet."""

    link: Link | None
    person_id: int | None
    # Another link of the peer has the username, and keeps it.
    is_named_elsewhere: bool = False
    # The link whose username this is no more: another user has it there now.
    name_from: Link | None = None


def find(connection: Connection, source: Source, event: UserEvent) -> Found:
    """Look up the peer's links."""
    real, own = links.real(event.idnumber), own_id(event.idnumber, event.moodle_id)
    columns = person_link.c
    return Found(
        links.by(connection, source.peer_id, real, columns.idnumber_key),
        links.by(connection, source.peer_id, own, columns.moodle_id),
        links.by(connection, source.peer_id, event.username, columns.username_key),
        key(own) if own else None,
    )


def match(connection: Connection, source: Source, event: UserEvent) -> Match:
    """Say whom an event means; raises Conflict where a person has to decide."""
    found = find(connection, source, event)
    if _is_cut(connection, source, event, found):
        name = event.idnumber or event.username
        raise _conflict(E_("%(name)s was unlinked here from your site's user"), name=name)
    link = _by_id(connection, event, found)
    if link is not None:
        if _is_older(event, link) and _says_no_number(event, link):  # nothing to decide
            return Match(link, link.person_id)
        is_elsewhere = _check_name(connection, event, link, found.by_name)
        _check_number(connection, event, link)
        return Match(link, link.person_id, is_elsewhere)
    by_name = found.by_name
    if by_name is not None and not found.is_other(by_name):
        if not links.is_same_name(by_name.username, event.username or ""):
            raise alike(event.username or "", by_name.username or "")
        if not takes_ids(by_name, event):
            raise _conflict(
                E_("username %(name)s belongs to another idnumber at your site"),
                name=event.username,
            )
        _check_number(connection, event, by_name)
        return Match(by_name, by_name.person_id)
    person_id = _by_idnumber(connection, event)
    if person_id is None and by_name is None and source.policy.match_username and event.username:
        person_id = _by_username(connection, event)
    if person_id is not None:
        _check_own(connection, source, event, person_id, found)
    bare = links.bare(connection, source.peer_id, person_id) if person_id else None
    if by_name is not None and _is_older(event, by_name):
        return Match(bare, person_id, is_named_elsewhere=True)
    return Match(bare, person_id, name_from=by_name)


def is_renumbered(link: Link, event: UserEvent) -> bool:
    """Tell whether an event gives another shared idnumber than its link has."""
    real = links.real(event.idnumber)
    return bool(real and links.real(link.idnumber_key) and link.idnumber_key != key(real))


def _by_id(connection: Connection, event: UserEvent, found: Found) -> Link | None:
    """The link that the event's ids find: both the same one, if both find one."""
    by_number, by_own = found.by_number, found.by_own
    if by_number is None:
        return by_own
    if found.is_other(by_number) or (by_own is not None and by_own.id != by_number.id):
        if by_own is not None and _is_older(event, by_own):
            return by_own  # it sent this once; what it sends now counts
        if by_own is None or not _are_one(connection, by_number, by_own):
            raise _conflict(
                E_("idnumber %(name)s belongs to somebody else at your site"), name=event.idnumber
            )
    return by_number


def _is_older(event: UserEvent, link: Link) -> bool:
    """Tell whether a link has a row that happened later."""
    sent = event.when.timemodified
    return sent is not None and (sent, event.when.seq) < link.position


def _says_no_number(event: UserEvent, link: Link) -> bool:
    """Tell whether an older event has nothing to say about the idnumber that stands now."""
    real = links.real(event.idnumber)
    return real is None or links.real(link.idnumber_key) is not None


def _check_name(connection: Connection, event: UserEvent, link: Link, by_name: Link | None) -> bool:
    """See that nobody else there has the username; tell whether only somebody alike has."""
    if by_name is None or by_name.id == link.id:
        return False
    is_same = links.is_same_name(by_name.username, event.username or "")
    if is_same and not _are_one(connection, link, by_name):
        raise _conflict(
            E_("username %(name)s belongs to somebody else at your site"), name=event.username
        )
    return True


def takes_ids(link: Link, event: UserEvent) -> bool:
    """Tell whether a link that an event's username found may have the event's ids as well."""
    own = own_id(event.idnumber, event.moodle_id)
    if is_renumbered(link, event):
        return False
    return not own or link.moodle_id in (None, key(own))


def _are_one(connection: Connection, first: Link, second: Link) -> bool:
    return second.person_id in identity.everybody(connection, first.person_id)


def _check_number(connection: Connection, event: UserEvent, link: Link) -> None:
    """See that the event's idnumber is this person's, or may become it."""
    if not event.idnumber or not links.real(event.idnumber) or link.kept_apart:
        return
    if link.idnumber_key == key(event.idnumber):
        return  # no news, whatever another peer calls this person by now
    holder = _by_idnumber(connection, event)
    if holder is not None:
        if holder not in (link.person_id, *identity.everybody(connection, link.person_id)):
            raise _conflict(
                E_("idnumber %(name)s belongs to somebody else here"), name=event.idnumber
            )
        return
    if is_renumbered(link, event):
        return  # Moodle's own id says that it is the same user
    own = connection.execute(sa.select(person.c.idnumber_key).where(person.c.id == link.person_id))
    if own.scalar() is not None:
        raise _conflict(
            E_("username %(name)s belongs to another idnumber here"), name=event.username
        )


def _check_own(
    connection: Connection, source: Source, event: UserEvent, person_id: int, found: Found
) -> None:
    """See that the peer has no other user who is this person."""
    others = sa.select(person_link.c.moodle_id).where(
        person_link.c.peer_id == source.peer_id,
        person_link.c.person_id == person_id,
        person_link.c.moodle_id.is_not(None),
    )
    if found.own and set(connection.execute(others).scalars()) - {found.own}:
        raise _conflict(E_("idnumber %(name)s belongs to somebody else here"), name=event.idnumber)


def _by_idnumber(connection: Connection, event: UserEvent) -> int | None:
    if not event.idnumber or not links.real(event.idnumber):
        return None
    return links.holder(connection, event.idnumber)


def _by_username(connection: Connection, event: UserEvent) -> int | None:
    assert event.username
    wanted = key(event.username)
    if accounts.is_taken(connection, wanted):
        raise _conflict(
            E_("username %(name)s is an account with admin rights here"), name=event.username
        )
    found = connection.execute(
        sa.select(person.c.id, person.c.idnumber_key, person.c.username).where(
            person.c.username_key == wanted
        )
    ).first()
    if found is None:
        return None
    if not links.is_same_name(found.username, event.username):
        raise alike(event.username, found.username)
    if event.idnumber and found.idnumber_key not in (None, key(event.idnumber)):
        raise _conflict(
            E_("username %(name)s belongs to another idnumber here"), name=event.username
        )
    return int(found.id)


def alike(given: str, known: str) -> Conflict:
    """The conflict about two user names that only look the same."""
    return _conflict(
        E_("username %(name)s looks like %(known)s, which is another one"), name=given, known=known
    )


def _is_cut(connection: Connection, source: Source, event: UserEvent, found: Found) -> bool:
    """Tell whether a person here cut whom the event could mean from the peer's user."""
    by_id = [link for link in (found.by_number, found.by_own) if link is not None]
    if by_id:
        return any(link.unlinked for link in by_id)
    by_name = found.by_name
    if by_name is not None and by_name.unlinked and not found.is_other(by_name):
        return True
    person_id = _by_idnumber(connection, event)
    return person_id is not None and links.is_cut(connection, source.peer_id, person_id)


def _conflict(why: str, **names: str | None) -> Conflict:
    message = english(why, **{name: repr(value) for name, value in names.items()})
    return Conflict(
        english(
            "fetch_user: %(our_reason)s; a person here has to decide who is meant.",
            our_reason=message,
        )
    )
