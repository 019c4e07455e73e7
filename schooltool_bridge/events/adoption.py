"""Taking over by name: a Moodle's assessment and one that was made here by hand become one.

Only for an assessment that its peer brings for the first time, and only when exactly one active
assessment of its section has exactly that name. Everything else is created beside, with a remark
for the inbox where a person should look. Grades are not touched: a cell's entry by hand wins over
what the peer sends later (fold.py), and keeps its percentage should the maximum be another. When
the peer deletes it later it is given back, and may be taken over anew. Source: RULES 1.5, R64-R66,
E36-E38.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mnet.letters import nfkd
from mnet.stored_sentences import E_, english
from schooltool_bridge.common.points import decimal_text
from schooltool_bridge.common.times import ordered_sql
from schooltool_bridge.store.model import ACTIVE, assessment, assessment_history

_GONE, _LATER = assessment_history.alias("gone"), assessment_history.alias("later")
_IS_GONE_THERE = sa.exists().where(
    _GONE.c.assessment_id == assessment.c.id,
    _GONE.c.by_actor.is_(None),
    _GONE.c.deleted,
    ~sa.exists().where(
        _LATER.c.assessment_id == _GONE.c.assessment_id,
        _LATER.c.by_actor.is_(None),
        sa.tuple_(ordered_sql(_LATER), _LATER.c.seq, _LATER.c.id)
        > sa.tuple_(ordered_sql(_GONE), _GONE.c.seq, _GONE.c.id),
    ),
)
# Of an active one: never a peer's, or given back when its peer deleted it (fold.item_state).
_IS_OURS = sa.or_(assessment.c.peer_id.is_(None), _IS_GONE_THERE)

_BETWEEN_DIGITS = re.compile(r"(?<=\d)[\W_]+(?=\d)")
_SIGNS = re.compile(r"[^\w.]|_|(?<!\d)\.|\.(?!\d)")

# How a remark names others, one after the other.
_BY_HAND = E_("“%(name)s” (id %(id)s, by hand)")
_BY_HAND_AND = E_("“%(name)s” (id %(id)s, by hand), %(our_others)s")
_FROM_MOODLE = E_("“%(name)s” (id %(id)s, from a Moodle)")
_FROM_MOODLE_AND = E_("“%(name)s” (id %(id)s, from a Moodle), %(our_others)s")
_OTHER_POINTS = E_(
    "%(our_one)s was taken over by the Moodle's of the same name, but it was worth %(before)s "
    "points here and is worth %(after)s there. Grades entered by hand before that keep their "
    "percentage until somebody says what was meant, the percentage or the points themselves: on "
    "this event's own page, or by mnet-peer inbox resolve with --keep-percentage or --keep-points."
)
# As it was stored before there was such an answer.
_OTHER_POINTS_ONCE = E_(
    "%(our_one)s was taken over by the Moodle's of the same name, but it was worth %(before)s "
    "points here and is worth %(after)s there. Grades entered by hand before that keep their "
    "percentage. Where the points themselves were meant, enter them again in the gradebook; "
    "dismiss this when it is right."
)
# A remark names so many others, which is more than anybody has.
MAX_NAMED = 5


@dataclass(frozen=True, slots=True)
class There:
    """An active assessment of the section; `is_ours`: made by hand and not linked."""

    id: int
    name: str
    points: Decimal
    is_ours: bool


@dataclass(frozen=True, slots=True)
class Match:
    """What an arriving assessment meets: one to take over, or something to tell a person."""

    ours: There | None = None
    remark: str = ""


def match(connection: Connection, section_id: int, name: str, points: Decimal) -> Match:
    """Look what an arriving assessment meets in its section; `name` is NFC, as it was sent."""
    rows = connection.execute(
        sa.select(
            assessment.c.id, assessment.c.name, assessment.c.points, _IS_OURS.label("is_ours")
        )
        .where(assessment.c.section_id == section_id, assessment.c.status == ACTIVE)
        .order_by(assessment.c.id)
    )
    return choose(
        [There(r.id, r.name, Decimal(r.points), bool(r.is_ours)) for r in rows], name, points
    )  # fmt: skip - one question, one rule


def choose(there: Sequence[There], name: str, points: Decimal) -> Match:
    """Decide by the names alone. Pure."""
    equal = [t for t in there if t.name == name]
    if not any(t.is_ours for t in equal):
        near = [t for t in there if t.is_ours and bare(t.name) == bare(name)]
        return Match(remark=_did_you_mean(name, near) if near else "")
    if len(equal) > 1:
        return Match(remark=_several(name, equal))
    only = equal[0]
    if only.points != points:
        return Match(only, other_points(only, points))
    return Match(only)


def take_over(connection: Connection, ours: There, peer_id: int, idnumber: str) -> bool:
    """Give an assessment of ours to a peer; False when somebody else was faster."""
    taken = connection.execute(
        sa.update(assessment)
        .where(assessment.c.id == ours.id, _IS_OURS, assessment.c.status == ACTIVE)
        .values(peer_id=peer_id, idnumber=idnumber, moodle_id=None, unlinked=False)
    )
    return taken.rowcount == 1


def given_back(connection: Connection, assessment_id: int) -> str:
    """Say what a person should know of an assessment that its peer deleted; empty: nothing."""
    row = connection.execute(
        sa.select(assessment.c.name).where(
            assessment.c.id == assessment_id, _IS_OURS, assessment.c.status == ACTIVE
        )
    ).first()
    if row is None:
        return ""
    return english(
        "“%(name)s” (id %(id)s) was deleted in the Moodle, but it was made by hand before that "
        "took it over: it stays here, by hand again, with its grades. Delete it here if nobody "
        "needs it; dismiss this then.",
        name=row.name,
        id=assessment_id,
    )


def joined_mark(ours_id: object, theirs_id: int) -> str:
    """What rows of a history say of why they are there; by this a joining is found again. Pure."""
    return f"joined: {ours_id} into {theirs_id}"


def other_points(ours: There, points: Decimal) -> str:
    """Ask what was meant by the grades of one that is worth something else now. Pure."""
    return english(
        _OTHER_POINTS,
        our_one=_named([ours]),
        before=decimal_text(ours.points),
        after=decimal_text(points),
    )


def bare(name: str) -> str:
    """A name without what people slip in: capitals, blanks, accents, signs. Pure.

    What stands between two digits stays: 1.1 is not 11.
    """
    letters = nfkd(nfkd(name).casefold())
    plain = "".join(c for c in letters if not unicodedata.combining(c))
    return _SIGNS.sub("", _BETWEEN_DIGITS.sub(".", plain)) or plain


def _did_you_mean(name: str, near: Sequence[There]) -> str:
    return english(
        "Did you mean %(our_others)s? “%(name)s” differs from it in capitals, blanks, accents or "
        "signs only, so it was created beside. If they are the same, join them on the page of "
        "either in the section's gradebook; dismiss this then.",
        our_others=_named(near),
        name=name,
    )


def _several(name: str, equal: Sequence[There]) -> str:
    return english(
        "The section already has %(our_others)s, so none was taken over and another “%(name)s” was "
        "created beside. Join it with the one made by hand that it is, on its page in the "
        "section's gradebook, and delete or rename the others; dismiss this then.",
        our_others=_named(equal),
        name=name,
    )


def _named(some: Sequence[There]) -> str:
    more = len(some) - MAX_NAMED
    *before, last = some[:MAX_NAMED]
    sentence = english(_BY_HAND if last.is_ours else _FROM_MOODLE, name=last.name, id=last.id)
    for one in reversed(before):
        message = _BY_HAND_AND if one.is_ours else _FROM_MOODLE_AND
        sentence = english(message, name=one.name, id=one.id, our_others=sentence)
    if more <= 0:
        return sentence
    return english("%(our_others)s and %(count)s more", our_others=sentence, count=more)
