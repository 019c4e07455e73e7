"""The token behind a cookie: made at random, and kept only as a digest.

So that a copy of the database signs nobody in. For admins' sessions (sessions.py) and people's
(schooltool_bridge/sign_on/person_sessions.py) alike, with how long either lasts.
"""

from __future__ import annotations

import hashlib
import secrets

import sqlalchemy as sa

TOKEN_BYTES = 32
# A lunch break or a lesson's, and a day at work or at school.
IDLE_S = 2 * 3600
LIFETIME_S = 12 * 3600
# The row's time is written this seldom: reading a page should write nothing.
SEEN_STEP_S = 60


def new() -> str:
    """Return a fresh token for a cookie."""
    return secrets.token_urlsafe(TOKEN_BYTES)


def digest_of(token: str) -> bytes:
    """Return what is kept of a token."""
    return hashlib.sha256(token.encode("utf-8", "replace")).digest()


def is_live(table: sa.Table, now_unix_s: int | sa.BindParameter[int]) -> sa.ColumnElement[bool]:
    """Say which rows of a table of sessions have not ended by themselves."""
    return sa.and_(
        table.c.seen_unix_s > now_unix_s - IDLE_S,
        table.c.created_unix_s > now_unix_s - LIFETIME_S,
    )
