"""Packages from outside: whatever they hold, they are read within bounds or refused with a sentence."""

from __future__ import annotations

import csv
import io
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schooltool_bridge.oneroster import reading
from schooltool_bridge.oneroster.checking import check
from schooltool_bridge.oneroster.reading import BadRows, Package, Style
from schooltool_bridge.oneroster.writing import OneRosterError, package
from tests.schooltool_bridge.oneroster.story import judged


def zipped(path: Path, **files: bytes) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, data in files.items():
            archive.writestr(f"{name}.csv", data)
    return path


@pytest.mark.requirement("D.2")
def test_a_file_of_200_mb_and_a_bomb_are_refused_unread(tmp_path: Path) -> None:
    big = tmp_path / "big"
    big.mkdir()
    with (big / "users.csv").open("wb") as stream:
        stream.truncate(200 * 2**20)
    with pytest.raises(OneRosterError, match=r"users.csv has 200 MB"):
        Package(big)
    zeros = bytes(40 * 2**20)
    bomb = zipped(tmp_path / "bomb.zip", **{f"f{n}": zeros for n in range(8)})
    assert bomb.stat().st_size < 2 * 2**20
    with pytest.raises(OneRosterError, match="more than 300 MB in all"):
        Package(bomb)
    many = zipped(tmp_path / "many.zip", **{f"f{n}": b"" for n in range(101)})
    with pytest.raises(OneRosterError, match="more than 100 CSV files"):
        Package(many)


def test_a_zip_that_lies_about_a_size_is_read_no_further(tmp_path: Path) -> None:
    path = zipped(tmp_path / "lie.zip", users=b"sourcedId\r\n" + b"x" * 5000)
    raw = path.read_bytes()
    real, said = (5011).to_bytes(4, "little"), (12).to_bytes(4, "little")
    assert raw.count(real) == 2
    path.write_bytes(raw.replace(real, said))
    with Package(path) as opened:
        problems = check(opened, strict=False).problems
    assert any(p.file == "users.csv" and "cannot be read" in p.message for p in problems)


@pytest.mark.parametrize(
    "name", ["../users.csv", "/etc/users.csv", "a\\users.csv", "d/../users.csv"]
)
def test_names_that_lead_elsewhere_are_refused(tmp_path: Path, name: str) -> None:
    with zipfile.ZipFile(tmp_path / "p.zip", "w") as archive:
        archive.writestr(name, "x")
    with pytest.raises(OneRosterError, match="at the top of the zip"):
        Package(tmp_path / "p.zip")


def test_one_folder_of_a_zip_is_looked_into_and_two_are_not(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "p.zip", "w") as archive:
        for name in (
            "roster/",
            "roster/Users.CSV",
            "__MACOSX/roster/._Users.CSV",
            "roster/._orgs.csv",
        ):
            archive.writestr(name, "sourcedId\r\n")
    with Package(tmp_path / "p.zip") as opened:
        assert opened.names == {"users"}
        said = [f"{file}: {message}" for file, message in opened.oddities]
        assert [cells for _n, cells in opened.rows("users", Style("utf-8", ","))] == [["sourcedId"]]
    assert said == [
        "p.zip: the files stand in the folder 'roster'; the standard has them at the top",
        "Users.CSV: was read as users.csv",
    ]
    with zipfile.ZipFile(tmp_path / "p.zip", "a") as archive:
        archive.writestr("second/users.csv", "x")
    with pytest.raises(OneRosterError, match="several folders"):
        Package(tmp_path / "p.zip")


def test_links_and_doubles_and_what_is_no_zip_are_refused(tmp_path: Path) -> None:
    folder = tmp_path / "f"
    folder.mkdir()
    (folder / "users.csv").symlink_to("/etc/passwd")
    with pytest.raises(OneRosterError, match="no plain file"):
        Package(folder)
    raw = zipped(tmp_path / "twice.zip", users=b"a", usera=b"b").read_bytes()
    (tmp_path / "twice.zip").write_bytes(raw.replace(b"usera.csv", b"users.csv"))
    with pytest.raises(OneRosterError, match="twice"):
        Package(tmp_path / "twice.zip")
    with pytest.raises(OneRosterError, match="twice"):
        Package(zipped(tmp_path / "capitals.zip", users=b"a", USERS=b"b"))
    (tmp_path / "x.zip").write_bytes(b"PK no zip")
    with pytest.raises(OneRosterError, match="neither a folder nor a zip"):
        Package(tmp_path / "x.zip")


_ENCODINGS = ["utf-8", "utf-8-sig", "utf-16", "cp1252"]
_CELLS = st.text(st.characters(codec="cp1252", exclude_characters="\x00\r\n"), max_size=12)


@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(st.lists(_CELLS, min_size=3, max_size=3), max_size=5),
    encoding=st.sampled_from(_ENCODINGS),
    delimiter=st.sampled_from(",;\t"),
)
def test_what_was_written_is_read_in_every_way_of_writing(
    tmp_path_factory: pytest.TempPathFactory,
    rows: list[list[str]],
    encoding: str,
    delimiter: str,
) -> None:
    header = ["sourcedId", "status", "title"]
    stream = io.StringIO()
    csv.writer(stream, delimiter=delimiter).writerows([header, ["a", "", "é"], *rows])
    folder = tmp_path_factory.mktemp("h")
    (folder / "users.csv").write_bytes(stream.getvalue().encode(encoding))
    with Package(folder) as opened:
        style = opened.style("users")
        found = [cells for _number, cells in opened.rows("users", style)]
    assert style == Style(encoding if encoding != "utf-16" else "utf-16", delimiter)
    assert found == [header, ["a", "", "é"], *rows]


