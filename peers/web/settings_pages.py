"""Configuring a peer on three screens - signing on, enrolment, grades - and its addresses.

The screens are those of the specification (RULES R12); each sets some of the peer's
policies (peers/policy.py). Source: RULES R12, R18.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from sqlalchemy.engine import Connection

from keys.certificate import BadCertificate
from mnet.call_errors import CallError
from mnet.language import N_, _, translated
from mnet.protocol import BadWwwroot
from mnet.stored_sentences import localized
from peers import changes, typed
from peers.accounts import MANAGER
from peers.audit import By
from peers.policy import OUT_OF_RANGE, PeerPolicy
from peers.web import compared
from peers.web.parts import Parts
from peers.web.peer_pages import PEER
from peers.web.view import PageError, Reply, Route, View, go, its_peer, page

# Each screen's policies, in the order shown.
SCREENS = {
    "signing-on": (
        "accept_people",
        "match_username",
        "names",
        "land_roles",
        "jump_roles",
        "tls",
        "trust_tls_key",
    ),
    "enrolment": (
        "accept_sections",
        "new_sections",
        "accept_enrolments",
        "dates_students",
        "dates_teachers",
        "roles",
    ),
    "grades": ("accept_grades", "out_of_range"),
}
TITLES = {
    "signing-on": N_("Signing on"),
    "enrolment": N_("Enrolment"),
    "grades": N_("Grades"),
}


class SettingsPages:
    """What an admin decides about one peer."""

    def __init__(self, parts: Parts) -> None:
        """Take what the pages work with."""
        self._parts = parts

    def routes(self) -> list[Route]:
        """Return the pages' addresses."""
        screens = [
            Route(f"{PEER}/{screen}", handler, MANAGER, methods)
            for screen in SCREENS
            for handler, methods in ((self.show, ("GET",)), (self.save, ("POST",)))
        ]
        return [
            *screens,
            Route(PEER + "/addresses", self.addresses, MANAGER),
            Route(PEER + "/addresses", self.change_addresses, MANAGER, ("POST",)),
            Route(PEER + "/move", self.move, MANAGER, ("POST",), waits_for=its_peer),
            Route(PEER + "/label", self.label, MANAGER, ("POST",)),
        ]

    def show(self, view: View, peer_id: int) -> Reply:
        """Show a screen."""
        return self._screen(_screen_of(view), peer_id)

    def save(self, view: View, peer_id: int) -> Reply:
        """Keep what was chosen on a screen."""
        screen = _screen_of(view)
        values = {}
        for name in SCREENS[screen]:
            default = getattr(PeerPolicy(), name)
            if isinstance(default, bool):
                values[name] = "yes" if view.ticked(name) else "no"
            elif isinstance(default, tuple):
                values[name] = ",".join(view.all(name))
            else:
                # A list of roles or names may come one on a line.
                values[name] = ",".join(view.text(name, limit=4000).splitlines())
        afterwards: list[Callable[[], object]] = []

        def change(connection: Connection) -> None:
            who, now = view.who, view.now_unix_s
            changes.set_policy(connection, By(who, now), peer_id, values=values)
            afterwards.extend(self._parts.enforce(connection, peer_id))

        try:
            peer = self._parts.change(peer_id, change)
        except PageError as problem:
            return self._screen(screen, peer_id, problem=str(problem))
        saved = go(f"/admin/peers/{peer_id}/{screen}", _("Saved for %(name)s.", name=peer.name))
        return replace(saved, afterwards=tuple(afterwards))

    def addresses(self, _view: View, peer_id: int) -> Reply:
        """Show by which addresses a peer is known."""
        return self._addresses(peer_id)

    def change_addresses(self, view: View, peer_id: int) -> Reply:
        """Add or take away a further address."""
        wwwroot, now = view.text("wwwroot"), view.now_unix_s
        if view.text("action") == "remove":
            self._parts.change(
                peer_id,
                lambda c: changes.remove_alias(c, By(view.who, now), peer_id, wwwroot=wwwroot),
            )
            return go(
                f"/admin/peers/{peer_id}/addresses", _("%(name)s is taken away.", name=wwwroot)
            )
        try:
            self._parts.change(
                peer_id,
                lambda c: changes.add_alias(
                    c,
                    By(view.who, now),
                    peer_id,
                    wwwroot=typed.wwwroot(wwwroot),
                    our_wwwroot=self._parts.our_wwwroot,
                ),
            )
        except PageError as problem:
            return self._addresses(peer_id, problem=str(problem))
        return go(
            f"/admin/peers/{peer_id}/addresses",
            _("It is also known as %(name)s now.", name=wwwroot),
        )

    def move(self, view: View, peer_id: int) -> Reply:
        """Move a peer to a new address: look there first, then do it once confirmed."""
        peer = self._parts.peer(peer_id)
        try:
            wwwroot = typed.wwwroot(view.text("new_wwwroot"))
            verify_tls = PeerPolicy.from_stored(peer.policy).tls == "verify"
            found = self._parts.discover(wwwroot, peer.application, verify_tls)
        except (BadWwwroot, BadCertificate, CallError) as problem:
            return self._addresses(peer_id, problem=localized(str(problem)))
        certificate = found.certificate
        if view.text("fingerprint") != certificate.fingerprint:
            return self._addresses(peer_id, found=found)
        differs = compared.why_not(view, certificate.fingerprint)
        if differs:
            return self._addresses(peer_id, found=found, problem=differs)
        self._parts.change(
            peer_id,
            lambda c: changes.rename_peer(
                c,
                By(view.who, view.now_unix_s),
                peer_id,
                wwwroot=wwwroot,
                our_wwwroot=self._parts.our_wwwroot,
                certificate=certificate,
            ),
        )
        message = _(
            "%(name)s is at %(address)s now, with all its data.", name=peer.name, address=wwwroot
        )
        return go(f"/admin/peers/{peer_id}", message)

    def label(self, view: View, peer_id: int) -> Reply:
        """Say whether a peer is for production or for tests."""
        label = view.text("label")
        peer = self._parts.change(
            peer_id,
            lambda c: changes.set_label(c, By(view.who, view.now_unix_s), peer_id, label=label),
        )
        return go(
            f"/admin/peers/{peer_id}",
            _("%(name)s is labelled %(label)s.", name=peer.name, label=translated(label)),
        )

    def _screen(self, screen: str, peer_id: int, *, problem: str = "") -> Reply:
        peer = self._parts.peer(peer_id)
        policy = PeerPolicy.from_stored(peer.policy)
        return page(
            "peer_settings.html",
            status=400 if problem else 200,
            peer=peer,
            policy=policy,
            screen=screen,
            titles=TITLES,
            names="\n".join(f"{ours}={theirs}" for ours, theirs in policy.names.items()),
            roles="\n".join(f"{theirs}={ours}" for theirs, ours in policy.roles.items()),
            out_of_range=OUT_OF_RANGE,
            problem=problem,
        )

    def _addresses(self, peer_id: int, *, problem: str = "", found: object = None) -> Reply:
        return page(
            "peer_addresses.html",
            status=400 if problem else 200,
            peer=self._parts.peer(peer_id),
            found=found,
            problem=problem,
        )


def _screen_of(view: View) -> str:
    return view.path.rpartition("/")[2]
