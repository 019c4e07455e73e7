"""For managers, about one person: a staff role, everything held about them, and erasing them.

Source: RULES R38, R58, R77; manual/personal-data.md.
"""

from __future__ import annotations

from sqlalchemy.engine import Connection

from mnet.language import _
from peers.accounts import MANAGER
from peers.web.view import PageError, Reply, Route, Tab, View, download, go, page
from schooltool_bridge.common.refusals import Refused
from schooltool_bridge.history import identity
from schooltool_bridge.history.author import Author
from schooltool_bridge.people import erasing, person_export, staff_roles
from schooltool_bridge.people.erasing_words import GOES, MIND, STAYS
from schooltool_bridge.server.parts import Parts
from schooltool_bridge.sign_on.signing_off import SigningOff
from schooltool_bridge.web import filters
from schooltool_bridge.web.people_pages import PEOPLE
from schooltool_bridge.web.person_pages import PERSON
from schooltool_bridge.web.support_pages import ZIP


class PersonDataPages:
    """What only managers do with a person."""

    def __init__(self, parts: Parts, signing_off: SigningOff) -> None:
        """Use the server's parts."""
        self._parts = parts
        self._signing_off = signing_off

    def routes(self) -> list[Route]:
        """Return the pages' addresses."""
        return [
            Route(PERSON + "/staff", self.staff, MANAGER, ("POST",)),
            Route(PERSON + "/export", self.export, MANAGER, ("POST",)),
            Route(PERSON + "/erase", self.ask, MANAGER),
            Route(PERSON + "/erase", self.erase, MANAGER, ("POST",)),
        ]

    def tabs(self) -> list[Tab]:
        """Return no entry of the navigation: a person's page leads here."""
        return []

    def staff(self, view: View, person_id: int) -> Reply:
        """Make somebody counselor or principal, or neither."""
        role = view.text("role")
        with self._parts.database.write() as connection:
            seen = _preview(connection, person_id)
            try:
                staff_roles.give(connection, _author(view), person_id, role)
            except Refused as problem:
                raise PageError(str(problem)) from None
        note = (
            _("%(whom)s is %(role)s now and sees every student.", whom=seen.name, role=_(role))
            if role
            else _("%(whom)s is neither counselor nor principal now.", whom=seen.name)
        )
        return go(f"{PEOPLE}/{person_id}", note)

    def export(self, view: View, person_id: int) -> Reply:
        """Hand out everything that is held about a person."""
        with self._parts.database.write() as connection:
            _preview(connection, person_id)
            site = self._parts.settings.name
            data, name = person_export.make(connection, _author(view), person_id, site=site)
        return download(data, ZIP, name)

    def ask(self, _view: View, person_id: int) -> Reply:
        """Say what goes and what stays."""
        with self._parts.database.read() as connection:
            seen = _preview(connection, person_id)
        return _question(seen)

    def erase(self, view: View, person_id: int) -> Reply:
        """Erase a person whose user name was written once more."""
        with self._parts.database.write() as connection:
            seen = _preview(connection, person_id)
            if view.text("username") != seen.username:
                return _question(seen, _("That is not the user name. Nothing was erased."))
            works = [
                work
                for row_id in identity.everybody(connection, person_id)
                for work in self._signing_off.sign_out_everywhere(connection, row_id)
            ]
            try:
                erased = erasing.erase(connection, _author(view), person_id)
            except Refused as problem:
                raise PageError(str(problem)) from None
        return Reply(
            status=303,
            location=f"{PEOPLE}/{erased}",
            note=_("Erased. Older backups still hold it all; delete them."),
            afterwards=tuple(works),
        )


def _question(seen: erasing.Preview, problem: str = "") -> Reply:
    return page(
        "person_erase.html",
        status=400 if problem else 200,
        problem=problem,
        seen=seen,
        goes=GOES,
        stays=STAYS,
        mind=MIND,
    )


def _preview(connection: Connection, person_id: int) -> erasing.Preview:
    try:
        return erasing.preview(connection, filters.known_id(person_id))
    except Refused:
        raise PageError(_("There is no such person."), 404) from None


def _author(view: View) -> Author:
    return Author(view.who, view.now_unix_s)
