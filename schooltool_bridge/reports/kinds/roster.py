"""Class roster of a section."""

from __future__ import annotations

from mnet.language import N_
from schooltool_bridge.reports import section_report
from schooltool_bridge.reports.report import SECTION, Report

REPORT = Report(
    title=N_("Class roster"),
    about=N_("Who is in a section, and who was."),
    subject=SECTION,
    read=lambda a: section_report.read(a.connection, a.about_id, a.at_unix_s, a.now_unix_s, a.zone),
    paper=lambda found, a: section_report.roster_of(found, a.zone),
)
