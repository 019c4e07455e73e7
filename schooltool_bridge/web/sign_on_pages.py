"""The pages of signing on: landing, the question who shall be signed in, a person's own page.

What a landing decides stands in landing.py; nothing from the other side is shown unescaped.
Source: RULES 1.7, R25, R28, R32, R33.
"""

from __future__ import annotations

import secrets
from collections.abc import Hashable, Mapping
from functools import partial
from typing import Any

import structlog

from mnet.language import _
from mnet.protocol import APPLICATIONS
from peers.web import sessions, tokens
from peers.web.frame import DOOR
from peers.web.origin import inside
from peers.web.view import Cookie, PageError, Reply, Route, View, go, page
from schooltool_bridge.reports import own_progress
from schooltool_bridge.reports.own_progress import Moment
from schooltool_bridge.server.parts import Parts
from schooltool_bridge.sign_on import jumping, own_access, person_sessions, pictures
from schooltool_bridge.sign_on.landing import Landed, Landing
from schooltool_bridge.sign_on.landing_reading import read_arrival
from schooltool_bridge.sign_on.landing_refusals import LandingRefused
from schooltool_bridge.sign_on.person_sessions import COOKIE, PersonSession
from schooltool_bridge.sign_on.signing_off import SigningOff

ME = "/me"
MAX_PATH_CHARS = 2000

log = structlog.get_logger("sign-on")


class SignOnPages:
    """What people see who come from a peer, and who are signed in."""

    def __init__(self, parts: Parts, signing_off: SigningOff, landing: Landing) -> None:
        """Use the server's parts."""
        self._parts = parts
        self._signing_off = signing_off
        self._landing = landing

    def routes(self) -> list[Route]:
        """Return the pages' addresses."""
        # A Mahara need not say where to go.
        paths = {"moodle": None, "mahara": "/"}
        return [
            *(
                Route(
                    APPLICATIONS[name].land,
                    partial(self._land, default),
                    None,
                    waits_for=self._provider,
                    busy=self._busy,
                )
                for name, default in paths.items()
            ),
            Route(ME, self.me, None),
            Route("/sign-on/change", self.change, None, ("POST",)),
            Route("/sign-out", self.sign_out, None, ("POST",)),
        ]

    def session(self, view: View) -> PersonSession | None:
        """Return who is signed in as a person, and note that they are here."""
        database = self._parts.database
        with database.read() as connection:
            found = person_sessions.find(connection, view.cookies.get(COOKIE, ""), view.now_unix_s)
        if found and view.now_unix_s - found.seen_unix_s >= tokens.SEEN_STEP_S:
            with database.write() as connection:
                person_sessions.touch(connection, found.digest, view.now_unix_s)
        return found

    def me(self, view: View) -> Reply:
        """Show a person's own page."""
        found = self.session(view)
        if found is None:
            return go(f"{DOOR}?next={ME}")
        database = self._parts.database
        with database.read() as connection:
            courses = jumping.courses_of(connection, found.person_id)
            picture = pictures.shown(connection, found.person_id)
            bar = own_access.bar_of(connection, found)
            moment = Moment(None, view.now_unix_s, self._parts.settings.zone)
            sections = own_progress.of_student(connection, found.person_id, moment, is_own=True)
            came = found.peer_id is not None
            peers = (
                []
                if came
                else jumping.destinations(connection, self._parts.registry, found.person_id)
            )
        return page(
            "me.html",
            person=found,
            bar=bar,
            sections=sections,
            path=ME,
            peers=peers,
            courses=courses,
            picture=picture,
            initials=pictures.initials(found.name),
        )

    def sign_out(self, view: View) -> Reply:
        """Sign out here and at the peers."""
        found = self.session(view)
        works = self._signing_off.sign_out(found) if found else ()
        left = found.peer_name if found else ""
        note = (
            _("You are signed out here and at %(peers)s.", peers=left)
            if left
            else _("You are signed out.")
        )
        return Reply(
            status=303, location=DOOR, note=note, cookies=(cookie_of(""),), afterwards=tuple(works)
        )

    def change(self, view: View) -> Reply:
        """Let the person in who came, in place of the one who is signed in."""
        path = inside(view.text("path", limit=MAX_PATH_CHARS))
        present = self.session(view)
        agreed = None
        if present and path:
            with self._parts.database.write() as connection:
                agreed = person_sessions.agree(
                    connection, view.text("ticket"), present.digest, view.now_unix_s
                )
        if agreed is None or path is None or present is None:
            raise PageError(_("That question is too old. Go back and click the link again."))
        return Reply(status=303, location=path, cookies=(cookie_of(agreed[0]),))

    def _provider(self, view: View, _parts: Mapping[str, Any]) -> Hashable:
        """Return the id of the peer that somebody comes from; None where none will be asked."""
        peer = self._parts.registry.find(view.query.get("idp", ""))
        return peer.id if peer else None

    def _busy(self, view: View) -> Reply:
        peer = self._parts.registry.find(view.query.get("idp", ""))
        return _refusal(LandingRefused("idp-busy", peer), secrets.token_hex(6))

    def _land(self, default_path: str | None, view: View) -> Reply:
        correlation = secrets.token_hex(6)
        try:
            arrival = read_arrival(
                view.raw_query,
                view.agent_sha1,
                wwwroot=self._parts.settings.wwwroot,
                default_path=default_path,
            )
            cookie = view.cookies.get(COOKIE, "")
            signed_in_as = view.session.account.id if view.session else None
            landed = self._landing.land(arrival, cookie, view.sender, signed_in_as)
        except LandingRefused as refused:
            return _refusal(refused, correlation)
        return self._welcome_admin(view, landed) if landed.admin_token else _welcome(landed)

    def _welcome_admin(self, view: View, landed: Landed) -> Reply:
        """Let an admin in, in place of their own session from before."""
        if view.session:
            with self._parts.database.write() as connection:
                sessions.end(connection, view.session.token)
        return Reply(status=303, location=landed.path, session_token=landed.admin_token)


