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
    # Once it has named the addressee of an event, it always must (RULES 1.3).
    sa.Column("names_addressee", sa.Boolean, nullable=False, default=False),
    sa.Column("policy", sa.JSON, nullable=False, default=dict),
    # Its methods by last segment, as it last listed them: {"list_user_enrolments": "local/..."}
    sa.Column("methods", sa.JSON, nullable=False, default=dict),
    sa.Column("added_unix_s", sa.BigInteger, nullable=False),
    # production | test (set by an admin, shown everywhere)
    sa.Column("label", sa.String(20), nullable=False, server_default="production"),
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

# What the last verification of a peer found (peers/verify.py).
peer_check = sa.Table(
    "peer_check",
    metadata,
    sa.Column("peer_id", sa.ForeignKey("peer.id"), primary_key=True),
    sa.Column("at_unix_s", sa.BigInteger, nullable=False),
    sa.Column("ok", sa.Boolean, nullable=False),
    # A list of structs of name, ok, detail and remedy.
    sa.Column("steps", sa.JSON, nullable=False),
    # The peer's clock minus ours; None when it is unknown.
    sa.Column("clock_offset_s", sa.Float, nullable=True),
    # The remote application's release, when it tells one.
    sa.Column("release", sa.String(100), nullable=True),
    # What the peer ticked for us, by the service's name.
    sa.Column("services", sa.JSON, nullable=True),
)

# What admins did, and what happened to peers' keys. Append-only.
audit_entry = sa.Table(
    "audit_entry",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("at_unix_s", sa.BigInteger, nullable=False),
    # An admin's user name, "command line" or "server".
    sa.Column("actor", sa.String(100), nullable=False),
    # Such as "peer added", "key changed".
    sa.Column("action", sa.String(60), nullable=False),
    # What it was done to: a peer's wwwroot, an account's name.
    sa.Column("subject", sa.String(255), nullable=False),
    # A struct, such as the fingerprints before and after; never a secret.
    sa.Column("detail", sa.JSON, nullable=False),
    sa.Index("ix_audit_entry_subject", "subject", "id"),
)
