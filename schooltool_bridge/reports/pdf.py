"""A report as a PDF: the paper as data for the template paper.typ, set within a time limit.

The same paper gives the same bytes: there is no clock inside. Source: RULES R69-R71.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

from mnet.language import _, ngettext, spoken
from mnet.refusal import Refusal
from schooltool_bridge.reports.paper import MAX_ROWS, Letterhead, Paper, Table, text

PROGRAM = Path(__file__).parent / "typeset.py"
SIZES = {"a4": "a4", "letter": "us-letter"}
# Five hundred students by twelve items take some seconds on a small machine.
MAX_TIME_S = 60
# More cells make hundreds of pages, which nobody reads.
MAX_CELLS = 60_000


class PdfError(Refusal):
    """The PDF could not be made; the text says what to do."""


def make_pdf(paper: Paper, *, school: str, size: str = "a4") -> bytes:
    """Set a paper on A4 or Letter ("a4", "letter"). Raises PdfError."""
    if sum(len(t.rows) * len(t.columns) for t in paper.tables) > MAX_CELLS:
        raise PdfError(_("This is too much for a PDF; take the CSV, or a single section."))
    try:
        done = subprocess.run(  # noqa: S603 - our own program, and data on its stdin
            [sys.executable, "-I", str(PROGRAM)],
            input=json.dumps(_data(paper, school, SIZES[size])).encode(),
            capture_output=True,
            check=True,
            timeout=MAX_TIME_S,
        )
    except subprocess.TimeoutExpired:
        raise PdfError(
            _("Making the PDF took too long; take the CSV, or a single section.")
        ) from None
    except subprocess.CalledProcessError as problem:
        errors = problem.stderr.decode("utf-8", "replace").strip().splitlines() or ["no reason"]
        raise PdfError(
            _("The PDF could not be made: %(reason)s", reason=errors[-1][:200])
        ) from None
    return done.stdout


def _data(paper: Paper, school: str, size: str) -> dict[str, object]:
    return {
        "size": size,
        "lang": spoken(),
        "landscape": paper.is_landscape,
        "school": text(school),
        "title": text(paper.title),
        "subject": _breakable(text(paper.subject), 30),
        "as_of": paper.as_of,
        "facts": [[text(n), text(v)] for n, v in paper.facts],
        "tables": [_table(t) for t in paper.tables],
        "pictures": [{"title": p.title, "svg": p.svg} for p in paper.pictures],
        "notes": [text(n, 1000) for n in paper.notes],
        "head": _head(paper.head) if paper.head is not None else None,
        # The template's own words; it puts the numbers in.
        "page": _("Page {page} of {pages}"),
    }


def _head(head: Letterhead) -> dict[str, object]:
    return {
        "address": [text(words) for words in head.address],
        "signatures": [text(words) for words in head.signatures],
        "logo": [*head.logo],  # as the template takes bytes
    }


def _table(table: Table) -> dict[str, object]:
    left_out = len(table.rows) - MAX_ROWS
    note = (
        ngettext("%(num)s more row is in the CSV.", "%(num)s more rows are in the CSV.", left_out)
        if left_out > 0
        else ""
    )
    return {
        "title": _breakable(text(table.title), 30),
        "facts": [[text(n), text(v)] for n, v in table.facts],
        "columns": [
            {"title": _breakable(text(c.title, 80), 9), "number": c.is_number, "share": share}
            for c, share in zip(table.columns, table.shares, strict=True)
        ],
        "rows": [[_breakable(text(cell), 18) for cell in row] for row in table.rows[:MAX_ROWS]],
        "note": " ".join(n for n in (text(table.note, 1000), note) if n),
        "empty": table.empty,
    }


def _breakable(words: str, chars: int) -> str:
    """Break a word that is too long for its column."""
    return re.sub(rf"(\S{{{chars}}})(?=\S{{4}})", "\\1\u200b", words)
