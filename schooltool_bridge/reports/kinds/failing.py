"""The failing list: who stands below a percentage, or has a mark or state that does not pass.

Source: RULES A.4 (failing report).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import tzinfo
from decimal import Decimal

from sqlalchemy.engine import Connection

from mnet.folding import folded
from mnet.language import N_, _, translated
from schooltool_bridge.history.averages import shown_mark
from schooltool_bridge.history.meaning import Meaning
from schooltool_bridge.history.snapshot import SectionSnapshot
from schooltool_bridge.reports import paper, standing
from schooltool_bridge.reports.paper import Cell, Column, Paper, Table
from schooltool_bridge.reports.report import SCHOOL, Report, number, term
from schooltool_bridge.reports.stored_marks import passes
from schooltool_bridge.school.labels import Person, School

DEFAULT_BELOW = Decimal(60)
# Longer than this nobody reads it on a page; its CSV has all.
MAX_LINES = 2_000


@dataclass(frozen=True, slots=True)
class Failing:
    """A student who does not pass a section, and why."""

    person: Person
    snapshot: SectionSnapshot
    title: str
    percent: Decimal | None
    mark: str
    reason: str


@dataclass(frozen=True, slots=True)
class FailingList:
    """Who does not pass, by section."""

    at_unix_s: int
    below: Decimal
    filed: str
    lines: Sequence[Failing]


def read(
    connection: Connection,
    *,
    below: Decimal,
    term_id: int | None,
    at_unix_s: int | None,
    now_unix_s: int,
) -> FailingList:
    """Read the list for a term (None: every section), as of a moment."""
    at_unix_s = paper.over(at_unix_s, now_unix_s)
    school = School(connection)
    lines = []
    for stood in standing.of_sections(connection, school, term_id, at_unix_s):
        final = stood.final
        verdict = passes(final, school.systems.get(final.score_system_id or 0)) if final else None
        reason = _reason(stood.means, stood.reached, below, verdict)
        if reason:
            mark = shown_mark(final.mark if final is not None else "", stood.reached)
            title = school.states.get(stood.state.code, stood.state.code)
            shown = (stood.person, stood.snapshot, title, stood.reached, mark, reason)
            lines.append(Failing(*shown))
    lines.sort(key=lambda f: (folded(f.snapshot.name), f.snapshot.id, f.person.list_order))
    filed = _("All sections") if term_id is None else translated(school.filed(term_id))
    moment_unix_s = now_unix_s if at_unix_s is None else at_unix_s
    return FailingList(moment_unix_s, below, filed, lines)


def _reason(
    means: Meaning,
    reached: Decimal | None,
    below: Decimal,
    passes_by_mark: bool | None,  # noqa: FBT001 - a verdict, not a switch
) -> str:
    """Why somebody does not pass; empty for whoever does, or has left without failing."""
    if means.failed:
        return _("state")
    if not means.holds:
        return ""
    if passes_by_mark is False:
        return _("final mark")
    is_below = reached is not None and reached < below
    return _("below %(percent)s", percent=paper.percent(below)) if is_below else ""


_COLUMNS = (
    Column(N_("Section"), share=1),
    Column(N_("Student")),
    Column(N_("ID number")),
    Column(N_("State")),
    Column(N_("Percent"), is_number=True),
    Column(N_("Mark")),
    Column(N_("Why")),
)


def paper_of(failing: FailingList, zone: tzinfo) -> Paper:
    """Return the list as a paper."""
    flat = Table("", paper.with_local_heads(_COLUMNS), [_row(f, f.percent) for f in failing.lines])
    some = [_row(f, paper.percent(f.percent)) for f in failing.lines[:MAX_LINES]]
    everybody = Table("", flat.columns, some, empty=_("Nobody."))
    more = len(failing.lines) - MAX_LINES
    shown = (
        everybody
        if more <= 0
        else replace(
            everybody,
            note=_(
                "These are the first %(count)s of %(total)s; the CSV has all. Or choose a term.",
                count=MAX_LINES,
                total=len(failing.lines),
            ),
        )
    )
    return Paper(
        kind="failing",
        title=_("Failing list"),
        subject=failing.filed,
        short=failing.filed,
        as_of=paper.as_of(failing.at_unix_s, zone),
        facts=[(_("Below"), paper.percent(failing.below))],
        tables=[shown],
        flat=flat,
    )


def _row(f: Failing, percent: Cell) -> list[Cell]:
    name, number, state = f.person.sorted_name, f.person.idnumber, translated(f.title)
    return [f.snapshot.name, name, number, state, percent, f.mark, f.reason]


REPORT = Report(
    title=N_("Failing list"),
    about=N_("Who is below a percentage, or has a mark or state that does not pass."),
    subject=SCHOOL,
    read=lambda a: read(
        a.connection,
        below=a.choices["below"],
        term_id=a.choices["term"],
        at_unix_s=a.at_unix_s,
        now_unix_s=a.now_unix_s,
    ),
    paper=lambda found, a: paper_of(found, a.zone),
    choices=(number("below", N_("Below percent"), str(DEFAULT_BELOW)), term()),
    is_long=True,
)
