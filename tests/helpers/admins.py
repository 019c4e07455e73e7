"""A site in memory with an admin of each role, and the browsers that they sign in with."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from peers import accounts
from peers.accounts import CLERK, MANAGER
from schooltool_bridge.web.pages import frame_of
from tests.helpers.rig import START_UNIX_S, Rig, make_rig
from tests.helpers.visitor import Visitor, in_memory

PASSWORD = "correct horse battery"
ADMINS = {"anna": MANAGER, "carl": CLERK}


@contextmanager
def site_with_admins(folder: Path, database_url: str = "") -> Iterator[Rig]:
    made = make_rig(folder, database_url)
    with made.app:
        with made.app.database.write() as connection:
            for name, role in ADMINS.items():
                accounts.add(
                    connection, name, PASSWORD, one_time=False, now_unix_s=START_UNIX_S, role=role
                )
        yield made


def browser(rig: Rig, name: str) -> Visitor:
    """A browser in which one of them is signed in."""
    visitor = Visitor(in_memory(frame_of(rig.app)))
    assert visitor.sign_in(name, PASSWORD).status == 303
    return visitor
