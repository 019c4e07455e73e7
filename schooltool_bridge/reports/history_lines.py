"""What the rows of a section's history mean: one line each, with the value before and after.

Takes a page of line keys (section_history.py) and reads just the rows behind them, by a fixed
number of statements. Source: RULES R46, R55, R72, R73.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from decimal import Decimal
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mnet.language import N_, _, translated
from peers.model import peer
from schooltool_bridge.common import hiding
from schooltool_bridge.common.days import iso
from schooltool_bridge.common.rows import Row
from schooltool_bridge.common.times import ordered, took_effect
from schooltool_bridge.events import naming
from schooltool_bridge.history import fold, identity, joined, teacher_names
from schooltool_bridge.history.averages import number
from schooltool_bridge.history.cells import row_of
from schooltool_bridge.reports import paper
from schooltool_bridge.reports import section_history as history
from schooltool_bridge.reports.paper import Column, Paper, Table
from schooltool_bridge.reports.section_history import LineKey
from schooltool_bridge.school.labels import ROLES, Person, School, people
from schooltool_bridge.store.model import (
    assessment,
    assessment_history,
    enrolment_history,
    grade,
    grade_history,
    section,
    section_history,
)
from schooltool_bridge.store.model_school import (
    assessment_detail,
    category,
    category_weight,
    section_filing,
)

Rows = Mapping[int, sa.Row[Any]]
R = TypeVar("R", bound=fold.Positioned)


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that happened."""

    line_key: LineKey
    # One of section_history.KINDS.
    kind: str
    recorded_unix_s: int
    # Whom it is about; None: nobody, or somebody not known here.
    person: Person | None
    # What it is about, such as an assessment's name.
    subject: str
    before: str
    after: str
    # A grade's attempt.
    attempt: int | None
    # Who wrote it by hand, else the wwwroot of the peer that sent it.
    by: str
    why: str


def read(
    connection: Connection, section_id: int, found: Sequence[LineKey], zone: tzinfo
) -> list[Line]:
    """Read the lines of these keys, in their order; times in them are of the school's zone."""
    reader = _Reader(connection, section_id, found, zone)
    known = people(connection, reader.who.values())
    lines = []
    for line_key in found:
        make = getattr(reader, line_key.source)
        row, kind, subject, before, after, attempt, by_peer = make(line_key.row_id)
        who = known.get(reader.who.get((line_key.source, line_key.row_id), 0))
        by = row.by_actor or by_peer or ""
        lines.append(
            Line(
                line_key,
                kind,
                row.recorded_unix_s,
                who,
                subject,
                before,
                after,
                attempt,
                by,
                row.why,
            )
        )
    return lines


Change = tuple[sa.Row[Any], str, str, str, str, int | None, str | None]


