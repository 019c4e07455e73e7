"""What others wrote that names a person who is erased: searched in the whole store and replaced.

Only in columns of free text, and only what names nobody else: whole names, addresses, and user
names or ID numbers that are no everyday word. In the audit trail, where a search for somebody may
stand, single names too. A namesake's own records stay as they are. Source: RULES R38.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mnet.database import metadata
from mnet.letters import nfc
from peers import accounts
from peers.model import audit_entry
from schooltool_bridge.common.ids import key
from schooltool_bridge.people import person_data
from schooltool_bridge.people.person_data import Known
from schooltool_bridge.store import model_school
from schooltool_bridge.store.model import inbox
from schooltool_bridge.store.model_notices import notice

ERASED = "(erased)"
# Columns in which somebody or a peer writes what they like; `text` is a notice's.
FREE = frozenset({"why", "note", "description", "reason", "text", "detail", "name"})
AUTHOR = "by_actor"
# Tables that have such columns and nothing about people in them, or only about whom they are of.
NOT_SWEPT = frozenset(
    {
        # Peers' addresses and words; the journal's reasons leave out whatever a sender wrote.
        "peer", "pending_peer", "peer_alias", "call_journal", "site_memory",
        # A namesake's own; the person's own are erased by row.
        "person_record", "issued_report", "person_history",
    }
)  # fmt: skip
# A shorter or plainer word may be anything in a text by others.
MIN_DISTINCT_CHARS = 5
# What may stand around a word: blanks, quotation marks, brackets, and the end of a clause.
_OPEN = r"(?<![^\s\"'\u201c\u2018\u00ab(\[,;:])"
_CLOSE = r"(?![^\s\"'\u201d\u2019\u00bb)\],;:.!?])"


def _columns(table: sa.Table) -> list[str]:
    return [c.name for c in table.columns if c.name in FREE]


# Some are named, so that they are known here whoever loads this first.
_NAMED = (audit_entry, inbox, notice, *model_school.HISTORY_TABLES)
SWEPT = tuple(
    t
    for t in dict.fromkeys((*metadata.sorted_tables, *_NAMED))
    if t.name not in NOT_SWEPT and (_columns(t) or AUTHOR in t.c)
)


def replace_in_store(connection: Connection, who: Known) -> int:
    """Replace every text that names a person; return in how many rows. Guards must be lifted."""
    strong = [w for w in _distinct(who) if not accounts.is_taken(connection, key(w))]
    sign = f"person {who.ids[0]}"
    signed = {
        w
        for w in (*who.names["username"], *who.whole_names)
        if not accounts.is_taken(connection, key(w))
    }
    done = 0
    for table in SWEPT:
        names = [n for n in _columns(table) if table is not audit_entry]
        done += _sweep(connection, table, names, Hunt(strong)) if names and strong else 0
        if AUTHOR in table.c and signed:
            mine = table.c[AUTHOR].in_(signed)
            done += connection.execute(sa.update(table).where(mine).values({AUTHOR: sign})).rowcount
    return done + _audit_trail(connection, who, signed, sign)


class Hunt:
    """Finds words in texts, whole ones only and however they are written, and replaces them."""

    def __init__(self, words: Iterable[str]) -> None:
        """Take the words; the longest is looked for first."""
        listed = sorted({nfc(w) for w in words if w}, key=len)
        either = "|".join(re.escape(w) for w in reversed(listed))
        self.words = tuple(listed)
        self._pattern = (
            re.compile(f"{_OPEN}(?:{either}){_CLOSE}", re.IGNORECASE) if either else None
        )

    def clean(self, value: Any) -> Any:
        """Return a text, or what JSON can say, without the words."""
        if self._pattern is None:
            return value
        if isinstance(value, str):
            return self._pattern.sub(ERASED, nfc(value))
        if isinstance(value, Mapping):
            return {name: self.clean(inner) for name, inner in value.items()}
        if isinstance(value, list):
            return [self.clean(inner) for inner in value]
        return value


def _distinct(who: Known) -> set[str]:
    """Return the words that name this person and hardly anything else."""
    callings = who.names["username"] | who.names["idnumber"]
    return {
        *who.names["email"],
        *who.whole_names,
        *(w for w in callings if len(w) >= MIN_DISTINCT_CHARS and not w.isalpha()),
    }


def _sweep(connection: Connection, table: sa.Table, names: Collection[str], hunt: Hunt) -> int:
    keys = list(table.primary_key)
    forms = {form for word in hunt.words for form in _forms(word)}
    may_name = [
        sa.and_(
            table.c[n] != "", sa.or_(*(table.c[n].icontains(f, autoescape=True) for f in forms))
        )
        for n in names
    ]
    rows = connection.execute(
        sa.select(*keys, *(table.c[n] for n in names)).where(sa.or_(*may_name))
    ).all()
    done = 0
    for row in rows:
        before = {n: getattr(row, n) for n in names}
        after = {n: hunt.clean(v) for n, v in before.items()}
        if after != before:
            same = [k == getattr(row, k.name) for k in keys]
            connection.execute(sa.update(table).where(*same).values(after))
            done += 1
    return done


def _forms(word: str) -> set[str]:
    """How a word may stand in a column: SQLite folds only the letters of ASCII."""
    return {word} if word.isascii() else {word, word.lower(), word.upper(), word.title()}


def _audit_trail(connection: Connection, who: Known, signed: Collection[str], sign: str) -> int:
    """Clean the trail: whoever searched for somebody wrote any of their names."""
    hunt = Hunt({w for kind in who.names.values() for w in kind} | who.whole_names)
    plain = Hunt(w for w in hunt.words if len(w) >= MIN_DISTINCT_CHARS or not w.isdigit())
    about = {row.id for row in person_data.audit_about(connection, who)}
    done = 0
    for row in connection.execute(sa.select(audit_entry)).all():
        detail = {n: (hunt if n == "filter" else plain).clean(v) for n, v in row.detail.items()}
        if row.id in about:
            detail |= {n: "" for n in detail if n in FREE}
        kind, _, called = row.subject.partition(" ")
        is_theirs = kind == "user" and called in who.names["username"]
        after = {
            "detail": detail,
            "subject": sign if is_theirs or row.subject in signed else row.subject,
            "actor": sign if row.actor in signed else row.actor,
        }
        if after != {n: getattr(row, n) for n in after}:
            connection.execute(
                sa.update(audit_entry).where(audit_entry.c.id == row.id).values(after)
            )
            done += 1
    return done
