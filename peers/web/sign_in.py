"""Signing out of the admin pages, choosing a password, the accounts, the audit trail.

Where everybody signs in: schooltool_bridge/web/door_pages.py. Source: RULES 1.8 (admin), R11.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sqlalchemy.engine import Connection

from mnet.database import Database
from mnet.language import N_, _
from peers import accounts, audit, audit_words
from peers.accounts import CLERK, MANAGER, ROLES, Account, BadAccount
from peers.web import sessions, throttle
from peers.web.frame import DOOR, PASSWORD, SIGN_OUT
from peers.web.roles import TITLES
from peers.web.view import PageError, Reply, Route, Tab, View, go, page

HOME = "/admin"
AUDIT_ROWS = 100
NamesIn = Callable[[Connection, list[tuple[str, Mapping[str, object]]]], audit_words.Namer]


class SignInPages:
    """Everything about the admins themselves."""

    def __init__(
        self,
        database: Database,
        names_in: NamesIn = lambda _c, _e: lambda _f, _v: None,
        keep_apart: Callable[[Connection, str], None] = lambda _c, _n: None,
    ) -> None:
        """Use `database`; `names_in` makes what names people and things in the trail's entries.

        `keep_apart` raises BadAccount for a new account's name that somebody else has.
        """
        self._keep_apart = keep_apart
        self._database = database
        self._names_in = names_in

    def routes(self) -> list[Route]:
        """Return the pages' addresses."""
        return [
            Route(SIGN_OUT, self.sign_out, CLERK, ("POST",)),
            Route(PASSWORD, self.password, CLERK),
            Route(PASSWORD, self.do_password, CLERK, ("POST",)),
            Route("/admin/accounts", self.accounts, MANAGER),
            Route("/admin/accounts", self.do_add, MANAGER, ("POST",)),
            Route("/admin/accounts/<int:account_id>", self.do_change, MANAGER, ("POST",)),
            Route("/admin/audit", self.audit, MANAGER),
        ]

    def tabs(self) -> list[Tab]:
        """Return the entries of the navigation."""
        return [Tab("Accounts", "/admin/accounts", MANAGER), Tab("Audit", "/admin/audit", MANAGER)]

    def sign_out(self, view: View) -> Reply:
        """End this session."""
        assert view.session is not None
        with self._database.write() as connection:
            sessions.end(connection, view.session.token)
        return go(DOOR, _("You are signed out."), session_token="")

    def password(self, view: View) -> Reply:
        """Show the form to choose a password."""
        assert view.session is not None
        return page("password.html", problem="", is_first=view.session.account.one_time)

    def do_password(self, view: View) -> Reply:
        """Change the own password; every other session of the account ends."""
        assert view.session is not None
        mine = view.session.account
        new = (view.all("new_password") or [""])[-1]
        try:
            self._check_change(view, mine, new)
        except BadAccount as problem:
            values = {"problem": str(problem), "is_first": mine.one_time}
            return page("password.html", status=400, **values)
        now = view.now_unix_s
        with self._database.write() as connection:
            accounts.reset_password(connection, mine.username, new, one_time=False)
            token = sessions.start(connection, mine.id, now)
            self._audit(connection, mine.username, N_("password changed"), mine.username, now)
        return go(HOME, _("Your password is changed."), session_token=token)

    def _check_change(self, view: View, mine: Account, new: str) -> None:
        """Raise BadAccount unless the old password is right and the new one will do."""
        old, again = ((view.all(name) or [""])[-1] for name in ("old_password", "new_again"))
        accounts.check_password(new)
        if new != again:
            raise BadAccount(_("The two new passwords are not the same."))
        if new == old:
            raise BadAccount(_("Choose a password that is not the old one."))
        key, now = accounts.name_key(mine.username), view.now_unix_s
        tried = throttle.attempt(
            self._database,
            throttle.Try(key, view.sender, now, mine.username),
            lambda connection: accounts.check_sign_in(connection, mine.username, old),
        )
        if tried.wait_s:
            time = throttle.duration(tried.wait_s)
            raise BadAccount(_("Too many tries. Please wait %(time)s.", time=time))
        if tried.found is None:
            raise BadAccount(_("The old password is not right."))

    def accounts(self, view: View) -> Reply:
        """List the accounts."""
        return self._accounts(view)

    def do_add(self, view: View) -> Reply:
        """Add an account and show its one-time password, this once."""
        name, role = view.text("username"), view.text("role")
        made = accounts.one_time_password()
        try:
            with self._database.write() as connection:
                self._keep_apart(connection, name)
                accounts.add(
                    connection, name, made, one_time=True, now_unix_s=view.now_unix_s, role=role
                )
                self._audit(
                    connection, view.who, N_("account added"), name, view.now_unix_s, role=role
                )
        except BadAccount as problem:
            return self._accounts(view, problem=str(problem), status=400)
        return self._accounts(view, made_for=name, made=made)

    def do_change(self, view: View, account_id: int) -> Reply:
        """Change an account's role, give it a new one-time password, or remove it."""
        action, now = view.text("action"), view.now_unix_s
        made = accounts.one_time_password()
        try:
            with self._database.write() as connection:
                found = accounts.by_id(connection, account_id)
                if found is None:
                    raise PageError(_("There is no such account any more."), 404)
                name = found.username
                if action == "role":
                    role = view.text("role")
                    accounts.set_role(connection, name, role)
                    self._audit(connection, view.who, N_("role changed"), name, now, role=role)
                elif action == "reset":
                    accounts.reset_password(connection, name, made, one_time=True)
                    throttle.forgive(connection, accounts.name_key(name))
                    self._audit(connection, view.who, N_("password reset"), name, now)
                elif action == "remove":
                    accounts.remove(connection, name)
                    self._audit(connection, view.who, N_("account removed"), name, now)
                else:
                    raise PageError(_("This form is not known here."))
        except BadAccount as problem:
            return self._accounts(view, problem=str(problem), status=400)
        if action == "reset":
            return self._accounts(view, made_for=name, made=made)
        done = {
            "role": _("%(name)s has another role now.", name=name),
            "remove": _("%(name)s is removed.", name=name),
        }
        return go("/admin/accounts", done[action])

    def audit(self, view: View) -> Reply:
        """Show what admins did, newest first."""
        with self._database.read() as connection:
            entries = audit.entries(
                connection,
                subject=view.query.get("subject") or None,
                before_id=view.number("before"),
                limit=AUDIT_ROWS,
            )
            name_of = self._names_in(connection, [(e.subject, e.detail) for e in entries])
        subject = view.query.get("subject", "")
        return page(
            "audit.html",
            entries=entries,
            subject=subject,
            limit=AUDIT_ROWS,
            words=audit_words,
            name_of=name_of,
        )

    def _accounts(
        self,
        _view: View,
        *,
        problem: str = "",
        made_for: str = "",
        made: str = "",
        status: int = 200,
    ) -> Reply:
        with self._database.read() as connection:
            found: list[Account] = accounts.all_accounts(connection)
        values = {"problem": problem, "made_for": made_for, "made": made}
        return page(
            "accounts.html", status=status, accounts=found, roles=ROLES, titles=TITLES, **values
        )

    def _audit(
        self,
        connection: Connection,
        actor: str,
        action: str,
        subject: str,
        now: int,
        **detail: object,
    ) -> None:
        audit.record(
            connection, actor=actor, action=action, subject=subject, detail=detail, now_unix_s=now
        )
