"""What a full sync lists as hidden from students is so here, and the second time is no news."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from schooltool_bridge.full_sync import runs
from schooltool_bridge.store.model import assessment, grade
from tests.helpers.listing import ListingSite
from tests.helpers.sync_results import counted, without_runs


def hidden(site: ListingSite) -> tuple[set[int], set[int]]:
    """What is said of the school's assessments and grades."""
    with site.rig.app.database.read() as connection:
        return (
            set(connection.execute(sa.select(assessment.c.hidden)).scalars()),
            set(connection.execute(sa.select(grade.c.hidden)).scalars()),
        )


@pytest.mark.requirement("R82")
def test_a_plugin_that_begins_to_say_it_changes_only_what_is_hidden(school: ListingSite) -> None:
    """As after an upgrade: nothing else changed, and so no time of any item."""
    until = int(school.rig.clock.now) + 3600
    for kind in ("assessments", "grades"):
        for item in school.lister.data[kind]:
            item["hidden"] = 0
    assert counted(school.run(), "grades") == {"seen": 60, "unchanged": 60}
    assert hidden(school) == ({0}, {0})
    school.lister.data["assessments"][0]["hidden"] = 1
    school.lister.data["grades"][0]["hidden"] = until
    run = school.run()
    assert run.state == runs.DONE
    assert counted(run, "assessments").get("updated") == 1
    assert counted(run, "grades") == {"seen": 60, "updated": 1, "unchanged": 59}
    assert hidden(school) == ({0, 1}, {0, until})
    before = without_runs(school.rig.dump())
    assert counted(school.run(), "grades") == {"seen": 60, "unchanged": 60}
    assert without_runs(school.rig.dump()) == before
