"""Signing in and out of the admin pages, choosing a password, the accounts, the audit trail.

Source: RULES 1.8 (admin), R11.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sqlalchemy.engine import Connection

from mnet.database import Database
from mnet.language import N_, _
from peers import accounts, audit, audit_words
from peers.accounts import CLERK, MANAGER, ROLES, TEACHER, Account, BadAccount
from peers.web import carried_form, origin, sessions, throttle
from peers.web.carried_form import SIGN_IN_FORM
from peers.web.frame import PASSWORD, SIGN_IN, SIGN_OUT
from peers.web.roles import TITLES, allows
from peers.web.view import PageError, Reply, Route, Tab, View, go, page

HOME = "/admin"
MAX_FIELD_CHARS = 1000
AUDIT_ROWS = 100
NamesIn = Callable[[Connection, list[tuple[str, Mapping[str, object]]]], audit_words.Namer]
# Shorter waits are shown in seconds.
_MINUTES_FROM_S = 90


class SignInPages:
    """Everything about the admins themselves."""

    def __init__(
        self,
        database: Database,
        home_of: Callable[[str], str] = lambda _r: HOME,
        names_in: NamesIn = lambda _c, _e: lambda _f, _v: None,
    ) -> None:
        """Use `database`; `home_of` says for a role where it goes after signing in.

        `names_in` makes what names the people and things in entries of the trail.
        """
        self._database = database
        self._home_of = home_of
        self._names_in = names_in

    def routes(self) -> list[Route]:
        """Return the pages' addresses."""
        return [
            Route(SIGN_IN, self.sign_in, None),
            Route(SIGN_IN, self.do_sign_in, None, ("POST",), form=SIGN_IN_FORM),
            Route(SIGN_OUT, self.sign_out, TEACHER, ("POST",)),
            Route(PASSWORD, self.password, TEACHER),
            Route(PASSWORD, self.do_password, TEACHER, ("POST",)),
            Route("/admin/accounts", self.accounts, MANAGER),
            Route("/admin/accounts", self.do_add, MANAGER, ("POST",)),
            Route("/admin/accounts/<int:account_id>", self.do_change, MANAGER, ("POST",)),
            Route("/admin/audit", self.audit, MANAGER),
        ]

    def tabs(self) -> list[Tab]:
        """Return the entries of the navigation."""
        return [Tab("Accounts", "/admin/accounts", MANAGER), Tab("Audit", "/admin/audit", MANAGER)]

    def sign_in(self, view: View) -> Reply:
        """Show the form; whoever is signed in goes on."""
        if view.session:
            return go(self._home_of(view.role))
        back = view.query.get("next", "")
        return page("sign_in.html", next=back, problem="", username="", carried=None)

    def do_sign_in(self, view: View) -> Reply:
        """Check name and password."""
        username = view.text("username", limit=accounts.MAX_NAME_CHARS)
        password = (view.all("password") or [""])[-1][:MAX_FIELD_CHARS]
        back, carried = view.text("next", limit=MAX_FIELD_CHARS), carried_form.read(view)
        key, now = accounts.name_key(username), view.now_unix_s
        tried = throttle.attempt(
            self._database,
            throttle.Try(key, view.sender, now, username),
            lambda connection: accounts.check_sign_in(connection, username, password),
        )
        found = tried.found
        if found is None:
            problem = (
                _("Too many tries. Please wait %(time)s.", time=_duration(tried.wait_s))
                if tried.wait_s
                else _("That user name and password do not fit.")
            )
            values = {"next": back, "problem": problem, "username": username, "carried": carried}
            return page("sign_in.html", status=tried.status, **values)
        with self._database.write() as connection:
            throttle.succeeded(connection, key, view.sender, now)
            if view.session:
                sessions.end(connection, view.session.token)
            token = sessions.start(connection, found.id, now)
            self._audit(connection, found.username, N_("signed in"), found.username, now)
            begun = sessions.find(connection, token, now)
        if (
            carried
            and begun
            and not found.one_time
            and sessions.is_form_of(carried.token, found.id)
        ):
            values = {
                "form_token": begun.form_token,
                "carried": carried,
                "text": _("You are signed in again. What you typed is still here."),
            }
            return Reply(template="carried_form.html", values=values, session_token=token)
        path = origin.inside(back)
        return go(path or self._home_of(found.role), session_token=token)

    def sign_out(self, view: View) -> Reply:
        """End this session."""
        assert view.session is not None
        with self._database.write() as connection:
            sessions.end(connection, view.session.token)
        return go(SIGN_IN, _("You are signed out."), session_token="")

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
        return go(self._home_of(mine.role), _("Your password is changed."), session_token=token)

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
            time = _duration(tried.wait_s)
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


def home_of(role: str) -> str:
    """Return where a role goes after signing in, as long as only admins' pages exist."""
    return HOME if allows(role, CLERK) else PASSWORD


def _duration(wait_s: int) -> str:
    if wait_s < _MINUTES_FROM_S:
        return _("%(count)s seconds", count=wait_s)
    return _("%(count)s minutes", count=wait_s // 60 + 1)
