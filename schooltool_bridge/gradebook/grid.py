"""The page of a gradebook: a section's students by its items, as they stand now.

Reads in a fixed number of statements, however many students, items and grades there are; writes
nothing (entering.py). Source: RULES 1.5, R66, R75-R77, E18, E45.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mnet.folding import folded
from mnet.language import _
from schooltool_bridge.common import hiding
from schooltool_bridge.common.points import decimal_text
from schooltool_bridge.common.refusals import NotThere
from schooltool_bridge.common.roles import STUDENT
from schooltool_bridge.gradebook import marks
from schooltool_bridge.gradebook.marks import Mark
from schooltool_bridge.history import as_of, joined, meaning
from schooltool_bridge.history.averages import Score, ScoreSystem, is_before, number, percent_of
from schooltool_bridge.history.cells import MANUAL
from schooltool_bridge.history.snapshot import Entry, Item, SectionSnapshot
from schooltool_bridge.school import final_marks
from schooltool_bridge.store import shipped_titles
from schooltool_bridge.store.model import enrolment_state, person, section
from schooltool_bridge.store.model_school import category, score_system, worksheet

# Where an item stands that was put on no worksheet.
NO_SHEET = 0
_TOKEN_CHARS = 8


@dataclass(frozen=True, slots=True)
class Sheet:
    """A worksheet; id NO_SHEET gathers what is on none."""

    id: int
    title: str
    position: int


@dataclass(frozen=True, slots=True)
class Column:
    """An item and how it is marked."""

    item: Item
    system: ScoreSystem | None
    category: str
    # That students do not see it, in words; empty where they do.
    hidden: str = ""

    @property
    def is_peers(self) -> bool:
        """Whether a peer brought it or took it over."""
        return self.item.peer is not None


@dataclass(frozen=True, slots=True)
class Cell:
    """What stands in one cell; an empty authority: nothing does."""

    item_id: int
    person_id: int
    text: str
    # Changes with what stands here and with how the item is marked (see entering.py).
    token: str
    authority: str = ""
    # The peer's value beside an entry by hand, as this item writes it; None: the peer has none.
    beside: str | None = None
    # The item was due before the student came (RULES E18); it does not count.
    is_before: bool = False
    mark: Mark = marks.NO_GRADE
    # That the student does not see this grade, in words, whatever of its column.
    hidden: str = ""

    @property
    def name(self) -> str:
        """How forms call it."""
        return f"{self.item_id}.{self.person_id}"


@dataclass(frozen=True, slots=True)
class Row:
    """A student with the cells of the columns that are shown."""

    person_id: int
    name: str
    # The title of what became of the enrolment; empty while it is active.
    state: str
    percent: str
    cells: Sequence[Cell]
    # The same percentage as a number; None while nothing that counts is graded.
    share: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Grid:
    """A gradebook's page."""

    section: SectionSnapshot
    columns: Sequence[Column]
    rows: Sequence[Row]
    # Students who are no longer, or not yet, active; empty unless everybody was asked for.
    apart: Sequence[Row]
    # How many of those there are.
    apart_count: int
    sheets: Sequence[Sheet]
    categories: Mapping[int, str]
    systems: Mapping[int, ScoreSystem]
    # Final marks are stored: what is entered now only proposes others.
    is_closed: bool

    @property
    def cells(self) -> Iterable[Cell]:
        """Every cell that is shown."""
        return (cell for row in (*self.rows, *self.apart) for cell in row.cells)


def read(
    connection: Connection,
    section_id: int,
    zone: tzinfo,
    *,
    everybody: bool = False,
    sheet_id: int | None = None,
) -> Grid:
    """Read a section's gradebook: active students or everybody; all items or a worksheet's.

    `zone` is the school's, which says on which day a student came. Raises NotThere.
    """
    snapshot = section_of(connection, section_id)
    systems = systems_of(connection)
    categories = categories_of(connection)
    sheets = sheets_of(connection, snapshot)
    columns = [
        Column(
            item,
            systems.get(item.score_system_id) if item.score_system_id else None,
            categories.get(item.category_id, "") if item.category_id else "",
            hiding.words(item.hidden, zone),
        )
        for item in snapshot.items
        if sheet_id is None or sheet_of(item, sheets) == sheet_id
    ]
    active: list[Row] = []
    others: list[Row] = []
    for row in _rows(connection, snapshot, columns, zone):
        (others if row.state else active).append(row)
    return Grid(
        snapshot,
        columns,
        active,
        others if everybody else [],
        len(others),
        sheets,
        categories,
        systems,
        bool(final_marks.counts(connection, final_marks.of_section(section_id))),
    )  # fmt: skip - in the order of the fields


def section_of(connection: Connection, section_id: int) -> SectionSnapshot:
    """Return a section as it is now, with everybody in it; raises NotThere."""
    found = connection.execute(sa.select(section.c.id).where(section.c.id == section_id)).scalar()
    if found is None:
        raise NotThere(_("There is no section with id %(id)s.", id=section_id))
    home_id = joined.home(connection, section_id)
    if home_id != section_id:
        message = _("This section is one with another now, which has id %(id)s.", id=home_id)
        raise NotThere(message)
    return as_of.of_section(connection, section_id)


