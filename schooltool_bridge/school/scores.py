"""Score systems: points, percent, or values such as letters; own ones added, any hidden.

None is ever deleted or given other scores: marks were given by it. Changes work in the caller's
transaction with their entry in the audit trail; what is refused raises NotPossible.
Source: RULES A.4.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mnet import language
from mnet.database import insert_one, one_at_a_time
from mnet.language import N_, _
from peers.changes import NotPossible
from schooltool_bridge.common.ids import key
from schooltool_bridge.common.refusals import NotThere
from schooltool_bridge.history.author import Author
from schooltool_bridge.history.averages import Score, ScoreSystem
from schooltool_bridge.school.labels import School
from schooltool_bridge.school.usual_scales import USUAL
from schooltool_bridge.school.written import free, line, number, plain
from schooltool_bridge.school.years import OWN_ORDER
from schooltool_bridge.store.model_school import score_system

VALUES = "values"
# Such as "A+" or "Working towards"; a cell of the gradebook shows it.
MAX_SCORE_CHARS = 20
MAX_SCORES = 50
HUNDRED = Decimal(100)
_PASS, _FAIL = "pass", "fail"
# With grade points, and without.
_PARTS = (4, 5)


@dataclass(frozen=True, slots=True)
class Listed:
    """A score system, and whether it is offered no longer."""

    system: ScoreSystem
    hidden: bool


def all_systems(connection: Connection, *, hidden_too: bool = True) -> list[Listed]:
    """Return the score systems in the order in which they were made."""
    known = School(connection).systems
    rows = connection.execute(sa.select(score_system.c.id, score_system.c.hidden))
    hidden = {row.id: row.hidden for row in rows}
    found = [Listed(known[i], hidden[i]) for i in sorted(known)]
    return [s for s in found if hidden_too or not s.hidden]


def find(connection: Connection, title: str) -> ScoreSystem:
    """Return the offered score system of a title, whatever its capitals; raises NotThere."""
    offered = [s.system for s in all_systems(connection, hidden_too=False)]
    found = next((s for s in offered if key(s.title) == key(title.strip())), None)
    if found is None:
        names = ", ".join(repr(s.title) for s in offered) or "none"
        raise NotThere(f"There is no score system {title!r}; there are: {names}.")
    return found


def read_scores(text: str) -> tuple[Score, ...]:
    """Read scores, one on a line and best first: A; 95; 90; pass. Raises NotPossible."""
    found = []
    for at, each in enumerate(text.splitlines(), start=1):
        if not each.strip():
            continue
        parts = [p.strip() for p in each.split(";")]
        if len(parts) not in _PARTS or parts[3].lower() not in (_PASS, _FAIL):
            raise NotPossible(
                _(
                    "Line %(line)s must be a score, its percent, from which percent on, pass or "
                    "fail, and perhaps grade points; such as: A; 95; 90; pass; 4",
                    line=at,
                )
            )
        score = line(parts[0], _("Line %(line)s: the score", line=at), limit=MAX_SCORE_CHARS)
        percent = number(parts[1], _("Line %(line)s: the percent", line=at))
        from_percent = number(parts[2], _("Line %(line)s: the lower end", line=at))
        points = None
        if len(parts) == _PARTS[-1]:
            points = number(parts[4], _("Line %(line)s: the grade points", line=at))
        found.append(Score(score, percent, from_percent, parts[3].lower() == _PASS, points))
        if len(found) > MAX_SCORES:
            raise NotPossible(_("At most %(count)s scores, please.", count=MAX_SCORES))
    return tuple(found)


def add(connection: Connection, author: Author, *, title: str, scores: Sequence[Score]) -> int:
    """Add a system of values and return its id; raises NotPossible."""
    one_at_a_time(connection, OWN_ORDER)
    title = line(title, _("The title"))
    free(title, [s.system.title for s in all_systems(connection)], _("a score system"))
    check(scores)
    stored = [
        {
            "score": s.score,
            "percent": plain(s.percent),
            "from": plain(s.from_percent),
            "passes": s.passes,
            **({} if s.points is None else {"points": plain(s.points)}),
        }
        for s in scores
    ]
    new_id = insert_one(
        connection, sa.insert(score_system).values(title=title, kind=VALUES, scores=stored)
    )
    listed = " ".join(s.score for s in scores)
    author.note(connection, N_("score system added"), title, {"scores": listed})
    return new_id


def add_usual(connection: Connection, author: Author, title: str) -> int:
    """Add one of usual_scales.py; raises NotThere, and NotPossible when it is there already."""
    found = USUAL.get(title)
    if found is None:
        known = ", ".join(repr(t) for t in USUAL)
        raise NotThere(
            _("There is no usual scale of that title; there are: %(known)s.", known=known)
        )
    return add(connection, author, title=title, scores=found)


def set_hidden(connection: Connection, author: Author, system_id: int, *, hidden: bool) -> None:
    """Offer a system no longer, or again; what was marked by it stays. Raises NotThere."""
    one_at_a_time(connection, OWN_ORDER)
    known = next((s for s in all_systems(connection) if s.system.id == system_id), None)
    if known is None:
        raise NotThere(_("There is no such score system."))
    if known.hidden == hidden:
        return
    connection.execute(
        sa.update(score_system).where(score_system.c.id == system_id).values(hidden=hidden)
    )
    action = N_("score system hidden") if hidden else N_("score system shown")
    author.note(connection, action, known.system.title, {})


def check(scores: Sequence[Score]) -> None:
    """Raise NotPossible unless every percent makes exactly one score, and each score itself."""
    if not scores:
        raise NotPossible(_("Give at least one score."))
    _check_each(scores)
    _check_order(scores)
    if scores[-1].from_percent != 0:
        raise NotPossible(
            _("The last score, %(score)s, must begin at 0 %%.", score=repr(scores[-1].score))
        )


def _check_each(scores: Sequence[Score]) -> None:
    names: list[str] = []
    if len({each.points is None for each in scores}) > 1:
        raise NotPossible(_("Give grade points to every score, or to none."))
    for each in scores:
        if key(each.score) in names:
            raise NotPossible(_("The score %(score)s stands there twice.", score=repr(each.score)))
        names.append(key(each.score))
        if each.percent > HUNDRED or each.from_percent > HUNDRED:
            raise NotPossible(
                _("%(score)s: percent lie between 0 and 100.", score=repr(each.score))
            )
        if each.percent < each.from_percent:
            raise NotPossible(
                _(
                    "%(score)s means %(percent)s %%, which is below its own lower end.",
                    score=repr(each.score),
                    percent=language.number(plain(each.percent)),
                )
            )


def _check_order(scores: Sequence[Score]) -> None:
    for better, worse in pairwise(scores):
        if worse.from_percent >= better.from_percent:
            raise NotPossible(
                _(
                    "Best first: %(worse)s begins at %(percent)s %%, not below %(better)s.",
                    worse=repr(worse.score),
                    percent=language.number(plain(worse.from_percent)),
                    better=repr(better.score),
                )
            )
        if worse.percent >= better.from_percent:
            raise NotPossible(
                _(
                    "%(worse)s means %(percent)s %%, which makes a %(better)s.",
                    worse=repr(worse.score),
                    percent=language.number(plain(worse.percent)),
                    better=repr(better.score),
                )
            )
        if worse.passes and not better.passes:
            raise NotPossible(
                _(
                    "%(worse)s passes, but the better %(better)s does not.",
                    worse=repr(worse.score),
                    better=repr(better.score),
                )
            )
