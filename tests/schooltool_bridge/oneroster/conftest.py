"""The story's export, made once and copied for whoever wants to break it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.schooltool_bridge.oneroster.story import exported, tell


@pytest.fixture(scope="session")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The story as both versions: folders called 1.1 and 1.2."""
    folder = tmp_path_factory.mktemp("story")
    school = tell(f"sqlite:///{folder / 's'}")
    for version in ("1.1", "1.2"):
        exported(school, folder / version, version)
    return folder


@pytest.fixture
def out(made_once: Path, tmp_path: Path) -> Path:
    """A copy of the story as 1.1."""
    return Path(shutil.copytree(made_once / "1.1", tmp_path / "out"))
