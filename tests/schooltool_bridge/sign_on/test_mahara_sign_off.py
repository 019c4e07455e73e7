"""What is promised about signing out, where a peer does not tell of it: a Mahara."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa

from peers import accounts
from peers.model import peer as peer_table
from peers.sign_on import person_session
from schooltool_bridge.hand import people
from schooltool_bridge.hand.people import Names
from tests.helpers.framed import signed_in
from tests.helpers.made_up_language import AUTHOR
from tests.helpers.rig import START_UNIX_S, Rig, make_rig

THERE = "http://other.example.org"


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    rig = make_rig(tmp_path)
    rig.add(THERE)
    return rig


@pytest.mark.parametrize("application", ["mahara", "moodle"])
def test_only_a_mahara_s_pages_say_that_its_sign_out_ends_nothing_here(
    rig: Rig, application: str
) -> None:
    with rig.app.database.write() as connection:
        connection.execute(sa.update(peer_table).values(application=application))
        who = people.add(connection, AUTHOR, Names("ada", "Ada", "Love", "7"))
        for digest, peer_id in ((b"a", 1), (b"b", None)):
            connection.execute(
                sa.insert(person_session).values(
                    token_digest=digest, person_id=who, peer_id=peer_id, username="ada",
                    agent_sha1="", created_unix_s=START_UNIX_S, seen_unix_s=START_UNIX_S,
                )
            )  # fmt: skip
    manager = signed_in(rig, accounts.MANAGER)
    times = 1 if application == "mahara" else 0
    shown = manager.get(f"/admin/people/{who}")
    assert shown.status == 200
    assert shown.text.count("Signing out there does not end it") == times
    assert manager.get("/admin/peers/1/signing-on").text.count("does not tell us when") == times
