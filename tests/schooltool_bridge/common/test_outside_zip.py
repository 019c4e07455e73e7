"""Zips that unpack to very much: read in a process that has little memory, they are refused."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
import zlib
from pathlib import Path

import openpyxl
import pytest

from schooltool_bridge.common import outside_zip

MB = 2**20
BOMB_BYTES = 96 * MB
# What reading may take beyond what a process has that has loaded all it needs.
SPARE_BYTES = 48 * MB
READ = """
import pathlib, resource, sys
import openpyxl
from schooltool_bridge.gradebook import reading, spreadsheet, workbook
from schooltool_bridge.oneroster.checking import check
from schooltool_bridge.oneroster.reading import Package
from schooltool_bridge.oneroster.writing import OneRosterError

pages = int(pathlib.Path("/proc/self/statm").read_text().split()[0])
most = pages * resource.getpagesize() + int(sys.argv[2])
resource.setrlimit(resource.RLIMIT_AS, (most, most))
path = pathlib.Path(sys.argv[1])
try:
    if path.suffix == ".xlsx":
        reading.read_tables(path.read_bytes())
    else:
        with Package(path) as package:
            print(*check(package, strict=False).problems)
except (spreadsheet.BadSheet, OneRosterError) as refused:
    print(refused)
"""


def output_of(path: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-c", READ, str(path), str(SPARE_BYTES)],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def packed(path: Path, part: str, method: int, *, content: bytes) -> None:
    """Put a part into a zip that is there, or begin one."""
    with zipfile.ZipFile(path, "a", method, compresslevel=1) as archive:
        archive.writestr(part, content)


def lie(path: Path, real: bytes, claimed: bytes) -> None:
    """Let a zip say of a part that it is another, shorter one, checksum included."""
    raw = path.read_bytes()
    for before, after in (
        (len(real), len(claimed)), (zlib.crc32(real), zlib.crc32(claimed))
    ):  # fmt: skip
        old, new = (n.to_bytes(4, "little") for n in (before, after))
        assert raw.count(old) == 2, "once before the part, once in the list"
        raw = raw.replace(old, new)
    path.write_bytes(raw)


@pytest.mark.requirement("R63")
@pytest.mark.parametrize("method", [zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2, zipfile.ZIP_DEFLATED])
def test_a_bomb_that_claims_to_be_small_is_refused_in_little_memory(
    tmp_path: Path, method: int
) -> None:
    zeros = b"<a>" + bytes(BOMB_BYTES)
    sheet = tmp_path / "bomb.xlsx"
    openpyxl.Workbook().save(sheet)
    # A workbook and a package at once.
    packed(sheet, "users.csv", method, content=zeros)
    assert sheet.stat().st_size < MB
    lie(sheet, zeros, zeros[:3])
    package = Path(shutil.copy(sheet, tmp_path / "bomb.zip"))
    # A deflated part ends where the zip says, which leaves an empty sheet, and no users.
    told = "damaged" if method != zipfile.ZIP_DEFLATED else "holds no rows"
    assert told in output_of(sheet)
    assert "users.csv" in output_of(package)


def test_a_list_of_parts_is_read_as_far_as_any_package_needs(tmp_path: Path) -> None:
    path = tmp_path / "many.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(20):
            archive.writestr(zipfile.ZipInfo(f"{number}{'x' * 60_000}"), b"")
    assert "list of parts is too long" in output_of(path)


def test_what_is_stored_or_deflated_is_read_whole(tmp_path: Path) -> None:
    content = bytes(range(256)) * 1000
    for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        path = tmp_path / f"{method}.zip"
        packed(path, "a", method, content=content)
        with path.open("rb") as raw, outside_zip.opened(raw) as archive:
            assert outside_zip.content(archive, archive.getinfo("a")) == content
