"""A conflict about people, decided by a person: they are one, or they are two.

Only what follows from the answer is written here; that the event then comes again is up to the
caller. Nothing is guessed: who could be meant is what people.py would find. Source: RULES 1.4,
R39b, E2, E7.
"""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mnet.language import _
from mnet.stored_sentences import E_, english
from peers import accounts
from schooltool_bridge.common.ids import key, own_id
from schooltool_bridge.common.refusals import Refused
from schooltool_bridge.events import people, people_match
from schooltool_bridge.events.applied import Source
from schooltool_bridge.events.fields import UserEvent
from schooltool_bridge.events.people_match import Found
from schooltool_bridge.hand import merging, unlinking
from schooltool_bridge.history import identity, links
from schooltool_bridge.history.author import Author
from schooltool_bridge.history.links import Link
from schooltool_bridge.sign_on.sign_offs import Visit
from schooltool_bridge.store.model import person, person_link
from schooltool_bridge.store.model_people import person_record


@dataclass(frozen=True, slots=True)
class Question:
    """Whom an event could mean."""

    # The peer's own links that its ids, and its user name, find.
    by_id: Link | None
    by_name: Link | None
    # Our id of whoever has the idnumber at the school.
    holder_id: int | None
    # Our ids of all who could be meant, each person once.
    parties: tuple[int, ...]
    # The user name only looks like that of `by_name`.
    is_alike: bool
    found: Found

    @property
    def link(self) -> Link | None:
        """The link that the event is about, if there is one already."""
        return self.by_id or (None if self.is_alike else self.by_name)


def question(connection: Connection, source: Source, event: UserEvent) -> Question:
    """Return who could be meant by an event."""
    real = links.real(event.idnumber)
    there = people_match.find(connection, source, event)
    by_id, by_name = there.by_number or there.by_own, there.by_name
    holder_id = links.holder(connection, real) if real else None
    theirs = (there.by_number, there.by_own, by_name)
    found = [link.person_id for link in theirs if link is not None]
    found += [holder_id] if holder_id is not None else []
    if not found and source.policy.match_username and event.username:
        namesake = sa.select(person.c.id).where(person.c.username_key == key(event.username))
        found += connection.execute(namesake).scalars()
    parties = dict.fromkeys(identity.root(connection, person_id) for person_id in found)
    is_alike = by_name is not None and not links.is_same_name(
        by_name.username, event.username or ""
    )
    return Question(by_id, by_name, holder_id, tuple(parties), is_alike, there)


def one_person(
    connection: Connection, author: Author, source: Source, event: UserEvent, kept_id: int | None
) -> list[Visit]:
    """Make all who could be meant one person, to whom the peer's names belong.

    `kept_id` is needed when there are several; returns visits that ended. Raises Refused.
    """
    merging.wait_for_peers(connection)
    asked = question(connection, source, event)
    kept = _chosen_id(asked, kept_id)
    _must_be_no_admin(connection, kept)
    visits: set[Visit] = set()
    for other in asked.parties:
        if other != kept:
            visits |= set(merging.merge(connection, author, kept, other))
    link = asked.by_id
    if link is None and asked.by_name is not None and people_match.takes_ids(asked.by_name, event):
        link = asked.by_name
    if link is None:
        link = _new_link(connection, source, event, asked.holder_id or kept)
    if asked.found.is_other(link):  # the peer gave its users new ids of its own
        _set(connection, link, moodle_id=asked.found.own)
    if link.unlinked:
        unlinking.link_person_again(connection, author, link.id)
    if asked.is_alike and asked.by_name is not None and link.id == asked.by_name.id:
        _set(connection, link, username=event.username)
    own = connection.execute(sa.select(person.c.idnumber_key).where(person.c.id == link.person_id))
    number, real = own.scalar(), links.real(event.idnumber)
    if real and number not in (None, key(real)) and asked.holder_id is None:
        _set(connection, link, kept_apart=True)
    _record(connection, author, source, link, E_("whom %(peer)s names is this person"))
    return sorted(visits)


def keep_apart(connection: Connection, author: Author, source: Source, event: UserEvent) -> None:
    """Make the peer's names somebody of their own; raises Refused where no id tells them apart.

    A user name goes with whom the event names: at the peer nobody else can have it now.
    """
    merging.wait_for_peers(connection)
    asked = question(connection, source, event)
    by_name = asked.by_name
    if asked.is_alike and not (links.real(event.idnumber) or own_id(None, event.moodle_id)):
        raise Refused(
            "decision",
            _(
                "Only the user name could tell these two apart, and %(name)s looks like the "
                "other's. Give one of them another user name in Moodle, then dismiss this event.",
                name=repr(event.username),
            ),
        )
    given = _with_its_number(connection, asked, source, event, author.now_unix_s)
    link = given or _of_its_own(connection, asked, source, event, author.now_unix_s)
    if by_name is not None and not asked.is_alike and link.id != by_name.id:
        named = {"username": event.username, "username_key": by_name.username_key}
        _set(connection, by_name, username=None, username_key=None)
        _set(connection, link, **named)
    _record(connection, author, source, link, E_("whom %(peer)s names is somebody of their own"))