@settings(max_examples=150, deadline=None)
@given(
    data=st.binary(max_size=300)
    | st.text('sourcedId,";\r\n\t\x00éx', max_size=200).map(lambda t: t.encode())
    | st.text(max_size=100).map(lambda t: b"\xff\xfe" + t.encode("utf-16-le", "replace")),
    as_zip=st.booleans(),
    strict=st.booleans(),
)
def test_no_bytes_break_the_reader(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, *, as_zip: bool, strict: bool
) -> None:
    folder = tmp_path_factory.mktemp("h")
    files = {"users": data, "manifest": data, "results": data}
    for name, content in files.items():
        (folder / f"{name}.csv").write_bytes(content)
    path = zipped(folder / "z.zip", **files) if as_zip else folder
    with Package(path) as opened:
        report = check(opened, strict=strict)
    assert report.problems


def test_a_row_that_is_too_wide_or_too_long_has_its_number(tmp_path: Path) -> None:
    (tmp_path / "users.csv").write_text(f"a,b\n1,2\n3,{'x' * (reading.MAX_CELL_CHARS + 1)}\n")
    with Package(tmp_path) as opened, pytest.raises(BadRows) as caught:
        list(opened.rows("users", opened.style("users")))
    assert caught.value.row == 3


@pytest.mark.parametrize("line", [b",", b'"\n",'])
def test_a_row_without_an_end_is_read_no_further_than_all_its_cells(
    tmp_path: Path, line: bytes
) -> None:
    (tmp_path / "users.csv").write_bytes(b"a,b\n" + line * 3_000_000)
    with Package(tmp_path) as opened, pytest.raises(BadRows, match="more than 200 cells") as caught:
        list(opened.rows("users", Style("utf-8", ",")))
    assert caught.value.row == 2


@pytest.mark.parametrize(
    ("file", "before", "after", "place"),
    [
        ("orgs", "sourcedId,status", "status,sourcedId", "orgs.csv, row 1"),
        ("orgs", ",school,", ",School,", "orgs.csv, row 2, type"),
        ("users", "user-1,,", "user-1,active,", "users.csv, row 2, status"),
        ("users", "user-1,", "user 1,", "users.csv, row 2, sourcedId"),
        ("users", "user-2,", "user-1,", "users.csv, row 3, sourcedId"),
        ("enrollments", "class-1,", "class-9,", "enrollments.csv, row 2, classSourcedId"),
        ("academicSessions", "2026-09-01", "2026-9-1", "academicSessions.csv, row 2, startDate"),
        ("results", "fully graded", "graded", "results.csv, row 2, scoreStatus"),
        ("results", "user-1", "user-6", "results.csv, row 2, studentSourcedId"),
        ("lineItems", "period-of-term-ongoing", "term-ongoing", "lineItems.csv, row 2, gradingPeriodSourcedId"),
        ("manifest", "file.users,bulk\r\n", "", "manifest.csv, file.users"),
        ("manifest", "file.users,bulk", "file.users,absent", "users.csv"),
        ("manifest", "oneroster.version,1.1", "oneroster.version,9", "manifest.csv, oneroster.version"),
    ],
)  # fmt: skip
def test_the_checker_finds_what_a_strict_consumer_would(
    out: Path, file: str, before: str, after: str, place: str
) -> None:
    path = out / f"{file}.csv"
    text = path.read_bytes().decode()
    assert before in text
    path.write_bytes(text.replace(before, after, 1).encode())
    found = [str(p) for p in judged(out).problems]
    assert any(p.startswith(place) for p in found), found


def test_a_mark_and_broken_lines_are_no_standard(out: Path) -> None:
    path = out / "orgs.csv"
    text = path.read_bytes()
    path.write_bytes(b"\xef\xbb\xbf" + text)
    assert [p.file for p in judged(out).problems] == ["orgs.csv"]
    path.write_bytes(text.replace(b"Paris", b"Pa\r\nris"))
    assert "line break" in str(judged(out).problems[0])


def test_a_cell_is_written_on_one_line(tmp_path: Path) -> None:
    with package(tmp_path / "p") as folder:
        folder.write("x.csv", ["a", "b"], [{"a": "1\r\n2\n3", "b": '"'}, {"a": "=x,y"}])
    assert (tmp_path / "p" / "x.csv").read_bytes() == b'a,b\r\n1 2 3,""""\r\n"=x,y",\r\n'


@given(st.data())
def test_a_damaged_zip_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = tmp_path_factory.getbasetemp() / "damaged.zip"
    whole = bytearray(
        zipped(path, manifest=b"propertyName,value\r\n", users=b"sourcedId\r\n" * 9).read_bytes()
    )
    for _flip in range(data.draw(st.integers(1, 4))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(whole)
    try:
        with Package(path) as opened:
            check(opened, strict=False)
    except OneRosterError as problem:
        refusal = str(problem)
    else:
        refusal = "None."
    assert refusal.endswith(".")
