"""Joining PDFs: every page as it was, whatever stands on it; a file of another shape is refused."""

from __future__ import annotations

import subprocess
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from schooltool_bridge.reports.joining import BadPdf, join
from schooltool_bridge.reports.paper import Column, Paper, Table
from schooltool_bridge.reports.pdf import make_pdf

# What would lead a reader of PDFs astray that looks for words alone.
ODD = "Room (12 0 R) \\) 3 0 R >> stream endobj ((("


def paper(subject: str, rows: int = 1) -> Paper:
    table = Table("Items", [Column("Item"), Column("Points", is_number=True)], [[ODD, 5]] * rows)
    return Paper("progress", "Report", subject, "x", "As of today", [table], table)


def made(subject: str, rows: int = 1) -> bytes:
    return make_pdf(paper(subject, rows), school="School")


def printed(tool: str, pdf: bytes, folder: Path) -> str:
    file = folder / "joined.pdf"
    file.write_bytes(pdf)
    command = [tool, str(file), *(["-"] if tool == "pdftotext" else [])]
    done = subprocess.run(command, capture_output=True, check=True)
    assert done.stderr == b"", "no reader has anything to complain of"
    return done.stdout.decode()


@pytest.mark.system
def test_every_page_of_every_file_is_there_as_it_was(tmp_path: Path) -> None:
    files = [made("Ada"), made(ODD, 90), made("Ünal Şahin")]
    joined = join([("Ada", files[0]), (ODD, files[1]), ("Ünal", files[2])])
    single = [printed("pdftotext", file, tmp_path) for file in files]
    assert printed("pdftotext", joined, tmp_path) == "".join(single)
    pages = sum(text.count("\f") for text in single)
    assert pages > 3
    assert f"Pages:           {pages}\n" in printed("pdfinfo", joined, tmp_path)


def test_what_all_have_in_common_is_written_once() -> None:
    one = made("Ada")
    many = join([(str(n), one) for n in range(20)])
    assert len(many) < 10 * len(one)


def test_a_file_of_another_shape_is_refused() -> None:
    good = made("Ada")
    for bad in (
        b"", b"%PDF-1.7", good[:-30], good.replace(b"/Root ", b"/Toor "),
        good.replace(b"/Kids[", b"/Kids[9999 0 R "), good.replace(b"xref\n0 ", b"xref\n1 "),
    ):  # fmt: skip
        with pytest.raises(BadPdf):
            join([("x", bad)])
    with pytest.raises(BadPdf, match="no pages"):
        join([])


GOOD = made("Ada")


# What stands where its table has a number is no number.
@example(at=GOOD.rindex(b" 00000 n") - 10, other=bytes(7))
@given(at=st.integers(0, len(GOOD) - 1), other=st.binary(max_size=40))
def test_whatever_a_damaged_file_says_it_is_joined_or_refused(at: int, other: bytes) -> None:
    damaged = GOOD[:at] + other + GOOD[at + len(other) :]
    with suppress(BadPdf):
        assert join([("x", damaged)]).startswith(b"%PDF-")
