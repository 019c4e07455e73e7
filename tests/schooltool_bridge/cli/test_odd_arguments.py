"""Whatever a command is given, it answers in one line and changes nothing that it should not."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from schooltool_bridge.store import storage
from tests.helpers.site import Refused, Site

NO_UTF_8 = "M\udcfcller"  # as a Latin-1 terminal gives it
LONG = "x" * 300


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    return Site(tmp_path_factory.mktemp("odd") / "home")


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (("database", "backup", "/nonexistent/x"), "/nonexistent/x.part: No such file"),
        (("database", "backup", LONG), "File name too long"),
        (("database", "restore", LONG, "--yes"), "File name too long"),
        (("bundle", LONG), "File name too long"),
        (("export", "oneroster", LONG), "File name too long"),
        (("database", "copy", ""), "'' is no database"),
        (("database", "copy", "http://["), "is no database"),
        (("database", "copy", "nosuch://x/y"), "is no database"),
        (("person", "show", NO_UTF_8), "no UTF-8"),
        (("admin", "remove", NO_UTF_8), "no UTF-8"),
        (("section", "show", NO_UTF_8), "no UTF-8"),
        (("report", "progress", NO_UTF_8), "no UTF-8"),
        (("person", "show", "a\nb"), "There is no person"),
    ],
)
def test_one_line_says_what_is_wrong(site: Site, command: tuple[str, ...], said: str) -> None:
    with pytest.raises(Refused) as refused:
        site.run(*command)
    line = str(refused.value).strip()
    assert said in line
    assert "\n" not in line
    assert "Traceback" not in line


@pytest.mark.parametrize("what", ["retry", "dismiss", "resolve"])
def test_an_id_beyond_all_ids_is_a_wrong_argument(site: Site, what: str) -> None:
    with pytest.raises(Refused, match="is not in the range 1<=x<=2147483647"):
        site.run("inbox", what, "9" * 21)


def test_a_store_of_another_version_is_left_alone(tmp_path: Path) -> None:
    site = Site(tmp_path / "home")
    file = tmp_path / "home" / "mnet-peer.sqlite"
    with sqlite3.connect(file) as older:
        older.execute("UPDATE alembic_version SET version_num = '0001'")
    older.close()
    before = file.read_bytes()
    for command in (
        ("person", "add", "--username", "u", "--firstname", "f", "--lastname", "l"),
        ("person", "list"), ("peer", "list"), ("admin", "list"), ("key", "rotate"),
        ("notice", "run"), ("year", "list"), ("report", "issued"), ("calls", "list"),
    ):  # fmt: skip
        with pytest.raises(Refused, match="from another version of this program"):
            site.run(*command)
    assert file.read_bytes() == before
    site.run("database", "backup", str(tmp_path / "saved.sqlite"))
    with sqlite3.connect(file) as again:
        again.execute("UPDATE alembic_version SET version_num = ?", [storage.HEAD])
    again.close()
    site.run("person", "list")
