"""The school of the report story (tests/helpers/report_story.py), on both databases."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.helpers.report_story import begin
from tests.helpers.school import School


@pytest.fixture
def school(database_url: str) -> Iterator[School]:
    school = begin(database_url)
    yield school
    school.database.close()
