"""The house: imports run downwards only and never in a circle, the pure half is pure, files stay small.

An import counts wherever it stands: at the top, in a function, for the type checker alone.
"""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

TOP = Path(__file__).parent.parent
FLOORS = ("mnet", "keys", "peers", "schooltool_bridge")
# The packages of schooltool_bridge: each imports only those before it.
PACKAGES = (
    "common", "store", "history", "events", "school", "sign_on", "hand", "reports", "gradebook",
    "oneroster", "people", "remote_enrolment", "full_sync", "notices", "server", "web", "cli",
)  # fmt: skip
# Alembic finds these by their folder; nobody imports them.
MIGRATIONS = "migrations"
DOCUMENT_FOLDERS = {"manual"}
# PHP, which a Moodle runs and nothing here imports.
PLUGINS = "moodle_plugin"
PURE = (
    "protocol", "faults", "safe_xml", "envelope", "xmlrpc", "xmlrpc_write", "dispatcher", "layout",
    "xmlrpc_flat",
)  # fmt: skip
IMPURE_MODULES = {"twisted", "treq", "sqlalchemy", "os", "time", "socket", "pathlib", "subprocess"}
FILES = [f for floor in FLOORS for f in sorted((TOP / floor).rglob("*.py"))]
TESTS = sorted((TOP / "tests").rglob("*.py"))
MAX_LINES = 400
# With the reason.
LONGER = {
    "schooltool_bridge/migrations/versions/0001_first.py": "written down for good",
}
VISIBLE = {
    "pyproject.toml", "README.md", "Makefile", "LICENSE", "keys", "mnet", "peers",
    "schooltool_bridge", "tests",
}  # fmt: skip


def imported(file: Path) -> set[str]:
    """The modules that a file imports; of `from a import b` both, since b may be a module."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: relative import"
            found |= {node.module or "", *(f"{node.module}.{a.name}" for a in node.names)}
    return found


def rank(module: str) -> tuple[int, int] | None:
    """The floor and package of a module of ours; None for all others."""
    floor, _dot, rest = module.partition(".")
    if floor not in FLOORS:
        return None
    package = rest.split(".")[0] if floor == "schooltool_bridge" else ""
    return FLOORS.index(floor), PACKAGES.index(package) if package in PACKAGES else -1


def module_of(file: Path) -> str:
    parts = file.relative_to(TOP).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@pytest.mark.parametrize("file", FILES, ids=lambda f: str(f.relative_to(TOP)))
def test_imports_run_downwards_only(file: Path) -> None:
    here = rank(module_of(file))
    assert here is not None
    if MIGRATIONS in file.parts:
        return
    upwards = {name for name in imported(file) if (there := rank(name)) and there > here}
    assert not upwards


def test_a_migration_stays_as_it_was_written() -> None:
    versions = [f for f in FILES if f.parent.name == "versions"]
    of_ours = {name for f in versions for name in imported(f) if rank(name)}
    assert of_ours == {
        "schooltool_bridge.migrations.guards",
        "schooltool_bridge.migrations.guards.guards_off",
        "schooltool_bridge.migrations.guards.guards_on",
    }


def test_every_package_has_its_place_and_only_documents_stand_beside_them() -> None:
    root = TOP / "schooltool_bridge"
    assert {p.name for p in root.iterdir() if p.is_dir()} - {"__pycache__"} == {
        *PACKAGES, MIGRATIONS, *DOCUMENT_FOLDERS, PLUGINS
    }  # fmt: skip
    assert {p.name for p in root.iterdir() if p.is_file() and p.suffix != ".md"} == {"__init__.py"}


def test_no_circle_of_any_kind() -> None:
    modules = {module_of(file): file for file in FILES}
    below = {name: (imported(file) & set(modules)) - {name} for name, file in modules.items()}
    # A package's own file says no more than what is in it.
    below = {
        name: {m for m in found if modules[m].name != "__init__.py"}
        for name, found in below.items()
    }
    with_nothing_left_below: set[str] = set()
    while (
        free := {n for n, found in below.items() if found <= with_nothing_left_below}
        - with_nothing_left_below
    ):
        with_nothing_left_below |= free
    assert set(modules) - with_nothing_left_below == set()


@pytest.mark.parametrize("name", PURE)
def test_the_pure_half_is_pure(name: str) -> None:
    packages = {i.split(".")[0] for i in imported(TOP / "mnet" / f"{name}.py")}
    assert not packages & IMPURE_MODULES


@pytest.mark.parametrize("name", ["events/fields", "history/fold", "history/fold_enrolments"])
def test_the_rules_of_the_sis_are_pure_too(name: str) -> None:
    packages = {i.split(".")[0] for i in imported(TOP / "schooltool_bridge" / f"{name}.py")}
    assert not packages & (IMPURE_MODULES - {"sqlalchemy"})


@pytest.mark.parametrize("file", FILES, ids=lambda f: str(f.relative_to(TOP)))
def test_a_file_says_what_it_does_and_stays_small(file: Path) -> None:
    text = file.read_text()
    assert ast.get_docstring(ast.parse(text)), "no first lines"
    assert len(text.splitlines()) <= MAX_LINES or str(file.relative_to(TOP)) in LONGER


def test_files_of_tests_stay_small_too() -> None:
    lengths = {str(f.relative_to(TOP)): len(f.read_text().splitlines()) for f in TESTS}
    assert {name: n for name, n in lengths.items() if n > MAX_LINES} == {}


@pytest.mark.parametrize("file", FILES, ids=lambda f: str(f.relative_to(TOP)))
def test_one_module_tells_which_kind_of_database_it_is(file: Path) -> None:
    if file == TOP / "mnet/engines.py" or MIGRATIONS in file.parts:
        return
    assert "dialect.name" not in file.read_text(), "ask mnet/engines.py"
    assert "get_backend_name" not in file.read_text(), "ask mnet/engines.py"


def test_nothing_else_lies_at_the_top() -> None:
    visible = {p.name for p in TOP.iterdir() if not p.name.startswith(".")}
    made_by_tools = {p for p in visible if p.endswith(".egg-info") or p == "build"}
    assert visible - made_by_tools <= VISIBLE
