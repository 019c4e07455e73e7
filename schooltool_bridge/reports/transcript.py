"""The transcript: every section that a person ever took, with final marks and withdrawals.

Grouped by year and term where the section is filed, else under Ongoing, or Before our first year.
The mark is the one stored when the term was closed (the latest, should it have been stored again),
with the state stored beside it; else the percentage and the state as they stand. Source: RULES 1.8,
1.12, R43, R70, R71.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, tzinfo
from decimal import Decimal, InvalidOperation
from itertools import groupby

from sqlalchemy.engine import Connection

from mnet.folding import folded
from mnet.language import N_, _, translated
from schooltool_bridge.common.days import iso
from schooltool_bridge.common.roles import STUDENT, TEACHER
from schooltool_bridge.common.rows import Row
from schooltool_bridge.history import as_of, identity
from schooltool_bridge.history.averages import counts_hidden, percent_of, shown_mark
from schooltool_bridge.history.fold import EnrolmentState
from schooltool_bridge.history.meaning import Meaning
from schooltool_bridge.history.snapshot import SectionSnapshot
from schooltool_bridge.reports import grade_points, paper
from schooltool_bridge.reports.grade_points import Average, Pointed
from schooltool_bridge.reports.paper import Cell, Column, Paper, Table
from schooltool_bridge.reports.stored_marks import StoredMark, final_marks, passes
from schooltool_bridge.school.labels import (
    BEFORE_US,
    ONGOING,
    ROLES,
    Course,
    Person,
    School,
    Term,
    people,
)
from schooltool_bridge.store.shipped_titles import local_title


@dataclass(frozen=True, slots=True)
class Final:
    """A mark stored for good; `passes` None where its score system does not say."""

    percent: Decimal | None
    mark: str
    passes: bool | None
    # The title of its score system, and what it counts there in an average; None: nothing.
    system: str = ""
    points: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Taken:
    """A section in which the person was, in one role."""

    snapshot: SectionSnapshot
    role: str
    state: EnrolmentState
    # The state's title, and what it means.
    title: str
    means: Meaning
    # The final one, else as it stands.
    percent: Decimal | None
    final: Final | None
    course: Course | None
    term: Term | None
    # Not final, and counts what the student does not see.
    counts_hidden: bool = False

    @property
    def mark(self) -> str:
        """What stands in the transcript's column of marks."""
        if self.final and self.final.mark:
            return shown_mark(self.final.mark, self.final.percent)
        return paper.percent(self.percent)

    @property
    def credits(self) -> Decimal | None:
        """The credits that a student earned by it; None where none are counted or nothing is final.

        Whoever failed earns none, nor does whoever left, whatever the mark.
        """
        if self.attempted is None:
            return None
        if self.means.failed or self.means.left or (self.final and self.final.passes is False):
            return Decimal(0)
        is_earned = self.means.passed or (self.final is not None and self.final.mark != "")
        return self.attempted if is_earned else None

    @property
    def attempted(self) -> Decimal | None:
        """The credits of its course, which a student may earn; None where none are counted."""
        if self.role != STUDENT or self.course is None or not self.course.credits:
            return None
        return _decimal(self.course.credits)

    @property
    def pointed(self) -> Pointed | None:
        """What it counts in a grade point average; None while it is not final, or was left."""
        final = self.final
        if final is None or final.points is None or self.means.left or self.means.in_error:
            return None
        return Pointed(final.system, final.points, self.attempted)


@dataclass(frozen=True, slots=True)
class Transcript:
    """A person's transcript."""

    person: Person
    at_unix_s: int
    taken: Sequence[Taken]

    @property
    def averages(self) -> list[Average]:
        """The grade point average of each score system."""
        return grade_points.averages(p for t in self.taken if (p := t.pointed) is not None)


