"""The grades of a section from a spreadsheet: a row a student, a column an assessment.

A student is known by idnumber, username or our id; an assessment by exactly its name, or as a
Moodle's own export and our own gradebook's CSV head it (grade_exports.py). An empty cell, or a
dash, leaves what is there: a spreadsheet never takes a grade away, the page does. What is written
is an entry by hand, which wins over a peer's; where the peer says just that, none is needed.
Source: RULES R63, R77, E40, E41, E44, E63, E64.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mnet.language import _
from schooltool_bridge.common.ids import key
from schooltool_bridge.common.roles import STUDENT
from schooltool_bridge.gradebook import grade_exports, grid, marks
from schooltool_bridge.gradebook.grid import Column
from schooltool_bridge.gradebook.marks import BadMark, Mark
from schooltool_bridge.gradebook.spreadsheet import Row, Table
from schooltool_bridge.gradebook.upload import (
    CHANGED,
    GRADES,
    NEW,
    DecimalMarks,
    Headings,
    Plan,
    bare,
    headings,
    without_rows,
)
from schooltool_bridge.hand.grades import Entry
from schooltool_bridge.history import averages, identity, joined
from schooltool_bridge.store.model import person_link, section

# By which a student is known; the first of them that a row fills counts, and no other may
# contradict it.
COLUMNS: Mapping[str, Sequence[str]] = {
    "idnumber": ("id number", "student number", "student id", "ID-Nummer"),
    "username": ("user name", "login", "Anmeldename", "Nutzername"),
    "id": ("our id",),
    "person": ("Person",),
}


@dataclass(frozen=True, slots=True)
class Marked:
    """What a column of the file marks."""

    column: Column
    # Whatever the item's score system is: another program's points.
    in_points: bool


@dataclass(frozen=True, slots=True)
class GradeChange:
    """One cell to write by hand."""

    kind: str
    what: str
    facts: Sequence[str]


def plan(connection: Connection, section_id: int, tables: Sequence[Table]) -> Plan:
    """Plan what a spreadsheet would do to a section's grades; raises NotThere."""
    found = Plan(section_id, GRADES)
    here = _Here.read(connection, section_id)
    for table in tables:
        columns = headings(found, table, COLUMNS)
        if not columns.columns:
            known = ", ".join(COLUMNS)
            sentence = _(
                "One of the columns %(known)s is missing; by them students are known.", known=known
            )
            found.add_problem(table, columns.row, None, sentence)
            continue
        items = _items(found, here, table, columns)
        if without_rows(found, table):
            continue
        here.marks_in = DecimalMarks(".") if here.is_ours else DecimalMarks.of_table(table, items)
        for row in table.rows[1:]:
            _plan_row(found, here, table, columns, items, row)
    return found


@dataclass(slots=True)
class _Here:
    """The section as it is, and what the spreadsheet has of it so far."""

    columns: Mapping[str, Sequence[Column]]
    # Each way in which a student is named: (column, name) to their ids.
    students: Mapping[tuple[str, str], set[int]]
    names: Mapping[int, str]
    marks: Mapping[tuple[int, int], Mark | None]
    seen: dict[tuple[int, int], int] = field(default_factory=dict)
    # What parts numbers in the sheet that is read.
    marks_in: DecimalMarks = field(default_factory=DecimalMarks)
    # It is the CSV of our own gradebook.
    is_ours: bool = False

    @classmethod
    def read(cls, connection: Connection, section_id: int) -> _Here:
        """Read what is there; raises NotThere."""
        snapshot = grid.section_of(connection, section_id)
        systems = grid.systems_of(connection)
        columns: dict[str, list[Column]] = {}
        for item in snapshot.items:
            system = systems.get(item.score_system_id) if item.score_system_id else None
            columns.setdefault(item.name, []).append(Column(item, system, ""))
        people = {who: who for who in snapshot.people(STUDENT)}
        people |= {m: root for m, root in identity.roots(connection).items() if root in people}
        rows = grid.names_of(connection, people)
        students: dict[tuple[str, str], set[int]] = {}

        def named(who: int, way: str, name: str | None) -> None:
            if name:
                students.setdefault((way, name), set()).add(people[who])

        for who, row in rows.items():
            named(who, "id", str(who))
            named(who, "idnumber", row.idnumber_key)
            # As reports for programs name somebody: by the number, or where there is none, by ours.
            named(who, "person", row.idnumber_key or str(who))
            named(who, "username", row.username_key)
        for link in connection.execute(
            sa.select(person_link)
            .join(section, section.c.peer_id == person_link.c.peer_id)
            .where(
                section.c.id.in_(joined.whole(connection, section_id).parts),
                person_link.c.person_id.in_(list(people)),
            )
        ):
            named(link.person_id, "idnumber", link.idnumber_key)
            named(link.person_id, "username", link.username_key)
        entries = {cell_key: grid.mark_of(entry) for cell_key, entry in snapshot.entries.items()}
        return cls(columns, students, {i: grid.full_name(row) for i, row in rows.items()}, entries)

    def named(self, way: str, written: str) -> set[int]:
        """Who has this number or name."""
        return self.students.get((way, written if way == "id" else key(written)), set())


