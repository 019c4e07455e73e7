"""Everything held about one person, as a zip that they can read: JSON, tables, picture, reports.

Whatever a table about people has goes in, also columns that come later, but for what signs
somebody in (passwords, tokens and what is made of them). Handing out is written into the audit
trail. Source: RULES R38; manual/personal-data.md.
"""

from __future__ import annotations

import csv
import io
import json
import re
import zipfile
from collections.abc import Mapping, Sequence
from datetime import UTC
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mnet.database import in_parts
from mnet.language import N_, _
from peers import audit
from peers.model import audit_entry, peer
from schooltool_bridge.common import hiding
from schooltool_bridge.common.days import iso, local
from schooltool_bridge.common.refusals import Refused
from schooltool_bridge.history.author import Author
from schooltool_bridge.people import person_data
from schooltool_bridge.people.person_data import ABOUT, Known
from schooltool_bridge.sign_on import pictures
from schooltool_bridge.store.model import (
    assessment,
    enrolment_state,
    grade,
    inbox,
    person,
    section,
    section_history,
)
from schooltool_bridge.store.model_reports import issued_report

Rows = list[dict[str, object]]
# Columns that sign somebody in, or a browser's mark by which a peer would.
SECRET = re.compile(r"password_hash|password_wrapped|digest|agent_sha1")
# As what a column that refers to another table is shown.
TOLD = (
    (peer, "wwwroot"),
    (section, "name"),
    (assessment, "name"),
    (enrolment_state, "title"),
)
_README = """What {site} holds about {name}, as of {at}.

person.json    all of it, by the titles of the tables below
tables/        the same, a table each, for a spreadsheet (UTF-8)
picture.png    the picture, if there is one
reports/       reports that were handed out, as they were

Times are in UTC. Columns called "effective" say when something happened, "recorded" when it was
written down here, "by_actor" who here wrote it; where that is empty, the peer told it.
"hidden" says whether students see a grade on their pages, or from when on.
Passwords are not in it: they are kept only in a form that nobody can read.
"""


def make(connection: Connection, author: Author, person_id: int, *, site: str) -> tuple[bytes, str]:
    """Return the zip's bytes and a name for the file; raises Refused for nobody.

    Runs in the caller's transaction, with its entry in the audit trail.
    """
    there = sa.select(person).where(person.c.id == person_id)
    if connection.execute(there).first() is None:
        raise Refused("person", _("There is nobody with id %(id)s.", id=person_id))
    who = person_data.known(connection, person_id)
    row = connection.execute(sa.select(person).where(person.c.id == who.ids[0])).one()
    tables = gather(connection, who)
    content = {"site": site, "at": iso(author.now_unix_s), **tables}
    name = f"{row.firstname} {row.lastname}".strip() or row.username
    members = {
        "README.txt": _README.format(site=site, name=name, at=iso(author.now_unix_s)).encode(),
        "person.json": json.dumps(content, ensure_ascii=False, indent=2, default=str).encode(),
        **{f"tables/{title}.csv": as_csv(rows) for title, rows in tables.items() if rows},
        **_files(connection, who),
    }
    audit.record(
        connection,
        actor=author.actor,
        action=N_("personal data handed out"),
        subject=f"person {who.ids[0]}",
        detail={},
        now_unix_s=author.now_unix_s,
    )
    return _zipped(members, author.now_unix_s), f"person-{who.ids[0]}.zip"


def gather(connection: Connection, who: Known) -> dict[str, Rows]:
    """Return every row about a person, by the title of its table; columns as people read them."""
    words = _words(connection)
    found: dict[str, Rows] = {}
    for about in ABOUT:
        rows = connection.execute(
            sa.select(about.table).where(about.mine(who.ids)).order_by(*about.table.primary_key)
        )
        found[about.title] = [_shown(about.table, r._mapping, words) for r in rows]  # noqa: SLF001 - public
    _name_cells(connection, found["grade history"], who)
    _hide_cells(connection, found["grades"], who)
    history, entries = section_history.c.id, audit_entry.c.id
    taught = [r.id for r in person_data.taught_under(connection, who)]
    noted = [r.id for r in person_data.audit_about(connection, who)]
    events = [r.id for r in person_data.inbox_about(connection, who)]
    for title, table, column, ids in (
        ("sections that named them as teacher", section_history, history, taught),
        ("events that waited", inbox, inbox.c.id, events),
        ("audit trail", audit_entry, entries, noted),
    ):
        found[title] = [
            _shown(table, r._mapping, words)  # noqa: SLF001 - public
            for some in in_parts(sorted(set(ids)))
            for r in connection.execute(sa.select(table).where(column.in_(some)).order_by(column))
        ]
    return found


