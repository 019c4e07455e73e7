"""A section on paper as of any moment: its report, its class roster, its gradebook.

Students by items, in points or percent, with averages; who left stands there with the state.
Source: RULES 1.5, R70, R76, A.4.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from decimal import Decimal
from statistics import median

from sqlalchemy.engine import Connection

from mnet.language import N_, _, plain, translated
from schooltool_bridge.common import hiding
from schooltool_bridge.common.roles import STUDENT
from schooltool_bridge.history import as_of
from schooltool_bridge.history.averages import number, percent_of
from schooltool_bridge.history.fold import EnrolmentState
from schooltool_bridge.history.snapshot import SectionSnapshot
from schooltool_bridge.reports import paper
from schooltool_bridge.reports.charts import distribution
from schooltool_bridge.reports.paper import Cell, Column, Paper, Picture, Table
from schooltool_bridge.reports.progress import (
    ItemLine,
    item_lines,
    share,
    teachers_of,
)
from schooltool_bridge.school.labels import Course, Person, School, people

# What fits across a page; further items go on with the students' names repeated.
ITEMS_ACROSS = 12
# A column's head is short; the whole name stands in the CSV.
MAX_HEAD_CHARS = 40
_CENT = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class StudentLine:
    """A student of the section; `cells` as many as the section has items, in their order."""

    person: Person
    state: EnrolmentState
    # The state's title.
    title: str
    percent: Decimal | None
    cells: Sequence[ItemLine]

    @property
    def is_active(self) -> bool:
        """Whether they were in it then."""
        return self.state.holds


@dataclass(frozen=True, slots=True)
class SectionReport:
    """A section with all its students, by name."""

    snapshot: SectionSnapshot
    at_unix_s: int
    teachers: Sequence[Person]
    course: Course | None
    # Year and term, or Ongoing.
    filed: str
    students: Sequence[StudentLine]

    @property
    def percents(self) -> list[Decimal]:
        """What those who were in it then had reached."""
        return [s.percent for s in self.students if s.is_active and s.percent is not None]


def read(
    connection: Connection, section_id: int, at_unix_s: int | None, now_unix_s: int, zone: tzinfo
) -> SectionReport:
    """Read a section as of a moment; without one, all that is known now."""
    at_unix_s = paper.over(at_unix_s, now_unix_s)
    snapshot = as_of.of_section(connection, section_id, at_unix_s)
    school = School(connection)
    students, teachers = snapshot.people(STUDENT), teachers_of(snapshot)
    known = people(connection, [*students, *teachers])
    lines = [
        StudentLine(
            person=known[who],
            state=(state := snapshot.enrolments[who, STUDENT]),
            title=school.states.get(state.code, state.code),
            percent=percent_of(snapshot, who),
            cells=item_lines(snapshot, who, school, zone),
        )
        for who in sorted((w for w in students if w in known), key=lambda w: known[w].list_order)
        if not school.meanings[snapshot.enrolments[who, STUDENT].code].in_error
    ]
    return SectionReport(
        snapshot,
        now_unix_s if at_unix_s is None else at_unix_s,
        [known[who] for who in teachers if who in known],
        school.courses.get(snapshot.course_id or 0),
        school.filed(snapshot.term_id, is_past=snapshot.is_past),
        lines,
    )


def report_of(report: SectionReport, zone: tzinfo) -> Paper:
    """Return the section report: every student's percentages, item by item, and the averages."""
    percents = report.percents
    facts = [*_facts(report), (_("Students"), str(sum(s.is_active for s in report.students)))]
    if percents:
        facts.append((_("Average"), paper.percent(_mean(percents))))
        facts.append((_("Median"), paper.percent(Decimal(median(percents)).quantize(_CENT))))
    return _paper(
        report,
        zone,
        kind="section",
        title=_("Section report"),
        facts=facts,
        tables=_grid(report, report.students, _in_percent, last=_average_row(report)),
        flat=_flat(report),
        pictures=[Picture(_("How the class stands"), distribution(percents))] if percents else [],
        notes=_hidden_note(report),
    )


def gradebook_of(report: SectionReport, zone: tzinfo) -> Paper:
    """Return the gradebook as it is printed: points, of those who were in the section then."""
    active = [s for s in report.students if s.is_active]
    return _paper(
        report,
        zone,
        kind="gradebook",
        title=_("Gradebook"),
        facts=_facts(report),
        tables=_grid(report, active, _in_points),
        flat=_flat(report, only_active=True),
        notes=[
            _("EX: excused. BE: before enrolment, not counted. A star: entered by hand."),
            *_hidden_note(report),
        ],
    )


_ROSTER = (
    Column(N_("No."), is_number=True),
    Column(N_("Name"), share=1),
    Column(N_("ID number")),
    Column(N_("State")),
    Column(N_("Since")),
    Column(N_("Note")),
)


def roster_of(report: SectionReport, zone: tzinfo) -> Paper:
    """Return the class roster: who is in the section, and who was."""
    rows: list[list[Cell]] = [
        [
            number,
            s.person.sorted_name,
            s.person.idnumber,
            translated(s.title),
            paper.day(s.state.since_unix_s, zone),
            s.state.note,
        ]
        for number, s in enumerate(sorted(report.students, key=lambda s: not s.is_active), start=1)
    ]
    table = Table("", paper.with_local_heads(_ROSTER), rows, empty=_("Nobody is enrolled."))
    return _paper(
        report, zone, kind="roster", title=_("Class roster"), facts=_facts(report), tables=[table],
        flat=table, is_landscape=False,
    )  # fmt: skip


