"""Nothing on a report's paper prints over anything else, however long a note, name or state is."""

from __future__ import annotations

import itertools
import subprocess
from pathlib import Path

import pytest
from lxml import html

from schooltool_bridge.reports import history_lines, progress, section_report, transcript
from schooltool_bridge.reports.kinds import failing
from schooltool_bridge.reports.paper import Column, Paper, Table, with_local_heads
from schooltool_bridge.reports.pdf import make_pdf

# The columns of the reports with the longest texts that each may hold.
LONG = "a note that a counselor writes about a withdrawal, with all that was said about it, " * 3
TABLES = {
    "transcript": (
        transcript._COLUMNS,
        ("Algebra for beginners", "MATH-101", "88.5 %", "Withdrawn - No Grade", "5 Oct 2026", "0", LONG),
    ),
    "progress": (progress._COLUMNS, ("Quiz on fractions", "12", "20", "60 %", LONG)),
    "sections": (progress._OVERVIEW, ("Algebra for beginners", LONG, "Withdrawn - No Grade", "60 %")),
    "roster": (
        section_report._ROSTER,
        ("1", "Lovelace, Ada", "9" * 60, "Withdrawn - Medical, by the school's doctor", "5 Oct 2026", LONG),
    ),
    "failing": (
        failing._COLUMNS,
        ("Algebra for beginners", LONG, "1001", "Active", "12 %", "Has not met expectations yet", "below 60 %"),
    ),
    "history": (
        history_lines._COLUMNS,
        ("5 Oct 2026, 10:00", "5 Oct 2026, 10:00", "enrolment", LONG, "student", LONG, LONG, "https://moodle.example.org", LONG),
    ),
}  # fmt: skip
Box = tuple[float, float, float, float]


def words_of(pdf: bytes, tmp_path: Path) -> list[tuple[int, Box, str]]:
    """Each word with its page and box, as Poppler finds them."""
    (tmp_path / "report.pdf").write_bytes(pdf)
    command = ["pdftotext", "-bbox", str(tmp_path / "report.pdf"), "-"]
    tree = html.fromstring(subprocess.run(command, check=True, capture_output=True).stdout)
    found = []
    for number, page in enumerate(tree.iter("page")):
        for word in page.iter("word"):
            left, top, right, bottom = (
                float(word.get(n) or 0) for n in ("xmin", "ymin", "xmax", "ymax")
            )
            found.append((number, (left, top, right, bottom), word.text or ""))
    return found


def overlap(one: Box, other: Box) -> bool:
    across = min(one[2], other[2]) - max(one[0], other[0])
    down = min(one[3], other[3]) - max(one[1], other[1])
    return across > 0.5 and down > 2


@pytest.mark.system
@pytest.mark.parametrize("size", ["a4", "letter"])
@pytest.mark.parametrize("kind", TABLES)
def test_no_word_is_printed_over_another(kind: str, size: str, tmp_path: Path) -> None:
    columns, row = TABLES[kind]
    table = Table("A term", with_local_heads(columns), [row, row])
    paper = Paper(
        kind=kind, title="A report", subject="Ada Lovelace", short="x", as_of="As of today",
        tables=[table], flat=table, is_landscape=kind == "history",
    )  # fmt: skip
    words = words_of(make_pdf(paper, school="Hill School", size=size), tmp_path)
    assert len(words) > 50
    for (page, box, text), (other_page, other, other_text) in itertools.combinations(words, 2):
        assert page != other_page or not overlap(box, other), (text, other_text)


def test_a_short_column_stays_as_narrow_as_it_needs() -> None:
    table = Table(
        "",
        [Column("Name", share=4), Column("State"), Column("Note"), Column("Why")],
        [["Ada", "Active", "x" * 21, LONG]],
    )
    assert table.shares == [4, 0, 1, 2]
