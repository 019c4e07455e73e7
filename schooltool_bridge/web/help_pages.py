"""Help: the manual's chapters, and which of them is about which page of the admin area.

Source: RULES R14.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from mnet import language
from mnet.language import _
from peers.accounts import CLERK
from peers.web import roles
from peers.web.view import PageError, Reply, Route, View, page
from schooltool_bridge.server.parts import Parts
from schooltool_bridge.sign_on import own_access
from schooltool_bridge.web import manual, own_pages
from schooltool_bridge.web.sign_on_pages import SignOnPages

HELP = "/admin/help"
# The same for whoever has no account here.
OWN_HELP = "/me/help"
# The longest that fits says which chapter, and which part of it; `*` is any one part of an
# address. What fits none has the list.
ABOUT = {
    "/admin/peers": "peers",
    "/admin/peers/add": "peers#adding-a-peer",
    "/admin/peers/*/services": "peers#services",
    "/admin/peers/*/signing-on": "signing-on",
    "/admin/peers/*/enrolment": "peers#its-policy",
    "/admin/peers/*/grades": "peers#its-policy",
    "/admin/peers/*/sync": "full-sync",
    "/admin/syncs": "full-sync",
    "/admin/peers/*/addresses": "peers#a-peer-that-moves",
    "/admin/peers/*/courses": "peers#courses-over-there",
    "/admin/peers/*/remove": "peers#switching-off-and-removing",
    "/admin/peer": "peers",
    "/admin/moodle-plugin": "moodle-plugin",
    "/admin/strangers": "peers#adding-a-peer",
    "/admin/key": "peers#our-own-key",
    "/admin/calls": "monitoring#calls",
    "/admin/support": "monitoring",
    "/admin/inbox": "events#the-inbox",
    "/admin/people": "people",
    "/admin/people/add": "people#by-hand",
    "/admin/people/*/edit": "people#by-hand",
    "/admin/people/*/merge": "people#when-two-people-could-be-meant",
    "/admin/people/*/erase": "personal-data#to-be-forgotten",
    "/admin/people/*/progress": "reports",
    "/admin/people/*/transcript": "reports",
    "/admin/people/*/issued": "reports#issuing",
    "/admin/school": "school",
    "/admin/search": "pages#finding-the-way",
    "/me/search": "pages#finding-the-way",
    "/admin/school/letterhead": "reports#letterhead",
    "/admin/school/marking": "school#marking-and-states",
    "/admin/school/terms/*/final": "reports#closing-a-term",
    "/admin/sections": "school#filing-a-section",
    "/admin/sections/waiting": "events#new-sections",
    "/admin/sections/same": "school#sections-that-are-one",
    "/admin/sections/*/settings": "school#filing-a-section",
    "/admin/sections/*/enrol": "school#who-is-in-a-section",
    "/admin/sections/*/people": "school#who-is-in-a-section",
    "/admin/sections/new": "school#who-is-in-a-section",
    "/admin/sections/*/gradebook": "gradebook",
    "/admin/sections/*/assessments": "gradebook#assessments-by-hand",
    "/admin/sections/*/assessments/*/join": "gradebook#same-name-same-item",
    "/admin/sections/*/worksheets": "gradebook#assessments-by-hand",
    "/admin/sections/*/upload": "gradebook#spreadsheets",
    "/admin/sections/*/weights": "school#marking-and-states",
    "/admin/sections/*/final": "reports#closing-a-term",
    "/admin/sections/*/section-report": "reports",
    "/admin/sections/*/roster": "reports",
    "/admin/sections/*/gradebook-print": "reports",
    "/admin/sections/*/section-history": "reports",
    "/admin/reports": "reports",
    "/admin/reports/issued": "reports#issuing",
    "/admin/reports/prints": "reports#printing-for-many",
    "/admin/notices": "notices",
    "/admin/sharing": "personal-data#which-data-goes-where",
    "/admin/accounts": "pages#who-may-do-what",
    "/admin/accounts/*": "pages#accounts",
    "/admin/first-steps": "operating#first-steps",
    "/admin/settings": "settings",
    "/admin/settings/mail": "notices#by-mail",
    "/admin/settings/notices": "settings",
    "/admin/settings/oneroster": "oneroster",
    "/admin/settings/news": "operating#upgrade",
    "/admin/settings/backups": "operating#backup",
    "/admin/audit": "pages#the-audit-trail",
    "/admin/password": "pages#signing-in",
    "/admin/sign-in": "pages#signing-in",
    "/admin/people/*/password": "signing-on#passwords-of-our-own-people",
    "/me": "signing-on#their-own-pages",
    "/me/password": "signing-on#passwords-of-our-own-people",
    "/me/school": "reports#the-school-in-figures",
    "/me/sections": "school#who-is-in-a-section",
    "/me/teaching/*/gradebook": "gradebook",
    "/me/teaching/*/assessments": "gradebook#assessments-by-hand",
    "/me/teaching/*/worksheets": "gradebook#assessments-by-hand",
    "/me/teaching/*/upload": "gradebook#spreadsheets",
    "/me/teaching/*/weights": "school#marking-and-states",
    "/me/teaching/*/section-report": "reports",
    "/me/teaching/*/roster": "reports",
    "/me/teaching/*/gradebook-print": "reports",
}
# The first page of all: nothing below it is about the same.
_FIRST = ("/admin", "pages#today")


def about(path: str) -> str:
    """Return the chapter about a page, with `#` and the part of it; empty where none is."""
    if path == _FIRST[0]:
        return _FIRST[1]
    parts = [part.partition(".")[0] for part in path.split("/")]  # a report's .csv and .pdf too
    fitting = [rule for rule in ABOUT if _fits(rule.split("/"), parts)]
    # Of two equally long ones the one without a star says more.
    best = max(fitting, key=lambda rule: (rule.count("/"), -rule.count("*")), default="")
    return ABOUT.get(best, "")


def _fits(rule: list[str], parts: list[str]) -> bool:
    begun = parts[: len(rule)]
    return len(begun) == len(rule) and all(r in {"*", p} for r, p in zip(rule, begun, strict=True))


def address(path: str) -> str:
    """Return the path of the help about a page; the list where no chapter is about it."""
    return _below(HELP, path)


def own_address(path: str) -> str:
    """Return the same for one of people's own pages."""
    return _below(OWN_HELP, path)


