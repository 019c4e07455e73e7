"""The progress report: a student as of any moment, section by section, item by item.

Tells of every section where the student was by then, future ones too (RULES R58), with who teaches
it, what was to be done and what was reached. Source: RULES 1.5, 1.8, R58, R69, R75, R76, E18.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, tzinfo
from decimal import Decimal

from sqlalchemy.engine import Connection

from mnet import language
from mnet.folding import folded
from mnet.language import N_, _, translated
from schooltool_bridge.common import hiding
from schooltool_bridge.common.days import day_of, iso
from schooltool_bridge.common.roles import STUDENT, TEACHER
from schooltool_bridge.common.rows import Row
from schooltool_bridge.history import as_of, identity
from schooltool_bridge.history.averages import (
    HUNDRED,
    idle_extra_credit,
    is_before,
    number,
    percent_of,
)
from schooltool_bridge.history.cells import MANUAL, PEER
from schooltool_bridge.history.fold import EnrolmentState
from schooltool_bridge.history.meaning import Meaning
from schooltool_bridge.history.snapshot import Entry, Item, SectionSnapshot
from schooltool_bridge.reports import paper
from schooltool_bridge.reports.paper import Cell, Column, Paper, Table
from schooltool_bridge.reports.transcript import filed_as_json
from schooltool_bridge.school.labels import ONGOING, Course, Person, School, Term, people


@dataclass(frozen=True, slots=True)
class ItemLine:
    """An assessment and what the student has there; no entry: nothing is graded."""

    item: Item
    entry: Entry | None
    # It was due before the student came, so that it is not missing (RULES E18).
    is_before: bool
    # As the item's score system writes it; empty without one.
    mark: str
    # Extra credit, and nothing else of its category is graded.
    adds_nothing: bool = False
    # Whether the student sees it (common/hiding.py): the item and the grade.
    hidden: int = hiding.SHOWN

    @property
    def authority(self) -> str:
        """Who decides this cell: peer or manual."""
        if self.entry is not None:
            return self.entry.authority
        return MANUAL if self.item.peer is None else PEER


@dataclass(frozen=True, slots=True)
class SectionLine:
    """A section as the student met it."""

    snapshot: SectionSnapshot
    state: EnrolmentState
    # The state's title, such as Withdrawn - Passing, and what it means.
    title: str
    means: Meaning
    percent: Decimal | None
    items: Sequence[ItemLine]
    teachers: Sequence[Person]
    course: Course | None
    term: Term | None
    # Year and term, or Ongoing.
    filed: str
    # The day on which it begins, while that is still to come.
    starts: date | None


@dataclass(frozen=True, slots=True)
class Progress:
    """A student's progress report."""

    person: Person
    at_unix_s: int
    sections: Sequence[SectionLine]


def read(
    connection: Connection, person_id: int, at_unix_s: int | None, now_unix_s: int, zone: tzinfo
) -> Progress:
    """Read a student's progress as of a moment; without one, all that is known now."""
    at_unix_s = paper.over(at_unix_s, now_unix_s)
    root = identity.root(connection, person_id)
    found = [
        s for s in as_of.of_person(connection, root, at_unix_s) if (root, STUDENT) in s.enrolments
    ]
    school = School(connection)
    taught_by = {s.id: teachers_of(s) for s in found}
    known = people(connection, [root, *(who for some in taught_by.values() for who in some)])
    moment_unix_s = now_unix_s if at_unix_s is None else at_unix_s
    lines = [
        SectionLine(
            snapshot=snapshot,
            state=(state := snapshot.enrolments[root, STUDENT]),
            title=school.states.get(state.code, state.code),
            means=school.meanings[state.code],
            percent=percent_of(snapshot, root),
            items=item_lines(snapshot, root, school, zone),
            teachers=[known[who] for who in taught_by[snapshot.id] if who in known],
            course=school.courses.get(snapshot.course_id or 0),
            term=school.terms.get(snapshot.term_id or 0),
            filed=school.filed(snapshot.term_id, is_past=snapshot.is_past),
            starts=_starts(snapshot, root, school, moment_unix_s, zone),
        )
        for snapshot in found
    ]
    lines.sort(key=lambda s: (s.starts is not None, folded(s.snapshot.name), s.snapshot.id))
    return Progress(known[root], moment_unix_s, lines)


