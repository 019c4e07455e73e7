"""The commands that cut a section, an assessment or a person from a peer, and link them again.

Source: RULES 1.8, 1.12.
"""

from __future__ import annotations

import click
import sqlalchemy as sa

from peers import audit
from peers.model import peer
from schooltool_bridge.cli.joining import item_of
from schooltool_bridge.cli.peers import known_peer
from schooltool_bridge.cli.shared import Command, CommandError, common
from schooltool_bridge.common.refusals import Refused
from schooltool_bridge.gradebook import grid
from schooltool_bridge.hand import unlinking
from schooltool_bridge.history.author import Author
from schooltool_bridge.history.finding import find_person, find_section
from schooltool_bridge.server.app import App, end_at_peers
from schooltool_bridge.store.model import section


@click.command("unlink-peer")
@click.argument("section_id", metavar="ID")
@click.option("--assessment", "item", help="Only this assessment of the section.")
@click.option("--again", is_flag=True, help="Link it again.")
@click.option("--peer", "peer_wwwroot", help="Of this peer, when several have that section.")
@click.option("--segment", help="Of several parts (segments) of the section this one.")
@click.option("--why", default="", help="The reason, for the audit trail.")
@common
def unlink_peer(
    command: Command,
    section_id: str,
    item: str | None,
    *,
    again: bool,
    peer_wwwroot: str | None,
    segment: str | None,
    why: str,
) -> None:
    """Cut a section, all its parts, from its peer: this school's own from now on.

    People, enrolments and grades stay; what the peer sends about it is left out.
    """
    with command.app() as app:
        author = Author(audit.COMMAND_LINE, int(app.clock()), why)
        with app.database.read() as connection:
            found = find_section(connection, section_id, peer_wwwroot, segment)
            wanted = item_of(grid.section_of(connection, found), item) if item else None
            of_peer = sa.select(peer.c.wwwroot).join(section).where(section.c.id == found)
            wwwroot = connection.execute(of_peer).scalar()
        try:
            _do(app, author, found, wanted, again=again)
        except Refused as problem:
            raise CommandError(str(problem)) from None
    row = {"section": str(found), "assessment": str(wanted) if wanted else None, "linked": again}
    text = "It is linked with its peer no more, and this school's own now."
    if again:
        text = f"It is linked again. Now have what was left out: mnet-peer sync run {wwwroot}"
    command.show(row, text)


def _do(app: App, author: Author, section_id: int, item_id: int | None, *, again: bool) -> None:
    if again and item_id is None:
        app.admitting.link_again(section_id, author)
        return
    with app.database.write() as connection:
        if item_id is None:
            unlinking.unlink_section(connection, author, section_id)
        elif again:
            unlinking.link_assessment_again(connection, author, item_id)
        else:
            unlinking.unlink_assessment(connection, author, item_id)


@click.command("unlink-peer")
@click.argument("person_id", metavar="ID")
@click.option("--peer", "peer_wwwroot", required=True, help="The peer.")
@click.option("--again", is_flag=True, help="Link them again, without the right to sign in.")
@click.option("--why", default="", help="The reason, for the audit trail.")
@common
def unlink_person(
    command: Command, person_id: str, *, peer_wwwroot: str, again: bool, why: str
) -> None:
    """Cut a person from a peer's user; the right to sign in from there goes with it.

    Enrolments and grades stay; what the peer tells of that user later waits in the inbox.
    """
    with command.app() as app:
        author = Author(audit.COMMAND_LINE, int(app.clock()), why)
        peer_id = known_peer(app, peer_wwwroot).id
        with app.database.read() as connection:
            found = find_person(connection, person_id)
        try:
            if again:
                app.admitting.link_person_again(found, peer_id, author)
            else:
                with app.database.write() as connection:
                    visits = unlinking.unlink_person(connection, author, found, peer_id)
                end_at_peers(app, visits)
        except Refused as problem:
            raise CommandError(str(problem)) from None
    row = {"id": str(found), "peer": peer_wwwroot, "linked": again}
    text = "They are linked again." if again else "They are linked with that peer no more."
    command.show(row, text)
