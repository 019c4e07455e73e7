"""A conflict about people in the browser: who could be meant, side by side, and the decision.

What each decision does stands in hand/deciding.py; here it is said in words before it is done.
Source: RULES 1.4, R39b.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy.engine import Connection

from mnet.faults import Fault
from mnet.language import _
from mnet.stored_sentences import localized
from peers.accounts import CLERK
from peers.web.view import PageError, Reply, Route, View, go, page
from schooltool_bridge.common.refusals import Refused
from schooltool_bridge.events import inbox
from schooltool_bridge.events.inbox import DONE, Entry
from schooltool_bridge.hand.resolving import Resolving
from schooltool_bridge.history.author import Author
from schooltool_bridge.people import people_list, person_story
from schooltool_bridge.people.people_list import PersonRow
from schooltool_bridge.server.parts import Parts
from schooltool_bridge.sign_on.signing_off import SigningOff
from schooltool_bridge.web import filters

INBOX = "/admin/inbox"
ONE, APART = "one-person", "keep-apart"


@dataclass(frozen=True, slots=True)
class Party:
    """Somebody who could be meant."""

    row: PersonRow
    sections: list[str]


class ConflictPages:
    """The question, and what is done about it."""

    def __init__(self, parts: Parts, resolving: Resolving, signing_off: SigningOff) -> None:
        """Use the server's parts."""
        self._parts = parts
        self._resolving = resolving
        self._signing_off = signing_off

    def routes(self) -> list[Route]:
        """Return the page's address."""
        return [Route(INBOX + "/<int:inbox_id>/decide", self.decide, CLERK, ("POST",))]

    def decide(self, view: View, inbox_id: int) -> Reply:
        """Say what a decision does; once that is confirmed, do it."""
        decision = view.text("decision")
        if decision not in (ONE, APART):
            raise PageError(_("Choose what is right."))
        kept_id = filters.row_id(view.text("kept"))
        with self._parts.database.read() as connection:
            entry = inbox.one(connection, filters.known_id(inbox_id))
            found = parties(connection, self._resolving, entry) if entry else None
        if entry is None or found is None:
            return go(INBOX, _("This is decided already."))
        back = f"{INBOX}/{entry.id}"
        ids = [party.row.id for party in found]
        kept = ids[0] if len(ids) == 1 else kept_id
        if decision == ONE and kept not in ids:
            return go(back, _("Choose first whose record is to stand for all."))
        if not view.ticked("confirmed"):
            kept_row = next((p.row for p in found if p.row.id == kept), None)
            return page(
                "conflict_confirm.html",
                entry=entry,
                parties=found,
                is_one=decision == ONE,
                kept=kept_row,
                back=back,
                why=view.text("why"),
            )  # fmt: skip - what the page shows
        author = Author(view.who, view.now_unix_s, view.text("why"))
        try:
            done = self._resolving.decide(
                entry.id, author=author, keep_apart=decision == APART, kept_id=kept
            )
        except (Fault, Refused) as problem:
            return go(back, localized(str(problem)))
        if done.entry.status == DONE:
            note = _("Decided, and applied.")
        else:
            note = _("Decided, but something is left: %(why)s", why=localized(done.entry.reason))
        if done.released and done.entry.status == DONE:
            more = _("%(count)s more that waited for it came in too.", count=done.released)
            note = f"{note} {more}"
        return Reply(
            status=303,
            location=INBOX if done.entry.status == DONE else back,
            note=note,
            afterwards=tuple(self._signing_off.ending(done.visits)),
        )


def parties(connection: Connection, resolving: Resolving, entry: Entry) -> list[Party] | None:
    """Return who could be meant by an event of the inbox; None when that is not its question."""
    asked = resolving.question(connection, entry)
    if asked is None:
        return None
    rows = [people_list.one(connection, person_id) for person_id in asked.parties]
    return [
        Party(row, person_story.sections_of(connection, row.id)) for row in rows if row is not None
    ]