def teachers_of(snapshot: SectionSnapshot) -> list[int]:
    """Who taught then."""
    return [
        who for (who, role), state in snapshot.enrolments.items() if role == TEACHER and state.holds
    ]


def item_lines(
    snapshot: SectionSnapshot, person_id: int, school: School, zone: tzinfo
) -> list[ItemLine]:
    """Return every item of a section with what a student has there."""
    lines = []
    idle = idle_extra_credit(snapshot, person_id)
    for item in snapshot.items:
        entry = snapshot.entries.get((item.id, person_id))
        system = school.systems.get(item.score_system_id) if item.score_system_id else None
        has_mark = system is not None and system.kind == "values"
        reached = entry.points if entry else None
        mark = ""
        if system is not None and has_mark and reached is not None and item.points:
            mark = system.mark(reached * HUNDRED / item.points)
        adds_nothing = entry is not None and item.category_id in idle
        before = is_before(snapshot, item, person_id, zone)
        hidden = snapshot.hidden(item, person_id)
        lines.append(ItemLine(item, entry, before, mark, adds_nothing, hidden))
    return lines


def _starts(
    snapshot: SectionSnapshot, root: int, school: School, moment_unix_s: int, zone: tzinfo
) -> date | None:
    term = school.terms.get(snapshot.term_id or 0)
    today = day_of(moment_unix_s, zone)
    came = day_of(snapshot.joined.get(root, moment_unix_s), zone)
    starts = max(came, term.first_day) if term else came
    return starts if starts > today else None


def as_json(progress: Progress) -> Row:
    """The report in the shape that scripts rely on (1.8)."""
    return {
        "person": progress.person.name_for_scripts,
        "at": iso(progress.at_unix_s),
        "sections": [
            {
                "section": s.snapshot.name_for_scripts,
                "name": s.snapshot.name,
                "code": s.state.code,
                "percent": paper.plain_number(s.percent),
                **filed_as_json(s.course, s.term),
                "assessments": [
                    {
                        "assessment": line.item.name_for_scripts,
                        "name": line.item.name,
                        "points": paper.plain_number(line.entry.points if line.entry else None),
                        "max": paper.plain_number(line.item.points),
                        "excepted": line.entry.excepted if line.entry else False,
                        "authority": line.authority,
                        "extra_credit": line.item.extra_credit,
                        "hidden": line.hidden != hiding.SHOWN,
                    }
                    for line in s.items
                ],
            }
            for s in progress.sections
        ],
    }


_COLUMNS = (
    Column(N_("Assessment"), share=1),
    Column(N_("Points"), is_number=True),
    Column(N_("Of"), is_number=True),
    Column(N_("Percent"), is_number=True),
    Column(N_("Remarks")),
)
_FLAT = tuple(
    Column(title)
    for title in (
        N_("Person"), N_("Section"), N_("Section name"), N_("Code"), N_("State"),
        N_("Section percent"), N_("Assessment"), N_("Assessment name"), N_("Points"), N_("Max"),
        N_("Percent"), N_("Excepted"), N_("Authority"), N_("Remarks"),
    )
)  # fmt: skip


def paper_of(progress: Progress, zone: tzinfo, pictures: Sequence[paper.Picture] = ()) -> Paper:
    """Return the report as a paper; sections added in error are left out."""
    shown = [s for s in progress.sections if not s.means.in_error]
    who = progress.person
    return Paper(
        kind="progress",
        title=_("Progress report"),
        subject=who.full_name,
        short=who.name_for_scripts,
        as_of=paper.as_of(progress.at_unix_s, zone),
        facts=[(_("ID number"), who.idnumber)] if who.idnumber else [],
        tables=[
            Table(
                _("Sections"),
                paper.with_local_heads(_OVERVIEW),
                [_overview(s) for s in shown],
                empty=_(_NONE),
            ),
            *(_section_table(s, zone) for s in shown),
        ],
        flat=Table(
            "", paper.with_local_heads(_FLAT), [row for s in shown for row in _flat(who, s, zone)]
        ),
        pictures=pictures,
        counts_hidden=any(_shows_hidden(s) for s in shown),
    )


