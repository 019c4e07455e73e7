"""Full syncs in the browser: what the last one found, run one, look first, confirm, the choices.

What a run is and does stands in full_sync. Source: RULES 1.10, R80-R83.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mnet.language import N_, _, ngettext
from mnet.stored_sentences import localized
from peers import changes, store
from peers.accounts import CLERK, MANAGER
from peers.audit import By
from peers.policy import ABSENCES, PeerPolicy
from peers.web.parts import Parts as PeerParts
from peers.web.peer_pages import PEER
from peers.web.view import PageError, Reply, Route, View, go, page
from schooltool_bridge.full_sync import confirming, run_lists, runs, taking_back
from schooltool_bridge.full_sync.runs import Row, Run, Wanted
from schooltool_bridge.full_sync.walking import ASSESSMENTS, ENTITIES, GRADES
from schooltool_bridge.server.parts import Parts
from schooltool_bridge.server.syncs import Syncs
from schooltool_bridge.web.filters import known_id, row_id

SYNC = PEER + "/sync"
RUN = "/admin/syncs/<int:run_id>"
CHOICES = ("absences", "sync_every_hours", "sync_at")
# More rows than this nobody reads on one page.
ROWS_A_PAGE, RUNS_SHOWN = 100, 30
TITLES = {
    "users": N_("People"),
    "sections": N_("Sections"),
    "enrolments": N_("Enrolments"),
    "assessments": N_("Assessments"),
    "grades": N_("Grades"),
}
STATES = {
    runs.RUNNING: N_("under way"),
    runs.DONE: N_("done"),
    runs.WAITING: N_("waits for you"),
    runs.INCOMPLETE: N_("incomplete"),
    runs.FAILED: N_("failed"),
}
OUTCOMES = {
    "seen": N_("listed there"),
    runs.CREATED: N_("new"),
    runs.UPDATED: N_("changed"),
    runs.UNCHANGED: N_("as it was"),
    runs.HELD: N_("waiting"),
    runs.CONFLICT: N_("in conflict"),
    runs.FAILED: N_("failed"),
    runs.WITHDRAWN: N_("withdrawn"),
    runs.RESTORED: N_("restored"),
    runs.MISSING: N_("missing there"),
}
# What a state looks like.
PILLS = {
    runs.RUNNING: "info", runs.DONE: "good", runs.WAITING: "urgent", runs.INCOMPLETE: "warning",
    runs.FAILED: "urgent",
}  # fmt: skip
# As a person looks for them: what may need a decision first.
_ORDER = (
    runs.WITHDRAWN, runs.MISSING, runs.RESTORED, runs.CONFLICT, runs.FAILED, runs.HELD,
    runs.CREATED, runs.UPDATED,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Shown:
    """A run as a page shows it."""

    run: Run
    # Of each kind what was counted, without zeros.
    counts: Mapping[str, Mapping[str, int]]

    @property
    def percent(self) -> int:
        """How far it is."""
        return self.run.percent

    @property
    def reason(self) -> str:
        """Why it is not done, in the reader's language."""
        return localized(self.run.reason)

    @property
    def changed(self) -> Mapping[str, int]:
        """What it did or would do, of all kinds together."""
        together: Counter[str] = Counter()
        for counted in self.counts.values():
            together.update(counted)
        return {name: together[name] for name in _ORDER if together[name]}

    @property
    def in_words(self) -> str:
        """What it did or would do, as one line; empty for nothing."""
        return ", ".join(f"{count} {_(OUTCOMES[name])}" for name, count in self.changed.items())


def shown(run: Run) -> Shown:
    """Return a run as a page shows it."""
    return Shown(run, {e: {n: c for n, c in run.counts[e].items() if c} for e in ENTITIES})


