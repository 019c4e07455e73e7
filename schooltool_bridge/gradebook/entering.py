"""What somebody typed into the page of a gradebook, written as entries by hand.

Each cell comes with what the page showed. Where nothing was typed nothing is written; where
somebody else was faster, that stays and the cell is named; where one cell cannot be read,
nothing of the page is written. More points than an assessment is worth are asked about once.

Clearing a cell and releasing it are two things. An emptied cell is an entry by hand that says
"no grade": it wins over whatever the peer says. Releasing takes the entry by hand back, so that
the peer's value counts again, or nothing where the peer has none. Both stay in the history.
Source: RULES 1.5, R66, R72, R77, E39-E41.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from types import MappingProxyType

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mnet.language import _
from schooltool_bridge.gradebook import grid as grids
from schooltool_bridge.gradebook import marks
from schooltool_bridge.gradebook.grid import Cell, Column, Grid
from schooltool_bridge.gradebook.marks import BadMark, Mark
from schooltool_bridge.hand import grades
from schooltool_bridge.hand.grades import Entry
from schooltool_bridge.history.author import Author
from schooltool_bridge.history.averages import number
from schooltool_bridge.history.cells import MANUAL
from schooltool_bridge.store.model import section

CellKey = tuple[int, int]  # item, student
NOTHING_AGREED: Mapping[CellKey, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Typed:
    """A cell as it came back: what stands in it now, and what the page had shown there."""

    item_id: int
    person_id: int
    text: str
    shown: str
    token: str

    @property
    def is_changed(self) -> bool:
        """Whether somebody typed anything."""
        return self.text.strip() != self.shown.strip()


@dataclass(frozen=True, slots=True)
class Problem:
    """A cell that cannot be written, named by student and item."""

    cell_key: CellKey
    sentence: str


class Unreadable(Exception):
    """Some cells are no marks, or are to be asked about; nothing of the page was written."""

    def __init__(self, problems: Sequence[Problem], above: Mapping[CellKey, str]) -> None:
        """Keep each of them, and every text that says more than its assessment is worth."""
        super().__init__(" ".join(p.sentence for p in problems))
        self.problems = problems
        self.above = above


@dataclass(frozen=True, slots=True)
class Saved:
    """How many cells were written, and those that somebody else changed meanwhile."""

    written: int
    released: int
    conflicts: Sequence[Problem]


def lock(connection: Connection, section_id: int) -> None:
    """Let nobody else write this section's gradebook by hand until the transaction ends."""
    connection.execute(
        sa.select(section.c.id).where(section.c.id == section_id).with_for_update()
    )  # SQLite has one writer anyhow


def save(
    connection: Connection,
    author: Author,
    section_id: int,
    zone: tzinfo,
    typed: Iterable[Typed],
    release: Collection[tuple[CellKey, str]] = (),
    agreed: Mapping[CellKey, str] = NOTHING_AGREED,
) -> Saved:
    """Write what was typed, and release cells (each with the token that the page showed).

    `agreed` holds the texts above what their assessments are worth that were asked about.
    Raises Unreadable, then nothing was written; NotThere; Refused (hand.author).
    """
    lock(connection, section_id)
    found = _Found.of(grids.read(connection, section_id, zone, everybody=True))
    released_keys = {cell_key for cell_key, _token in release}
    changed = (t for t in typed if t.is_changed and (t.item_id, t.person_id) not in released_keys)
    wanted, conflicts = found.wanted(changed, agreed)
    entries = [Entry(*cell_key, m.points, excepted=m.is_excused) for cell_key, m in wanted.items()]
    grades.enter_all(connection, author, entries)
    releasing = []
    for cell_key, token in release:
        cell = found.cells.get(cell_key)
        if cell is None or cell.token != token:
            conflicts.append(found.conflict(cell_key, ""))
        elif cell.authority == MANUAL:
            releasing.append(cell_key)
    released = grades.release_all(connection, author, releasing)
    return Saved(len(wanted), released, conflicts)


@dataclass(frozen=True, slots=True)
class _Found:
    """The gradebook as it is now."""

    columns: Mapping[int, Column]
    cells: Mapping[CellKey, Cell]
    names: Mapping[int, str]

    @classmethod
    def of(cls, grid: Grid) -> _Found:
        return cls(
            {c.item.id: c for c in grid.columns},
            {(c.item_id, c.person_id): c for c in grid.cells},
            {row.person_id: row.name for row in (*grid.rows, *grid.apart)},
        )

    def wanted(
        self, typed: Iterable[Typed], agreed: Mapping[CellKey, str]
    ) -> tuple[dict[CellKey, Mark], list[Problem]]:
        """Return what to write where, and what somebody else changed; raises Unreadable."""
        wanted: dict[CellKey, Mark] = {}
        above: dict[CellKey, str] = {}
        conflicts, problems = [], []
        for one in typed:
            cell_key = one.item_id, one.person_id
            cell = self.cells.get(cell_key)
            if cell is None:
                conflicts.append(self.conflict(cell_key, one.text))
                continue
            column = self.columns[one.item_id]
            try:
                mark = marks.read(one.text, column.item, column.system)
            except BadMark as problem:
                problems.append(
                    Problem(
                        cell_key,
                        _("%(where)s: %(problem)s", where=self.where(cell_key), problem=problem),
                    )
                )
                continue
            if cell.mark != mark and marks.is_above(mark, column.item):
                above[cell_key] = one.text.strip()
                if agreed.get(cell_key) != above[cell_key]:
                    problems.append(self._question(cell_key, one.text, column))
                    continue
            if cell.token == one.token:
                wanted[cell_key] = mark
            elif cell.mark != mark:
                conflicts.append(self.conflict(cell_key, one.text))
        if problems:
            raise Unreadable(problems, above)
        return wanted, conflicts

    def _question(self, cell_key: CellKey, text: str, column: Column) -> Problem:
        sentence = _(
            "%(where)s: “%(text)s” is more than the %(points)s points that it is worth. Is that "
            "meant? Then save once more.",
            where=self.where(cell_key),
            text=text.strip()[: marks.MAX_QUOTED_CHARS],
            points=number(column.item.points),
        )
        return Problem(cell_key, sentence)

    def where(self, cell_key: CellKey) -> str:
        item_id, person_id = cell_key
        item = self.columns.get(item_id)
        name = self.names.get(person_id, _("A student who is not in the section"))
        about = item.item.name if item else _("an assessment that is gone")
        return f"{name}, {about}"

    def conflict(self, cell_key: CellKey, text: str) -> Problem:
        cell = self.cells.get(cell_key)
        now = (
            _("it is %(text)s now", text=cell.text or _("empty"))
            if cell
            else _("there is no such cell any more")
        )
        mine = text.strip()[: marks.MAX_QUOTED_CHARS]
        outcome = _("“%(text)s” was not written", text=mine) if mine else _("yours was not written")
        sentence = _(
            "%(where)s: somebody else changed it meanwhile, %(now)s; %(kept)s.",
            where=self.where(cell_key),
            now=now,
            kept=outcome,
        )
        return Problem(cell_key, sentence)