class _Reader:
    """The rows behind a page, and how each kind is written; a method for each kind of table."""

    def __init__(
        self, connection: Connection, section_id: int, found: Iterable[LineKey], zone: tzinfo
    ) -> None:
        self._connection = connection
        self._zone = zone
        ids: dict[str, list[int]] = defaultdict(list)
        for line_key in found:
            ids[line_key.source].append(line_key.row_id)
        roots = identity.roots(connection)
        self._school = school = School(connection)
        self._states = school.states
        parts = joined.whole(connection, section_id).parts
        whose = connection.execute(
            sa.select(peer.c.id, peer.c.wwwroot)
            .join_from(section, peer, peer.c.id == section.c.peer_id)
            .where(section.c.id.in_(parts))
        ).first()
        self._peer: str | None = whose.wwwroot if whose else None
        here = section_history.c.section_id.in_(parts)
        self._sections = {r.id: r for r in connection.execute(teacher_names.ROWS.where(here))}
        peer_id = whose.id if whose else None
        self._teacher = naming.of_teachers(connection, peer_id, self._sections.values())
        self._filings = self._all(section_filing, section_filing.c.section_id == parts[0])
        self._weights = self._all(category_weight, category_weight.c.section_id == parts[0])
        self._categories = {r.id: r.title for r in connection.execute(sa.select(category))}
        wanted = enrolment_history.c.id.in_(ids[history.ENROLMENT])
        pairs = sa.select(enrolment_history.c.person_id).where(wanted)
        self._enrolments = self._all(
            enrolment_history,
            enrolment_history.c.section_id.in_(parts),
            enrolment_history.c.person_id.in_(pairs),
        )
        ever = history.ever_here(parts)
        self._items = self._all(assessment_history, assessment_history.c.assessment_id.in_(ever))
        self._details = self._all(assessment_detail, assessment_detail.c.assessment_id.in_(ever))
        self._peer_of_item = {
            r.id: r.wwwroot
            for r in connection.execute(
                sa.select(assessment.c.id, peer.c.wwwroot)
                .join_from(assessment, peer, peer.c.id == assessment.c.peer_id)
                .where(assessment.c.id.in_(ever))
            )
        }
        cells = sa.select(grade_history.c.grade_id).where(
            grade_history.c.id.in_(ids[history.GRADE])
        )
        self._grades = {
            r.id: r
            for r in connection.execute(
                sa.select(grade_history, grade.c.assessment_id, grade.c.person_id)
                .join_from(grade_history, grade, grade.c.id == grade_history.c.grade_id)
                .where(grade_history.c.grade_id.in_(cells))
            )
        }
        self._of_cell = _by(lambda r: r.grade_id, self._grades)
        self.who = {
            (history.GRADE, i): roots.get(r.person_id, r.person_id) for i, r in self._grades.items()
        } | {
            (history.ENROLMENT, i): roots.get(r.person_id, r.person_id)
            for i, r in self._enrolments.items()
        }

    def _all(self, table: sa.Table, *wanted: sa.ColumnElement[bool]) -> Rows:
        return {r.id: r for r in self._connection.execute(sa.select(table).where(*wanted))}

    def section(self, row_id: int) -> Change:
        """The section appeared, got another name, or went."""
        row = self._sections[row_id]
        same = [r for r in self._sections.values() if r.section_id == row.section_id]
        earlier = _before(row, same)
        before = "" if earlier is None else _gone(earlier, earlier.name)
        return row, history.SECTION, _("name"), before, _gone(row, row.name), None, self._peer

    def teacher(self, row_id: int) -> Change:
        """The section names its teacher."""
        row = self._sections[row_id]
        named = [r for r in self._sections.values() if r.teacheridnumber]
        earlier = _before(row, named)
        before = self._teacher(earlier) if earlier is not None else ""
        return (
            row, history.TEACHERS, _("teacher named by the section"), before,
            self._teacher(row), None, self._peer,
        )  # fmt: skip

    def enrolment(self, row_id: int) -> Change:
        """Somebody's state changed; an ending by the peer has no code of its own."""
        row = self._enrolments[row_id]
        same = [
            r
            for r in self._enrolments.values()
            if r.person_id == row.person_id and (None in {r.role, row.role} or r.role == row.role)
        ]
        earlier = _before(row, same)
        kind = history.TEACHERS if row.role == "teacher" else history.ENROLMENT
        after = self._state(row) + (f" ({row.note})" if row.note else "")
        before = self._state(earlier) if earlier is not None else ""
        subject = _(ROLES[row.role]) if row.role else _("every role")
        return row, kind, subject, before, after, None, self._peer

    def _state(self, row: sa.Row[Any]) -> str:
        return translated(self._states.get(row.code, row.code)) if row.code else _("Ended")

    def filing(self, row_id: int) -> Change:
        """It was filed under a term and a course."""
        row = self._filings[row_id]
        earlier = _before(row, self._filings.values())
        before = self._filed(earlier) if earlier is not None else ""
        return row, history.FILING, _("filed under"), before, self._filed(row), None, None

    def _filed(self, row: sa.Row[Any]) -> str:
        course = self._school.courses.get(row.course_id or 0)
        where = translated(self._school.filed(row.term_id))
        return f"{where}, {course.code}" if course else where

    def weight(self, row_id: int) -> Change:
        """A category counts more or less."""
        row = self._weights[row_id]
        same = [r for r in self._weights.values() if r.category_id == row.category_id]
        earlier = _before(row, same)
        subject = self._categories.get(row.category_id, str(row.category_id))
        before = earlier.weight if earlier is not None else ""
        return row, history.WEIGHT, subject, before, row.weight or _("none"), None, None

    def assessment(self, row_id: int) -> Change:
        """An assessment appeared, changed or went."""
        row = self._items[row_id]
        same = [r for r in self._items.values() if r.assessment_id == row.assessment_id]
        earlier = _before(row, same)
        by_peer = self._peer_of_item.get(row.assessment_id)
        was, became = self._hidden(fold.item_hidden, row, same)
        before = _item(earlier, was) if earlier is not None else ""
        return row, history.ASSESSMENT, row.name, before, _item(row, became), None, by_peer

    def _hidden(
        self, hidden: Callable[[Iterable[R]], int], row: R, rows: Sequence[R]
    ) -> tuple[str, str]:
        """What students saw until a row, and from it on, in words."""
        until = [r for r in rows if fold.position(r) < fold.position(row)]
        return hiding.change(hidden(until), hidden([*until, row]), self._zone)

    def detail(self, row_id: int) -> Change:
        """The school changed an assessment's details."""
        row = self._details[row_id]
        same = [r for r in self._details.values() if r.assessment_id == row.assessment_id]
        earlier = _before(row, same)
        subject = self._item_name(row.assessment_id, took_effect(row))
        before = self._described(earlier) if earlier is not None else ""
        return row, history.ASSESSMENT, subject, before, self._described(row), None, None

    def _described(self, row: sa.Row[Any]) -> str:
        facts = (
            (_("label"), row.label),
            (_("category"), self._categories.get(row.category_id)),
            (_("due"), row.due_day and row.due_day.isoformat()),
        )
        return ", ".join(f"{name} {value}" for name, value in facts if value) or _("details")

    def grade(self, row_id: int) -> Change:
        """A cell changed; before is what counted until then."""
        row = self._grades[row_id]
        of_cell = [row_of(r) for r in self._of_cell[row.grade_id]]
        earlier = [r for r in of_cell if fold.position(r) < fold.position(row)]
        # Without a number of its own the rows around it say to which attempt it belongs.
        numbered = fold.with_attempts([r for r in of_cell if r.by_actor is None])
        attempt = next((r.attempt for r in numbered if r.id == row.id), None)
        counted = fold.cell(earlier).counting
        mine = row_of(row)
        was, became = self._hidden(fold.grade_hidden, mine, of_cell)
        before = _points(counted, was) if counted is not None else ""
        after = _points(mine, became)
        if row.deleted:
            after = _("released") if row.by_actor is not None else _("taken back")
        subject = self._item_name(row.assessment_id, took_effect(row))
        by_peer = self._peer_of_item.get(row.assessment_id)
        return row, history.GRADE, subject, before, after, attempt, by_peer

    def _item_name(self, assessment_id: int, at_unix_s: int) -> str:
        """What an assessment was called then; its first name before that."""
        rows = [r for r in self._items.values() if r.assessment_id == assessment_id]
        in_effect = [r for r in rows if took_effect(r) <= at_unix_s]
        return str(
            (max(in_effect, key=fold.position) if in_effect else min(rows, key=fold.position)).name
        )


