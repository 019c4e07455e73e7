"""The transcript."""

from __future__ import annotations

from mnet.language import N_
from schooltool_bridge.reports import transcript
from schooltool_bridge.reports.report import PERSON, Report

REPORT = Report(
    title=N_("Transcript"),
    about=N_("Every section ever taken, with final marks and withdrawals."),
    subject=PERSON,
    read=lambda a: transcript.read(a.connection, a.about_id, a.now_unix_s, a.at_unix_s),
    paper=lambda found, a: transcript.paper_of(found, a.zone),
    as_json=transcript.as_json,
    is_issued=True,
)