def read(
    connection: Connection, person_id: int, now_unix_s: int, at_unix_s: int | None = None
) -> Transcript:
    """Read a person's transcript, as of a moment or as all stands now."""
    at_unix_s = paper.over(at_unix_s, now_unix_s)
    root = identity.root(connection, person_id)
    found = as_of.of_person(connection, root, at_unix_s)
    school = School(connection)
    finals = final_marks(connection, identity.everybody(connection, root), at_unix_s)
    taken = []
    for snapshot in found:
        for role in (STUDENT, TEACHER):
            state = snapshot.enrolments.get((root, role))
            if state is None:
                continue
            final = finals.get(snapshot.id) if role == STUDENT else None
            taken.append(
                Taken(
                    snapshot=snapshot,
                    role=role,
                    state=(shown := _state(state, final)),
                    title=school.states.get(shown.code, shown.code),
                    means=school.meanings[shown.code],
                    percent=_percent(snapshot, root, role, final),
                    final=_judged(final, school) if final else None,
                    course=school.courses.get(snapshot.course_id or 0),
                    term=school.terms.get(snapshot.term_id or 0),
                    counts_hidden=role == STUDENT
                    and final is None
                    and counts_hidden(snapshot, root),
                )
            )
    taken.sort(key=_list_order)
    moment_unix_s = now_unix_s if at_unix_s is None else at_unix_s
    return Transcript(people(connection, [root])[root], moment_unix_s, taken)


def _judged(mark: StoredMark, school: School) -> Final:
    system = school.systems.get(mark.score_system_id or 0)
    scores = system.scores if system is not None else ()
    points = next((s.points for s in scores if s.score == mark.mark), None)
    title = system.title if system is not None else ""
    return Final(mark.percent, mark.mark, passes(mark, system), title, points)


def _state(state: EnrolmentState, final: StoredMark | None) -> EnrolmentState:
    """The state that stands: what came after the closing is proposed, until somebody takes it."""
    if final is None or final.code == state.code:
        return state
    return EnrolmentState(final.code, final.recorded_unix_s, "")


def _percent(
    snapshot: SectionSnapshot, root: int, role: str, final: StoredMark | None
) -> Decimal | None:
    if role != STUDENT:
        return None
    return final.percent if final is not None else percent_of(snapshot, root)


def _list_order(t: Taken) -> tuple[bool, date, str, str, str, int]:
    # What is older than the school's first year comes first, what is ongoing last.
    is_past = t.snapshot.is_past
    first_day = t.term.first_day if t.term else date.min if is_past else date.max
    name, term = folded(t.snapshot.name), t.term.title if t.term else ""
    return t.term is None and not is_past, first_day, term, t.role, name, t.snapshot.id


def as_json(transcript: Transcript) -> Row:
    """The transcript in the shape that scripts rely on (1.8)."""
    return {
        "person": transcript.person.name_for_scripts,
        "sections": [
            {
                "section": t.snapshot.name_for_scripts,
                "name": t.snapshot.name,
                "role": t.role,
                "code": t.state.code,
                "title": t.title,
                "since": iso(t.state.since_unix_s),
                "note": t.state.note,
                "percent": paper.plain_number(t.percent),
                **filed_as_json(t.course, t.term),
                "final_mark": t.final.mark if t.final else None,
                "grade_points": paper.plain_number(t.final.points if t.final else None),
                "credits": paper.plain_number(t.credits),
            }
            for t in transcript.taken
        ],
        "grade_point_averages": [
            {"score_system": a.system, "average": paper.plain_number(a.value), "marks": a.marks}
            for a in transcript.averages
        ],
        "credits_earned": paper.plain_number(_sum(t.credits for t in transcript.taken)),
        "credits_attempted": paper.plain_number(_tried(transcript.taken)),
    }


def filed_as_json(course: Course | None, term: Term | None) -> Row:
    """Where a section is filed, as scripts read it; null where it is not."""
    return {
        "course": course.code if course else None,
        "year": term.year if term else None,
        "term": term.title if term else None,
    }


_COLUMNS = (
    Column(N_("Section"), share=1),
    Column(N_("Course")),
    Column(N_("Mark"), is_number=True),
    Column(N_("State")),
    Column(N_("Since")),
    Column(N_("Credits"), is_number=True),
    Column(N_("Note")),
)
_FLAT = tuple(
    Column(title)
    for title in (
        N_("Person"), N_("Year"), N_("Term"), N_("Section"), N_("Name"), N_("Course"), N_("Role"),
        N_("Code"), N_("State"), N_("Since"), N_("Note"), N_("Percent"), N_("Final mark"),
        N_("Credits"),
    )
)  # fmt: skip


