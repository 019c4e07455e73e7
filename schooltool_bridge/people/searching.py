"""Finding anything of the school by its words: people, sections, courses, assessments, papers.

Accents, capitals and the order of words do not matter. Whoever asks says by a Scope what they may
see; nothing else is looked at. Only reads. Source: RULES 1.8, R60.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mnet import folding
from mnet.folding import FoldedColumn, folded
from schooltool_bridge.history import joined
from schooltool_bridge.history.people_search import by_name, found_by
from schooltool_bridge.store.model import ACTIVE, assessment, person, section
from schooltool_bridge.store.model_reports import issued_report
from schooltool_bridge.store.model_school import course

PEOPLE, SECTIONS, COURSES, ITEMS, ISSUED = KINDS = (
    "people", "sections", "courses", "items", "issued",
)  # fmt: skip
# So many of a kind are shown; the lists have them all.
MAX_OF_A_KIND = 15


@dataclass(frozen=True, slots=True)
class Scope:
    """What somebody may find: conditions on the table of each kind; None: nothing of it."""

    people: sa.ColumnElement[bool] | None = None
    sections: sa.ColumnElement[bool] | None = None
    courses: sa.ColumnElement[bool] | None = None
    # Assessments, of sections that fulfil this.
    items: sa.ColumnElement[bool] | None = None
    issued: sa.ColumnElement[bool] | None = None


# For accounts, which see everything.
EVERYTHING = Scope(sa.true(), sa.true(), sa.true(), sa.true(), sa.true())


@dataclass(frozen=True, slots=True)
class Hit:
    """Something that was found; `names` are what it is called, by which a hit is exact."""

    kind: str
    id: int
    title: str
    detail: str
    names: Sequence[str | None] = ()
    # Of an assessment; it is ours, so that it has a page of its own for teachers too.
    section_id: int = 0
    is_ours: bool = False


@dataclass(frozen=True, slots=True)
class Results:
    """What a search found, by kind; `more` are the kinds of which there is more."""

    hits: Sequence[Hit] = ()
    more: frozenset[str] = field(default_factory=frozenset)

    def of(self, kind: str) -> list[Hit]:
        """Return what was found of a kind."""
        return [hit for hit in self.hits if hit.kind == kind]

    def exact(self, text: str) -> Hit | None:
        """Return the one thing that is called just so, or that alone was found; else None."""
        wanted = " ".join(folding.words(text))
        called = [h for h in self.hits if wanted in {_plain(n) for n in (h.title, *h.names) if n}]
        if len(called) == 1:
            return called[0]
        return self.hits[0] if len(self.hits) == 1 else None


def search(connection: Connection, text: str, scope: Scope) -> Results:
    """Find what has all words of `text` in its names."""
    words = folding.words(text)
    if not words:
        return Results()
    queries = (
        (PEOPLE, scope.people, _people(text)),
        (SECTIONS, scope.sections, _sections(words)),
        (COURSES, scope.courses, _courses(words)),
        (ITEMS, scope.items, _items(words)),
        (ISSUED, scope.issued, _issued(words)),
    )
    hits: list[Hit] = []
    more = set()
    for kind, bounds, query in queries:
        if bounds is None:
            continue
        rows = connection.execute(query.where(bounds).limit(MAX_OF_A_KIND + 1)).all()
        hits += [_READ[kind](row) for row in rows[:MAX_OF_A_KIND]]
        more |= {kind} if len(rows) > MAX_OF_A_KIND else set()
    return Results(hits, frozenset(more))


def _people(text: str) -> sa.Select[Any]:
    columns = (
        person.c.id, person.c.firstname, person.c.lastname, person.c.username, person.c.idnumber,
    )  # fmt: skip
    query = sa.select(*columns).where(person.c.merged_into_id.is_(None), *found_by(text))
    return query.order_by(*by_name())


def _sections(words: Sequence[str]) -> sa.Select[Any]:
    query = sa.select(section.c.id, section.c.name, section.c.idnumber, section.c.segment)
    texts = (section.c.name, section.c.idnumber)
    return query.where(joined.is_shown(section.c.id), *_all_in(words, texts)).order_by(
        FoldedColumn(section.c.name), section.c.id
    )


def _courses(words: Sequence[str]) -> sa.Select[Any]:
    query = sa.select(course.c.id, course.c.code, course.c.title)
    return query.where(*_all_in(words, (course.c.code, course.c.title))).order_by(course.c.code)


def _items(words: Sequence[str]) -> sa.Select[Any]:
    """Assessments by their names; the section's name may say which of several is meant."""
    own = (assessment.c.name, assessment.c.label)
    query = sa.select(
        assessment.c.id, assessment.c.name, assessment.c.section_id, assessment.c.peer_id,
        assessment.c.unlinked, section.c.name.label("section"),
    ).join_from(assessment, section, section.c.id == assessment.c.section_id)  # fmt: skip
    return query.where(
        assessment.c.status == ACTIVE,
        joined.is_shown(section.c.id),
        sa.or_(*(_in(word, own) for word in words)),
        *_all_in(words, (*own, section.c.name)),
    ).order_by(FoldedColumn(assessment.c.name), assessment.c.id)


def _issued(words: Sequence[str]) -> sa.Select[Any]:
    query = sa.select(
        issued_report.c.id, issued_report.c.number, issued_report.c.title, person.c.firstname,
        person.c.lastname,
    ).join_from(issued_report, person, person.c.id == issued_report.c.person_id)  # fmt: skip
    has_it = (issued_report.c.number.contains(word, autoescape=True) for word in words)
    return query.where(*has_it).order_by(issued_report.c.id.desc())


def _all_in(words: Sequence[str], texts: Sequence[sa.Column[Any]]) -> list[sa.ColumnElement[bool]]:
    return [_in(word, texts) for word in words]


def _in(word: str, texts: Sequence[sa.Column[Any]]) -> sa.ColumnElement[bool]:
    return sa.or_(*(FoldedColumn(text).contains(word, autoescape=True) for text in texts))


def _plain(name: str) -> str:
    return " ".join(folded(name).replace(",", " ").split())


def _person_hit(row: sa.Row[Any]) -> Hit:
    name = f"{row.firstname} {row.lastname}".strip() or row.username
    reverse = f"{row.lastname} {row.firstname}"
    detail = ", ".join(x for x in (row.username, row.idnumber) if x)
    return Hit(PEOPLE, row.id, name, detail, (reverse, row.username, row.idnumber))


def _section_hit(row: sa.Row[Any]) -> Hit:
    return Hit(SECTIONS, row.id, row.name or str(row.id), row.idnumber or "", (row.idnumber,))


def _course_hit(row: sa.Row[Any]) -> Hit:
    return Hit(COURSES, row.id, f"{row.code} {row.title}", "", (row.code, row.title))


def _item_hit(row: sa.Row[Any]) -> Hit:
    is_ours = row.peer_id is None or bool(row.unlinked)
    return Hit(
        ITEMS, row.id, row.name, row.section, section_id=row.section_id, is_ours=is_ours
    )  # fmt: skip


def _issued_hit(row: sa.Row[Any]) -> Hit:
    detail = f"{row.title}, {row.firstname} {row.lastname}"
    return Hit(ISSUED, row.id, row.number, detail)


_READ = {
    PEOPLE: _person_hit, SECTIONS: _section_hit, COURSES: _course_hit, ITEMS: _item_hit,
    ISSUED: _issued_hit,
}  # fmt: skip
