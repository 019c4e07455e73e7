"""Who is signed in through which peer, both ways: tables, and their end with a peer's rights.

Rows hold digests only, so that a copy of the database signs nobody in. What a person is, and who
may sign in, is decided one floor up. Source: RULES 1.7, R18, R29.
"""

from __future__ import annotations

from collections.abc import Collection

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mnet.database import metadata
from mnet.protocol import SERVICE_IDP, SERVICE_SP
from peers.accounts import admin_session

# SHA-1 in hex: how the protocol names a browser by its User-Agent.
AGENT_CHARS = 40
USERNAME_CHARS = 255

# A person's browser that is signed in here: by an identity provider (peer_id), or by password.
person_session = sa.Table(
    "person_session",
    metadata,
    sa.Column("token_digest", sa.LargeBinary(32), primary_key=True),
    sa.Column("person_id", sa.ForeignKey("person.id"), nullable=False, index=True),
    sa.Column("peer_id", sa.ForeignKey("peer.id"), nullable=True, index=True),
    # The link that gives the right; none for somebody who came by password.
    sa.Column("link_id", sa.ForeignKey("person_link.id"), nullable=True),
    # As the identity provider calls the person.
    sa.Column("username", sa.String(USERNAME_CHARS), nullable=False),
    sa.Column("agent_sha1", sa.String(AGENT_CHARS), nullable=False),
    # Set while the browser is asked whether to change over: the session that it has now.
    sa.Column("asked_of_digest", sa.LargeBinary(32), nullable=True),
    sa.Column("created_unix_s", sa.BigInteger, nullable=False),
    sa.Column("seen_unix_s", sa.BigInteger, nullable=False),
)

# Tokens of identity providers that were used here: a Moodle does not consume its own.
landing_token = sa.Table(
    "landing_token",
    metadata,
    sa.Column("peer_id", sa.ForeignKey("peer.id"), primary_key=True),
    sa.Column("token_digest", sa.LargeBinary(32), primary_key=True),
    sa.Column("at_unix_s", sa.BigInteger, nullable=False),
)

# Our people who went over to a peer: the token is for this peer and this browser alone.
jump_session = sa.Table(
    "jump_session",
    metadata,
    sa.Column("token_digest", sa.LargeBinary(32), primary_key=True),
    sa.Column("person_id", sa.ForeignKey("person.id"), nullable=False, index=True),
    sa.Column("peer_id", sa.ForeignKey("peer.id"), nullable=False, index=True),
    # As the peer calls the person.
    sa.Column("username", sa.String(USERNAME_CHARS), nullable=False),
    sa.Column("agent_sha1", sa.String(AGENT_CHARS), nullable=False),
    # The session here from which the person went over.
    sa.Column("session_digest", sa.LargeBinary(32), nullable=False, index=True),
    sa.Column("created_unix_s", sa.BigInteger, nullable=False),
    sa.Column("used_unix_s", sa.BigInteger, nullable=True),
)


def end_of_peer(connection: Connection, peer_id: int) -> None:
    """End everything that stands between a peer and us, in both directions."""
    end_landed(connection, peer_id)
    connection.execute(sa.delete(jump_session).where(jump_session.c.peer_id == peer_id))


def end_landed(connection: Connection, peer_id: int) -> None:
    """Sign out everybody for whom a peer vouched, admins too."""
    for table in (person_session, admin_session):
        connection.execute(sa.delete(table).where(table.c.peer_id == peer_id))


def end_without_services(
    connection: Connection, peer_id: int, published: Collection[str], subscribed: Collection[str]
) -> None:
    """End what a peer's services no longer allow."""
    if not may_land(published, subscribed):
        end_landed(connection, peer_id)
    if not may_jump(published, subscribed):
        connection.execute(sa.delete(jump_session).where(jump_session.c.peer_id == peer_id))


def may_land(published: Collection[str], subscribed: Collection[str]) -> bool:
    """Tell whether a peer's users may come here: we take its word and offer to let them in."""
    return SERVICE_IDP in subscribed and SERVICE_SP in published


def may_jump(published: Collection[str], subscribed: Collection[str]) -> bool:
    """Tell whether our people may go to a peer: it lets them in, and may ask us about them."""
    return SERVICE_SP in subscribed and SERVICE_IDP in published
