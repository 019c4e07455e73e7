"""Uploading a section's assessments or grades: the file, what it would change, the yes.

The rows of the file travel in the form of the preview, packed, with a digest of what was shown:
nothing is kept here in between, and nothing else than what was shown is written.
Source: RULES R63, E62-E64.
"""

from __future__ import annotations

import base64
import binascii
import json
import zlib
from collections.abc import Callable, Sequence
from functools import partial

from sqlalchemy.engine import Connection

from mnet.language import _, ngettext
from peers.accounts import CLERK
from peers.web.view import FormLimits, PageError, Reply, Route, Tab, View, download, go, page
from schooltool_bridge.common.refusals import Refused
from schooltool_bridge.gradebook import (
    entering,
    grid,
    spreadsheet,
    templates,
    upload,
    upload_assessments,
    upload_grades,
)
from schooltool_bridge.gradebook.reading import read_tables
from schooltool_bridge.gradebook.spreadsheet import MAX_CHARS, MAX_FILE_BYTES, BadSheet, Row, Table
from schooltool_bridge.gradebook.upload import ASSESSMENTS, GRADES, HasProblems, NotAsShown, Plan
from schooltool_bridge.history.author import Author
from schooltool_bridge.server.parts import Parts
from schooltool_bridge.web.gradebook_pages import SECTION, section_path

UPLOAD = SECTION + "/upload"
PLANS: dict[str, Callable[[Connection, int, Sequence[Table]], Plan]] = {
    ASSESSMENTS: upload_assessments.plan,
    GRADES: upload_grades.plan,
}
# Beside the file come a few fields; what is too large by less than this is answered in words.
FORM = FormLimits(max_bytes=MAX_FILE_BYTES + 2 * 1024 * 1024, max_fields=20, takes_files=True)
# As JSON, a character takes at most so many bytes, brackets and quotes included.
MAX_PACKED_CHARS = 6 * 1024 * 1024
MAX_UNPACKED_BYTES = 12 * MAX_CHARS
# So many changes are shown one by one; the counts are of all.
MAX_SHOWN = 200


class GradebookUploadPages:
    """The pages of an upload."""

    def __init__(self, parts: Parts) -> None:
        """Use the server's parts."""
        self._parts = parts

    def routes(self) -> list[Route]:
        """Return the pages' addresses."""
        return [
            Route(UPLOAD, self.ask, CLERK),
            Route(UPLOAD, self.take, CLERK, ("POST",), form=FORM),
            *(
                Route(f"{UPLOAD}/{what}.xlsx", partial(self.template, what), CLERK)
                for what in templates.MAKERS
            ),
        ]

    def tabs(self) -> list[Tab]:
        """Return no entry of the navigation: a section leads here."""
        return []

    def ask(self, _view: View, section_id: int) -> Reply:
        """Ask for a file."""
        return self._form(section_id)

    def template(self, what: str, _view: View, section_id: int) -> Reply:
        """Answer with a spreadsheet to fill in."""
        with self._parts.database.read() as connection:
            body = templates.MAKERS[what](connection, section_id)
        return download(body, templates.CONTENT_TYPE, f"{what}-{section_id}.xlsx")

    def take(self, view: View, section_id: int) -> Reply:
        """Show what a file would change, or write just that when it was agreed to."""
        what = view.text("what")
        if what not in PLANS:
            return self._form(section_id, _("Choose what the file holds."))
        try:
            packed = view.text("rows", limit=MAX_PACKED_CHARS)
            if packed:
                return self._write(view, section_id, what, _unpacked(packed))
            file = view.files.get("file")
            if file is None or not file.name:
                return self._form(section_id, _("Choose a file first."), what)
            tables = read_tables(file.data)
            with self._parts.database.read() as connection:
                plan = PLANS[what](connection, section_id, tables)
        except BadSheet as problem:
            return self._form(section_id, str(problem), what)
        return self._preview(section_id, plan, tables, name=file.name)

    def _write(self, view: View, section_id: int, what: str, tables: Sequence[Table]) -> Reply:
        name = view.text("name")
        author = Author(view.who, view.now_unix_s, f"from {name}" if name else "")
        try:
            with self._parts.database.write() as connection:
                entering.lock(connection, section_id)
                plan = PLANS[what](connection, section_id, tables)
                upload.write(connection, author, plan, shown=view.text("digest"))
        except (HasProblems, NotAsShown) as problem:
            return self._preview(section_id, problem.plan, tables, name=name, again=str(problem))
        except Refused as problem:
            return self._form(section_id, f"{problem} {_('Nothing was changed.')}", what)
        count = len(plan.changes)
        if what == ASSESSMENTS:
            note = ngettext(
                "%(num)s assessment taken from the file.",
                "%(num)s assessments taken from the file.",
                count,
            )
        else:
            note = ngettext(
                "%(num)s grade taken from the file.", "%(num)s grades taken from the file.", count
            )
        return go(f"{section_path(view, section_id)}/gradebook", note)

    def _preview(
        self,
        section_id: int,
        plan: Plan,
        tables: Sequence[Table],
        *,
        name: str,
        again: str = "",
    ) -> Reply:
        with self._parts.database.read() as connection:
            snapshot = grid.section_of(connection, section_id)
        return page(
            "gradebook_preview.html",
            status=400 if plan.failed else 200,
            section=snapshot,
            plan=plan,
            shown=plan.changes[:MAX_SHOWN],
            more=max(0, len(plan.changes) - MAX_SHOWN),
            unread=max(0, plan.failed - len(plan.problems)),
            rows="" if plan.failed else _packed(tables),
            name=name,
            again=again,
        )

    def _form(self, section_id: int, problem: str = "", what: str = ASSESSMENTS) -> Reply:
        with self._parts.database.read() as connection:
            snapshot = grid.section_of(connection, section_id)
        return page(
            "gradebook_upload.html",
            status=400 if problem else 200,
            section=snapshot,
            problem=problem,
            what=what,
            max_mb=MAX_FILE_BYTES // spreadsheet.MIB,
            max_bytes=MAX_FILE_BYTES,
        )


def _packed(tables: Sequence[Table]) -> str:
    """Write rows into a form's field."""
    sentences = [
        [t.title, [[row.number, list(row.cells), sorted(row.numbers)] for row in t.rows]]
        for t in tables
    ]
    text = json.dumps(sentences, ensure_ascii=False, separators=(",", ":"))
    return base64.urlsafe_b64encode(zlib.compress(text.encode())).decode()


def _unpacked(packed: str) -> list[Table]:
    """Read rows from a form's field, within the same limits as a file; raises PageError."""
    try:
        unpack = zlib.decompressobj()
        text = unpack.decompress(base64.urlsafe_b64decode(packed), MAX_UNPACKED_BYTES)
        if not unpack.eof:
            raise ValueError  # noqa: TRY301 - beyond the limit, or cut
        tables = [
            Table(
                str(title),
                [
                    Row(int(n), [str(c) for c in cells], frozenset(int(i) for i in numbers))
                    for n, cells, numbers in rows
                ],
            )
            for title, rows in json.loads(text)
        ]
        if not all(table.rows for table in tables):
            raise ValueError  # noqa: TRY301 - spreadsheet.read leaves such out
    except (ValueError, TypeError, binascii.Error, zlib.error, RecursionError):
        raise PageError(_("The form could not be read; upload the file again.")) from None
    return tables
