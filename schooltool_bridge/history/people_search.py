"""Finding people by words of their names, and the order in which lists have them.

Source: RULES 1.8.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from mnet import folding
from mnet.folding import FoldedColumn
from schooltool_bridge.history import identity
from schooltool_bridge.store.model import person


def found_by(search: str) -> list[sa.ColumnElement[bool]]:
    """Return what must hold of a person for a search: each word is in a name, in whatever order.

    Capitals, accents and apostrophes do not matter; a user name or idnumber may begin with it, and
    what a merged record was called counts too.
    """
    return [_word(word) for word in folding.words(search)]


def by_name() -> tuple[sa.ColumnElement[Any], ...]:
    """Return the order of people in every list: by last name as people look it up."""
    return FoldedColumn(person.c.lastname), FoldedColumn(person.c.firstname), person.c.id


def _word(word: str) -> sa.ColumnElement[bool]:
    """One word of a search is in a name or begins a user name or idnumber."""
    merged = person.alias()
    by_former = sa.select(identity.root_of(merged.c.id)).where(
        merged.c.merged_into_id.is_not(None), _holds(merged, word)
    )
    return sa.or_(_holds(person, word), person.c.id.in_(by_former))


def _holds(table: sa.FromClause, word: str) -> sa.ColumnElement[bool]:
    names = (FoldedColumn(table.c.firstname), FoldedColumn(table.c.lastname))
    ids = (FoldedColumn(table.c.username_key), FoldedColumn(table.c.idnumber_key))
    return sa.or_(
        *(name.contains(word, autoescape=True) for name in names),
        *(one.startswith(word, autoescape=True) for one in ids),
    )
