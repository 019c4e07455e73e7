"""A site in memory with its frame, and a real one with a way into its store."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mnet import settings
from mnet.transport import Transport
from peers.web.frame import Frame
from schooltool_bridge.server.app import App
from schooltool_bridge.web.pages import frame_of
from tests.helpers.rig import Rig, make_rig
from tests.helpers.site import Site


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    made = make_rig(tmp_path)
    with made.app:
        yield made


@pytest.fixture
def frame(rig: Rig) -> Frame:
    return frame_of(rig.app)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with Site(tmp_path_factory.mktemp("sis") / "home") as running:
        yield running


@pytest.fixture(scope="module")
def app(site: Site, running_reactor: Any) -> Iterator[App]:
    """The site's own store and a way out of this process: to register and verify fast."""
    with App(settings.read(site.home)) as app:
        app.transport = Transport(running_reactor)
        yield app
