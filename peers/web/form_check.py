"""Whether a form comes from a page of ours, and what becomes of one whose session or token ended.

Somebody may have typed for a long time: such a form is carried along, not lost (carried_form.py).
Source: RULES R11.
"""

from __future__ import annotations

from dataclasses import replace

from mnet.language import _
from peers.web import carried_form, origin, sessions
from peers.web.carried_form import CarriedForm
from peers.web.view import PageError, Route, View
from peers.web.wire import Raw, form_of


class FormCheck:
    """Checks the forms that reach one site."""

    def __init__(self, wwwroot: str) -> None:
        """`wwwroot` is the site's address, to which forms of its own pages belong."""
        self._wwwroot = wwwroot

    def must_be_ours(
        self, route: Route, view: View, raw: Raw, form_token: str
    ) -> CarriedForm | None:
        """Raise PageError for a form that no page of ours sent.

        Returns a form to be shown again: ours, of the same account, with a token that is too old.
        """
        if raw.method != "POST" or origin.is_ours(
            fetch_site=raw.headers.get("sec-fetch-site"),
            origin=raw.headers.get("origin"),
            host=raw.headers.get("host", ""),
            wwwroot=self._wwwroot,
            token=view.text("form_token"),
            wanted=form_token,
        ):
            return None
        # People's own pages know themselves whose form it is.
        is_mine = (
            sessions.is_form_of(view.text("form_token"), view.session.account.id)
            if view.session
            else route.again is not None or carried_form.WHOSE in view.form
        )
        if is_mine and not view.files and self._browser_says_ours(raw):
            carried = carried_form.of(view.path, raw.query, view.form)
            if carried is not None:
                return carried
        raise PageError(
            _(
                "This form is too old or came from another site. Go back, load the page anew "
                "and send it again."
            ),
            403,
        )

    def without_session(self, route: Route, view: View, raw: Raw) -> CarriedForm | None:
        """Return what somebody typed whose session has ended; None for anything else."""
        if raw.method != "POST" or not carried_form.may_be_ours(raw.body):
            return None
        if not self._browser_says_ours(raw):
            return None
        form, _files = form_of(raw, replace(route.form, takes_files=False))
        return carried_form.of(view.path, raw.query, form)

    def _browser_says_ours(self, raw: Raw) -> bool | None:
        return origin.browser_says(
            fetch_site=raw.headers.get("sec-fetch-site"),
            origin=raw.headers.get("origin"),
            host=raw.headers.get("host", ""),
            wwwroot=self._wwwroot,
        )
