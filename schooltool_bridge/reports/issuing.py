"""Issued reports: numbered, stored as the very bytes that were handed out, and found again.

The number is looked up first and printed on the paper; both are kept in one transaction, if
number and records are still the same then, so that no number is given twice and none is without
its paper, and nobody waits for the typesetting. What was issued never changes; what the records
say now is the business of reports. Source: RULES R70, R71.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import tzinfo
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mnet.database import Database, one_at_a_time
from mnet.language import N_, _
from peers import audit
from schooltool_bridge.common.days import day_of
from schooltool_bridge.common.refusals import NotThere, Refused
from schooltool_bridge.history import identity
from schooltool_bridge.history.author import Author
from schooltool_bridge.reports import paper, registry
from schooltool_bridge.reports.paper import Paper
from schooltool_bridge.reports.pdf import make_pdf
from schooltool_bridge.reports.report import Asked, Report
from schooltool_bridge.store.model import ID_CHARS
from schooltool_bridge.store.model_reports import issued_report

# Stands for "no peer" where changes of one kind follow each other: the numbers of reports.
NUMBERS = -1
# A page of the list at most, however much a caller asks for.
MAX_LISTED = 500
# So often a report is typeset while others write; then they wait for it.
TRIES = 3
# A student's report is a few pages; more than this would make every backup a burden.
MAX_PDF_BYTES = 4 * 1024 * 1024
SHA256_CHARS = 64
_NUMBER = re.compile(r"[0-9]{4}-[0-9]{6,9}", re.ASCII)
_NOT_HEX = re.compile(r"[\s:]+")


@dataclass(frozen=True, slots=True)
class Issued:
    """A report that was handed out; its bytes are read by `pdf_of`."""

    id: int
    # As printed on it, such as 2026-000123.
    number: str
    kind: str
    person_id: int
    # The moment that it shows.
    at_unix_s: int
    issued_unix_s: int
    by_actor: str
    sha256: str
    title: str

    @property
    def filename(self) -> str:
        """A name for its file."""
        return f"{self.kind}-{self.number}.pdf"


@dataclass(frozen=True, slots=True)
class Office:
    """Who issues: the school's name, its clock, the paper in its printers ("a4", "letter")."""

    school: str
    zone: tzinfo
    size: str = "a4"
    # The data folder, where a school's own reports lie.
    home: Path | None = None


@dataclass(frozen=True, slots=True)
class Drawn:
    """A report before it is typeset: everything that will stand on it."""

    number: str
    person_id: int
    title: str
    paper: Paper


def issue_to(
    database: Database,
    author: Author,
    kind: str,
    person_id: int,
    at_unix_s: int | None,
    office: Office,
    hand_out: Callable[[bytes], None] = lambda _made: None,
    *,
    choices: Mapping[str, str] | None = None,
    keep: Callable[[Connection, Issued], None] = lambda _connection, _issued: None,
) -> Issued:
    """Issue a report of a person, such as the transcript, as of a moment or as all stands now.

    The year of its number is of the school's clock. `hand_out` gets the bytes before they are
    kept for good, `keep` what was issued in the same transaction; what they raise gives the number
    back. `choices` are the report's. Raises Refused and reports.pdf.PdfError.
    """
    report = issued_report_of(office, kind)
    now_unix_s = author.now_unix_s
    at_unix_s = past(at_unix_s, now_unix_s, office.zone)

    def draw(connection: Connection) -> Drawn:
        chosen = report.chosen(connection, choices or {})
        asked = Asked(connection, person_id, at_unix_s, now_unix_s, office.zone, chosen)
        return _draw(report, asked)

    def store_issued(connection: Connection, drawn: Drawn, made: bytes) -> Issued:
        moment_unix_s = now_unix_s if at_unix_s is None else at_unix_s
        _store(connection, author, kind, moment_unix_s, drawn, made)
        hand_out(made)
        issued = one(connection, drawn.number)
        keep(connection, issued)
        return issued

    for _try in range(TRIES):
        with database.read() as connection:
            drawn = draw(connection)
        made = _typeset(drawn, office)
        with database.write() as connection:
            one_at_a_time(connection, NUMBERS)
            if draw(connection) == drawn:
                return store_issued(connection, drawn, made)
    with database.write() as connection:  # they change all the time: now everybody waits
        one_at_a_time(connection, NUMBERS)
        drawn = draw(connection)
        return store_issued(connection, drawn, _typeset(drawn, office))


def issued_report_of(office: Office, kind: str) -> Report[Any]:
    """Return the report of a kind that is handed out; raises Refused."""
    kinds = registry.issued(office.home)
    if kind not in kinds:
        message = _(
            "A report of the kind %(kind)s is not issued; say one of: %(kinds)s.",
            kind=repr(kind[:40]),
            kinds=", ".join(kinds),
        )
        raise Refused("kind", message)
    return registry.find(office.home, kind)


def _draw(report: Report[Any], asked: Asked) -> Drawn:
    root = identity.root(asked.connection, asked.about_id)
    made = report.made(replace(asked, about_id=root))
    number = _next_number(asked.connection, asked.now_unix_s, asked.zone)
    title = f"{made.title}: {made.subject}"
    return Drawn(number, root, title, numbered(made, number, asked.now_unix_s, asked.zone))


def counts_hidden(
    connection: Connection,
    author: Author,
    kind: str,
    person_id: int,
    at_unix_s: int | None,
    office: Office,
) -> bool:
    """Tell whether a report would show or count what its student does not see. Raises Refused."""
    report = issued_report_of(office, kind)
    chosen = report.chosen(connection, {})
    asked = Asked(connection, person_id, at_unix_s, author.now_unix_s, office.zone, chosen)
    return _draw(report, asked).paper.counts_hidden


