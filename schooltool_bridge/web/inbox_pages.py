"""The inbox in the browser: what could not be applied, why, and what a person can do about it.

Shows payloads, grades included: this is the school's own data, for its clerks and managers.
Source: RULES 1.3, R89.
"""

from __future__ import annotations

from sqlalchemy.engine import Connection

from mnet.database import Database
from mnet.faults import Fault
from mnet.language import N_, _
from mnet.stored_sentences import localized
from peers.accounts import CLERK
from peers.web.view import PageError, Reply, Route, Tab, View, go, page
from schooltool_bridge.common.refusals import Refused
from schooltool_bridge.events import inbox, naming
from schooltool_bridge.events.applied import APPROVAL, user_key
from schooltool_bridge.events.inbox import CONFLICT, DECLINED, DONE, HELD, OPEN, REJECTED, Entry
from schooltool_bridge.events.inbox_lists import count_by_status, find_events
from schooltool_bridge.hand.resolving import DecidedPoints, Resolving, Retried, RetriedMany
from schooltool_bridge.history import links
from schooltool_bridge.history.author import Author
from schooltool_bridge.people import people_list
from schooltool_bridge.web import filters, words
from schooltool_bridge.web.conflict_pages import parties

INBOX = "/admin/inbox"
# A screenful or two; each event is a row.
ROWS = 50
# Beyond this nobody reads on in a list; all of it stands on the event's own page.
MAX_WAITS = 3
# What the list can show; without a choice what is open.
SHOWN = (*OPEN, DECLINED)
PERCENTAGE, POINTS = "keep-percentage", "keep-points"


class InboxPages:
    """The pages of the inbox."""

    def __init__(self, database: Database, resolving: Resolving) -> None:
        """Read from `database`; `resolving` changes."""
        self._database = database
        self._resolving = resolving

    def routes(self) -> list[Route]:
        """Return the pages' addresses."""
        return [
            Route(INBOX, self.events, CLERK),
            Route(INBOX, self.do_many, CLERK, ("POST",)),
            Route(INBOX + "/<int:inbox_id>", self.one, CLERK),
            Route(INBOX + "/<int:inbox_id>", self.do_one, CLERK, ("POST",)),
        ]

    def tabs(self) -> list[Tab]:
        """Return the entries of the navigation."""
        return [Tab("Inbox", INBOX, CLERK)]

    def events(self, view: View) -> Reply:
        """Show the open events, newest first."""
        status = view.query.get("status", "")
        status = status if status in SHOWN else ""
        before_id = filters.row_id(view.query.get("before", ""))
        with self._database.read() as connection:
            choices = filters.peer_choices(connection)
            peer = filters.chosen_peer(choices, view.query.get("peer", ""))
            counts = count_by_status(connection, among=SHOWN)
            entries = find_events(
                connection,
                statuses=[status] if status else OPEN,
                peer_id=peer.id if peer else None,
                before_id=before_id,
                limit=ROWS + 1,
            )
            names = naming.of_events(connection, entries[:ROWS])
        wwwroot = peer.wwwroot if peer else ""
        has_more, entries = len(entries) > ROWS, entries[:ROWS]
        older = (
            filters.query(status=status, peer=wwwroot, before=entries[-1].id) if has_more else ""
        )
        ids = [peer.id] if peer else [p.id for p in choices]
        totals = {s: sum(counts.get((i, s), 0) for i in ids) for s in SHOWN}
        return page(
            "inbox.html",
            entries=entries,
            names=names,
            peers=choices,
            peer=wwwroot,
            chosen=status,
            before=before_id or "",
            after=filters.row_id(view.query.get("after", "")) or 0,
            statuses=SHOWN,
            open_count=sum(totals[s] for s in OPEN),
            totals=totals,
            held_here=totals[HELD] if peer and not peer.is_removed else 0,
            older=older,
            words=words,
            max_waits=MAX_WAITS,
        )

    def one(self, _view: View, inbox_id: int) -> Reply:
        """Show one event with what was sent."""
        with self._database.read() as connection:
            entry = inbox.one(connection, filters.known_id(inbox_id))
            found = parties(connection, self._resolving, entry) if entry else None
            points = self._resolving.points_question(connection, entry) if entry else None
            students = [
                (row.name if (row := people_list.one(connection, c.person_id)) else "", c)
                for c in (points.cells if points else ())
            ]
            names = naming.of_events(connection, [entry] if entry else [])
            unlinked_id = _unlinked(connection, entry) if entry else None
        if entry is None:
            raise PageError(_("There is no such event."), 404)
        return page(
            "inbox_event.html",
            entry=entry,
            names=names,
            rows=words.field_rows(entry.payload),
            is_open=entry.status in OPEN,
            is_declined=entry.status == DECLINED,
            asks_approval=any(key.startswith(f"{APPROVAL}:") for key in entry.waiting_for),
            parties=found,
            points=points,
            students=students,
            unlinked_id=unlinked_id,
            words=words,
        )

    def do_one(self, view: View, inbox_id: int) -> Reply:
        """Retry or dismiss one event."""
        action = view.text("action")
        inbox_id = filters.known_id(inbox_id)
        who, now = view.who, view.now_unix_s
        try:
            if action == "retry":
                note = _retried(self._resolving.retry(inbox_id, author=Author(who, now)))
            elif action == "dismiss":
                entry = self._resolving.dismiss(inbox_id, author=Author(who, now))
                note = _("%(event)s is dismissed.", event=_name(entry))
            elif action in (PERCENTAGE, POINTS):
                author = Author(who, now, view.text("why"))
                is_points = action == POINTS
                done = self._resolving.decide_points(inbox_id, author=author, keep_points=is_points)
                note = _decided(done, is_points=is_points)
            else:
                raise PageError(_("This form is not known here."))
        except (Fault, Refused) as problem:
            return go(_back(view), localized(str(problem)))
        return go(_back(view), note)

    def do_many(self, view: View) -> Reply:
        """Retry what a peer's held events are there for."""
        with self._database.read() as connection:
            peer = filters.chosen_peer(filters.peer_choices(connection), view.text("peer"))
        if peer is None:
            raise PageError(_("Choose a peer first."))
        try:
            done = self._resolving.retry_held(
                peer.id,
                after_id=filters.row_id(view.text("after")) or 0,
                author=Author(view.who, view.now_unix_s),
            )
        except Fault as problem:
            return go(_back(view), localized(problem.text))
        return go(_back(view, after=done.last_id if done.left else ""), _retried_many(done))


