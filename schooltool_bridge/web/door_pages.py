"""The site's first page, at which everybody signs in: admins and the school's people alike.

What fits is decided in sign_on/door.py; nothing that does not tells why. The addresses at which
there were two sign-ins lead here. Source: RULES 1.7, R11, R28, R31.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from urllib.parse import quote

from sqlalchemy.engine import Connection

from mnet.language import N_, _
from peers import audit
from peers.accounts import Account
from peers.web import carried_form, sessions, throttle
from peers.web.carried_form import SIGN_IN_FORM, CarriedForm
from peers.web.frame import DOOR
from peers.web.origin import inside, is_admins
from peers.web.sign_in import HOME
from peers.web.throttle import Tried
from peers.web.view import Reply, Route, View, go, page
from schooltool_bridge.common.ids import key
from schooltool_bridge.server.parts import Parts
from schooltool_bridge.sign_on import door, jumping, person_sessions
from schooltool_bridge.sign_on.person_sessions import COOKIE, Start
from schooltool_bridge.sign_on.signing_off import SigningOff, Work
from schooltool_bridge.web import own_pages
from schooltool_bridge.web.sign_on_pages import ME, SignOnPages, cookie_of

# Where admins signed in, and where people did.
BEFORE = ("/admin/sign-in", "/sign-in")
MAX_FIELD_CHARS = 1000
MAX_PATH_CHARS = 2000


class DoorPages:
    """The first page, and signing in at it."""

    def __init__(self, parts: Parts, signing_off: SigningOff, people: SignOnPages) -> None:
        """Use the server's parts, and what knows who is signed in."""
        self._parts = parts
        self._signing_off = signing_off
        self._people = people

    def routes(self) -> list[Route]:
        """Return the pages' addresses."""
        return [
            Route(DOOR, self.show, None),
            *(Route(path, self.lead, None) for path in BEFORE),
            # A page may have been open there since before.
            *(
                Route(path, self.sign_in, None, ("POST",), form=SIGN_IN_FORM)
                for path in (DOOR, *BEFORE)
            ),
        ]

    def show(self, view: View) -> Reply:
        """Show the school and the sign-in; whoever is signed in for what they want goes on."""
        wanted = inside(view.query.get("next", "")[:MAX_PATH_CHARS]) or ""
        if view.session and (not wanted or is_admins(wanted)):
            return go(wanted or HOME)
        if self._people.session(view) and not is_admins(wanted):
            return go(wanted or ME)
        return self._form(wanted)

    def lead(self, view: View) -> Reply:
        """Send whoever comes to an old address to the first page."""
        wanted = view.query.get("next", "")
        return go(f"{DOOR}?next={quote(wanted, safe='/')}" if wanted else DOOR)

    def sign_in(self, view: View) -> Reply:
        """Check name and password; a name that is not there is slowed down as well."""
        username = view.text("username", limit=MAX_FIELD_CHARS)
        password = (view.all("password") or [""])[-1][:MAX_FIELD_CHARS]
        wanted = inside(view.text("next", limit=MAX_PATH_CHARS)) or ""
        carried, database = carried_form.read(view), self._parts.database
        with database.read() as connection:
            one = door.try_of(connection, username, view.sender, view.now_unix_s)
        tried: Tried[Account | int] = throttle.attempt(
            database, one, lambda connection: door.check(connection, username, password)
        )
        if tried.found is None:
            problem = (
                _("Too many tries. Please wait %(time)s.", time=throttle.duration(tried.wait_s))
                if tried.wait_s
                else _("That user name and password do not fit, or may not sign in here.")
            )
            return self._form(wanted, problem, username, tried.status, carried)
        return self._let_in(view, tried.found, username, _Wish(wanted, carried))

    def let_person_in(self, view: View, person_id: int, username: str) -> Reply:
        """Sign somebody in who proved in another way who they are, and lead to their page."""
        return self._let_in(view, person_id, username, _Wish("", None))

    def let_account_in(self, view: View, account: Account) -> Reply:
        """Do the same with an account, and lead to its page."""
        return self._let_in(view, account, account.username, _Wish("", None))

    def _let_in(self, view: View, found: Account | int, username: str, wish: _Wish) -> Reply:
        # Two people share a browser now and then: the one before is signed out, whoever it was.
        before = self._people.session(view)
        works: tuple[Work, ...] = ()
        if before is not None and before.person_id != found:
            works, before = self._signing_off.sign_out(before), None
        database = self._parts.database
        with database.read() as connection:
            one = door.try_of(connection, username, view.sender, view.now_unix_s)
        with database.write() as connection:
            throttle.succeeded(connection, one.name_key, view.sender, view.now_unix_s)
            if view.session:
                sessions.end(connection, view.session.token)
            if isinstance(found, Account):
                return _as_account(connection, view, wish, found, works)
            if before is not None:
                person_sessions.end(connection, before.digest)
            begun = Start(found, view.agent_sha1, key(username))
            return _as_person(connection, view, wish, begun, works)

    def ask_first(self, _view: View, carried: CarriedForm) -> Reply:
        """Ask whoever sent a form without being signed in for the password, keeping the form."""
        return self._form("", status=403, carried=carried)

    def ask_person_first(self, view: View) -> Reply:
        """Do the same on people's own pages, where the form says whose it is."""
        carried = carried_form.of(view.path, view.raw_query, view.form)
        if carried is None or own_pages.whose(carried.form) is None:
            return own_pages.sign_in_first(view)
        return self.ask_first(view, carried)

    def _form(
        self,
        wanted: str,
        problem: str = "",
        username: str = "",
        status: int = 200,
        carried: CarriedForm | None = None,
    ) -> Reply:
        back = ME if not wanted or is_admins(wanted) else wanted
        with self._parts.database.read() as connection:
            ways = jumping.ways_in(connection, self._parts.registry, self._parts.site, back)
        values = {"next": wanted, "problem": problem, "username": username, "ways": ways}
        wwwroot = self._parts.settings.wwwroot
        return page("door.html", status=status, carried=carried, wwwroot=wwwroot, **values)


