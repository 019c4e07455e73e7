"""One of the school's people in the browser: their record as a student, then links and rights.

Rights of many at once: people_pages.py. Source: RULES 1.7, R29, R30.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy.engine import Connection

from mnet.language import N_, _
from peers import audit, store
from peers.accounts import CLERK
from peers.changes import NotPossible
from peers.policy import PeerPolicy
from peers.web.view import PageError, Reply, Route, Tab, View, go, page
from schooltool_bridge.full_sync import marks, walking
from schooltool_bridge.history import school_roles
from schooltool_bridge.people import people_list, person_story, staff_roles
from schooltool_bridge.people.bulk_rights import GO, OWN, BadOrder, Order
from schooltool_bridge.people.people_list import PersonRow
from schooltool_bridge.server.parts import Parts
from schooltool_bridge.sign_on import jump_rights, jumping, own_access, person_sessions, rights
from schooltool_bridge.sign_on.rights import Change
from schooltool_bridge.sign_on.signing_off import SigningOff, Work
from schooltool_bridge.web import filters, student_record
from schooltool_bridge.web.people_pages import PEOPLE, role_words

PERSON = PEOPLE + "/<int:person_id>"


@dataclass(frozen=True, slots=True)
class Way:
    """A peer that a person could go over to."""

    peer_id: int
    peer_name: str
    is_denied: bool
    # The peer's rule about roles lets them through.
    in_rule: bool


class PersonPages:
    """One person's page for whoever looks after people."""

    def __init__(self, parts: Parts, signing_off: SigningOff) -> None:
        """Use the server's parts."""
        self._parts = parts
        self._signing_off = signing_off

    def routes(self) -> list[Route]:
        """Return the page's addresses."""
        return [
            Route(PERSON, self.show, CLERK),
            Route(PERSON, self.change, CLERK, ("POST",)),
        ]

    def tabs(self) -> list[Tab]:
        """Return no entry of the navigation: the list leads here."""
        return []

    def show(self, view: View, person_id: int) -> Reply:
        """Show a person."""
        with self._parts.database.read() as connection:
            found = known(connection, person_id)
            if found.id != person_id:
                return go(f"{PEOPLE}/{found.id}", _("That record was merged into this person's."))
            zone = self._parts.settings.zone
            when = student_record.asked(view, zone)
            return page(
                "person.html",
                person=found,
                teaches=own_access.taught_by(connection, found.id),
                was_student=own_access.was_student(connection, found.id),
                **student_record.record(connection, view, found, when, zone),
                role_words=role_words,
                ways=_ways(connection, found),
                live=person_sessions.live_of(connection, found.id, view.now_unix_s),
                courses=jumping.courses_of(connection, found.id),
                refused_by=_refused_by(connection, found),
                staff_role=staff_roles.role_of(connection, found.id),
                story=person_story.story(connection, found.id),
                missing_since=marks.missing_since(
                    connection, walking.USERS, [link.id for link in found.links]
                ),
            )

    def change(self, view: View, person_id: int) -> Reply:
        """Give or take a right, or sign the person out."""
        asked = view.text("do")
        try:
            with self._parts.database.write() as connection:
                found = known(connection, person_id)
                if asked == "sign-out":
                    note, works = self._sign_out(connection, view, found)
                else:
                    note, works = self._set(connection, view, found, Order.read(asked))
        except (BadOrder, NotPossible) as problem:
            raise PageError(str(problem)) from None
        return Reply(
            status=303, location=f"{PEOPLE}/{person_id}", note=note, afterwards=tuple(works)
        )

    def _set(
        self, connection: Connection, view: View, found: PersonRow, order: Order
    ) -> tuple[str, list[Work]]:
        change, allowed = Change(view.who, view.now_unix_s), order.allowed
        if order.right == OWN:
            visits = rights.set_own_audited(connection, change, found.id, allowed=allowed)
            note = (
                _("%(whom)s may sign in by password now.", whom=found.name)
                if allowed
                else _("%(whom)s may not sign in by password now.", whom=found.name)
            )
            return note, self._signing_off.ending(visits)
        peer = store.by_id(connection, order.peer_id) if order.peer_id is not None else None
        if peer is None:
            raise BadOrder(_("There is no such peer any more."))
        name = peer.name or peer.wwwroot
        if order.right == GO:
            visits = jump_rights.set_one(connection, change, found.id, peer, allowed=allowed)
            note = (
                _("%(whom)s may go over to %(peer)s now.", whom=found.name, peer=name)
                if allowed
                else _("%(whom)s may not go over to %(peer)s now.", whom=found.name, peer=name)
            )
        else:
            done = rights.set_right(connection, change, found.id, peer.wwwroot, allowed=allowed)
            visits = done.visits
            note = (
                _("%(whom)s may sign in from %(peer)s now.", whom=found.name, peer=name)
                if allowed
                else _("%(whom)s may not sign in from %(peer)s now.", whom=found.name, peer=name)
            )
        return note, self._signing_off.ending(visits)

    def _sign_out(
        self, connection: Connection, view: View, found: PersonRow
    ) -> tuple[str, list[Work]]:
        works = self._signing_off.sign_out_everywhere(connection, found.id)
        audit.record(
            connection,
            actor=view.who,
            action=N_("signed out everywhere"),
            subject=f"person {found.id}",
            detail={},
            now_unix_s=view.now_unix_s,
        )
        note = _("%(whom)s is signed out here, and the peers are told.", whom=found.name)
        return note, works


def known(connection: Connection, person_id: int) -> PersonRow:
    """Return a person by our id; raises PageError (404)."""
    found = people_list.one(connection, filters.known_id(person_id))
    if found is None:
        raise PageError(_("There is no such person."), 404)
    return found


def _ways(connection: Connection, found: PersonRow) -> list[Way]:
    denied = jump_rights.denied_to(connection, found.id)
    return [
        Way(
            p.id,
            p.name or p.wwwroot,
            p.id in denied,
            school_roles.may(connection, found.id, PeerPolicy.from_stored(p.policy).jump_roles),
        )
        for p in store.all_peers(connection)
        if jump_rights.takes_ours(p) or (p.id in denied and p.state != store.DELETED)
    ]


def _refused_by(connection: Connection, found: PersonRow) -> frozenset[int]:
    """Return the peers whose rule about roles keeps the person out, whatever right they have."""
    linked = {link.peer_id for link in found.links}
    return frozenset(
        p.id
        for p in store.all_peers(connection)
        if p.id in linked
        and not school_roles.may(connection, found.id, PeerPolicy.from_stored(p.policy).land_roles)
    )
