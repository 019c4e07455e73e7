"""The pages by which our own people sign in here and go over to a peer.

What going over means stands in jumping.py. Source: RULES 1.7, R26, R31, R36.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any
from urllib.parse import quote

from mnet.language import _
from mnet.protocol import APPLICATIONS
from peers.registry import Peer
from peers.web import carried_form, throttle
from peers.web.carried_form import SIGN_IN_FORM, CarriedForm
from peers.web.origin import inside, within
from peers.web.view import PageError, Reply, Route, View, go, page
from schooltool_bridge.common.ids import key
from schooltool_bridge.server.parts import Parts
from schooltool_bridge.sign_on import jumping, person_sessions, rights
from schooltool_bridge.sign_on.jumping import CannotJump
from schooltool_bridge.sign_on.person_sessions import COOKIE, Start
from schooltool_bridge.sign_on.signing_off import SigningOff
from schooltool_bridge.web import own_pages
from schooltool_bridge.web.sign_on_pages import ME, SignOnPages, cookie_of

SIGN_IN = "/sign-in"
MAX_FIELD_CHARS = 1000
MAX_PATH_CHARS = 2000


class JumpPages:
    """Signing in by password, and going over."""

    def __init__(self, parts: Parts, signing_off: SigningOff, people: SignOnPages) -> None:
        """Use the server's parts, and what knows who is signed in."""
        self._parts = parts
        self._signing_off = signing_off
        self._people = people

    def routes(self) -> list[Route]:
        """Return the pages' addresses."""
        return [
            *(
                Route(application.jump, self.jump, None, waits_for=self._asked_first)
                for application in APPLICATIONS.values()
            ),
            Route(SIGN_IN, self.sign_in, None),
            Route(SIGN_IN, self.do_sign_in, None, ("POST",), form=SIGN_IN_FORM),
        ]

    def sign_in(self, view: View) -> Reply:
        """Show the form and the other ways in."""
        back = view.query.get("next", "")[:MAX_PATH_CHARS]
        return self._form(inside(back) or ME)

    def do_sign_in(self, view: View) -> Reply:
        """Check name and password; an account that is not there is slowed down as well."""
        username = view.text("username", limit=MAX_FIELD_CHARS)
        password = (view.all("password") or [""])[-1][:MAX_FIELD_CHARS]
        path = inside(view.text("next", limit=MAX_PATH_CHARS)) or ME
        carried = carried_form.read(view)
        slowed, now = f"person {key(username)}", view.now_unix_s
        tried = throttle.attempt(
            self._parts.database,
            throttle.Try(slowed, view.sender, now, f"user {username}"),
            lambda connection: rights.check_password(connection, username, password),
        )
        found = tried.found
        if found is None:
            problem = (
                _("Too many tries. Please wait %(seconds)s seconds.", seconds=tried.wait_s)
                if tried.wait_s
                else _("That user name and password do not fit, or may not sign in here.")
            )
            return self._form(path, problem, username, tried.status, carried)
        with self._parts.database.write() as connection:
            throttle.succeeded(connection, slowed, view.sender, now)
            before = person_sessions.find(connection, view.cookies.get(COOKIE, ""), now)
            if before is not None:
                person_sessions.end(connection, before.digest)
            begun = Start(found, view.agent_sha1, key(username))
            token = person_sessions.start(connection, begun, now)
        if carried is not None and own_pages.whose(carried.form) == found:
            text = _("You are signed in again. What you typed is still here.")
            values = {"carried": carried, "text": text}
            return Reply(template="carried_form.html", values=values, cookies=(cookie_of(token),))
        # A form may not lead to another site, even by way of ours; so a page stands between.
        return Reply(template="onward.html", values={"path": path}, cookies=(cookie_of(token),))

    def jump(self, view: View) -> Reply:
        """Send a signed-in person over to a peer with a token."""
        session = self._people.session(view)
        if session is None:
            here = f"{view.path}?{view.raw_query}"
            return go(f"{SIGN_IN}?next={quote(here, safe='')}")
        wanted = self._wanted(view)
        if wanted is None:
            raise PageError(_("The site that this link leads to is not known here."), 403)
        path = within(view.query.get("wantsurl", "") or "/", wanted.wwwroot)
        if path is None or len(path) > MAX_PATH_CHARS:
            raise PageError(_("That link leads to no page of the other site."))
        try:
            with self._parts.database.read() as connection:
                before = jumping.visit_before(connection, session, wanted, view.agent_sha1)
            if before is not None:
                self._signing_off.end_before_jump(before)
            with self._parts.database.write() as connection:
                url = jumping.start(
                    connection,
                    session,
                    wanted,
                    site=self._parts.site,
                    wantsurl=path,
                    agent_sha1=view.agent_sha1,
                    # The peer may have been asked meanwhile, and the token lives half a minute.
                    now_unix_s=int(self._parts.clock()),
                )
        except CannotJump as problem:
            raise PageError(str(problem), 403) from None
        return Reply(status=303, outside=url)

    def _asked_first(self, view: View, _parts: Mapping[str, Any]) -> Hashable:
        """Return the id of the peer that is asked before somebody goes there again; else None."""
        session, wanted = self._people.session(view), self._wanted(view)
        if session is None or wanted is None:
            return None
        try:
            with self._parts.database.read() as connection:
                before = jumping.visit_before(connection, session, wanted, view.agent_sha1)
        except CannotJump:
            return None  # which the page then says
        return wanted.id if before is not None else None

    def _wanted(self, view: View) -> Peer | None:
        """Return the peer that a link names: by our id of it, or by its address."""
        number = view.query.get("hostid", "")
        if number not in ("", "0"):
            is_number = number.isascii() and number.isdigit() and len(number) <= 9  # noqa: PLR2004
            return self._parts.registry.by_id(int(number)) if is_number else None
        # A Mahara's links say wr; other sites' end with a slash sometimes.
        address = view.query.get("hostwwwroot", "") or view.query.get("wr", "")
        return self._parts.registry.find(address.strip().rstrip("/"))

    def asked_first(self, view: View) -> Reply:
        """Ask whoever sent a form without being signed in for the password, keeping the form."""
        carried = carried_form.of(view.path, view.raw_query, view.form)
        if carried is None or own_pages.whose(carried.form) is None:
            return own_pages.sign_in_first(view)
        return self._form(ME, status=403, carried=carried)

    def _form(
        self,
        path: str,
        problem: str = "",
        username: str = "",
        status: int = 200,
        carried: CarriedForm | None = None,
    ) -> Reply:
        with self._parts.database.read() as connection:
            ways = jumping.ways_in(connection, self._parts.registry, self._parts.site, path)
        values = {"next": path, "problem": problem, "username": username, "ways": ways}
        return page("person_sign_in.html", status=status, carried=carried, **values)