def _by(name: Callable[[sa.Row[Any]], int], rows: Rows) -> dict[int, list[sa.Row[Any]]]:
    found: dict[int, list[sa.Row[Any]]] = defaultdict(list)
    for row in rows.values():
        found[name(row)].append(row)
    return found


def _before(row: sa.Row[Any], rows: Iterable[sa.Row[Any]]) -> sa.Row[Any] | None:
    """The row that held until this one."""

    def line_key(r: sa.Row[Any]) -> tuple[int, int, int]:
        return ordered(r.effective_unix_s, r.recorded_unix_s), getattr(r, "seq", -1), r.id

    return max((r for r in rows if line_key(r) < line_key(row)), key=line_key, default=None)


def _gone(row: sa.Row[Any], text: str) -> str:
    return _("deleted") if row.deleted else text


def _item(row: sa.Row[Any], hidden: str) -> str:
    message = _("%(name)s, %(points)s points", name=row.name, points=number(Decimal(row.points)))
    words = (message, _("extra credit") if row.extra_credit else "", hidden)
    return _gone(row, ", ".join(filter(None, words)))


def _points(row: fold.GradeRow, hidden: str) -> str:
    written = _("no grade") if row.raw_points is None else number(row.raw_points)
    words = (written, _("excused") if row.excepted else "", hidden)
    return ", ".join(filter(None, words))


def as_json(lines: Iterable[Line]) -> list[Row]:
    """The history as scripts read it."""
    return [
        {
            "took_effect": iso(line.line_key.effective_unix_s),
            "recorded_at": iso(line.recorded_unix_s),
            "kind": line.kind,
            "person": line.person.name_for_scripts if line.person else None,
            "subject": line.subject,
            "before": line.before,
            "after": line.after,
            "attempt": line.attempt,
            "by": line.by,
            "why": line.why,
        }
        for line in lines
    ]


# How each of section_history.KINDS is called.
_KINDS = {
    history.SECTION: N_("section"), history.FILING: N_("filing"), history.TEACHERS: N_("teacher"),
    history.ENROLMENT: N_("enrolment"), history.ASSESSMENT: N_("assessment"),
    history.WEIGHT: N_("weight"), history.GRADE: N_("grade"),
}  # fmt: skip
_COLUMNS = (
    Column(N_("Took effect")), Column(N_("Recorded")), Column(N_("What")), Column(N_("Who")),
    Column(N_("About"), share=1), Column(N_("Before")), Column(N_("After")), Column(N_("By")),
    Column(N_("Why")),
)  # fmt: skip


def _attempt(line: Line) -> str:
    if line.attempt is None or line.attempt <= 1:
        return ""
    return " (" + _("attempt %(number)s", number=line.attempt) + ")"


def paper_of(
    lines: Sequence[Line], *, name: str, short: str, now_unix_s: int, zone: tzinfo
) -> Paper:
    """Return a page of the history as a paper."""
    table = Table(
        "",
        paper.with_local_heads(_COLUMNS),
        [
            [
                paper.moment(line.line_key.effective_unix_s, zone),
                paper.moment(line.recorded_unix_s, zone),
                _(_KINDS[line.kind]),
                line.person.full_name if line.person else "",
                line.subject,
                line.before,
                line.after + _attempt(line),
                line.by,
                line.why,
            ]
            for line in lines
        ],
        empty=_("Nothing of that kind has happened here."),
    )
    return Paper(
        kind="history",
        title=_("Section history"),
        subject=name,
        short=short,
        as_of=_("As known on %(moment)s", moment=paper.moment(now_unix_s, zone)),
        tables=[table],
        flat=table,
        is_landscape=True,
        next_page=str(lines[-1].line_key) if lines else "",
    )