def _typeset(drawn: Drawn, office: Office) -> bytes:
    made = make_pdf(drawn.paper, school=office.school, size=office.size)
    if len(made) > MAX_PDF_BYTES:
        raise Refused("pdf", _("This report is too large to be kept; choose an earlier day."))
    return made


def _store(
    connection: Connection, author: Author, kind: str, at_unix_s: int, drawn: Drawn, made: bytes
) -> None:
    sha256 = hashlib.sha256(made).hexdigest()
    connection.execute(
        sa.insert(issued_report).values(
            number=drawn.number,
            kind=kind,
            person_id=drawn.person_id,
            at_unix_s=at_unix_s,
            issued_unix_s=author.now_unix_s,
            by_actor=author.actor,
            pdf=made,
            sha256=sha256,
            title=drawn.title[:ID_CHARS],
        )
    )
    audit.record(
        connection,
        actor=author.actor,
        action=N_("report issued"),
        subject=f"report {drawn.number}",
        detail={"kind": kind, "person": drawn.person_id, "sha256": sha256},
        now_unix_s=author.now_unix_s,
    )


def numbered(made: Paper, number: str, issued_unix_s: int, zone: tzinfo) -> Paper:
    """Print number and day of issue on a paper: on top of it, and at the foot of every page."""
    issued = paper.day(issued_unix_s, zone)
    return replace(
        made,
        as_of=_(
            "%(as_of)s. No. %(number)s, issued %(day)s",
            as_of=made.as_of,
            number=number,
            day=issued,
        ),
        facts=[*made.facts, (_("Number"), number), (_("Issued"), issued)],
    )


def listed(
    connection: Connection,
    *,
    person_id: int | None = None,
    number: str = "",
    limit: int = 50,
    skip: int = 0,
) -> tuple[list[Issued], int]:
    """Return what was issued, the latest first, and how many there are; `number` may be a part."""
    wanted: list[sa.ColumnElement[bool]] = []
    if person_id is not None:
        wanted.append(issued_report.c.person_id.in_(identity.everybody(connection, person_id)))
    if number:
        wanted.append(issued_report.c.number.contains(number, autoescape=True))
    count = sa.select(sa.func.count()).select_from(issued_report).where(*wanted)
    total: int = connection.execute(count).scalar_one()
    rows = connection.execute(
        sa.select(*_COLUMNS)
        .where(*wanted)
        .order_by(issued_report.c.id.desc())
        .limit(max(0, min(limit, MAX_LISTED)))
        .offset(max(0, skip))
    )
    return [Issued(*row) for row in rows], total


def one(connection: Connection, number: str) -> Issued:
    """Return the report of a number; raises NotThere."""
    found = None
    if _NUMBER.fullmatch(number.strip()):
        wanted = issued_report.c.number == number.strip()
        found = connection.execute(sa.select(*_COLUMNS).where(wanted)).first()
    if found is None:
        raise NotThere(
            _("No report of the number %(number)s was issued here.", number=repr(number[:40]))
        )
    return Issued(*found)


def pdf_of(connection: Connection, number: str) -> tuple[Issued, bytes]:
    """Return an issued report with the very bytes that were handed out.

    Raises NotThere, and Refused when the store no longer holds them as they were.
    """
    found = one(connection, number)
    made: bytes = connection.execute(
        sa.select(issued_report.c.pdf).where(issued_report.c.id == found.id)
    ).scalar_one()
    if not made:
        raise Refused(
            "pdf",
            _(
                "%(number)s was erased with the person's data; it cannot be printed again.",
                number=found.number,
            ),
        )
    if hashlib.sha256(made).hexdigest() != found.sha256:
        raise Refused(
            "pdf",
            _(
                "The stored copy of %(number)s is damaged; take it from a backup.",
                number=found.number,
            ),
        )
    return found, made


def by_digest(connection: Connection, sha256: str) -> Issued | None:
    """Return the report whose bytes have this digest; None: none of ours, or it was changed."""
    row = connection.execute(
        sa.select(*_COLUMNS).where(issued_report.c.sha256 == sha256).limit(1)
    ).first()
    return Issued(*row) if row else None


def digest_in(text: str) -> str:
    """Read a SHA-256 in hex, with blanks or colons between or without; raises Refused."""
    bare = _NOT_HEX.sub("", text).lower()
    if len(bare) != SHA256_CHARS or set(bare) - set("0123456789abcdef"):
        message = _("A digest has %(count)s characters, 0 to 9 and a to f.", count=SHA256_CHARS)
        raise Refused("sha256", message)
    return bare


def past(at_unix_s: int | None, now_unix_s: int, zone: tzinfo) -> int | None:
    """Return a moment that is over; None for now, and so for the end of this day.

    Raises Refused for a day that is still to come.
    """
    if at_unix_s is None or at_unix_s <= now_unix_s:
        return at_unix_s
    if day_of(at_unix_s, zone) != day_of(now_unix_s, zone):
        raise Refused("at", _("A report is issued as of today or a day before."))
    return None


def _next_number(connection: Connection, now_unix_s: int, zone: tzinfo) -> str:
    year = f"{day_of(now_unix_s, zone).year:04}"
    last = connection.execute(
        sa.select(issued_report.c.number)
        .where(issued_report.c.number.startswith(year + "-"))
        .order_by(issued_report.c.id.desc())
        .limit(1)
    ).scalar()
    return f"{year}-{int(last.partition('-')[2]) + 1 if last else 1:06}"


_COLUMNS = (
    issued_report.c.id,
    issued_report.c.number,
    issued_report.c.kind,
    issued_report.c.person_id,
    issued_report.c.at_unix_s,
    issued_report.c.issued_unix_s,
    issued_report.c.by_actor,
    issued_report.c.sha256,
    issued_report.c.title,
)
