"""The history of a section, newest first; read in pages."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy.engine import Connection

from mnet.language import N_, _
from schooltool_bridge.reports import history_lines, section_history
from schooltool_bridge.reports.history_lines import Line
from schooltool_bridge.reports.paper import Paper
from schooltool_bridge.reports.report import MAX_DIGITS, SECTION, Asked, Choice, Report
from schooltool_bridge.school import labels

KIND_TITLES = {
    "section": N_("The section"),
    "filing": N_("Filings"),
    "teacher": N_("Teachers"),
    "enrolment": N_("Enrolments"),
    "assessment": N_("Assessments"),
    "weight": N_("Weights"),
    "grade": N_("Grades"),
}


def _read(asked: Asked) -> list[Line]:
    kind = asked.choices["kind"]
    found = section_history.line_keys(
        asked.connection,
        asked.about_id,
        person_id=asked.choices["person"],
        kinds=[kind] if kind else section_history.KINDS,
        after=section_history.line_key_from(asked.after),
        newest_first=True,
        limit=asked.rows or section_history.MAX_LINES,
    )
    return history_lines.read(asked.connection, asked.about_id, found, asked.zone)


def _paper(lines: Sequence[Line], asked: Asked) -> Paper:
    short, name = labels.section_names(asked.connection, asked.about_id)
    return history_lines.paper_of(
        lines, name=name, short=short, now_unix_s=asked.now_unix_s, zone=asked.zone
    )


def _kind(_connection: Connection, text: str) -> str:
    return text if text in section_history.KINDS else ""


def _person(_connection: Connection, text: str) -> int | None:
    is_id = text.isascii() and text.isdigit() and len(text) <= MAX_DIGITS
    return int(text) if is_id else None


def _kinds(_connection: Connection) -> list[tuple[str, str]]:
    return [("", _("Everything")), *((kind, _(title)) for kind, title in KIND_TITLES.items())]


REPORT = Report(
    title=N_("Section history"),
    about=N_("Everything that happened in a section: grades, enrolments, teachers, assessments."),
    subject=SECTION,
    read=_read,
    paper=_paper,
    choices=(
        Choice("kind", N_("Only"), _kind, options=_kinds),
        Choice("person", N_("Person"), _person, is_hidden=True),
    ),
    has_day=False,
)
