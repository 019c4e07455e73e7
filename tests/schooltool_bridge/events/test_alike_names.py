"""User names that only look alike: a Moodle with extended names vouches for tere\u017fa, not teresa."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from peers.audit import By
from peers.changes import set_policy
from schooltool_bridge.events.inbox_lists import find_events
from schooltool_bridge.hand import merging
from schooltool_bridge.history.author import Author
from schooltool_bridge.sign_on import person_sessions
from schooltool_bridge.store.model import person
from tests.helpers.rig import SIS, START_UNIX_S
from tests.helpers.roaming import COOKIE, TERESA
from tests.helpers.vouching import LandingSite, land, landing_site

A, B = "http://moodle.example.org", "http://other.example.org"
LONG_S = "tere\u017fa"


@pytest.fixture
def site(tmp_path: Path) -> Iterator[LandingSite]:
    made = landing_site(tmp_path, A, B)
    with made.rig.app:
        for voucher in made.vouchers:
            made.rig.call(voucher.fake, SIS + "fetch_user", {**TERESA, "idnumber": voucher.wwwroot})
        yield made


def first_names(site: LandingSite) -> list[str]:
    with site.rig.app.database.read() as connection:
        return list(
            connection.execute(sa.select(person.c.firstname).order_by(person.c.id)).scalars()
        )


@pytest.mark.requirement("R39b")
@pytest.mark.parametrize("brings", ["yes", "no"])
@pytest.mark.parametrize("more", [{}, {"idnumber": A}])
def test_whoever_only_looks_like_somebody_is_not_let_in_as_them(
    site: LandingSite, brings: str, more: dict[str, str]
) -> None:
    site.allow("teresa")
    with site.rig.app.database.write() as connection:
        set_policy(connection, By("x", 1), 1, values={"accept_people": brings})
    twin: Any = {**TERESA, **more, "username": LONG_S, "firstname": "Mallory"}
    page = land(site.browser(), site.vouchers[0].visit(twin))
    assert (page.status, "person-conflict" in page.text) == (409, True)
    assert first_names(site) == ["Teresa", "Teresa"]
    with site.rig.app.database.read() as connection:
        assert [e.status for e in find_events(connection)] == (
            ["conflict"] if brings == "yes" else []
        )


@pytest.mark.parametrize("name", ["teresa", "Teresa", "TERESA"])
def test_capital_letters_are_the_same_name(site: LandingSite, name: str) -> None:
    site.allow("teresa")
    assert land(site.browser(), site.vouchers[0].visit({**TERESA, "username": name})).status == 303


def test_a_pushed_name_that_only_looks_alike_is_a_conflict(site: LandingSite) -> None:
    answer: Any = site.rig.call(
        site.vouchers[0].fake, SIS + "fetch_user", {**TERESA, "username": LONG_S}
    )
    assert answer.code == 8409
    with site.rig.app.database.read() as connection:
        (entry,) = find_events(connection)
    author = Author("carl", START_UNIX_S)
    done = site.rig.app.resolving.decide(entry.id, author=author)
    assert done.entry.status == "done"
    # Over there it is one account that was renamed, so it may come under that name.
    site.allow("teresa")
    assert (
        land(site.browser(), site.vouchers[0].visit({**TERESA, "username": LONG_S})).status == 303
    )


def test_a_link_of_a_merged_record_signs_in_as_the_person(site: LandingSite) -> None:
    with site.rig.app.database.write() as connection:
        merging.merge(connection, Author("carl", START_UNIX_S), 1, 2)
    site.allow("teresa")
    visitor = site.browser()
    assert land(visitor, site.vouchers[1].visit(TERESA)).status == 303
    with site.rig.app.database.write() as connection:
        token = visitor.cookies[COOKIE]
        found = person_sessions.find(connection, token, START_UNIX_S)
        assert found is not None
        assert (found.person_id, found.peer_wwwroot) == (1, B)
        merging.undo(connection, Author("carl", START_UNIX_S), 2)
        assert person_sessions.find(connection, token, START_UNIX_S) is None
