"""Where people choose a password of their own: by a link, anew when it is forgotten, or changed.

A link only shows a form when it is looked at, since mail programs look, too. What the page for a
forgotten password answers is the same for everybody, and mail is sent after it.
Source: RULES 1.7, R28.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import structlog

from mnet.language import _, speaking
from peers import account_links
from peers.accounts import BadAccount
from peers.web import throttle
from peers.web.throttle import Tried
from peers.web.view import PageError, Reply, Route, View, page
from schooltool_bridge.common.ids import key
from schooltool_bridge.notices import password_mail
from schooltool_bridge.notices.channels import NotSent
from schooltool_bridge.notices.password_mail import CHOOSE, AnyLink
from schooltool_bridge.server.parts import Parts
from schooltool_bridge.sign_on import door, invitations, own_access, person_sessions, rights
from schooltool_bridge.sign_on.person_sessions import PersonSession, Start
from schooltool_bridge.sign_on.rights import Change
from schooltool_bridge.sign_on.signing_off import SigningOff
from schooltool_bridge.web.door_pages import DoorPages
from schooltool_bridge.web.own_pages import not_there, sign_in_first
from schooltool_bridge.web.sign_on_pages import ME, SignOnPages, cookie_of

FORGOTTEN, PASSWORD = "/forgotten", ME + "/password"
MAX_FIELD_CHARS = 1000
MAX_TOKEN_CHARS = 100

log = structlog.get_logger("sign-in")


class OwnPasswordPages:
    """The pages of a person's own password."""

    def __init__(
        self, parts: Parts, signing_off: SigningOff, people: SignOnPages, door_pages: DoorPages
    ) -> None:
        """Use the server's parts, what knows who is signed in, and what signs in."""
        self._parts = parts
        self._signing_off = signing_off
        self._people = people
        self._door = door_pages

    def routes(self) -> list[Route]:
        """Return the pages' addresses."""
        return [
            Route(CHOOSE + "/<token>", self.link, None),
            Route(CHOOSE + "/<token>", self.choose, None, ("POST",)),
            Route(FORGOTTEN, self.forgotten, None),
            Route(FORGOTTEN, self.ask, None, ("POST",)),
            Route(PASSWORD, self.password, None),
            Route(PASSWORD, self.change, None, ("POST",)),
        ]

    # By a link.

    def link(self, view: View, token: str) -> Reply:
        """Show the form of a link that still opens."""
        return self._link(view, token)

    def choose(self, view: View, token: str) -> Reply:
        """Take the password, once; whoever chose it is signed in."""
        try:
            new = _new(view)
            with self._parts.database.write() as connection:
                used = invitations.use(connection, _token(token), new, view.now_unix_s)
                admin = (
                    account_links.use(connection, _token(token), new, view.now_unix_s)
                    if used is None
                    else None
                )
        except BadAccount as refused:
            return self._link(view, token, str(refused))
        if admin is not None:
            return self._door.let_account_in(view, admin)
        if used is None:
            return _too_late()
        found, visits = used
        reply = self._door.let_person_in(view, found.person_id, found.username)
        works = (*reply.afterwards, *self._signing_off.ending(visits))
        return replace(reply, afterwards=works)

    def _link(self, view: View, token: str, problem: str = "") -> Reply:
        with self._parts.database.read() as connection:
            found = invitations.find(
                connection, _token(token), view.now_unix_s
            ) or account_links.find(connection, _token(token), view.now_unix_s)
        if found is None:
            return _too_late()
        status = 400 if problem else 200
        values = {"found": found, "problem": problem, "action": f"{CHOOSE}/{token}"}
        return page("invitation.html", status=status, **values)

    # Forgotten.

    def forgotten(self, _view: View) -> Reply:
        """Ask who forgot it, or say whom to ask."""
        return self._forgotten()

    def ask(self, view: View) -> Reply:
        """Answer the same to everybody; a mail is made and sent when the answer has left."""
        if not password_mail.is_set_up(self._parts.settings_now()):
            return self._forgotten()
        text = view.text("who", limit=MAX_FIELD_CHARS)
        # Counted apart from wrong passwords: neither keeps the other waiting.
        who, sender = f"forgotten {key(text)}", f"{view.sender} forgotten"
        with self._parts.database.write() as connection:
            wait_s = throttle.to_wait_s(connection, who, sender, view.now_unix_s)
            if not wait_s:
                throttle.failed(connection, who, sender, view.now_unix_s)
        if wait_s:
            time = throttle.duration(wait_s)
            problem = _("Too many tries. Please wait %(time)s.", time=time)
            return self._forgotten(problem, status=429)
        work = partial(self._send, text, view.now_unix_s)
        return Reply(template="forgotten.html", values=self._values(sent=True), afterwards=(work,))

    def _send(self, text: str, now_unix_s: int) -> None:
        settings, site = self._parts.settings_now(), self._parts.site
        with self._parts.database.write() as connection:
            links: list[AnyLink] = [
                *account_links.forgot(connection, text, now_unix_s),
                *invitations.forgot(connection, text, now_unix_s),
            ]
        with speaking(settings.language):
            for link in links:
                try:
                    password_mail.send(settings, site, link, now_unix_s)
                except NotSent as problem:
                    log.warning("link not sent", whose=link.of, reason=str(problem))

    def _forgotten(self, problem: str = "", status: int = 200) -> Reply:
        return page("forgotten.html", status=status, **self._values(problem))

    def _values(self, problem: str = "", *, sent: bool = False) -> dict[str, object]:
        has_mail = password_mail.is_set_up(self._parts.settings_now())
        return {"problem": problem, "sent": sent, "has_mail": has_mail}

    # Changed by its owner.

    def password(self, view: View) -> Reply:
        """Show the form."""
        found = self._people.session(view)
        return sign_in_first(view) if found is None else self._own(found)

    def change(self, view: View) -> Reply:
        """Change it; every other session by it ends."""
        found = self._people.session(view)
        if found is None:
            return sign_in_first(view)
        if found.peer_id is not None:
            return self._own(found)
        try:
            new = self._checked(view, found)
        except BadAccount as refused:
            return self._own(found, str(refused))
        change = Change(own_access.actor_of(found), view.now_unix_s)
        begun = Start(found.person_id, view.agent_sha1, found.username)
        with self._parts.database.write() as connection:
            # A row that was merged has a password of its own, by its own user name.
            row_id = rights.named(connection, found.username)
            if row_id is None:
                raise not_there()
            visits = rights.choose_password(connection, change, row_id, new, email=None)
            token = person_sessions.start(connection, begun, view.now_unix_s)
        return Reply(
            status=303,
            location=ME,
            note=_("Your password is changed."),
            cookies=(cookie_of(token),),
            afterwards=tuple(self._signing_off.ending(visits)),
        )

    def _checked(self, view: View, found: PersonSession) -> str:
        """Return the new password; raises BadAccount unless the old one is right, too."""
        new, old = _new(view), (view.all("old_password") or [""])[-1][:MAX_FIELD_CHARS]
        if new == old:
            raise BadAccount(_("Choose a password that is not the old one."))
        with self._parts.database.read() as connection:
            one = door.try_of(connection, found.username, view.sender, view.now_unix_s)
        tried: Tried[int] = throttle.attempt(
            self._parts.database,
            one,
            lambda connection: rights.check_password(connection, found.username, old),
        )
        if tried.wait_s:
            time = throttle.duration(tried.wait_s)
            raise BadAccount(_("Too many tries. Please wait %(time)s.", time=time))
        if tried.found != found.person_id:
            raise BadAccount(_("The old password is not right."))
        return new

    def _own(self, found: PersonSession, problem: str = "") -> Reply:
        if found.peer_id is not None:
            raise PageError(_("You came from another site; your password is changed there."), 403)
        with self._parts.database.read() as connection:
            bar = own_access.bar_of(connection, found)
        status = 400 if problem else 200
        values = {"person": found, "bar": bar, "path": PASSWORD, "problem": problem}
        return page("own_password.html", status=status, **values)


def _new(view: View) -> str:
    """Return the new password of a form; raises BadAccount unless it was typed twice alike."""
    new, again = ((view.all(name) or [""])[-1] for name in ("new_password", "new_again"))
    if new != again:
        raise BadAccount(_("The two new passwords are not the same."))
    return new


def _token(text: str) -> str:
    """Return a token; one that is too long is none of ours."""
    return text if len(text) <= MAX_TOKEN_CHARS else ""


def _too_late() -> Reply:
    """Say the same of a link that was used, is too old, or never was."""
    text = _("This link opens nothing any more. Please ask the school's office for another one.")
    return page("problem.html", status=404, text=text, title=_("Too late"))