def systems_of(connection: Connection) -> dict[int, ScoreSystem]:
    """Return every score system by its id, hidden ones too: what was marked by them stays."""
    rows = connection.execute(sa.select(score_system).order_by(score_system.c.id))
    return {r.id: ScoreSystem(r.id, r.title, r.kind, [_score(s) for s in r.scores]) for r in rows}


def hidden_systems_of(connection: Connection) -> set[int]:
    """Return the score systems that are not offered any more."""
    hidden = sa.select(score_system.c.id).where(score_system.c.hidden)
    return set(connection.execute(hidden).scalars())


def categories_of(connection: Connection) -> dict[int, str]:
    """Return the titles of all categories by id, in their order."""
    rows = connection.execute(sa.select(category).order_by(category.c.title))
    return {r.id: r.title for r in rows}


def sheets_of(connection: Connection, snapshot: SectionSnapshot) -> list[Sheet]:
    """Return a section's worksheets in order; with NO_SHEET last when items are on none."""
    rows = connection.execute(
        sa.select(worksheet)
        .where(worksheet.c.section_id == snapshot.id)
        .order_by(worksheet.c.position, worksheet.c.id)
    )
    found = [Sheet(r.id, r.title, r.position) for r in rows]
    if found and any(sheet_of(item, found) == NO_SHEET for item in snapshot.items):
        found.append(Sheet(NO_SHEET, _("On no sheet"), found[-1].position + 1))
    return found


def sheet_of(item: Item, sheets: Sequence[Sheet]) -> int:
    """Return on which of a section's worksheets an item stands; NO_SHEET: on none of these.

    One that came with a section that was joined may be on a sheet of that one.
    """
    return next((sheet.id for sheet in sheets if sheet.id == item.worksheet_id), NO_SHEET)


def names_of(connection: Connection, people: Iterable[int]) -> dict[int, sa.Row[Any]]:
    """Return these people's rows by id."""
    rows = connection.execute(sa.select(person).where(person.c.id.in_(list(people))))
    return {r.id: r for r in rows}


def full_name(row: sa.Row[Any]) -> str:
    """Write a person's name; the user name where there is none."""
    return f"{row.firstname} {row.lastname}".strip() or str(row.username)


def mark_of(entry: Entry | None) -> Mark:
    """What a cell's entry says."""
    return Mark(entry.points, is_excused=entry.excepted) if entry else marks.NO_GRADE


def cell_of(snapshot: SectionSnapshot, column: Column, person_id: int, zone: tzinfo) -> Cell:
    """Return one cell."""
    item = column.item
    entry = snapshot.entries.get((item.id, person_id))
    mark = mark_of(entry)
    beside = None
    if entry is not None and entry.authority == MANUAL and entry.peer_points is not None:
        beside = marks.written(Mark(entry.peer_points), item, column.system)
    return Cell(
        item.id,
        person_id,
        marks.written(mark, item, column.system),
        _token(entry, item),
        entry.authority if entry else "",
        beside,
        is_before(snapshot, item, person_id, zone),
        mark,
        hiding.words(entry.hidden, zone) if entry else "",
    )  # fmt: skip - in the order of the fields


def _rows(
    connection: Connection, snapshot: SectionSnapshot, columns: Sequence[Column], zone: tzinfo
) -> list[Row]:
    students = snapshot.people(STUDENT)
    names = names_of(connection, students)
    asked = sa.select(enrolment_state, meaning.IS_ACTIVE.label("is_active"))
    states = {r.code: r for r in connection.execute(asked)}
    in_order = sorted(
        (i for i in students if i in names),
        key=lambda i: (folded(names[i].lastname), folded(names[i].firstname), i),
    )
    return [
        Row(
            who,
            full_name(names[who]),
            _state(states[snapshot.enrolments[who, STUDENT].code]),
            _percent(share),
            [cell_of(snapshot, column, who, zone) for column in columns],
            share,
        )
        for who in in_order
        for share in (percent_of(snapshot, who),)
    ]


def _state(state: sa.Row[Any]) -> str:
    return "" if state.is_active else shipped_titles.local_title(state.title)


def _percent(value: Decimal | None) -> str:
    return "" if value is None else _("%(number)s %%", number=number(value))


def _token(entry: Entry | None, item: Item) -> str:
    facts = (
        (entry.authority, decimal_text(entry.points), entry.excepted) if entry else None,
        decimal_text(item.points),
        item.score_system_id,
    )
    return hashlib.sha256(repr(facts).encode()).hexdigest()[:_TOKEN_CHARS]


def _score(stored: Mapping[str, Any]) -> Score:
    return Score(
        str(stored["score"]),
        Decimal(str(stored["percent"])),
        Decimal(str(stored["from"])),
        bool(stored["passes"]),
    )
