"""One account: its mail address, a link to a password, and the peers that it may come in from.

Source: RULES 1.7, 1.8 (admin), R28; manual/pages.md.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

from sqlalchemy.engine import Connection

from mnet.language import _
from mnet.settings import Settings
from peers import account_links, account_sign_on, accounts, store
from peers.account_links import Link
from peers.accounts import MANAGER, Account, BadAccount
from peers.audit import By
from peers.web.view import PageError, Reply, Route, View, go, long_pages, page
from schooltool_bridge.notices import password_mail
from schooltool_bridge.notices.channels import NotSent
from schooltool_bridge.server.parts import Parts

ACCOUNTS = "/admin/accounts"
ONE = ACCOUNTS + "/<int:account_id>"
EMAIL, MAIL, LINK, ALLOW, DENY = "email", "mail", "link", "allow", "deny"


class AccountPages:
    """The page of one account."""

    def __init__(self, parts: Parts) -> None:
        """Take the server's parts."""
        self._parts = parts

    def routes(self) -> list[Route]:
        """Return the page's addresses; the list's own form changes role and password."""
        return [
            Route(ONE, self.show, MANAGER),
            Route(ONE + "/ways", self.change, MANAGER, ("POST",), waits_for=_if_mail),
        ]

    def show(self, _view: View, account_id: int) -> Reply:
        """Show an account."""
        return self._page(account_id)

    def change(self, view: View, account_id: int) -> Reply:
        """Change the address, make a link, or allow and deny a way in."""
        do, by = view.text("do"), By(view.who, view.now_unix_s)
        settings = self._parts.settings_now()
        try:
            with self._parts.database.write() as connection:
                found = _known(connection, account_id)
                if do in (LINK, MAIL):
                    if do == MAIL:
                        _check_way(settings, found)
                    link = account_links.invite(connection, by, found.username)
                else:
                    link, note = None, _changed(connection, by, view, found, do)
        except BadAccount as problem:
            return self._page(account_id, problem=str(problem), status=400)
        if link is None:
            return go(f"{ACCOUNTS}/{account_id}", note)
        if do == LINK:
            return self._page(account_id, link=link)
        try:
            password_mail.send(settings, self._parts.site, link, view.now_unix_s)
        except NotSent as problem:
            return self._page(account_id, problem=str(problem), status=502)
        note = _("The invitation is on its way to %(email)s.", email=link.email)
        return go(f"{ACCOUNTS}/{account_id}", note)

    def _page(
        self, account_id: int, *, link: Link | None = None, problem: str = "", status: int = 200
    ) -> Reply:
        with self._parts.database.read() as connection:
            found = _known(connection, account_id)
            ways = account_sign_on.ways(connection).get(found.id, [])
            peers = [p for p in store.all_peers(connection) if p.state != store.DELETED]
        site = self._parts.site
        return page(
            "account.html",
            status=status,
            account=found,
            ways=ways,
            peers=peers,
            link=link,
            address=password_mail.address_of(site, link) if link else "",
            has_mail=password_mail.is_set_up(self._parts.settings_now()),
            problem=problem,
        )


def _known(connection: Connection, account_id: int) -> Account:
    """Return an account; raises PageError (404)."""
    found = accounts.by_id(connection, account_id)
    if found is None:
        raise PageError(_("There is no such account any more."), 404)
    return found


def _check_way(settings: Settings, found: Account) -> None:
    """Raise BadAccount where no mail can be sent to an account."""
    if not (found.email and password_mail.is_set_up(settings)):
        raise BadAccount(_("There is no way to send a mail to this account."))


def _changed(connection: Connection, by: By, view: View, found: Account, do: str) -> str:
    """Change what a form says and return what to say of it; raises BadAccount."""
    name = found.username
    if do == EMAIL:
        accounts.set_email(connection, by, name, view.text("email"))
        return _("Saved.")
    if do == ALLOW:
        peer_id, there = view.text("peer"), view.text("username")
        if not (peer_id.isascii() and peer_id.isdigit()):
            raise BadAccount(_("Choose the site that they come from."))
        account_sign_on.allow(connection, by, name, min(int(peer_id), 2**31 - 1), there)
        return _("%(name)s may come in as %(there)s from there.", name=name, there=there)
    if do == DENY:
        peer_id, _blank, there = view.text("way").partition(" ")
        if peer_id.isascii() and peer_id.isdigit():
            account_sign_on.deny(connection, by, name, min(int(peer_id), 2**31 - 1), there)
        return _("%(name)s comes in so no more.", name=name)
    raise PageError(_("This form is not known here."))


def _if_mail(view: View, parts: Mapping[str, Any]) -> Hashable:
    """Say that a mail may take long to send."""
    return long_pages(view, parts) if view.text("do") == MAIL else None
