"""Help: the manual's chapters, and which of them is about which page of the admin area.

Source: RULES R14.
"""

from __future__ import annotations

from collections.abc import Callable

from mnet import language
from mnet.language import _
from peers.accounts import CLERK
from peers.web import roles
from peers.web.view import PageError, Reply, Route, View, page
from schooltool_bridge.web import manual

HELP = "/admin/help"
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
    "/admin/school/letterhead": "reports#letterhead",
    "/admin/school/marking": "school#marking-and-states",
    "/admin/school/terms/*/final": "reports#closing-a-term",
    "/admin/sections": "school#filing-a-section",
    "/admin/sections/file": "school#filing-a-section",
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
}
# The first page of all: nothing below it is about the same.
_FIRST = ("/admin", "peers")


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
    found = about(path)
    return f"{HELP}/{found}" if found else HELP


class HelpPages:
    """The manual, for whoever may sign in to the admin pages."""

    def __init__(self, url: Callable[[str], str]) -> None:
        """Take what makes a page's address of its path."""
        self._prefix = url(HELP) + "/"

    def routes(self) -> list[Route]:
        """Return the pages' addresses."""
        return [
            Route(HELP, self.all, CLERK),
            Route(HELP + "/<name>", self.one, CLERK),
        ]

    def all(self, view: View) -> Reply:
        """List the chapters."""
        chapters = [(name, *manual.read(name)) for name in manual.CHAPTERS]
        may_download = roles.allows(view.role, CLERK)
        return page(
            "help.html",
            chapters=chapters,
            manual_language=language.SOURCE,
            may_download=may_download,
        )

    def one(self, _view: View, name: str) -> Reply:
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
            chapter=manual.chapter(name, self._prefix),
            neighbours=neighbours,
            manual_language=language.SOURCE,
        )
