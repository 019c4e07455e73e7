"""Spreadsheets to fill in and upload: a section's students by its assessments, or its assessments.

What stands there already is in them, so that uploading one as it came changes nothing.
Source: RULES R63, E62, E63.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mnet.language import _
from schooltool_bridge.common.roles import STUDENT
from schooltool_bridge.gradebook import grid, upload_assessments
from schooltool_bridge.gradebook.grid import NO_SHEET
from schooltool_bridge.gradebook.upload import ASSESSMENTS, GRADES
from schooltool_bridge.store.model import person

CONTENT_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_Cell = str | Decimal | date | None
# What XML cannot hold.
_UNWRITABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")


def grades(connection: Connection, section_id: int) -> bytes:
    """Return a row a student, a column an assessment, to be filled; raises NotThere."""
    snapshot = grid.section_of(connection, section_id)
    names = [item.name for item in snapshot.items]
    # An assessment whose name another has cannot be named in a heading.
    heads = [name for name in names if names.count(name) == 1]
    rows: list[Sequence[_Cell]] = [["idnumber", "username", _("Name"), *heads]]
    students = snapshot.people(STUDENT)
    found = connection.execute(
        sa.select(person).where(person.c.id.in_(list(students))).order_by(
            person.c.lastname, person.c.firstname, person.c.id
        )
    )  # fmt: skip
    rows += [[row.idnumber, row.username, grid.full_name(row)] for row in found]
    return _workbook(rows)


def assessments(connection: Connection, section_id: int) -> bytes:
    """Return the section's assessments, a row each, to be added to; raises NotThere."""
    snapshot = grid.section_of(connection, section_id)
    categories = grid.categories_of(connection)
    sheets = {s.id: s.title for s in grid.sheets_of(connection, snapshot) if s.id != NO_SHEET}
    rows: list[Sequence[_Cell]] = [list(upload_assessments.COLUMNS)]
    names = [item.name for item in snapshot.items]
    rows += [
        [
            item.name, item.points, sheets.get(item.worksheet_id or NO_SHEET), item.label,
            categories.get(item.category_id or 0), item.due_day, item.description,
        ]
        for item in snapshot.items
        if names.count(item.name) == 1
    ]  # fmt: skip
    return _workbook(rows)


MAKERS: Mapping[str, Callable[[Connection, int], bytes]] = {
    GRADES: grades,
    ASSESSMENTS: assessments,
}


def _workbook(rows: Iterable[Sequence[_Cell]]) -> bytes:
    from openpyxl import Workbook  # noqa: PLC0415 - openpyxl loads slowly
    from openpyxl.cell import WriteOnlyCell  # noqa: PLC0415 - the same

    book = Workbook(write_only=True)
    sheet = book.create_sheet()
    sheet.freeze_panes = "A2"
    for row in rows:
        cells = []
        for value in row:
            text = _UNWRITABLE.sub(" ", value) if isinstance(value, str) else value
            cell = WriteOnlyCell(sheet)
            cell.value = text
            if isinstance(text, str) and text:
                cell.data_type = "s"  # also when it looks like a formula
                cell.number_format = "@"
            cells.append(cell)
        sheet.append(cells)
    made = io.BytesIO()
    book.save(made)
    return made.getvalue()