def as_csv(rows: Sequence[Mapping[str, object]]) -> bytes:
    """Write rows as a table for a spreadsheet, in which no cell is taken for a formula."""
    written = io.StringIO()
    titles = list(dict.fromkeys(name for row in rows for name in row))
    table = csv.writer(written)
    table.writerow(titles)
    table.writerows([_cell(row.get(name)) for name in titles] for row in rows)
    # The mark by which a spreadsheet knows UTF-8.
    return written.getvalue().encode("utf-8-sig")


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, (dict, list)):
        value = json.dumps(value, ensure_ascii=False)
    text = str(value)
    is_number = re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", text)
    return (
        f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) and not is_number else text
    )


def _words(connection: Connection) -> dict[str, dict[object, object]]:
    """What rows of other tables are called, by table and key."""
    found: dict[str, dict[object, object]] = {}
    for table, column in TOLD:
        (by,) = table.primary_key
        rows = connection.execute(sa.select(by, table.c[column]))
        found[table.name] = {row[0]: row[1] for row in rows}
    return found


def _shown(
    table: sa.Table, row: Mapping[Any, Any], words: Mapping[str, Mapping[object, object]]
) -> dict[str, object]:
    shown: dict[str, object] = {}
    for column in table.columns:
        value = row[column.name]
        if SECRET.search(column.name) or isinstance(value, bytes):
            continue
        if column.name.endswith("_unix_s"):
            # Before every event, and for good: no times.
            known = value is not None and value >= 0
            shown[column.name.removesuffix("_unix_s")] = iso(value) if known else None
            continue
        shown[column.name] = hiding.told(value) if column.name == "hidden" else value
        for reference in column.foreign_keys:
            called = words.get(reference.column.table.name)
            if called is not None:
                shown[column.name.removesuffix("_id") + "_is"] = called.get(value)
    return shown


def _name_cells(connection: Connection, rows: Rows, who: Known) -> None:
    """Say in the history of grades which assessment each row is about."""
    mine = grade.c.person_id.in_(who.ids)
    joined = sa.select(grade.c.id, assessment.c.name).join_from(
        grade, assessment, assessment.c.id == grade.c.assessment_id
    )
    names: dict[object, str] = {r.id: r.name for r in connection.execute(joined.where(mine))}
    for row in rows:
        row["assessment_is"] = names.get(row["grade_id"])


def _hide_cells(connection: Connection, rows: Rows, who: Known) -> None:
    """Say of each grade whether its whole assessment is hidden from students, beside its own."""
    mine = sa.select(grade.c.assessment_id).where(grade.c.person_id.in_(who.ids))
    there = sa.select(assessment.c.id, assessment.c.hidden).where(assessment.c.id.in_(mine))
    hidden: dict[object, int] = {r.id: r.hidden for r in connection.execute(there)}
    for row in rows:
        row["assessment_hidden"] = hiding.told(hidden[row["assessment_id"]])


def _files(connection: Connection, who: Known) -> dict[str, bytes]:
    found = {}
    for number, person_id in enumerate(who.ids):
        picture = pictures.of(connection, person_id)
        if picture is not None:
            found["picture.png" if number == 0 else f"picture-{number + 1}.png"] = picture.png
    report = issued_report.c
    issued = sa.select(report.number, report.pdf).where(report.person_id.in_(who.ids))
    for row in connection.execute(issued):
        found[f"reports/{re.sub(r'[^0-9A-Za-z-]', '_', row.number)}.pdf"] = row.pdf
    return found


def _zipped(members: Mapping[str, bytes], now_unix_s: int) -> bytes:
    now = local(now_unix_s, UTC)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            member = zipfile.ZipInfo(name, now.timetuple()[:6])
            member.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(member, data)
    return packed.getvalue()