class SyncPages:
    """The pages about full syncs of a peer."""

    def __init__(self, parts: Parts, peers: PeerParts, syncs: Syncs) -> None:
        """Take the server's parts, those of the pages about peers, and what does the syncs."""
        self._parts = parts
        self._peers = peers
        self._syncs = syncs

    def routes(self) -> list[Route]:
        """Return the pages' addresses."""
        return [
            Route(SYNC, self.of_peer, CLERK),
            Route(SYNC, self.start, MANAGER, ("POST",)),
            Route(SYNC + "/choices", self.choose, MANAGER, ("POST",)),
            Route(RUN, self.one, CLERK),
            Route(RUN + "/confirm", self.confirm, MANAGER, ("POST",)),
            Route(RUN + "/take-back", self.take_back, MANAGER, ("POST",)),
        ]

    def of_peer(self, _view: View, peer_id: int) -> Reply:
        """Show the last sync with its counts, those before, and the choices."""
        return self._of_peer(peer_id)

    def start(self, view: View, peer_id: int) -> Reply:
        """Begin a sync, or only look what one would do."""
        wanted = Wanted(is_preview=view.text("action") == "preview")
        return self._begin(view, peer_id, wanted)

    def choose(self, view: View, peer_id: int) -> Reply:
        """Keep when syncs run by themselves and when they ask."""
        values = {name: view.text(name) for name in CHOICES}
        by = By(view.who, view.now_unix_s)
        try:
            self._peers.change(peer_id, lambda c: changes.set_policy(c, by, peer_id, values=values))
        except PageError as problem:
            return self._of_peer(peer_id, problem=str(problem), typed=values)
        return go(f"/admin/peers/{peer_id}/sync", _("Saved."))

    def one(self, view: View, run_id: int) -> Reply:
        """Show a run: how far it is, what it found by name, and what it waits for."""
        outcome = view.query.get("outcome", "")
        chosen = (outcome,) if outcome in _ORDER else _ORDER
        after_id = row_id(view.query.get("after", "")) or 0
        with self._parts.database.read() as connection:
            run = runs.get(connection, known_id(run_id))
            found = runs.rows_of(
                connection, run_id, outcomes=chosen, after_id=after_id, limit=ROWS_A_PAGE + 1
            )
            rows = run_lists.rows_with_names(connection, found[:ROWS_A_PAGE])
            peer = store.by_id(connection, run.peer_id)
        return page(
            "sync_run.html",
            peer=peer,
            shown=shown(run),
            rows=rows,
            can_go=_can_go(run, found[:ROWS_A_PAGE]) if view.role == MANAGER else frozenset(),
            outcome=outcome,
            is_later=bool(after_id),
            more_after=found[ROWS_A_PAGE - 1].id if len(found) > ROWS_A_PAGE else None,
            **_WORDS,
        )

    def confirm(self, view: View, run_id: int) -> Reply:
        """Do what a run found that waits for a person."""
        if not view.ticked("looked"):
            raise PageError(_("Look at what is missing first, then tick the box."))
        with self._parts.database.read() as connection:
            diff = runs.get(connection, known_id(run_id))
            wanted = confirming.wanted(connection, diff.peer_id, run_id)
        return self._begin(view, diff.peer_id, wanted)

    def take_back(self, view: View, run_id: int) -> Reply:
        """Take back the missing assessments and grades that were ticked."""
        chosen = {row_id(text) or 0 for text in view.all("row")}
        if not chosen:
            raise PageError(_("Tick something first."))
        count = taking_back.take_back(self._syncs.sync, known_id(run_id), chosen, view.who)
        return go(
            f"/admin/syncs/{run_id}",
            ngettext("%(num)s was taken back.", "%(num)s were taken back.", count),
        )

    def _begin(self, view: View, peer_id: int, wanted: Wanted) -> Reply:
        self._peers.peer(peer_id)
        peer = self._parts.registry.by_id(peer_id)
        if peer is None or not peer.enabled:
            raise PageError(_("The peer is switched off; switch it on first."))
        run = self._syncs.start(peer, wanted, view.who)
        return go(f"/admin/syncs/{run.id}", "")

    def _of_peer(
        self, peer_id: int, *, problem: str = "", typed: Mapping[str, str] | None = None
    ) -> Reply:
        peer = self._peers.peer(peer_id)
        with self._parts.database.read() as connection:
            found = runs.list_runs(connection, peer_id, RUNS_SHOWN)
            last = runs.last_run(connection, peer_id)
            preview = runs.last_preview(connection, peer_id)
        policy = PeerPolicy.from_stored(peer.policy)
        return page(
            "sync.html",
            status=400 if problem else 200,
            peer=peer,
            last=shown(last) if last else None,
            preview=shown(preview) if preview else None,
            found=[shown(run) for run in found],
            choices=typed or {name: getattr(policy, name) for name in CHOICES},
            absences=ABSENCES,
            problem=problem,
            **_WORDS,
        )


def _can_go(run: Run, rows: Sequence[Row]) -> frozenset[str]:
    """Return which rows of a run can be taken back still."""
    if run.state not in (runs.DONE, runs.INCOMPLETE):
        return frozenset()
    return frozenset(
        str(row.id)
        for row in rows
        if row.outcome == runs.MISSING
        and row.entity in (ASSESSMENTS, GRADES)
        and not row.is_applied
    )


_WORDS: dict[str, Any] = {
    "titles": TITLES, "states": STATES, "pills": PILLS, "outcomes": OUTCOMES,
    "entities": ENTITIES, "order": _ORDER,
}  # fmt: skip
