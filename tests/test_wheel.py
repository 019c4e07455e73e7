"""The wheel: built from the sources, installed into a venv of its own, served from there."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import time
import tomllib
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from zipfile import ZipFile

import pytest

from tests.helpers.visitor import Visitor, over_http
from tests.php_peer.runner import free_port

TOP = Path(__file__).parent.parent
PACKAGES = ("keys", "mnet", "peers", "schooltool_bridge")
NOT_OURS = shutil.ignore_patterns("__pycache__", "*.egg-info")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy, since building leaves folders behind."""
    source, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(TOP / name, source)
    for name in PACKAGES:
        shutil.copytree(TOP / name, source / name, ignore=NOT_OURS)
    pip("wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(out), str(source))
    (found,) = out.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def program(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The command in a venv that has our wheel, and beside it what the wheel needs."""
    folder = tmp_path_factory.mktemp("venv")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    python = folder / "bin" / "python"
    pip("--python", str(python), "install", "--no-deps", str(wheel))
    # A line of a .pth reads no further .pth there: our editable installation stays out.
    (site,) = folder.glob("lib/python3*/site-packages")
    (site / "beside.pth").write_text(f"{sysconfig.get_path('purelib')}\n")
    where = "import mnet, schooltool_bridge as s; print(mnet.__file__, s.__file__)"
    loaded = subprocess.run(
        [str(python), "-c", where], check=True, capture_output=True, text=True, cwd=folder
    )
    assert all(Path(file).is_relative_to(site) for file in loaded.stdout.split())
    return folder / "bin" / "mnet-peer"


def pip(*arguments: str) -> None:
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    environment = {**os.environ, "PIP_NO_INDEX": "1"}
    subprocess.run([*command, *arguments], check=True, env=environment, timeout=120)


@pytest.mark.requirement("R14")
def test_the_wheel_has_every_file_of_the_packages(wheel: Path) -> None:
    there = {
        str(file.relative_to(TOP))
        for name in PACKAGES
        for file in (TOP / name).rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    }
    with ZipFile(wheel) as packed:
        names = {name for name in packed.namelist() if ".dist-info/" not in name}
    assert names == there
    kinds = {name.rpartition(".")[2] for name in names}
    assert {"po", "php", "html", "typ", "md", "css", "js"} <= kinds


@pytest.mark.requirement("R14")
def test_what_was_installed_from_the_wheel_serves(program: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    (tmp_path / "password").write_text("correct horse battery")
    port = free_port()
    wwwroot = f"http://127.0.0.1:{port}"
    options = ["--language", "de", "--admin-password-file", str(tmp_path / "password")]
    command(program, "init", "--home", str(home), "--wwwroot", wwwroot, *options, cwd=tmp_path)
    with served(program, home, wwwroot):
        visitor = Visitor(over_http(port))
        assert "Anmelden" in visitor.get("/").text
        assert visitor.get("/admin/static/style.css").status == 200
        assert visitor.sign_in("admin", "correct horse battery").status == 303
        assert "systemctl" in visitor.get("/admin/help/operating").text
    plugin = tmp_path / "plugin.zip"
    command(program, "plugin", str(plugin), cwd=tmp_path)
    with ZipFile(plugin) as packed:
        assert "schooltool/version.php" in packed.namelist()


def command(program: Path, *arguments: str, cwd: Path) -> None:
    subprocess.run([str(program), *arguments], check=True, cwd=cwd, timeout=60)


@contextmanager
def served(program: Path, home: Path, wwwroot: str) -> Iterator[None]:
    with (home / "log").open("wb") as log:
        server = subprocess.Popen(
            [str(program), "serve", "--home", str(home)], cwd=home, stderr=log
        )
    for _attempt in range(2000):
        try:
            urllib.request.urlopen(f"{wwwroot}/healthz", timeout=2).close()
        except OSError:
            assert server.poll() is None, (home / "log").read_text()
            time.sleep(0.02)
        else:
            break
    try:
        yield
    finally:
        server.terminate()
        assert server.wait(15) == 0
    # Whoever started it is told where to look.
    assert f"Open {wwwroot} in a browser" in (home / "log").read_text()


def test_the_changes_say_what_is_new_in_this_version() -> None:
    version = tomllib.loads((TOP / "pyproject.toml").read_text())["project"]["version"]
    changes = (TOP / "schooltool_bridge" / "CHANGELOG.md").read_text()
    first = next(line for line in changes.splitlines() if line.startswith("## "))
    assert first == f"## {version}"


def copied() -> Iterator[str]:
    """What the container's file takes out of this folder."""
    for line in (TOP / ".ci" / "Containerfile").read_text().splitlines():
        words = line.split()
        if words[:1] == ["COPY"] and not words[1].startswith("--"):
            yield from words[1:-1]


def test_the_container_is_made_of_what_is_there() -> None:
    names = {*copied()}
    assert {name for name in names if not (TOP / name).exists()} == set()
    assert {*PACKAGES, "pyproject.toml"} <= names


@pytest.mark.parametrize(("status", "said"), [(0, "done in"), (3, "failed after")])
def test_an_installation_says_how_far_it_is_and_shows_its_output_when_it_fails(
    tmp_path: Path, status: int, said: str
) -> None:
    (tmp_path / "pins.txt").write_text("ann==1\nbea==2\n")
    script = f"echo 'Collecting ann==1'; echo 'a long story'; exit {status}"
    shown = [str(TOP / ".ci/progress"), "Installing", str(tmp_path / "pins.txt")]
    done = subprocess.run([*shown, "sh", "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == status
    assert said in done.stderr
    assert ("a long story" in done.stderr) == bool(status)