def _of_its_own(
    connection: Connection, asked: Question, source: Source, event: UserEvent, now_unix_s: int
) -> Link:
    """Return the link that is, or becomes, the one of the peer's names alone."""
    link = asked.link
    if link is not None and link.unlinked:
        return _instead_of_cut(connection, link, source, event, now_unix_s)
    if link is not None and asked.by_id is None and not people_match.takes_ids(link, event):
        link = None
    if link is not None and asked.holder_id is not None:
        if asked.holder_id not in identity.everybody(connection, link.person_id):
            _set(connection, link, kept_apart=True)
    elif (
        link is not None
        and asked.found.by_own is None
        and _has_another_idnumber(connection, link, event)
    ):
        _take_names(connection, link, event)
        link = None
    if link is None:
        who = asked.holder_id
        if who is None:
            who = people.create(connection, source, event, now_unix_s)
        link = _new_link(connection, source, event, who)
    return link


def _instead_of_cut(
    connection: Connection, cut: Link, source: Source, event: UserEvent, now_unix_s: int
) -> Link:
    """Let the names of a link that was cut be somebody new, who has none of the school's."""
    _take_names(connection, cut, event)
    link = _new_link(
        connection, source, event, people.create(connection, source, event, now_unix_s)
    )
    _set(connection, link, kept_apart=True)
    return link


def _with_its_number(
    connection: Connection, asked: Question, source: Source, event: UserEvent, now_unix_s: int
) -> Link | None:
    """Give an idnumber that another user there had to whom Moodle's own id says that it is now.

    It is the peer's own word, not the school's. Returns that user's link; None: it is no such case.
    """
    before, now = asked.found.by_number, asked.found.by_own
    is_its = now is None and not asked.found.is_other(before)
    if before is None or is_its or (now is not None and now.id == before.id):
        return None
    _take_names(connection, before, event)
    if now is None:
        who = people.create(connection, source, event, now_unix_s)
        now = _new_link(connection, source, event, who)
    real = links.real(event.idnumber)
    _set(connection, now, idnumber_key=key(real) if real else None, kept_apart=True)
    return now


def _chosen_id(asked: Question, kept_id: int | None) -> int:
    if not asked.parties:
        raise Refused("person", _("Nobody here could be meant (any more); retry the event."))
    if kept_id is None and len(asked.parties) == 1:
        return asked.parties[0]
    if kept_id not in asked.parties:
        listed = ", ".join(map(str, asked.parties))
        message = _("Say whose record stands for all: the id is one of %(ids)s.", ids=listed)
        raise Refused("kept", message)
    return kept_id


def _must_be_no_admin(connection: Connection, person_id: int) -> None:
    name = sa.select(person.c.username_key).where(person.c.id == person_id)
    if accounts.is_taken(connection, connection.execute(name).scalar_one()):
        message = _("This person has the user name of an account with admin rights.")
        raise Refused("person", message)


def _has_another_idnumber(connection: Connection, link: Link, event: UserEvent) -> bool:
    real = links.real(event.idnumber)
    own = sa.select(person.c.idnumber_key).where(person.c.id == link.person_id)
    return bool(real) and connection.execute(own).scalar() not in (None, key(real or ""))


def _new_link(connection: Connection, source: Source, event: UserEvent, person_id: int) -> Link:
    """Give a person a link that the event's ids find; the name too, when nobody else has it."""
    real, own = links.real(event.idnumber), own_id(event.idnumber, event.moodle_id)
    link = links.add(connection, source.peer_id, person_id, key(real) if real else None)
    values: dict[str, object] = {"moodle_id": key(own)} if own else {}
    named = links.by(connection, source.peer_id, event.username, person_link.c.username_key)
    if event.username and named is None:
        values |= {"username": event.username, "username_key": key(event.username)}
    if values:
        _set(connection, link, **values)
    return link


def _take_names(connection: Connection, link: Link, event: UserEvent) -> None:
    """Take from a link whatever an event says that is somebody else's now."""
    own = own_id(event.idnumber, event.moodle_id)
    values: dict[str, object] = {}
    if event.idnumber and link.idnumber_key == key(event.idnumber):
        values["idnumber_key"] = None
    if own and link.moodle_id == key(own):
        values["moodle_id"] = None
    if event.username and link.username_key == key(event.username):
        values |= {"username": None, "username_key": None}
    if values:
        _set(connection, link, **values)


def _set(connection: Connection, link: Link, **values: object) -> None:
    connection.execute(sa.update(person_link).where(person_link.c.id == link.id).values(values))


def _record(connection: Connection, author: Author, source: Source, link: Link, what: str) -> None:
    connection.execute(
        sa.insert(person_record).values(
            person_id=link.person_id,
            changed={"conflict": ["", english(what, peer=source.wwwroot)]},
            recorded_unix_s=author.now_unix_s,
            by_actor=author.actor,
            why=author.why,
        )
    )