_AUTHORITIES = {PEER: N_("peer"), MANUAL: N_("manual")}
_NONE = N_("No section is known in which this student was by then.")
_OVERVIEW = (
    Column(N_("Section"), share=1),
    Column(N_("Teachers")),
    Column(N_("State")),
    Column(N_("Percent"), is_number=True),
)


def _overview(s: SectionLine) -> list[Cell]:
    teachers = ", ".join(t.full_name for t in s.teachers)
    state = translated(s.title)
    if s.starts is not None:
        state = _("%(state)s, starts %(day)s", state=state, day=language.day(s.starts))
    return [s.snapshot.name, teachers, state, paper.percent(s.percent)]


def _section_table(s: SectionLine, zone: tzinfo) -> Table:
    since = paper.day(s.state.since_unix_s, zone)
    facts = [
        *([(_("Course"), f"{s.course.code} {s.course.title}")] if s.course else []),
        *([(_("Term"), translated(s.filed))] if s.filed != ONGOING else []),
        (_("State"), _("%(state)s since %(day)s", state=translated(s.title), day=since)),
        *([(_("Note"), s.state.note)] if s.state.note else []),
        (_("Percent"), paper.percent(s.percent)),
    ]
    return Table(
        s.snapshot.name,
        paper.with_local_heads(_COLUMNS),
        [_item_row(line, zone) for line in s.items],
        facts=facts,
        note=" ".join(_notes(s)),
        empty=_("No assessments yet."),
    )


def _shows_hidden(s: SectionLine) -> bool:
    return any(line.hidden and line.entry is not None for line in s.items)


def _notes(s: SectionLine) -> list[str]:
    gone = []
    if s.snapshot.deleted:
        is_ours = s.snapshot.peer is None
        gone.append(_("This section was removed.") if is_ours else _("No longer in its Moodle."))
    if _shows_hidden(s):
        gone.append(_("What is hidden from students is counted here, and not on their own pages."))
    return gone


def _item_row(line: ItemLine, zone: tzinfo) -> list[Cell]:
    points = line.entry.points if line.entry else None
    is_excused = line.entry is not None and line.entry.excepted
    return [
        line.item.name,
        f"{number(points)} {line.mark}".strip() if points is not None else paper.DASH,
        line.item.points,
        _("EX") if is_excused else paper.percent(share(line)),
        ", ".join(remarks(line, zone)),
    ]


def share(line: ItemLine) -> Decimal | None:
    """What was reached at an item, in percent of what it is worth."""
    if line.entry is None or line.entry.points is None or not line.item.points:
        return None
    return (line.entry.points * HUNDRED / line.item.points).quantize(Decimal("0.1"))


def remarks(line: ItemLine, zone: tzinfo) -> list[str]:
    """What is to be known of a cell beside its points."""
    remarks_that_hold = {
        _("excused"): line.entry is not None and line.entry.excepted,
        _("extra credit"): line.item.extra_credit,
        _("adds nothing until more of its category is graded"): line.adds_nothing,
        _("before enrolment"): line.is_before,
        _("honors"): line.item.honors_required and not line.item.nonhonors_required,
        _("entered by hand"): line.entry is not None and line.entry.authority == MANUAL,
    }
    found = [words for words, holds in remarks_that_hold.items() if holds]
    if line.entry is not None and line.entry.attempt > 1:
        found.append(_("attempt %(number)s", number=line.entry.attempt))
    if line.hidden:
        found.append(hiding.words(line.hidden, zone))
    if line.item.chapternum:
        found.insert(0, _("chapter %(number)s", number=line.item.chapternum))
    return found


def _flat(who: Person, s: SectionLine, zone: tzinfo) -> list[list[Cell]]:
    snapshot, state = s.snapshot, s.state
    section: list[Cell] = [
        who.name_for_scripts, snapshot.name_for_scripts, snapshot.name, state.code,
        translated(s.title), s.percent,
    ]  # fmt: skip
    if not s.items:
        return [[*section, *([None] * (len(_FLAT) - len(section)))]]
    return [
        [
            *section,
            line.item.name_for_scripts,
            line.item.name,
            line.entry.points if line.entry else None,
            line.item.points,
            share(line),
            _("yes") if line.entry and line.entry.excepted else _("no"),
            _(_AUTHORITIES[line.authority]),
            ", ".join(remarks(line, zone)),
        ]
        for line in s.items
    ]
