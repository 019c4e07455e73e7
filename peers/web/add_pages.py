"""Adding a peer, step by step: its address, is it the right one, services, verify, switch on.

Nothing is registered before somebody confirmed the fingerprint, and a new peer stays switched
off until the last step. Source: RULES R15.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

from keys.certificate import BadCertificate, check_subject, load
from mnet.call_errors import CallError, CannotReach
from mnet.language import _
from mnet.protocol import APPLICATIONS, DEFAULT_APPLICATION, BadWwwroot, check_wwwroot
from mnet.stored_sentences import localized
from peers import cautions, changes, store, typed
from peers import verify_rules as rules
from peers.accounts import MANAGER
from peers.audit import By
from peers.bootstrap import Found
from peers.changes import NotPossible
from peers.web import compared
from peers.web.parts import Parts
from peers.web.view import Reply, Route, View, go, page

ADD = "/admin/peers/add"
MAX_PEM_CHARS = 20_000


class AddPages:
    """The first two steps; the rest are pages of the peer itself."""

    def __init__(self, parts: Parts) -> None:
        """Take what the pages work with."""
        self._parts = parts

    def routes(self) -> list[Route]:
        """Return the pages' addresses."""
        return [
            Route(ADD, self.start, MANAGER),
            Route(ADD, self.look, MANAGER, ("POST",), waits_for=_new_site),
            Route(ADD + "/confirm", self.confirm, MANAGER, ("POST",), waits_for=_new_site),
            Route("/admin/peers/waiting", self.dismiss, MANAGER, ("POST",)),
        ]

    def start(self, view: View) -> Reply:
        """Ask for the address, and show who knocked by itself."""
        return self._start(wwwroot=view.query.get("wwwroot", ""))

    def look(self, view: View) -> Reply:
        """Ask the site who it is, or read the pasted certificate, and show what was found."""
        wwwroot, application = view.text("wwwroot"), view.text("application")
        pasted = view.text("certificate", limit=MAX_PEM_CHARS)
        any_tls = view.ticked("any_tls")
        entered = {"wwwroot": wwwroot, "application": application, "pasted": pasted}
        try:
            wwwroot = typed.wwwroot(wwwroot)
            with self._parts.database.read() as connection:
                changes.check_free(connection, wwwroot, self._parts.our_wwwroot)
            found = self._found(wwwroot, application, pasted, verify_tls=not any_tls)
        except (BadWwwroot, BadCertificate, CallError, NotPossible) as problem:
            # Nobody there, or no such name, is no matter of its https certificate.
            can_loosen = wwwroot.startswith("https://") and (
                isinstance(problem, CannotReach) and problem.reason == "other"
            )
            sentence = str(problem)
            if isinstance(problem, CallError):
                kind = APPLICATIONS.get(application, DEFAULT_APPLICATION)
                sentence = rules.with_advice(
                    problem, wwwroot=wwwroot, application=kind, ours=self._parts.our_wwwroot
                )
            return self._start(
                **entered, problem=localized(sentence), tls_failed=can_loosen, status=400
            )
        return self._found_page(view, found, any_tls=any_tls)

    def confirm(self, view: View) -> Reply:
        """Register the peer, switched off; the next step chooses services."""
        application = view.text("application")
        if application not in APPLICATIONS:
            application = next(iter(APPLICATIONS))
        try:
            wwwroot = check_wwwroot(view.text("wwwroot"))
            certificate = load(view.text("certificate", limit=MAX_PEM_CHARS))
            name = view.text("name", limit=255) or wwwroot
            found = Found(wwwroot, name, APPLICATIONS[application], certificate)
            problem = compared.why_not(view, certificate.fingerprint)
            if problem:
                return self._found_page(
                    view,
                    found,
                    any_tls=view.ticked("any_tls"),
                    problem=problem,
                )
            peer_id = self._add(view, found)
        except (BadWwwroot, BadCertificate, NotPossible) as problem:
            return self._start(problem=localized(str(problem)), status=400)
        return go(
            f"/admin/peers/{peer_id}/services?step=3", _("%(name)s is registered.", name=name)
        )

    def dismiss(self, view: View) -> Reply:
        """Send a stranger away."""
        wwwroot = view.text("wwwroot")
        try:
            with self._parts.database.write() as connection:
                changes.dismiss_pending(connection, By(view.who, view.now_unix_s), wwwroot=wwwroot)
        except NotPossible as problem:
            return self._start(problem=localized(str(problem)), status=400)
        return go(ADD, _("%(name)s is gone from the list; it may knock again.", name=wwwroot))

    def _add(self, view: View, found: Found) -> int:
        with self._parts.database.write() as connection:
            peer_id = changes.add_peer(
                connection,
                By(view.who, view.now_unix_s),
                wwwroot=found.wwwroot,
                our_wwwroot=self._parts.our_wwwroot,
                name=found.name,
                application=found.application.name,
                certificate=found.certificate,
                origin="file" if view.text("source") == "pasted" else "keyswap",
                state=store.DISABLED,
            )
            if view.ticked("any_tls"):
                changes.set_policy(
                    connection, By(view.who, view.now_unix_s), peer_id, values={"tls": "none"}
                )
        return peer_id

    def _found(self, wwwroot: str, application: str, pasted: str, *, verify_tls: bool) -> Found:
        if not pasted:
            return self._parts.discover(wwwroot, application, verify_tls)
        certificate = load(pasted)
        check_subject(certificate, wwwroot)
        return Found(
            wwwroot,
            wwwroot,
            APPLICATIONS.get(application) or next(iter(APPLICATIONS.values())),
            certificate,
        )

    def _found_page(self, view: View, found: Found, *, any_tls: bool, problem: str = "") -> Reply:
        with self._parts.database.read() as connection:
            known = store.find(connection, found.wwwroot)
        return page(
            "peer_found.html",
            status=400 if problem else 200,
            found=found,
            any_tls=any_tls,
            source=view.text("source")
            or ("pasted" if view.text("certificate", limit=MAX_PEM_CHARS) else "fetched"),
            comes_back=known is not None,
            warnings=cautions.of_site(
                found.wwwroot, found.certificate.not_after_unix_s, view.now_unix_s
            ),
            problem=problem,
        )

    def _start(
        self,
        *,
        wwwroot: str = "",
        application: str = "",
        pasted: str = "",
        problem: str = "",
        tls_failed: bool = False,
        status: int = 200,
    ) -> Reply:
        with self._parts.database.read() as connection:
            waiting = [(p, load(p.pem).fingerprint) for p in store.pending(connection)]
        return page(
            "peer_add.html",
            status=status,
            waiting=waiting,
            wwwroot=wwwroot,
            application=application,
            applications=list(APPLICATIONS),
            pasted=pasted,
            problem=problem,
            tls_failed=tls_failed,
            our_wwwroot=self._parts.our_wwwroot,
        )


def _new_site(_view: View, _parts: Mapping[str, Any]) -> Hashable:
    """All sites that are no peers yet have one share."""
    return "new sites"
