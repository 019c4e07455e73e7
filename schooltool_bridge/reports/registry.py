"""Which reports there are: those of reports/kinds, and the school's own; found by being there.

A file honor_roll.py with a `REPORT` in it is the report honor-roll. The school's own lie in the
folder `reports` of the data folder, which only its owner may write; like any program, they may do
all that this one may. Source: RULES R78; manual/reports.md.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog

from mnet.language import _
from mnet.logs import log_failure
from schooltool_bridge.common.refusals import NotThere, Refused
from schooltool_bridge.reports import kinds
from schooltool_bridge.reports.report import PERSON, SUBJECTS, Report

FOLDER = "reports"
MAX_NAME_CHARS = 40
_SHIPPED = Path(kinds.__file__).parent

log = structlog.get_logger("reports")


@dataclass(frozen=True, slots=True)
class Named:
    """A report and what it is called in addresses and commands."""

    name: str
    report: Report[Any]


def names(home: Path | None) -> list[str]:
    """Return the name of every report, in order; no file is read for it.

    Without a data folder only those that are shipped.
    """
    return sorted({_name(file) for file in _files(home)})


def find(home: Path | None, name: str) -> Report[Any]:
    """Return the report of a name; raises NotThere, and Refused for a file that has none."""
    file = next((f for f in _files(home) if _name(f) == name), None)
    if file is None:
        known = ", ".join(names(home))
        raise NotThere(
            _(
                "There is no report %(name)s; there are: %(known)s.",
                name=repr(name[:40]),
                known=known,
            )
        )
    return _load(file)


def all_reports(home: Path | None) -> list[Named]:
    """Return every report by name; one whose file is broken is left out, and stands in the log."""
    found = []
    for name in names(home):
        try:
            found.append(Named(name, find(home, name)))
        except Refused as problem:
            log_failure(log, problem.__cause__ or problem, at=f"report {name}")
    return found


def issued(home: Path | None) -> dict[str, str]:
    """Return the names and titles of the reports that can be handed out to a person."""
    return {
        named.name: named.report.title
        for named in all_reports(home)
        if named.report.is_issued and named.report.subject == PERSON
    }


def _files(home: Path | None) -> Iterator[Path]:
    """Yield the files of reports; ours first, so that none takes the name of one of these."""
    for folder in (_SHIPPED, *([home / FOLDER] if home else [])):
        for file in sorted(folder.glob("*.py")):
            if _is_name(file.stem):
                yield file


def _is_name(stem: str) -> bool:
    """Tell whether a file's name can be a report's: such as honor_roll."""
    is_plain = stem.isidentifier() and stem.isascii() and stem.islower()
    return is_plain and not stem.startswith("_") and len(stem) <= MAX_NAME_CHARS


def _name(file: Path) -> str:
    return file.stem.replace("_", "-")


def _load(file: Path) -> Report[Any]:
    try:
        if file.parent == _SHIPPED:
            module = importlib.import_module(f"{kinds.__name__}.{file.stem}")
        else:
            spec = importlib.util.spec_from_file_location(f"own_report_{file.stem}", file)
            assert spec is not None
            assert spec.loader is not None
            module = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(module)
    except Exception as problem:  # whatever a school's own file does
        reason = repr(problem)[:200]
        message = _("%(file)s cannot be read: %(reason)s", file=file.name, reason=reason)
        raise Refused("report", message) from problem
    found = getattr(module, "REPORT", None)
    if not isinstance(found, Report) or found.subject not in SUBJECTS:
        raise Refused("report", _("%(file)s has no REPORT in it.", file=file.name))
    return found
