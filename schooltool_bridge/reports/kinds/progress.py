"""The progress report, which is a student's report card; of all sections or of a term's."""

from __future__ import annotations

from dataclasses import replace

from mnet.language import N_
from schooltool_bridge.reports import over_time, progress
from schooltool_bridge.reports.paper import Paper
from schooltool_bridge.reports.progress import Progress
from schooltool_bridge.reports.report import PERSON, Asked, Report, term, yes_no


def _read(asked: Asked) -> Progress:
    wanted, when = asked.choices["term"], (asked.at_unix_s, asked.now_unix_s, asked.zone)
    found = progress.read(asked.connection, asked.about_id, *when)
    if wanted is None:
        return found
    return replace(found, sections=[s for s in found.sections if s.snapshot.term_id == wanted])


def _paper(found: Progress, asked: Asked) -> Paper:
    if not asked.choices["drawings"]:
        return progress.paper_of(found, asked.zone)
    shown = {s.snapshot.name for s in found.sections}
    made = over_time.progress_paper(asked.connection, found, asked.zone)
    return replace(made, pictures=[p for p in made.pictures if p.title in shown])


REPORT = Report(
    title=N_("Progress report"),
    about=N_("A student's sections, items and percentages."),
    subject=PERSON,
    read=_read,
    paper=_paper,
    choices=(term(), yes_no("drawings", N_("With drawings"), default=True)),
    as_json=progress.as_json,
    is_issued=True,
)