def _welcome(landed: Landed) -> Reply:
    if landed.instead_of is None:
        return Reply(
            status=303,
            location=landed.path,
            cookies=(cookie_of(landed.token),),
            afterwards=landed.afterwards,
        )
    values = {
        "present": landed.instead_of.name,
        "coming": landed.name,
        "site": landed.peer.name or landed.peer.wwwroot,
        "ticket": landed.ticket,
        "path": landed.path,
    }
    return Reply(template="land_ask.html", values=values, afterwards=landed.afterwards)


def _refusal(refused: LandingRefused, correlation: str) -> Reply:
    peer, words = refused.peer, refused.words
    log.warning(
        "landing refused",
        code=refused.code,
        landing=correlation,
        peer=peer.wwwroot if peer else "",
        reason=refused.reason,
    )
    own_name = (peer.name or peer.wwwroot) if peer else ""
    site = own_name or _("the site that you come from")
    values = {
        "what": _sentence(_(words.what, site=site), own_name),
        "todo": " ".join(_sentence(_(part, site=site), own_name) for part in words.todo),
        "is_known": refused.code == "no-right",
        "name": refused.name,
        "site": site,
        "back": peer.wwwroot if peer else "",
        "code": f"{refused.code} {correlation}",
    }
    return Reply(
        template="land_refused.html",
        values=values,
        status=words.status,
        afterwards=refused.afterwards,
    )


def _sentence(text: str, own_name: str) -> str:
    """Begin a sentence with a capital, unless a site's own name stands there, however spelt."""
    is_name = bool(own_name) and text.startswith(own_name)
    return text if is_name else text[:1].upper() + text[1:]


def cookie_of(token: str) -> Cookie:
    """Return the cookie that keeps a person's session; an empty token takes it away."""
    return Cookie(COOKIE, token, tokens.LIFETIME_S if token else 0)
