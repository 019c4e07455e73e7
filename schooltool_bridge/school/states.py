"""The states that an enrolment can have: read, own ones added, all of them given other titles.

Codes and meanings stay for good, since histories name them. Changes work in the caller's
transaction with their entry in the audit trail; what is refused raises NotPossible.
Source: RULES 1.6, R54.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mnet.database import one_at_a_time
from mnet.language import N_, _
from peers.changes import NotPossible
from schooltool_bridge.common.refusals import NotThere
from schooltool_bridge.history.author import Author
from schooltool_bridge.history.meaning import MEANS_ACTIVE, MEANS_COMPLETED, MEANS_INACTIVE
from schooltool_bridge.school.written import free, line
from schooltool_bridge.school.years import OWN_ORDER
from schooltool_bridge.store import shipped_titles
from schooltool_bridge.store.model import ENROLMENT_STATES, enrolment_state

MEANINGS = {
    MEANS_ACTIVE: N_("Active"),
    MEANS_INACTIVE: N_("Not active"),
    MEANS_COMPLETED: N_("Completed"),
}
SHIPPED = frozenset(state["code"] for state in ENROLMENT_STATES)
MAX_STATE_TITLE_CHARS = 100  # the column's width
_CODE = re.compile(r"[a-z0-9][a-z0-9-]{0,19}", re.ASCII)


@dataclass(frozen=True, slots=True)
class State:
    """A state; `meaning` is active, inactive or completed."""

    code: str
    meaning: str
    title: str

    @property
    def local_title(self) -> str:
        """Its title in the language spoken here."""
        return shipped_titles.local_title(self.title)

    @property
    def is_shipped(self) -> bool:
        """Whether every school has it."""
        return self.code in SHIPPED


def all_states(connection: Connection) -> list[State]:
    """Return every state: those shipped in their order, then the school's own by code."""
    shipped = [s["code"] for s in ENROLMENT_STATES]
    found = [State(*row) for row in connection.execute(sa.select(enrolment_state))]
    return sorted(
        found, key=lambda s: (shipped.index(s.code) if s.is_shipped else len(shipped), s.code)
    )


def add(connection: Connection, author: Author, *, code: str, meaning: str, title: str) -> None:
    """Add a state of the school's own; raises NotPossible."""
    one_at_a_time(connection, OWN_ORDER)
    code = line(code, _("The code")).lower()
    if not _CODE.fullmatch(code):
        raise NotPossible(
            _(
                "The code %(code)s must be of a to z, 0 to 9 and -, at most 20 characters.",
                code=repr(code[:40]),
            )
        )
    if meaning not in MEANINGS:
        raise NotPossible(_("A state means one of: %(meanings)s.", meanings=", ".join(MEANINGS)))
    known = all_states(connection)
    free(code, [s.code for s in known], _("a state with the code"))
    title = _free_title(title, [s.title for s in known])
    connection.execute(sa.insert(enrolment_state).values(code=code, meaning=meaning, title=title))
    author.note(
        connection, N_("state added"), f"state {code}", {"meaning": meaning, "title": title}
    )


def rename(connection: Connection, author: Author, code: str, *, title: str) -> None:
    """Give a state another title; what it means stays. Raises NotPossible and NotThere."""
    one_at_a_time(connection, OWN_ORDER)
    known = {s.code: s for s in all_states(connection)}
    if code not in known:
        raise NotThere(
            _(
                "There is no state %(code)s; there are: %(known)s.",
                code=repr(code[:40]),
                known=", ".join(known),
            )
        )
    title = _free_title(title, [s.title for s in known.values() if s.code != code])
    before = known[code].title
    if title in (before, known[code].local_title):
        return
    connection.execute(
        sa.update(enrolment_state).where(enrolment_state.c.code == code).values(title=title)
    )
    author.note(
        connection, N_("state renamed"), f"state {code}", {"before": before, "after": title}
    )


def _free_title(title: str, taken: list[str]) -> str:
    title = line(title, _("The title"), limit=MAX_STATE_TITLE_CHARS)
    free(title, taken, _("a state called"))
    return title
