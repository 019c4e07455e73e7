"""A served site and Moodles whose users come to it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.helpers.moodle import Moodle
from tests.helpers.roaming import befriend, pem_of, site_in
from tests.helpers.site import Site


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with site_in(tmp_path_factory.mktemp("sis")) as running:
        yield running


@pytest.fixture(scope="module")
def moodles(site: Site) -> Iterator[list[Moodle]]:
    """Two Moodles, both trusted for sign-on."""
    pem = pem_of(site)
    with ExitStack() as stack:
        made = [stack.enter_context(Moodle(site.wwwroot, pem)) for _ in range(2)]
        for moodle in made:
            befriend(site, moodle)
        yield made


@pytest.fixture(scope="module")
def moodle(moodles: list[Moodle]) -> Moodle:
    return moodles[0]


@pytest.fixture
def broken(site: Site) -> Iterator[tuple[Moodle, int]]:
    """A Moodle to be changed, and our id of it."""
    with Moodle(site.wwwroot, pem_of(site)) as moodle:
        yield moodle, befriend(site, moodle)