def _below(base: str, path: str) -> str:
    found = about(path)
    return f"{base}/{found}" if found else base


class HelpPages:
    """The manual, for whoever may sign in."""

    def __init__(self, url: Callable[[str], str], parts: Parts, people: SignOnPages) -> None:
        """Take what makes a page's address of its path, and what knows who is signed in."""
        self._url = url
        self._parts = parts
        self._people = people

    def routes(self) -> list[Route]:
        """Return the pages' addresses."""
        return [
            Route(HELP, partial(self.all, HELP), CLERK),
            Route(HELP + "/<name>", partial(self.one, HELP), CLERK),
            Route(OWN_HELP, self.own_all, None),
            Route(OWN_HELP + "/<name>", self.own_one, None),
        ]

    def all(self, base: str, view: View) -> Reply:
        """List the chapters, whose pages stand below `base`."""
        chapters = [(name, *manual.read(name)) for name in manual.CHAPTERS]
        may_download = roles.allows(view.role, CLERK)
        return page(
            "help.html",
            base=base,
            chapters=chapters,
            manual_language=language.SOURCE,
            may_download=may_download,
        )

    def one(self, base: str, _view: View, name: str) -> Reply:
        """Show a chapter."""
        if name not in manual.CHAPTERS:
            raise PageError(_("There is no such chapter."), 404)
        index = manual.CHAPTERS.index(name)
        neighbours = [
            (step, manual.CHAPTERS[n], manual.read(manual.CHAPTERS[n])[0])
            for step, n in (("prev", index - 1), ("next", index + 1))
            if 0 <= n < len(manual.CHAPTERS)
        ]
        return page(
            "help_chapter.html",
            base=base,
            chapter=manual.chapter(name, self._url(base) + "/"),
            neighbours=neighbours,
            manual_language=language.SOURCE,
        )

    def own_all(self, view: View) -> Reply:
        """List the chapters for somebody who has no account here."""
        return self._own(view, lambda: self.all(OWN_HELP, view))

    def own_one(self, view: View, name: str) -> Reply:
        """Show them a chapter."""
        return self._own(view, lambda: self.one(OWN_HELP, view, name))

    def _own(self, view: View, make: Callable[[], Reply]) -> Reply:
        found = self._people.session(view)
        if found is None:
            return own_pages.sign_in_first(view)
        with self._parts.database.read() as connection:
            bar = own_access.bar_of(connection, found)
        reply = make()
        return replace(reply, values={**reply.values, "person": found, "bar": bar})
