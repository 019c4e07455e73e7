"""The progress report, which is a student's report card."""

from __future__ import annotations

from mnet.language import N_
from schooltool_bridge.reports import over_time, progress
from schooltool_bridge.reports.report import PERSON, Report

REPORT = Report(
    title=N_("Progress report"),
    about=N_("A student's sections, items and percentages."),
    subject=PERSON,
    read=lambda a: progress.read(a.connection, a.about_id, a.at_unix_s, a.now_unix_s, a.zone),
    paper=lambda found, a: over_time.progress_paper(a.connection, found, a.zone),
    as_json=progress.as_json,
    is_issued=True,
)