@dataclass(frozen=True, slots=True)
class _Wish:
    """What somebody who signs in wants: a page, or to go on with a form."""

    path: str
    carried: CarriedForm | None


def _as_account(
    connection: Connection, view: View, wish: _Wish, account: Account, works: tuple[Work, ...]
) -> Reply:
    """Begin an account's session and lead to its page, or back to what was typed."""
    carried = wish.carried
    token = sessions.start(connection, account.id, view.now_unix_s)
    audit.record(
        connection,
        actor=account.username,
        action=N_("signed in"),
        subject=account.username,
        detail={},
        now_unix_s=view.now_unix_s,
    )
    path = wish.path if is_admins(wish.path) else HOME
    reply = Reply(status=303, location=path)
    begun = sessions.find(connection, token, view.now_unix_s)
    is_theirs = carried and sessions.is_form_of(carried.token, account.id)
    if is_theirs and begun and not account.one_time:
        values = {"form_token": begun.form_token, "carried": carried, "text": _kept()}
        reply = Reply(template="carried_form.html", values=values)
    nobody = (cookie_of(""),) if COOKIE in view.cookies else ()
    return replace(reply, session_token=token, cookies=nobody, afterwards=works)


def _as_person(
    connection: Connection, view: View, wish: _Wish, begun: Start, works: tuple[Work, ...]
) -> Reply:
    """Begin a person's session and lead to their page, or back to what was typed."""
    carried, path = wish.carried, wish.path
    token = person_sessions.start(connection, begun, view.now_unix_s)
    if carried is not None and own_pages.whose(carried.form) == begun.person_id:
        reply = page("carried_form.html", carried=carried, text=_kept())
    else:
        # A form may not lead to another site, even by way of ours; so a page stands between.
        reply = page("onward.html", path=ME if not path or is_admins(path) else path)
    ended = "" if view.session else None
    cookies = (cookie_of(token),)
    return replace(reply, session_token=ended, cookies=cookies, afterwards=works)


def _kept() -> str:
    return _("You are signed in again. What you typed is still here.")