def paper_of(transcript: Transcript, zone: tzinfo) -> Paper:
    """Return the transcript as a paper; sections added in error are left out."""
    shown = [t for t in transcript.taken if not t.means.in_error]
    studied = [t for t in shown if t.role == STUDENT]
    taught = [t for t in shown if t.role != STUDENT]
    tables = [_table(title, list(some), zone) for title, some in groupby(studied, key=_title)]
    if taught:
        tables.append(_table(_("Sections taught"), taught, zone))
    who = transcript.person
    return Paper(
        kind="transcript",
        title=_("Transcript"),
        subject=who.full_name,
        short=who.name_for_scripts,
        as_of=paper.as_of(transcript.at_unix_s, zone),
        facts=_facts(transcript, studied),
        tables=tables or [_table(_("Sections"), [], zone)],
        flat=Table("", paper.with_local_heads(_FLAT), [_flat(who, t, zone) for t in shown]),
        notes=_notes(studied),
        counts_hidden=any(t.counts_hidden for t in studied),
    )


def _notes(studied: Sequence[Taken]) -> list[str]:
    notes = []
    if any(t.final is None and t.percent is not None for t in studied):
        notes.append(_("A percentage in place of a mark is as it stands, and not final."))
    hiding = [t.snapshot.name for t in studied if t.counts_hidden]
    if hiding:
        sections = ", ".join(hiding)
        notes.append(
            _(
                "Grades that are hidden from students are counted in: %(sections)s.",
                sections=sections,
            )
        )
    return notes


def _facts(transcript: Transcript, studied: Sequence[Taken]) -> list[tuple[str, str]]:
    who = transcript.person
    idnumber = [(_("ID number"), who.idnumber)] if who.idnumber else []
    return [*idnumber, *_totals(studied), *_average_facts(transcript.averages)]


def _totals(studied: Sequence[Taken]) -> list[tuple[str, str]]:
    """Credits earned, of those that were tried for: of what is final, and was not just left."""
    earned, tried = _sum(t.credits for t in studied), _tried(studied)
    if earned is None:
        return []
    words = _("%(earned)s of %(tried)s", earned=paper.text(earned), tried=paper.text(tried))
    return [(_("Credits"), paper.text(earned) if earned == tried else words)]


def _average_facts(found: Sequence[Average]) -> list[tuple[str, str]]:
    return [
        (_("Grade point average (%(scale)s)", scale=local_title(a.system)), paper.text(a.value))
        for a in found
    ]


def _tried(taken: Iterable[Taken]) -> Decimal | None:
    return _sum(t.attempted for t in taken if t.credits is not None)


def _sum(some: Iterable[Decimal | None]) -> Decimal | None:
    """Add what there is; None for nothing at all."""
    there = [one for one in some if one is not None]
    return sum(there, Decimal(0)) if there else None


def _unfiled(t: Taken) -> str:
    return _(BEFORE_US) if t.snapshot.is_past else _(ONGOING)


def _title(t: Taken) -> str:
    return f"{t.term.year}, {t.term.title}" if t.term else _unfiled(t)


def _table(title: str, taken: Sequence[Taken], zone: tzinfo) -> Table:
    rows: list[list[Cell]] = [
        [
            t.snapshot.name,
            t.course.code if t.course else "",
            t.mark if t.role == STUDENT else "",
            translated(t.title),
            paper.day(t.state.since_unix_s, zone),
            t.credits,
            t.state.note,
        ]
        for t in taken
    ]
    empty = _("No section is known in which this person ever was.")
    averages = grade_points.averages(p for t in taken if (p := t.pointed) is not None)
    facts = [*_totals(taken), *_average_facts(averages)]
    return Table(title, paper.with_local_heads(_COLUMNS), rows, facts=facts, empty=empty)


def _flat(who: Person, t: Taken, zone: tzinfo) -> list[Cell]:
    return [
        who.name_for_scripts,
        t.term.year if t.term else "",
        t.term.title if t.term else _unfiled(t),
        t.snapshot.name_for_scripts,
        t.snapshot.name,
        t.course.code if t.course else "",
        _(ROLES[t.role]),
        t.state.code,
        translated(t.title),
        paper.day(t.state.since_unix_s, zone),
        t.state.note,
        t.percent,
        t.final.mark if t.final else "",
        t.credits,
    ]


def _decimal(text: str) -> Decimal | None:
    try:
        found = Decimal(text)
    except InvalidOperation:
        return None
    return found if found.is_finite() else None
