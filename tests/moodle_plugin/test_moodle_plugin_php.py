"""The plugins for Moodle: what PHP says of every file, and the PHP tests of their code, with PHP alone.

Tests in PHP stand in units/*_test.php: functions whose names begin with test_, run against the
stand-in for Moodle in moodle.php.
"""

from __future__ import annotations

import functools
import json
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

HERE = Path(__file__).parent
TOP = HERE.parent.parent
PLUGINS = TOP / "schooltool_bridge" / "moodle_plugin"
FILES = sorted(PLUGINS.rglob("*.php"))
UNITS = sorted((HERE / "units").glob("*_test.php"))
MAX_LINES = 400


def php(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = ["php", "-d", "memory_limit=256M", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def names_in(file: Path) -> list[str]:
    return re.findall(r"^function (test_\w+)\(", file.read_text(), re.MULTILINE)


@functools.cache
def outcome_of(file: Path) -> dict[str, str | None]:
    done = php(HERE / "run.php", file)
    assert done.returncode == 0, done.stderr + done.stdout
    found: dict[str, str | None] = json.loads(done.stdout)
    return found


@pytest.mark.requirement("1.10", "R34", "R50", "R80", "R93", "R95")
@pytest.mark.parametrize(
    ("file", "name"),
    [(file, name) for file in UNITS for name in names_in(file)],
    ids=lambda value: value.stem if isinstance(value, Path) else value,
)
def test_code_of_the_plugins(file: Path, name: str) -> None:
    problem = outcome_of(file)[name]
    assert problem is None, problem


def test_every_file_is_php() -> None:
    done = [php("-l", file) for file in FILES]
    assert [d.stderr + d.stdout for d in done if d.returncode] == []


@pytest.mark.requirement("1.9")
def test_every_file_is_php_7_2_the_oldest_that_a_moodle_runs_on() -> None:
    done = php(HERE / "parse.php", *FILES)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_what_is_newer_is_seen(tmp_path: Path) -> None:
    newer = {
        "class A { public int $x; }": "a property with a type",
        "$f = fn($x) => $x;": "Syntax error",
        "$a ??= 3;": "??=",
        "$b = [...$c];": "... in an array",
        "f($a, );": "a comma after the last argument",
        "f(name: 3);": "a named argument",
        "$a?->b;": "?->",
        "str_contains('a', 'b');": "str_contains()",
        "$a = match(true) { default => 1 };": "Syntax error",
        "function f(int|string $a) {}": "a type of several",
    }
    for number, (code, what) in enumerate(newer.items()):
        file = tmp_path / f"{number}.php"
        file.write_text(f"<?php\n{code}\n")
        assert what in php(HERE / "parse.php", file).stdout
    old = tmp_path / "old.php"
    old.write_text("<?php\nfunction f(?int $a): iterable { return array($a ?? 1, [2,],); }\n")
    assert php(HERE / "parse.php", old).stdout == ""


def test_every_file_says_its_licence_and_stays_small() -> None:
    for file in FILES:
        text = file.read_text()
        assert "GNU General Public License" in text, file
        assert text.count("\n") <= MAX_LINES, file
        assert "\t" not in text, file
        assert re.search(r"[ ]$", text, re.MULTILINE) is None, file


def test_the_plugins_carry_our_version() -> None:
    ours = tomllib.loads((TOP / "pyproject.toml").read_text())["project"]["version"]
    for file in PLUGINS.glob("*/version.php"):
        assert f"$plugin->release = '{ours}';" in file.read_text(), file
