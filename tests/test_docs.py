"""What the documents say is there: commands, settings, tests, faults, sections."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import click
import pytest

from mnet import faults
from mnet.settings import Settings
from schooltool_bridge.cli import main

TOP = Path(__file__).parent.parent
README = (TOP / "README.md").read_text()
PROTOCOL = (TOP / "mnet" / "PROTOCOL.md").read_text()
REQUIREMENTS = (TOP / "schooltool_bridge" / "REQUIREMENTS.md").read_text()
SOURCES = [
    f for d in ("mnet", "keys", "peers", "schooltool_bridge") for f in (TOP / d).rglob("*.py")
]


def commands(group: click.Group) -> Iterator[tuple[str, click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        yield name, command
        if isinstance(command, click.Group):
            yield from commands(command)


@pytest.mark.parametrize(("name", "command"), [*commands(main)])
def test_every_command_is_in_the_readme_and_says_what_it_does(
    name: str, command: click.Command
) -> None:
    assert re.search(rf"\b{name}\b", README)
    assert command.help


@pytest.mark.parametrize("name", [f.name for f in fields(Settings) if f.name != "home"])
def test_every_setting_is_in_the_readme(name: str) -> None:
    assert f"| `{name}` |" in README


def test_every_test_that_a_requirement_cites_stands_in_the_file_of_its_letter() -> None:
    files = {file.name: file for file in (TOP / "tests").rglob("test_*.py")}
    letters = dict(
        re.findall(r"`([A-Z]{1,2})` (?:is |its )?`(?:\w+/)*(test_\w+\.py)`", REQUIREMENTS)
    )
    defined = {
        (letter, name)
        for letter, file in letters.items()
        for name in re.findall(
            r"(?:def |^)(test_\w+|TestGradebook)", files[file].read_text(), re.MULTILINE
        )
    }
    cited = set(re.findall(r"\b([A-Z]{1,2}) (test_\w+|TestGradebook)", REQUIREMENTS))
    assert len(cited) > 30
    assert cited <= defined


def test_every_fault_is_in_the_protocol() -> None:
    codes = {
        c.code for c in vars(faults).values() if isinstance(c, type) and issubclass(c, faults.Fault)
    }
    assert {code for code in codes if f"{code}" not in PROTOCOL} == set()


def test_every_section_that_a_docstring_cites_exists() -> None:
    sections = set(re.findall(r"^#+ (\d+(?:\.\d+)?)", PROTOCOL, re.MULTILINE))
    for file in SOURCES:
        for cited in re.findall(r"\(section (\d+(?:\.\d+)?)\)", file.read_text()):
            assert cited in sections, f"{file}: section {cited}"
