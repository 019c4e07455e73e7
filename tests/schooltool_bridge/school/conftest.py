"""A school with two peers; and with years, terms and courses as `ordering` makes them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.helpers.school import School
from tests.schooltool_bridge.school.ordering import A, B, ordered_by


@pytest.fixture
def school(database_url: str) -> Iterator[School]:
    school = School.open(database_url, A, B)
    yield school
    school.database.close()


@pytest.fixture
def ordered(school: School) -> School:
    return ordered_by(school)
