"""The dashboard and the pages of one peer: what it is and how it is, services, verification.

Source: RULES R16-R18, R22.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from keys.certificate import load
from keys.rotation import judge_expiry
from mnet.language import N_, _
from mnet.protocol import SERVICES
from peers import audit, changes, checks, store
from peers.accounts import CLERK, MANAGER
from peers.audit import By
from peers.store import StoredPeer
from peers.verify_rules import SERVICE_NAMES
from peers.verify_services import MAHARA_DIRECTION, left_out, mahara_ways
from peers.web import compared
from peers.web.moodle_boxes import (
    CUSTOM,
    MEANINGS,
    PRESETS,
    WHERE,
    boxes,
    preset_of,
)
from peers.web.parts import NO_FACTS, Parts
from peers.web.view import PageError, Reply, Route, Tab, View, go, its_peer, page

PEER = "/admin/peers/<int:peer_id>"
AUDIT_SHOWN = 8


class PeerPages:
    """What an admin sees and does about peers that are registered."""

    def __init__(self, parts: Parts) -> None:
        """Take what the pages work with."""
        self._parts = parts

    def routes(self) -> list[Route]:
        """Return the pages' addresses."""
        return [
            Route("/admin", self.dashboard, CLERK),
            Route(PEER, self.show, CLERK),
            Route(PEER + "/switch", self.switch, MANAGER, ("POST",)),
            Route(PEER + "/key", self.accept_key, MANAGER, ("POST",)),
            Route(PEER + "/services", self.services, MANAGER),
            Route(PEER + "/services", self.set_services, MANAGER, ("POST",)),
            Route(PEER + "/verify", self.check, CLERK),
            Route(PEER + "/verify", self.do_check, CLERK, ("POST",), waits_for=its_peer),
            Route(PEER + "/remove", self.removal, MANAGER),
            Route(PEER + "/remove", self.remove, MANAGER, ("POST",)),
        ]

    def tabs(self) -> list[Tab]:
        """Return the entries of the navigation."""
        return [Tab(N_("Peers"), "/admin", CLERK)]

    def dashboard(self, view: View) -> Reply:
        """Show every peer at a glance."""
        with self._parts.database.read() as connection:
            peers = [p for p in store.all_peers(connection) if p.state != store.DELETED]
            facts = self._parts.facts(connection, peers, view.now_unix_s)
            last = {p.id: checks.last_check(connection, p.id) for p in peers}
            waiting = len(store.pending(connection))
        rows = [
            {
                "peer": peer,
                "facts": facts.get(peer.id, NO_FACTS),
                "check": last[peer.id],
                "key": _key(peer, view.now_unix_s),
            }
            for peer in peers
        ]
        return page(
            "dashboard.html",
            rows=rows,
            waiting=waiting,
            our_wwwroot=self._parts.our_wwwroot,
            first=self._parts.first_steps(view),
        )

    def show(self, view: View, peer_id: int) -> Reply:
        """Show one peer."""
        peer = self._parts.peer(peer_id)
        with self._parts.database.read() as connection:
            facts = self._parts.facts(connection, [peer], view.now_unix_s).get(peer.id, NO_FACTS)
            check = checks.last_check(connection, peer.id)
            history = audit.entries(connection, subject=peer.wwwroot, limit=AUDIT_SHOWN)
        offered = peer.certificate(store.OFFERED)
        return page(
            "peer.html",
            peer=peer,
            facts=facts,
            check=check,
            key=_key(peer, view.now_unix_s),
            offered=offered,
            history=history,
            names=SERVICE_NAMES,
            is_manager=view.role == MANAGER,
        )

    def switch(self, view: View, peer_id: int) -> Reply:
        """Turn the master switch."""
        enabled = view.text("enabled") == "yes"
        peer = self._parts.change(
            peer_id,
            lambda c: changes.set_enabled(
                c, By(view.who, view.now_unix_s), peer_id, enabled=enabled
            ),
        )
        message = (
            _("%(name)s is switched on.", name=peer.name)
            if enabled
            else _("%(name)s is switched off: its events are refused.", name=peer.name)
        )
        return go(f"/admin/peers/{peer_id}", message)

    def accept_key(self, view: View, peer_id: int) -> Reply:
        """Believe the key on offer."""
        fingerprint = view.text("fingerprint")
        problem = compared.why_not(view, fingerprint)
        if problem:
            raise PageError(problem)
        peer = self._parts.change(
            peer_id,
            lambda c: changes.accept_key(
                c, By(view.who, view.now_unix_s), peer_id, fingerprint=fingerprint
            ),
        )
        return go(
            f"/admin/peers/{peer_id}", _("%(name)s is now known by its new key.", name=peer.name)
        )

    def services(self, view: View, peer_id: int) -> Reply:
        """Show what is published and subscribed, and the presets."""
        peer = self._parts.peer(peer_id)
        chosen = preset_of(peer.published, peer.subscribed)
        ticked: dict[str, Collection[str]] = {
            "publish": peer.published,
            "subscribe": peer.subscribed,
        }
        if not peer.published and not peer.subscribed:
            first = PRESETS[0]
            chosen, ticked = first.key, {"publish": first.publish, "subscribe": first.subscribe}
        with self._parts.database.read() as connection:
            last = checks.last_check(connection, peer_id)
        return page(
            "peer_services.html",
            theirs=last.services if last else None,
            peer=peer,
            step=view.query.get("step", ""),
            services=SERVICES,
            meanings=MEANINGS,
            names=SERVICE_NAMES,
            presets=PRESETS,
            custom=CUSTOM,
            chosen=chosen,
            ticked=ticked,
        )

    def set_services(self, view: View, peer_id: int) -> Reply:
        """Replace both lists by a preset or by the ticked boxes."""
        preset = next((p for p in PRESETS if p.key == view.text("preset")), None)
        publish = preset.publish if preset else tuple(view.all("publish"))
        subscribe = preset.subscribe if preset else tuple(view.all("subscribe"))
        self._parts.change(
            peer_id,
            lambda c: changes.set_services(
                c, By(view.who, view.now_unix_s), peer_id, publish=publish, subscribe=subscribe
            ),
        )
        step = "?step=4" if view.text("step") else ""
        return go(f"/admin/peers/{peer_id}/verify{step}", _("The services are set."))

    def check(self, view: View, peer_id: int) -> Reply:
        """Show the last verification, and what to tick on the other side."""
        peer = self._parts.peer(peer_id)
        with self._parts.database.read() as connection:
            found = checks.last_check(connection, peer_id)
        lacks: frozenset[str] = frozenset()
        if found is not None and peer.application == "moodle":
            wanted = peer.published | peer.subscribed
            lacks = frozenset(left_out(wanted, found.services or {}, found.release))
        return page(
            "peer_verify.html",
            peer=peer,
            check=found,
            step=view.query.get("step", ""),
            boxes=boxes(peer.published - lacks, peer.subscribed - lacks),
            lacks=[SERVICE_NAMES[service] for service in sorted(lacks)],
            where=_(WHERE),
            is_mahara=peer.application == "mahara",
            ways=mahara_ways(peer.published, peer.subscribed),
            direction=_(MAHARA_DIRECTION),
            our_wwwroot=self._parts.our_wwwroot,
            is_manager=view.role == MANAGER,
        )

    def do_check(self, view: View, peer_id: int) -> Reply:
        """Verify now; it may take half a minute."""
        peer = self._parts.peer(peer_id)
        is_new = bool(view.text("step"))
        found = self._parts.verify(peer, is_new)
        step = "?step=4" if is_new else ""
        message = (
            _("Verified. All is well.")
            if found.ok
            else _("Verified. Something needs a hand; see below.")
        )
        return go(f"/admin/peers/{peer.id}/verify{step}", message)

    def removal(self, _view: View, peer_id: int) -> Reply:
        """Ask before a peer is removed."""
        return page("peer_remove.html", peer=self._parts.peer(peer_id), problem="")

    def remove(self, view: View, peer_id: int) -> Reply:
        """Remove a peer; what it brought stays."""
        peer = self._parts.peer(peer_id)
        if view.text("wwwroot").rstrip("/") != peer.wwwroot:
            problem = _("To be sure, type the address exactly: %(address)s", address=peer.wwwroot)
            return page("peer_remove.html", status=400, peer=peer, problem=problem)
        self._parts.change(
            peer_id, lambda c: changes.remove_peer(c, By(view.who, view.now_unix_s), peer_id)
        )
        message = _(
            "%(name)s is removed. What it brought stays; adding it again takes that up.",
            name=peer.name,
        )
        return go("/admin", message)


def _key(peer: StoredPeer, now_unix_s: int) -> Mapping[str, object] | None:
    current = peer.certificate()
    if current is None:
        return None
    ends = load(current.pem).not_after_unix_s
    return {
        "fingerprint": current.fingerprint,
        "ends_unix_s": ends,
        "verdict": judge_expiry(ends, now_unix_s),
        "origin": current.origin,
        "since_unix_s": current.since_unix_s,
        "pem": current.pem,
    }