def _paper(
    report: SectionReport,
    zone: tzinfo,
    *,
    kind: str,
    title: str,
    facts: Sequence[tuple[str, str]],
    tables: Sequence[Table],
    flat: Table,
    pictures: Sequence[Picture] = (),
    notes: Sequence[str] = (),
    is_landscape: bool = True,
) -> Paper:
    return Paper(
        kind=kind,
        title=title,
        subject=report.snapshot.name,
        short=report.snapshot.name_for_scripts,
        as_of=paper.as_of(report.at_unix_s, zone),
        facts=facts,
        tables=tables,
        flat=flat,
        pictures=pictures,
        notes=notes,
        is_landscape=is_landscape,
    )


def _facts(report: SectionReport) -> list[tuple[str, str]]:
    facts = [
        (_("ID number"), report.snapshot.idnumber or ""),
        (_("Term"), translated(report.filed)),
    ]
    if report.snapshot.segment:
        facts.append((_("Segment"), report.snapshot.segment))
    if report.course:
        facts.append((_("Course"), f"{report.course.code} {report.course.title}"))
    facts.append((_("Teachers"), ", ".join(t.full_name for t in report.teachers)))
    return [(name, value) for name, value in facts if value]


def _grid(
    report: SectionReport,
    students: Sequence[StudentLine],
    written: Callable[[ItemLine], str],
    last: Sequence[Cell] | None = None,
) -> list[Table]:
    """Students by items, as many items across as a page takes."""
    items = report.snapshot.items
    tables = []
    for first in range(0, max(len(items), 1), ITEMS_ACROSS):
        some = items[first : first + ITEMS_ACROSS]
        columns = [
            Column(_("Student"), share=4),
            *(
                Column(
                    _and_hidden(f"{i.name[:MAX_HEAD_CHARS]} ({number(i.points)})", i.hidden),
                    is_number=True,
                    share=1,
                )
                for i in some
            ),
            Column(_("Total"), is_number=True),
        ]
        rows: list[list[Cell]] = [
            [
                _name(s),
                *(
                    _and_hidden(written(cell), cell.entry.hidden if cell.entry else hiding.SHOWN)
                    for cell in s.cells[first : first + ITEMS_ACROSS]
                ),
                paper.percent(s.percent),
            ]
            for s in students
        ]
        if last is not None and rows:
            rows.append([last[0], *last[1 + first : 1 + first + len(some)], last[-1]])
        part = ""
        if len(items) > ITEMS_ACROSS:
            part = _("Items %(first)s to %(last)s", first=first + 1, last=first + len(some))
        tables.append(Table(part, columns, rows, empty=_("Nobody is enrolled.")))
    return tables


def _and_hidden(text: str, hidden: int) -> str:
    """Mark what the students do not see: an item in its head, a grade in its cell."""
    return " ".join([text, _("HID")]) if hidden else text


def _hidden_note(report: SectionReport) -> list[str]:
    """Explain the mark where it stands somewhere; hidden grades are counted like any other."""
    is_marked = any(i.hidden for i in report.snapshot.items) or any(
        cell.entry is not None and cell.entry.hidden for s in report.students for cell in s.cells
    )
    return [_("HID: hidden from students, and counted here.")] if is_marked else []


def _name(s: StudentLine) -> str:
    name = s.person.sorted_name
    return name if s.is_active else f"{name} ({translated(s.title)})"


def _in_percent(cell: ItemLine) -> str:
    return _marked(cell) or paper.percent(share(cell))


def _in_points(cell: ItemLine) -> str:
    points = cell.entry.points if cell.entry else None
    if _marked(cell) or cell.entry is None or points is None:
        return _marked(cell)
    return number(points) + ("*" if cell.entry.authority == "manual" else "")


def _marked(cell: ItemLine) -> str:
    if cell.entry is not None and cell.entry.excepted:
        return _("EX")
    return _("BE") if cell.is_before else ""


def _average_row(report: SectionReport) -> list[Cell]:
    """The class average of every item, and of the whole."""
    found: list[Cell] = [_("Class average")]
    active = [s for s in report.students if s.is_active]
    for index in range(len(report.snapshot.items)):
        shares = [
            reached
            for s in active
            if not _marked(s.cells[index]) and (reached := share(s.cells[index])) is not None
        ]
        found.append(paper.percent(_mean(shares)))
    return [*found, paper.percent(_mean(report.percents))]


def _mean(values: Iterable[Decimal]) -> Decimal | None:
    some = list(values)
    return (sum(some, Decimal(0)) / len(some)).quantize(_CENT) if some else None


def _flat(report: SectionReport, *, only_active: bool = False) -> Table:
    """One row a student with the points of every item."""
    heads = (
        _("Section"), _("Person"), _("Last name"), _("First name"), _("Code"), _("State"),
        _("Percent"),
    )  # fmt: skip
    columns = [Column(h) for h in heads]
    columns += [Column(f"{i.name} ({plain(i.points)})") for i in report.snapshot.items]
    rows: list[list[Cell]] = [
        [
            report.snapshot.name_for_scripts,
            s.person.name_for_scripts,
            s.person.lastname,
            s.person.firstname,
            s.state.code,
            translated(s.title),
            s.percent,
            *(_flat_cell(cell) for cell in s.cells),
        ]
        for s in report.students
        if s.is_active or not only_active
    ]
    return Table("", columns, rows)


def _flat_cell(cell: ItemLine) -> Cell:
    return _marked(cell) or (cell.entry.points if cell.entry else None)
