"""The house: imports run downwards only, the pure half is pure, files stay small."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

TOP = Path(__file__).parent.parent
FLOORS = ("mnet", "keys", "peers", "schooltool_bridge")
PURE = (
    "protocol", "faults", "safe_xml", "envelope", "xmlrpc", "xmlrpc_write", "dispatcher", "layout",
    "xmlrpc_flat",
)  # fmt: skip
IMPURE_MODULES = {"twisted", "treq", "sqlalchemy", "os", "time", "socket", "pathlib", "subprocess"}
FILES = [f for floor in FLOORS for f in sorted((TOP / floor).rglob("*.py"))]
VISIBLE = {
    "pyproject.toml", "README.md", "Makefile", "LICENSE", "keys", "mnet", "peers",
    "schooltool_bridge", "tests",
}  # fmt: skip


def imported(file: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: relative import"
            found.add(node.module or "")
    return found


@pytest.mark.parametrize("file", FILES, ids=lambda f: str(f.relative_to(TOP)))
def test_imports_run_downwards_only(file: Path) -> None:
    floor = FLOORS.index(file.relative_to(TOP).parts[0])
    packages = {name.split(".")[0] for name in imported(file)}
    assert not packages & set(FLOORS[floor + 1 :])


@pytest.mark.parametrize("name", PURE)
def test_the_pure_half_is_pure(name: str) -> None:
    packages = {i.split(".")[0] for i in imported(TOP / "mnet" / f"{name}.py")}
    assert not packages & IMPURE_MODULES


@pytest.mark.parametrize("name", ["fields", "fold"])
def test_the_rules_of_the_sis_are_pure_too(name: str) -> None:
    packages = {i.split(".")[0] for i in imported(TOP / "schooltool_bridge" / f"{name}.py")}
    assert not packages & (IMPURE_MODULES - {"sqlalchemy"})


@pytest.mark.parametrize("file", FILES, ids=lambda f: str(f.relative_to(TOP)))
def test_a_file_says_what_it_does_and_stays_small(file: Path) -> None:
    text = file.read_text()
    assert ast.get_docstring(ast.parse(text)), "no first lines"
    assert len(text.splitlines()) <= 430


def test_nothing_else_lies_at_the_top() -> None:
    visible = {p.name for p in TOP.iterdir() if not p.name.startswith(".")}
    made_by_tools = {p for p in visible if p.endswith(".egg-info") or p == "build"}
    assert visible - made_by_tools <= VISIBLE
