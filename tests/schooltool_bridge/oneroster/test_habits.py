"""Other systems' ways of writing, as they are meant: whatever a cell holds, a package is read."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schooltool_bridge.oneroster.habits import Reader
from schooltool_bridge.oneroster.report import Record, Report
from schooltool_bridge.oneroster.tables import TABLES, V1_1, V1_2
from tests.schooltool_bridge.oneroster.packages import district, edited, empty, gradebook, taken_in

FILES = (
    "academicSessions", "courses", "classes", "users", "enrollments", "categories", "lineItems",
    "results",
)  # fmt: skip
ODD = (
    "", " ", "0", "-1", "1,5", "1e9", "NaN", "2026-09-31", "2026/9/5", "20260905", "10/08/2026",
    "2026-09-05T10:00:00Z", "9999-12-31", "0001-01-01", "STUDENT", "To Be Deleted", "ext:other",
    "u1", "u2", "k1", "k2", "S1", "{Y}", "n1", "#42", "ann,lee", "S1,S2", "a\tb", "\u2028", "é" * 300,
    "'=1+1", "inactive", "exempt", "999999999999999999",
)  # fmt: skip


@pytest.mark.requirement("D.2")
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_whatever_stands_in_some_cells_it_is_read_or_refused_and_again_changes_nothing(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("odd")
    package = district(folder / "d")
    gradebook(package, "7")

    def change(rows: list[dict[str, str]]) -> None:
        row = data.draw(st.sampled_from(rows))
        column = data.draw(st.sampled_from(list(row)))
        row[column] = data.draw(st.sampled_from(ODD) | st.text(max_size=8))

    for _time in range(data.draw(st.integers(1, 3))):
        edited(package, data.draw(st.sampled_from(FILES)), change)
    school = empty(folder)
    before = school.counts()
    done = taken_in(school, package)
    if not done.applied:
        assert done.report.problems
        assert school.counts() == before
    else:
        again = taken_in(school, package)
        assert again.applied
        assert {what for counts in again.counts.values() for what in counts} <= {"unchanged"}
    school.database.close()


@given(
    version=st.sampled_from([V1_1, V1_2]),
    name=st.sampled_from(FILES),
    cell=st.sampled_from(ODD) | st.text(max_size=20),
    data=st.data(),
)
def test_what_was_read_once_is_read_the_same_again(
    version: str, name: str, cell: str, data: st.DataObject
) -> None:
    table = TABLES[version][name]
    columns = [c.name for c in table.columns]
    values = dict.fromkeys(columns, "x") | {data.draw(st.sampled_from(columns)): cell}
    report = Report(version=version)
    once = Reader(table, report).read(Record(2, values))
    if once is None:
        assert report.left_out[name] == 1
        assert report.warnings
    else:
        silent = Report(version=version)
        assert Reader(table, silent).read(once) == once


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("2026/9/5", "2026-09-05"),
        ("2026.09.05", "2026-09-05"),
        ("20260905", "2026-09-05"),
        ("2026-09-05 00:00:00", "2026-09-05"),
        ("2026-09-05T10:00:00.000Z", "2026-09-05"),
    ],
)
def test_a_day_that_can_only_mean_one_is_read(written: str, meant: str) -> None:
    report = Report()
    row = {"classSourcedId": "k", "userSourcedId": "u", "role": "Student", "beginDate": written}
    read = Reader(TABLES[V1_1]["enrollments"], report).read(Record(7, row))
    assert read is not None
    assert (read["beginDate"], read["role"]) == (meant, "student")
    assert [str(w) for w in report.warnings] == [
        "enrollments.csv, row 7, role: 'Student' was read as 'student'",
        f"enrollments.csv, row 7, beginDate: {written!r} was read as {meant!r}",
    ]
