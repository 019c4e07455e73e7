"""Asking whoever is signed in for their password once more, before something that reaches far.

A wrong one counts as at the sign-in. Source: RULES R11; manual/pages.md.
"""

from __future__ import annotations

from mnet.database import Database
from mnet.language import _
from peers import accounts
from peers.web import throttle
from peers.web.view import View

# The form's field; never shown again (carried_form.py).
FIELD = "password"


def why_not(database: Database, view: View) -> str:
    """Return why this is not the password of the account that is signed in; empty when it is."""
    assert view.session is not None
    mine = view.session.account
    typed = (view.all(FIELD) or [""])[-1][: accounts.MAX_PASSWORD_CHARS]
    tried = throttle.attempt(
        database,
        throttle.Try(accounts.name_key(mine.username), view.sender, view.now_unix_s, mine.username),
        lambda connection: accounts.check_sign_in(connection, mine.username, typed),
    )
    if tried.wait_s:
        return _("Too many tries. Please wait %(time)s.", time=throttle.duration(tried.wait_s))
    return "" if tried.found else _("This is not your password.")
