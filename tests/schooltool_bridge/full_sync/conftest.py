"""A site and a school whose Moodle lists all that it has."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from schooltool_bridge.full_sync import runs
from tests.helpers.listing import ListingSite, listing_site


@pytest.fixture
def site(tmp_path: Path, database_url: str) -> Iterator[ListingSite]:
    made = listing_site(tmp_path, database_url)
    yield made
    made.rig.app.database.close()


@pytest.fixture
def school(site: ListingSite) -> ListingSite:
    """Forty people, whom a run brought."""
    site.lister.small_school(40)
    assert site.run().state == runs.DONE
    return site
