"""The Moodle plugins are packed as a Moodle takes them, each time to the same bytes."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import pytest
from click.testing import CliRunner

from schooltool_bridge.cli.main import main
from schooltool_bridge.server import moodle_plugins
from schooltool_bridge.server.moodle_plugins import FOLDER, ROOTS, pack
from schooltool_bridge.server.parts import VERSION


@pytest.mark.parametrize("component", ROOTS)
def test_a_zip_holds_all_and_is_the_same_each_time(component: str) -> None:
    packed = pack(component)
    assert pack(component) == packed
    with zipfile.ZipFile(io.BytesIO(packed.data)) as opened:
        assert opened.testzip() is None
        names, root = opened.namelist(), ROOTS[component]
        read = {name: opened.read(name) for name in names}
    # As Moodle's own check of a zip wants it.
    assert all(name.startswith(f"{root}/") for name in names)
    assert f"{root}/lang/en/" in names
    assert f"{root}/lang/en/{component}.php" in names
    assert f"$plugin->component = '{component}';".encode() in read[f"{root}/version.php"]
    assert f"$plugin->version = {packed.version};".encode() in read[f"{root}/version.php"]
    # The release is the server's, so that whoever sees both knows whether they belong together.
    assert f"$plugin->release = '{VERSION}';".encode() in read[f"{root}/version.php"]
    files = [path for path in (FOLDER / component).rglob("*") if path.is_file()]
    assert read[f"{root}/COPYING.txt"] == moodle_plugins.LICENCE.read_bytes()
    assert len(files) + 1 == sum(not name.endswith("/") for name in names)
    assert packed.name == f"{component}-{packed.version}.zip"


def test_the_command_writes_one_and_says_its_digest(tmp_path: Path) -> None:
    file = tmp_path / "mnet.zip"
    done = CliRunner().invoke(main, ["--json", "plugin", "--sign-on", str(file)])
    assert done.exit_code == 0, done.output
    packed = pack(moodle_plugins.SIGN_ON)
    assert file.read_bytes() == packed.data
    assert json.loads(done.output)["sha256"] == packed.sha256
    again = CliRunner().invoke(main, ["plugin", "--sign-on", str(file)])
    assert again.exit_code == 1
    assert "exists already" in again.output
