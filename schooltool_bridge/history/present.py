"""The enrolments as they are at this moment: the stored state, and what the dates bring since.

An enrolment that waits for its begin, or whose end has come, changes without anything having to
run (fold_enrolments.py); whoever reads it as of now reads it here. Source: RULES 1.3, 1.6.
"""

from __future__ import annotations

from functools import lru_cache

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mnet.database import now_unix_s
from schooltool_bridge.history import joined
from schooltool_bridge.store.model import enrolment


def enrolments(connection: Connection) -> sa.Subquery:
    """Return the table of enrolments with `code` and `since_unix_s` as they are now.

    Of sections as people see them: what a peer says of one that is joined with ours stands there.
    """
    return _enrolments_at(now_unix_s(connection), as_peers_say=False)


def as_peers_say(connection: Connection) -> sa.Subquery:
    """Return the same with each peer's own sections, joined with ours or not."""
    return _enrolments_at(now_unix_s(connection), as_peers_say=True)


def enrolments_then() -> sa.Subquery:
    """Return the first of these for a statement that is put together once.

    It is executed with `now_unix_s`.
    """
    return _enrolments_at(sa.bindparam("now_unix_s"), as_peers_say=False)


@lru_cache(maxsize=16)  # to put it together takes longer than many a statement with it
def _enrolments_at(now: int | sa.BindParameter[int], *, as_peers_say: bool) -> sa.Subquery:
    is_last = enrolment.c.last_unix_s <= now
    is_next = enrolment.c.next_unix_s <= now
    changed = {
        "code": sa.case(
            (is_last, enrolment.c.last_code),
            (is_next, enrolment.c.next_code),
            else_=enrolment.c.code,
        ),
        "since_unix_s": sa.case(
            (is_last, enrolment.c.last_unix_s),
            (is_next, enrolment.c.next_unix_s),
            else_=enrolment.c.since_unix_s,
        ),
    }  # fmt: skip - one column after the other
    columns = [changed[c.name].label(c.name) if c.name in changed else c for c in enrolment.c]
    found = sa.select(*columns)
    if not as_peers_say:
        found = found.where(joined.is_shown(enrolment.c.section_id))
    return found.subquery("enrolment_now")
