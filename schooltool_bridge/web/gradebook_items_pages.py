"""Assessments and worksheets of a section in the browser: add, change, delete, put in order.

Of a peer's assessment only what the school itself says can be changed here.
Source: RULES 1.5, R63, R76.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, tzinfo
from decimal import Decimal

from sqlalchemy.engine import Connection

from mnet.language import _
from peers.accounts import CLERK
from peers.web.view import PageError, Reply, Route, Tab, View, go, page
from schooltool_bridge.common import hiding
from schooltool_bridge.common.refusals import Refused
from schooltool_bridge.gradebook import grid, marks
from schooltool_bridge.gradebook.grid import NO_SHEET
from schooltool_bridge.gradebook.marks import BadMark
from schooltool_bridge.hand import assessments, joining, worksheets
from schooltool_bridge.hand.assessments import Detail
from schooltool_bridge.history import linked
from schooltool_bridge.history.author import MAX_NOTE_CHARS, Author
from schooltool_bridge.history.averages import number
from schooltool_bridge.history.cells import MANUAL
from schooltool_bridge.history.snapshot import Item, SectionSnapshot
from schooltool_bridge.server.parts import Parts
from schooltool_bridge.web import filters
from schooltool_bridge.web.gradebook_pages import SECTION, section_path
from schooltool_bridge.web.joining_pages import others

NEW = SECTION + "/assessments/new"
ONE = SECTION + "/assessments/<int:assessment_id>"
SHEETS = SECTION + "/worksheets"
_FIELDS = (
    "name", "points", "extra_credit", "label", "category", "worksheet", "score_system", "due_day",
    "description",
)  # fmt: skip


class GradebookItemsPages:
    """The pages of a section's assessments and worksheets."""

    def __init__(self, parts: Parts) -> None:
        """Use the server's parts."""
        self._parts = parts
        self._zone = parts.settings.zone

    def routes(self) -> list[Route]:
        """Return the pages' addresses."""
        return [
            Route(NEW, self.new, CLERK),
            Route(NEW, self.add, CLERK, ("POST",)),
            Route(ONE, self.one, CLERK),
            Route(ONE, self.change, CLERK, ("POST",)),
            Route(SHEETS, self.sheets, CLERK),
            Route(SHEETS, self.change_sheets, CLERK, ("POST",)),
        ]

    def tabs(self) -> list[Tab]:
        """Return no entry of the navigation: a section leads here."""
        return []

    def new(self, _view: View, section_id: int) -> Reply:
        """Show an empty form."""
        with self._parts.database.read() as connection:
            return _form(connection, _known(connection, section_id), None, {}, self._zone)

    def add(self, view: View, section_id: int) -> Reply:
        """Add an assessment."""
        asked = _asked(view)
        try:
            with self._parts.database.write() as connection:
                assessments.add(
                    connection,
                    _author(view),
                    section_id,
                    asked["name"],
                    _points(asked["points"]),
                    detail=_detail(asked),
                    extra_credit=bool(asked["extra_credit"]),
                )
        except Refused as problem:
            return self._again(view, section_id, None, asked, problem)
        note = _("“%(name)s” is there now.", name=asked["name"])
        return go(f"{section_path(view, section_id)}/gradebook", note)

    def one(self, view: View, section_id: int, assessment_id: int) -> Reply:
        """Show an assessment's form."""
        with self._parts.database.read() as connection:
            snapshot = _known(connection, section_id)
            item = _item(view, snapshot, assessment_id)
            return _form(connection, snapshot, item, _stored(item), self._zone)

    def change(self, view: View, section_id: int, assessment_id: int) -> Reply:
        """Change or delete an assessment."""
        asked = _asked(view)
        author = _author(view)
        try:
            with self._parts.database.write() as connection:
                item = _item(view, _known(connection, section_id), assessment_id)
                if view.text("do") == "delete":
                    assessments.delete(connection, author, assessment_id)
                    note = _(
                        "“%(name)s” is deleted; its grades stay in the history.", name=item.name
                    )
                else:
                    _change(connection, author, item, asked)
                    note = _("Saved.")
        except Refused as problem:
            return self._again(view, section_id, assessment_id, asked, problem)
        return go(f"{section_path(view, section_id)}/gradebook", note)

    def sheets(self, _view: View, section_id: int) -> Reply:
        """Show the worksheets in their order."""
        return self._sheets(section_id)

    def change_sheets(self, view: View, section_id: int) -> Reply:
        """Add, rename or move a worksheet."""
        do = view.text("do")
        author = _author(view)
        try:
            with self._parts.database.write() as connection:
                snapshot = _known(connection, section_id)
                sheet_id = filters.row_id(view.text("sheet")) or NO_SHEET
                own = {s.id for s in grid.sheets_of(connection, snapshot)} - {NO_SHEET}
                if do == "add":
                    worksheets.add(connection, author, section_id, view.text("title"))
                elif sheet_id not in own:
                    raise PageError(_("There is no such worksheet; load the page anew."))
                elif do == "rename":
                    worksheets.rename(connection, author, sheet_id, view.text("title"))
                elif do in ("earlier", "later"):
                    worksheets.move(connection, author, sheet_id, later=do == "later")
                else:
                    raise PageError(_("This form is not known here."))
        except Refused as problem:
            return self._sheets(section_id, str(problem))
        return go(f"{section_path(view, section_id)}/worksheets", _("Saved."))

    def _sheets(self, section_id: int, problem: str = "") -> Reply:
        with self._parts.database.read() as connection:
            snapshot = _known(connection, section_id)
            sheets = [s for s in grid.sheets_of(connection, snapshot) if s.id != NO_SHEET]
        counts = {s.id: sum(i.worksheet_id == s.id for i in snapshot.items) for s in sheets}
        return page(
            "gradebook_sheets.html",
            status=400 if problem else 200,
            section=snapshot,
            sheets=sheets,
            counts=counts,
            problem=problem,
        )

    def _again(
        self,
        view: View,
        section_id: int,
        assessment_id: int | None,
        asked: Mapping[str, str],
        problem: Refused,
    ) -> Reply:
        """Show the form as it was sent, with what is wrong."""
        with self._parts.database.read() as connection:
            snapshot = _known(connection, section_id)
            item = None if assessment_id is None else _item(view, snapshot, assessment_id)
            return _form(connection, snapshot, item, asked, self._zone, problem)


