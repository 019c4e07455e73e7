"""The installed command: it starts, and each of its files loads alone, as a shell would have it.

Most tests fork commands from a process that has loaded all of them; see tests/helpers/forked.py.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from schooltool_bridge.cli import main as cli
from schooltool_bridge.cli.main import BELOW, COMMANDS
from schooltool_bridge.server.parts import VERSION

PROGRAM = Path(sys.executable).with_name("mnet-peer")
# One command of each file.
FILES = {place.split(":")[0]: [name] for name, place in COMMANDS.items()}
for group, below in BELOW.items():
    FILES |= {place.split(":")[0]: [group, name] for name, place in below.items()}


def run_command(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [str(PROGRAM), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def test_the_installed_command_starts_and_lists_every_command() -> None:
    assert run_command("--version").stdout == f"mnet-peer, version {VERSION}\n"
    listed = run_command("--help")
    assert listed.returncode == 0
    for name in COMMANDS:
        assert f"\n  {name} " in listed.stdout


def test_the_installed_command_ends_with_a_status_and_no_traceback(tmp_path: Path) -> None:
    refused = run_command("check", "--home", str(tmp_path / "none"))
    assert refused.returncode == 1
    assert "Traceback" not in refused.stderr
    assert run_command("nonsense").returncode == 2


@pytest.mark.parametrize("command", FILES.values(), ids=FILES)
def test_each_file_of_commands_loads_alone(command: list[str]) -> None:
    done = run_command(*command, "--help")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"Usage: mnet-peer {' '.join(command)} ")


def test_every_file_of_commands_is_listed() -> None:
    # What the commands share, and what runs behind `serve`.
    others = {"__init__", "entry", "main", "shared", "lazy_group", "lists", "serving"}
    there = {p.stem for p in Path(cli.__file__).parent.glob("*.py")}
    assert there - others == set(FILES)
