"""Which test shows which requirement: schooltool_bridge/REQUIREMENTS.md, made from the tests.

    python -m tests.requirements      writes it anew

A test says what it shows: `@pytest.mark.requirement("R24", "1.7")`. The numbers and their
sentences stand in schooltool_bridge/RULES.md. Tests are read as text; none is run.
"""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

TESTS = Path(__file__).parent
BRIDGE = TESTS.parent / "schooltool_bridge"
RULES, WRITTEN = BRIDGE / "RULES.md", BRIDGE / "REQUIREMENTS.md"
MARKER = "requirement"

NUMBER = r"(?:[12]\.\d+|R\d+[a-e]?|E\d+|[A-E]\.\d)\b"
# A section is a heading, a requirement an item of a list; its first sentence says what it is.
_STATED = re.compile(
    rf"^#+ (?P<section>{NUMBER}) (?P<title>.+)$"
    rf"|^- \*\*(?P<number>{NUMBER})\*\* (?P<open>\(open\) )?(?P<sentence>.+?\.)(?= |$)",
    re.MULTILINE,
)
_ITEM = rf"{NUMBER}(?:-{NUMBER})?(?: \([^()]*\))?"
_CITED = re.compile(rf"\bRULES ({_ITEM}(?:(?:, | and ){_ITEM})*)")
_HEAD = """# Requirements, each with the test that shows it

Made by `python -m tests.requirements` from the markers on the tests; changes by hand are lost. The sentences are those of `RULES.md`, the paths begin at `tests/`. "open": nothing shows it yet.
"""


class Rule(NamedTuple):
    """A section of RULES.md, or a requirement, which some test has to show unless it is open."""

    number: str
    sentence: str
    is_requirement: bool
    is_open: bool


# Of each number, of each file (below tests/), the tests that show it.
Shown = Mapping[str, Mapping[str, list[str]]]


def rules(text: str | None = None) -> dict[str, Rule]:
    """Return what RULES.md states, by number, in its order."""
    stated = _STATED.finditer(RULES.read_text() if text is None else text)
    return {
        rule.number: rule
        for rule in (
            Rule(
                found["section"] or found["number"],
                found["title"] or found["sentence"],
                found["number"] is not None,
                found["open"] is not None,
            )
            for found in stated
        )
    }


def citations(text: str) -> Iterator[str]:
    """Yield each number that a text cites from RULES.md: `RULES 1.3 (answers), R5-R8`."""
    for found in _CITED.finditer(_flat(text)):
        yield from re.findall(NUMBER, re.sub(r"\([^()]*\)", "", found[1]))


def without_citations(text: str) -> str:
    """Return a text on one line, without what it cites from RULES.md."""
    return _CITED.sub("", _flat(text))


def _flat(text: str) -> str:
    return re.sub(r"\s*\n\s*(?:# )?", " ", text)


def marked(source: str) -> Iterator[tuple[str, str]]:
    """Yield the tests of a file with the numbers that they are marked with."""
    for node in ast.parse(source).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            for decorator in node.decorator_list:
                yield from ((node.name, number) for number in _numbers(decorator))
            if isinstance(node, ast.ClassDef):
                inside = marked(ast.unparse(ast.Module(node.body, [])))
                yield from ((f"{node.name}::{name}", number) for name, number in inside)
        elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Call):
            # A state machine of hypothesis is a test by assignment: Test = marker(Machine.TestCase)
            name = ast.unparse(node.targets[0])
            yield from ((name, number) for number in _numbers(node.value.func))


def _numbers(node: ast.expr) -> Iterator[str]:
    if not isinstance(node, ast.Call) or ast.unparse(node.func) != f"pytest.mark.{MARKER}":
        return
    for argument in node.args:
        number = ast.literal_eval(argument)
        assert isinstance(number, str), "a requirement's number is a text"
        yield number


def shown(files: Iterable[Path] | None = None) -> Shown:
    """Return which tests show what, as their markers say."""
    found: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for file in sorted(TESTS.rglob("test_*.py")) if files is None else files:
        for test, number in marked(file.read_text()):
            found[number][file.relative_to(TESTS).as_posix()].append(test)
    return found


def document(stated: Mapping[str, Rule], tests: Shown) -> str:
    """Return REQUIREMENTS.md: every requirement, and the sections that a test names."""
    parts = [_HEAD]
    for rule in stated.values():
        files = tests.get(rule.number, {})
        if not files and not rule.is_requirement:
            continue
        lines = [f"**{rule.number}** {rule.sentence}"]
        lines += [f"- `{file}`: " + ", ".join(f"`{t}`" for t in files[file]) for file in files]
        if rule.is_open:
            lines.append("- open")
        parts.append("\n".join(lines) + "\n")
    return "\n".join(parts)


if __name__ == "__main__":
    WRITTEN.write_text(document(rules(), shown()))
