"""A site in memory that knows a Moodle."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.helpers.rig import FakePeer, Rig, make_rig

MOODLE = "http://moodle.example.org"


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    rig = make_rig(tmp_path_factory.mktemp("rig"))
    rig.call(rig.add(MOODLE), "system/listServices")  # from here on its dialect is known
    yield rig
    rig.app.database.close()


@pytest.fixture
def moodle(rig: Rig) -> FakePeer:
    return rig.peers[MOODLE]
