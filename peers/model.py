"""Tables of remote sites. Only definitions: no queries, no rules."""

from __future__ import annotations

import sqlalchemy as sa

from mnet.database import metadata

peer = sa.Table(
    "peer",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("wwwroot", sa.String(255), nullable=False, unique=True),
    sa.Column("name", sa.String(255), nullable=False, default=""),
    sa.Column("application", sa.String(20), nullable=False),
    # enabled | disabled | deleted (a deleted peer keeps its data and comes back under its id)
    sa.Column("state", sa.String(20), nullable=False),
    # The dialect of XML-RPC it speaks, learnt from its messages: extension | phpxmlrpc
    sa.Column("dialect", sa.String(20), nullable=True),
    # Once it has named the addressee of an event, it always must (requirements 1.3).
    sa.Column("names_addressee", sa.Boolean, nullable=False, default=False),
    sa.Column("policy", sa.JSON, nullable=False, default=dict),
    # Its methods by last segment, as it last told us: {"list_user_enrolments": "local/..."}
    sa.Column("methods", sa.JSON, nullable=False, default=dict),
    sa.Column("added_unix_s", sa.BigInteger, nullable=False),
)

peer_alias = sa.Table(
    "peer_alias",
    metadata,
    sa.Column("wwwroot", sa.String(255), primary_key=True),
    sa.Column("peer_id", sa.ForeignKey("peer.id"), nullable=False, index=True),
)

peer_certificate = sa.Table(
    "peer_certificate",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("peer_id", sa.ForeignKey("peer.id"), nullable=False, index=True),
    sa.Column("pem", sa.Text, nullable=False),
    sa.Column("fingerprint", sa.String(64), nullable=False),
    # current | offered (waits for an admin) | retired
    sa.Column("state", sa.String(20), nullable=False),
    # How it came: keyswap | file | fault 7025 | admin
    sa.Column("origin", sa.String(40), nullable=False),
    sa.Column("since_unix_s", sa.BigInteger, nullable=False),
)

peer_service = sa.Table(
    "peer_service",
    metadata,
    sa.Column("peer_id", sa.ForeignKey("peer.id"), primary_key=True),
    sa.Column("service", sa.String(40), primary_key=True),
    sa.Column("publish", sa.Boolean, nullable=False),
    sa.Column("subscribe", sa.Boolean, nullable=False),
)

# Strangers that sent a keyswap: at most one row an address, 100 in all (PROTOCOL.md section 5).
pending_peer = sa.Table(
    "pending_peer",
    metadata,
    sa.Column("wwwroot", sa.String(255), primary_key=True),
    sa.Column("pem", sa.Text, nullable=False),
    sa.Column("application", sa.String(20), nullable=False),
    sa.Column("seen_unix_s", sa.BigInteger, nullable=False),
)