def _known(connection: Connection, section_id: int) -> SectionSnapshot:
    return grid.section_of(connection, section_id)


def _item(view: View, snapshot: SectionSnapshot, assessment_id: int) -> Item:
    """Return an assessment that whoever asks may change; raises PageError.

    At their own desk teachers have those made here; a Moodle's is the office's.
    """
    found = next((i for i in snapshot.items if i.id == assessment_id), None)
    if found is None or (view.desk and found.peer is not None):
        raise PageError(_("There is no such assessment in this section; it may be deleted."), 404)
    return found


def _author(view: View) -> Author:
    return Author(view.who, view.now_unix_s)


def _asked(view: View) -> dict[str, str]:
    # Twice: a browser counts a line's end as two characters.
    return {name: view.text(name, limit=2 * MAX_NOTE_CHARS) for name in _FIELDS}


def _stored(item: Item) -> dict[str, str]:
    return {
        "name": item.name,
        "points": number(item.points),
        "extra_credit": "on" if item.extra_credit else "",
        "label": item.label,
        "category": str(item.category_id or ""),
        "worksheet": str(item.worksheet_id or ""),
        "score_system": str(item.score_system_id or ""),
        "due_day": item.due_day.isoformat() if item.due_day else "",
        "description": item.description,
    }


def _change(connection: Connection, author: Author, item: Item, asked: Mapping[str, str]) -> None:
    """Write what differs; raises Refused."""
    if item.peer is None:
        points, extra_credit = _points(asked["points"]), bool(asked["extra_credit"])
        now = (asked["name"], points, extra_credit)
        if now != (item.name, item.points, item.extra_credit):
            assessments.change(
                connection,
                author,
                item.id,
                name=asked["name"],
                points=points,
                extra_credit=extra_credit,
            )
    detail = _detail(asked)
    if detail != _detail(_stored(item)):
        assessments.describe(connection, author, item.id, detail)


def _points(text: str) -> Decimal:
    try:
        return marks.points(text)
    except BadMark:
        sentence = _("Points are a number from 0 on, such as 20 or 12.5.")
        raise Refused("points", sentence) from None


def _detail(asked: Mapping[str, str]) -> Detail:
    """Read what the school says; raises Refused."""
    day = asked["due_day"]
    try:
        due_day = date.fromisoformat(day) if day else None
    except ValueError:
        raise Refused("due_day", _("The due day is a day such as 2026-11-30.")) from None
    return Detail(
        asked["label"],
        asked["description"].replace("\r\n", "\n"),
        filters.row_id(asked["category"]),
        filters.row_id(asked["worksheet"]),
        filters.row_id(asked["score_system"]),
        due_day,
    )


def _form(
    connection: Connection,
    snapshot: SectionSnapshot,
    item: Item | None,
    asked: Mapping[str, str],
    zone: tzinfo,
    problem: Refused | None = None,
) -> Reply:
    systems = grid.systems_of(connection)
    hidden = grid.hidden_systems_of(connection)
    chosen_system = filters.row_id(asked.get("score_system", ""))
    entries = [e for (i, _who), e in snapshot.entries.items() if item is not None and i == item.id]
    return page(
        "gradebook_item.html",
        status=400 if problem else 200,
        section=snapshot,
        item=item,
        hidden=hiding.words(item.hidden, zone) if item else "",
        asked={name: asked.get(name, "") for name in _FIELDS},
        problem=str(problem) if problem else "",
        wrong=problem.field.replace(" ", "_") if problem else "",
        categories={str(i): title for i, title in grid.categories_of(connection).items()},
        sheets={
            str(s.id): s.title for s in grid.sheets_of(connection, snapshot) if s.id != NO_SHEET
        },
        systems={
            str(i): s.local_title
            for i, s in systems.items()
            if i not in hidden or i == chosen_system
        },
        graded=sum(e.points is not None for e in entries),
        by_hand=sum(e.authority == MANUAL for e in entries),
        linked=linked.of_assessments(connection, [item.id])[item.id] if item else None,
        others=others(snapshot, item) if item else {},
        joined=joining.joined(connection, snapshot.id, item.id) if item and item.peer else [],
    )