def _items(found: Plan, here: _Here, table: Table, headed: Headings) -> dict[int, Marked]:
    """Return what each column marks; a heading that names none is a problem."""
    exported = grade_exports.of_headings(headed.others.values(), here.columns)
    here.is_ours = exported.is_ours
    items: dict[int, Marked] = {}
    named: set[str] = set()
    for number, text in headed.others.items():
        meant = exported.meant(text)
        same = here.columns.get(meant.name, ())
        if meant.is_left_aside:
            found.ignored.append(text)
        elif len(same) == 1 and meant.name not in named:
            named.add(meant.name)
            items[number] = Marked(same[0], meant.in_points)
        elif same:
            sentence = (
                _("“%(name)s” stands here twice; rename one.", name=meant.name[:60])
                if meant.name in named
                else _(
                    "“%(name)s” is the name of several assessments; rename one.",
                    name=meant.name[:60],
                )
            )
            found.add_problem(table, headed.row, number, sentence)
        elif exported.is_whole or bare(text) in grade_exports.beside():
            found.ignored.append(text)
        else:
            sentence = _("There is no assessment “%(name)s” in this section.", name=text[:60])
            found.add_problem(table, headed.row, number, sentence)
    if not items:
        sentence = _("No column is headed by an assessment's name.")
        found.add_problem(table, headed.row, None, sentence)
    return items


def _plan_row(
    found: Plan,
    here: _Here,
    table: Table,
    headed: Headings,
    items: Mapping[int, Marked],
    row: Row,
) -> None:
    person_id = _student(found, here, table, headed, row)
    if person_id is None:
        return
    for number, marked in items.items():
        text = row.cell(number)
        if text and not grade_exports.is_none(text):
            _plan_cell(found, here, table, row, number, marked, person_id)


def _student(found: Plan, here: _Here, table: Table, headed: Headings, row: Row) -> int | None:
    """Return whom a row is about; None: nobody, or two people, which is a problem."""
    ways = [name for name in COLUMNS if headed.cell(row, name)]
    if not ways:
        found.add_problem(table, row.number, None, _("This row names no student."))
        return None
    way = ways[0]
    written = grade_exports.bare_text(headed.cell(row, way))
    who = here.named(way, written)
    if len(who) != 1:
        sentence = (
            _(
                "No student of this section has the %(column)s “%(name)s”.",
                column=way,
                name=written[:60],
            )
            if not who
            else _(
                "Several students of this section have the %(column)s “%(name)s”.",
                column=way,
                name=written[:60],
            )
        )
        found.add_problem(table, row.number, headed.columns[way], sentence)
        return None
    (person_id,) = who
    for other in ways[1:]:
        beside = here.named(other, grade_exports.bare_text(headed.cell(row, other)))
        if beside and person_id not in beside:
            sentence = _(
                "The %(column)s is that of %(name)s, and the %(other)s that of %(second)s.",
                column=way,
                name=here.names[person_id],
                other=other,
                second=here.names[min(beside)],
            )
            found.add_problem(table, row.number, headed.columns[other], sentence)
            return None
    return person_id


def _plan_cell(
    found: Plan,
    here: _Here,
    table: Table,
    row: Row,
    number: int,
    marked: Marked,
    person_id: int,
) -> None:
    column = marked.column
    item = column.item
    cell_key = item.id, person_id
    what = f"{here.names[person_id]}, {item.name}"
    if cell_key in here.seen:
        sentence = _("%(what)s: stands in row %(row)s already.", what=what, row=here.seen[cell_key])
        found.add_problem(table, row.number, number, sentence)
        return
    here.seen[cell_key] = row.number
    try:
        mark = marks.read(
            row.cell(number),
            item,
            None if marked.in_points else column.system,
            here.marks_in.of(row, number),
        )
    except BadMark as problem:
        sentence = _("%(where)s: %(problem)s", where=what, problem=problem)
        found.add_problem(table, row.number, number, sentence)
        return
    before = here.marks.get(cell_key)
    if before == mark:
        found.unchanged += 1
        return
    shown = marks.written(mark, item, column.system)
    is_new = before is None or before == marks.NO_GRADE
    was = "" if before is None else marks.written(before, item, column.system)
    fact = shown if is_new else f"{was} → {shown}"
    # Letters and rounded percentages hide points, which must not change unseen either.
    counted = [averages.number(m.points) for m in (before, mark) if m and m.points is not None]
    is_exact = column.system is None or column.system.kind == "points"
    points = _("%(points)s points", points=" → ".join(counted))
    facts = [fact] if is_exact else [fact, points]
    if marks.is_above(mark, item):
        found.above += 1
        worth = averages.number(item.points)
        facts.append(_("more than the %(points)s points that it is worth", points=worth))
    found.changes.append(GradeChange(NEW if is_new else CHANGED, what, facts))
    found.entries.append(Entry(*cell_key, mark.points, excepted=mark.is_excused))
