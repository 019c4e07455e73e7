"""The command section import-assessments, run as a school runs it."""

from __future__ import annotations

from datetime import date
from io import BytesIO
from pathlib import Path
from typing import Any

import openpyxl
import pytest
import sqlalchemy as sa

from schooltool_bridge.gradebook import grid
from schooltool_bridge.store.model import assessment
from tests.helpers.gradebooks import make_book
from tests.helpers.roaming import app_of
from tests.helpers.site import Refused, Site


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    site = Site(tmp_path_factory.mktemp("site") / "home")
    with app_of(site) as app, app.database.write() as connection:
        assert make_book(connection, int(app.clock()) - 60, {"Quiz": 20}).section_id == 1
    return site


def items(site: Site) -> dict[str, Any]:
    with app_of(site) as app, app.database.read() as connection:
        return {item.name: item for item in grid.section_of(connection, 1).items}


@pytest.mark.requirement("R63", "E63")
def test_a_workbook_is_previewed_then_applied_then_changes_nothing(
    site: Site, tmp_path: Path
) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    for row in (
        [
            "Title",
            "Max Points",
            "Worksheet",
            "Category",
            "Due Date",
            "Description",
            "Label",
            "Room",
        ],
        ["Quiz", 25, "Term 1", "Homework", date(2026, 11, 30), "", "Q", "12"],
        [],
        ["Essay", 12.5, "Term 1", "essay", "30.11.2026", "Two pages", None, None],
    ):
        sheet.append(row)
    file = tmp_path / "work.xlsx"
    book.save(file)
    command = ("section", "import-assessments", "1", str(file))
    seen = site.run(*command, "--preview")
    assert {k: seen[k] for k in ("new", "changed", "unchanged", "failed", "applied")} == {
        "new": 1, "changed": 1, "unchanged": 0, "failed": 0, "applied": False,
    }  # fmt: skip
    assert seen["new_worksheets"] == ["Term 1"]
    assert seen["ignored_columns"] == ["Room"]
    assert set(items(site)) == {"Quiz"}
    assert site.run(*command)["applied"]
    found = items(site)
    assert (str(found["Quiz"].points), found["Quiz"].label) == ("25", "Q")
    assert found["Essay"].due_day == found["Quiz"].due_day == date(2026, 11, 30)
    assert found["Essay"].worksheet_id == found["Quiz"].worksheet_id is not None
    assert "0 new, 0 changed, 2 unchanged, 0 failed" in site.text(*command)


def test_one_wrong_cell_keeps_everything_out_and_is_named(site: Site, tmp_path: Path) -> None:
    before = items(site)
    file = tmp_path / "work.csv"
    file.write_text("name;points;category\nNew;10;\nQuiz;-1;\nOther;abc;\nThird;3;Nonsense\n")
    with pytest.raises(Refused) as refused:
        site.run("section", "import-assessments", "1", str(file))
    assert refused.value.status == 1
    assert len(refused.value.stderr.splitlines()) == 1
    assert "Row 3, column B: “-1” is below zero. (and 2 more)" in refused.value.stderr
    assert '"row": 4' in refused.value.stdout
    assert "There is no category “Nonsense”; there are: Assignment" in refused.value.stdout
    assert items(site) == before
    with app_of(site) as app, app.database.read() as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(assessment)).scalar()


@pytest.mark.requirement("E64")
@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"title,label\nQuiz,Q\n", "Row 1: The column “points” is missing"),
        (b"name,points,Points\nQuiz,1,2\n", "Row 1, column C: There is a second column “points”"),
        (b"name,points\nA,1\nA,2\n", "Row 3, column A: “A” stands in row 2 already"),
        (b"name,points\n,1\n", "Row 2, column A: name must not be empty"),
        (b"name,points,due\nA,1,11/30/2026\n", "column C: “11/30/2026” is no day"),
        (b"name,points\n", "There are no rows below the headings"),
        (b"", "holds no rows"),
        (BytesIO(b"x" * (5 * 1024 * 1024 + 1)).getvalue(), "at most 5 MB"),
    ],
)
def test_another_shape_is_refused_with_its_place(
    site: Site, tmp_path: Path, content: bytes, said: str
) -> None:
    file = tmp_path / "other.csv"
    file.write_bytes(content)
    with pytest.raises(Refused, match=r"mnet-peer: other\.csv: ") as refused:
        site.text("section", "import-assessments", "1", str(file))
    assert said in refused.value.stderr
