"""How somebody of the school gets a password, at the office's desk: a link to them, or set here.

What a link opens stands in sign_on/invitations.py. Source: RULES 1.7, R28, R29.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

from mnet.language import _
from peers.accounts import CLERK, BadAccount
from peers.web.view import Reply, Route, View, go, long_pages, page
from schooltool_bridge.notices import password_mail
from schooltool_bridge.notices.channels import NotSent
from schooltool_bridge.server.parts import Parts
from schooltool_bridge.sign_on import invitations, rights
from schooltool_bridge.sign_on.invitations import Link
from schooltool_bridge.sign_on.rights import Change
from schooltool_bridge.sign_on.signing_off import SigningOff
from schooltool_bridge.web.people_pages import PEOPLE
from schooltool_bridge.web.person_pages import PERSON, known

PASSWORD = PERSON + "/password"
MAIL, LINK, SET, TAKE_BACK = "mail", "link", "set", "take-back"


class PersonPasswordPages:
    """One person's way to a password."""

    def __init__(self, parts: Parts, signing_off: SigningOff) -> None:
        """Use the server's parts."""
        self._parts = parts
        self._signing_off = signing_off

    def routes(self) -> list[Route]:
        """Return the page's addresses."""
        return [
            Route(PASSWORD, self.show, CLERK),
            Route(PASSWORD, self.change, CLERK, ("POST",), waits_for=_if_mail),
        ]

    def show(self, view: View, person_id: int) -> Reply:
        """Show what somebody has, and the ways to a new one."""
        return self._page(view, person_id)

    def change(self, view: View, person_id: int) -> Reply:
        """Send or show a link, set a password, or take a link back."""
        do = view.text("do")
        if do == SET:
            return self._set(view, person_id)
        change = Change(view.who, view.now_unix_s)
        has_mail = password_mail.is_set_up(self._parts.settings_now())
        with self._parts.database.write() as connection:
            found = known(connection, person_id)
            if do == TAKE_BACK:
                invitations.take_back(connection, change, found.id)
                note = _("The invitation opens nothing any more.")
                return go(_path(found.id), note)
            if do == MAIL and not (has_mail and found.email):
                return go(_path(found.id), _("There is no way to send a mail to this person."))
            link = invitations.invite(connection, change, found.id)
        if do != MAIL:
            return self._page(view, person_id, link=link)
        try:
            password_mail.send(self._parts.settings_now(), self._parts.site, link, view.now_unix_s)
        except NotSent as problem:
            return self._page(view, person_id, problem=str(problem), status=502)
        return go(
            _path(found.id), _("The invitation is on its way to %(email)s.", email=link.email)
        )

    def _set(self, view: View, person_id: int) -> Reply:
        new, again = ((view.all(name) or [""])[-1] for name in ("new_password", "new_again"))
        if new != again:
            problem = _("The two new passwords are not the same.")
            return self._page(view, person_id, problem=problem, status=400)
        change = Change(view.who, view.now_unix_s)
        try:
            with self._parts.database.write() as connection:
                found = known(connection, person_id)
                visits = rights.set_password(connection, change, found.id, new)
        except BadAccount as refused:
            return self._page(view, person_id, problem=str(refused), status=400)
        note = _("%(whom)s has this password now.", whom=found.name)
        if not found.can_login:
            note += " " + _("The right to sign in with it is given on this page.")
        works = tuple(self._signing_off.ending(visits))
        return Reply(status=303, location=f"{PEOPLE}/{found.id}", note=note, afterwards=works)

    def _page(
        self,
        view: View,
        person_id: int,
        *,
        link: Link | None = None,
        problem: str = "",
        status: int = 200,
    ) -> Reply:
        with self._parts.database.read() as connection:
            found = known(connection, person_id)
            is_open = invitations.open_of(connection, found.id, view.now_unix_s)
        return page(
            "person_password.html",
            status=status,
            person=found,
            open=is_open,
            link=link,
            address=password_mail.address_of(self._parts.site, link) if link else "",
            wwwroot=self._parts.settings.wwwroot,
            has_mail=password_mail.is_set_up(self._parts.settings_now()),
            problem=problem,
        )


def _path(person_id: int) -> str:
    return f"{PEOPLE}/{person_id}/password"


def _if_mail(view: View, parts: Mapping[str, Any]) -> Hashable:
    """Say that a mail may take long to send."""
    return long_pages(view, parts) if view.text("do") == MAIL else None
