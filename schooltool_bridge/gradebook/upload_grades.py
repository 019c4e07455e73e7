"""The grades of a section from a spreadsheet: a row a student, a column an assessment.

A student is known by idnumber, username or our id; an assessment by exactly its name. An empty
cell leaves what is there: a spreadsheet never takes a grade away, the page does. What is written
is an entry by hand, which wins over a peer's; where the peer says just that, none is needed.
Source: R63, R77; E40, E41, E44, E63, E64.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mnet.language import _
from mnet.letters import nfc
from schooltool_bridge import identity
from schooltool_bridge.fields import STUDENT, key
from schooltool_bridge.gradebook import grid, marks
from schooltool_bridge.gradebook.grid import Column
from schooltool_bridge.gradebook.marks import BadMark, Mark
from schooltool_bridge.gradebook.spreadsheet import Row, Table
from schooltool_bridge.gradebook.upload import (
    CHANGED,
    GRADES,
    NEW,
    Headings,
    Plan,
    bare,
    headings,
    without_rows,
)
from schooltool_bridge.hand.grades import Entry
from schooltool_bridge.model import person_link, section
from schooltool_bridge.reports import averages

# By which a student is known; the first of them that a row fills counts.
COLUMNS: Mapping[str, Sequence[str]] = {
    "idnumber": ("id number", "student number", "student id"),
    "username": ("user name", "login"),
    "id": ("our id",),
}
# What stands beside the marks in most lists and is not read.
_BESIDE = frozenset(
    bare(text)
    for text in (
        "name", "student", "first name", "last name", "surname", "full name", "email",
        "email address", "percent", "state", "total", "course total",
        "last downloaded from this course",
    )
)  # fmt: skip


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
        for row in table.rows[1:]:
            _plan_row(found, here, table, columns, items, row)
    return found


@dataclass(slots=True)
class _Here:
    """The section as it is, and what the spreadsheet said of it so far."""

    columns: Mapping[str, Sequence[Column]]
    # Each way in which a student is named: (column, name) to their ids.
    students: Mapping[tuple[str, str], set[int]]
    names: Mapping[int, str]
    marks: Mapping[tuple[int, int], Mark | None]
    seen: dict[tuple[int, int], int] = field(default_factory=dict)

    @classmethod
    def read(cls, connection: Connection, section_id: int) -> _Here:
        then = grid.section_of(connection, section_id)
        systems = grid.systems_of(connection)
        columns: dict[str, list[Column]] = {}
        for item in then.items:
            system = systems.get(item.score_system_id) if item.score_system_id else None
            columns.setdefault(item.name, []).append(Column(item, system, ""))
        people = {who: who for who in then.people(STUDENT)}
        people |= {m: root for m, root in identity.roots(connection).items() if root in people}
        rows = grid.names_of(connection, people)
        students: dict[tuple[str, str], set[int]] = {}

        def named(who: int, way: str, name: str | None) -> None:
            if name:
                students.setdefault((way, name), set()).add(people[who])

        for who, row in rows.items():
            named(who, "id", str(who))
            named(who, "idnumber", row.idnumber_key)
            named(who, "username", row.username_key)
        for link in connection.execute(
            sa.select(person_link)
            .join(section, section.c.peer_id == person_link.c.peer_id)
            .where(section.c.id == section_id, person_link.c.person_id.in_(list(people)))
        ):
            named(link.person_id, "idnumber", link.idnumber_key)
            named(link.person_id, "username", link.username_key)
        entries = {place: grid.mark_of(entry) for place, entry in then.entries.items()}
        return cls(columns, students, {i: grid.full_name(row) for i, row in rows.items()}, entries)


def _items(found: Plan, here: _Here, table: Table, headed: Headings) -> dict[int, Column]:
    """Return what each column marks; a heading that names none is a problem."""
    items = {}
    named: set[str] = set()
    for number, text in headed.others.items():
        name = nfc(text)
        same = here.columns.get(name, ())
        if len(same) == 1 and name not in named:
            named.add(name)
            items[number] = same[0]
        elif same:
            sentence = (
                _("“%(name)s” stands here twice; rename one.", name=text[:60])
                if name in named
                else _("“%(name)s” is the name of several assessments; rename one.", name=text[:60])
            )
            found.add_problem(table, headed.row, number, sentence)
        elif bare(text) in _BESIDE:
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
    items: Mapping[int, Column],
    row: Row,
) -> None:
    way = next((name for name in COLUMNS if headed.cell(row, name)), None)
    if way is None:
        found.add_problem(table, row.number, None, _("This row names no student."))
        return
    written = headed.cell(row, way)
    who = here.students.get((way, written if way == "id" else key(written)), set())
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
        return
    (person_id,) = who
    for number, column in items.items():
        text = row.cell(number)
        if text:
            _plan_cell(found, here, table, row.number, number, column, person_id, text)


def _plan_cell(
    found: Plan,
    here: _Here,
    table: Table,
    row: int,
    number: int,
    column: Column,
    person_id: int,
    text: str,
) -> None:
    item = column.item
    place = item.id, person_id
    what = f"{here.names[person_id]}, {item.name}"
    if place in here.seen:
        sentence = _("%(what)s: stands in row %(row)s already.", what=what, row=here.seen[place])
        found.add_problem(table, row, number, sentence)
        return
    here.seen[place] = row
    try:
        mark = marks.read(text, item, column.system)
    except BadMark as problem:
        sentence = _("%(where)s: %(problem)s", where=what, problem=problem)
        found.add_problem(table, row, number, sentence)
        return
    before = here.marks.get(place)
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
    facts = (fact,) if is_exact else (fact, points)
    found.changes.append(GradeChange(NEW if is_new else CHANGED, what, facts))
    found.entries.append(Entry(*place, mark.points, excepted=mark.is_excused))