def _back(view: View, **more: object) -> str:
    """The list as it was."""
    status = view.text("status")
    filters_now = {"status": status if status in SHOWN else "", "peer": view.text("peer")}
    return INBOX + filters.query(**filters_now, before=filters.row_id(view.text("before")), **more)


def _decided(done: DecidedPoints, *, is_points: bool) -> str:
    name, count = done.asked.name, len(done.asked.cells)
    if is_points:
        return _("“%(name)s”: %(count)s grades stand with their points.", name=name, count=count)
    return _("“%(name)s”: %(count)s grades keep their percentage.", name=name, count=count)


def _name(entry: Entry) -> str:
    what = words.about(entry.event, entry.payload)
    title = words.event_title(entry.event)
    return _("Event %(id)s, %(title)s %(what)s", id=entry.id, title=title, what=what).rstrip()


def _unlinked(connection: Connection, entry: Entry) -> int | None:
    """Return our id of whoever an event waits for and was unlinked from its peer."""
    start = user_key("")
    waits = [k.removeprefix(start) for k in entry.waiting_for if k.startswith(start)]
    return links.cut_one(connection, entry.peer_id, waits)


def _retried(retried: Retried) -> str:
    # Once applied its payload stands in the history, no longer here.
    sentences = [_one_retried(retried.entry)]
    if retried.released:
        sentences.append(
            _("%(count)s more that waited for it came in too.", count=retried.released)
        )
    return " ".join(sentences)


def _one_retried(entry: Entry) -> str:
    if entry.status == DONE:
        title = words.event_title(entry.event)
        return _("Event %(id)s (%(title)s) is applied.", id=entry.id, title=title)
    name = _name(entry)
    if entry.status == HELD:
        waits = ", ".join(words.waits_for(key) for key in entry.waiting_for[:MAX_WAITS])
        return _(
            "%(event)s is still held: %(waits)s is not known here yet.", event=name, waits=waits
        )
    why = localized(entry.reason)
    if entry.status == CONFLICT:
        return _("%(event)s is still in conflict: %(why)s", event=name, why=why)
    return _("%(event)s is rejected again: %(why)s", event=name, why=why)


_TOLD = {
    DONE: N_("%(count)s applied"),
    HELD: N_("%(count)s still held"),
    CONFLICT: N_("%(count)s in conflict"),
    REJECTED: N_("%(count)s rejected"),
}


def _retried_many(done: RetriedMany) -> str:
    tried = sum(done.by_status.values())
    if not tried:
        return _("No held event is left to retry.")
    found = done.by_status
    message = ", ".join(_(text, count=found[s]) for s, text in _TOLD.items() if s in found)
    sentence = _("%(count)s tried again: %(told)s.", count=tried, told=message)
    if done.left:
        more = _("%(count)s more are held: press again to go on with them.", count=done.left)
        sentence = f"{sentence} {more}"
    return sentence
