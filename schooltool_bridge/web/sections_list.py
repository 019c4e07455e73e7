"""The list of sections: which are asked for, its columns, its rows. Source: RULES R41-R47."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy.engine import Connection

from mnet.language import N_, _
from peers.web.lists import Asked, Column, Found, ListOf, Order
from peers.web.view import View
from schooltool_bridge.history import linked
from schooltool_bridge.history.linked import Linked
from schooltool_bridge.school import lookup, section_order
from schooltool_bridge.school.lookup import SectionRow, Wanted
from schooltool_bridge.web import filters

SECTIONS = "/admin/sections"
MAX_TEXT_CHARS = 100
PLACES = {
    "ongoing": N_("Ongoing, waiting to be filed"),
    "past": N_("Before our first year"),
}


@dataclass(frozen=True, slots=True)
class Choice:
    """What a list's address asks for; what is not known there counts as not asked."""

    term_id: int | None
    course_id: int | None
    filed: str
    peer: str
    text: str
    linked: str

    @classmethod
    def read(cls, asked: Mapping[str, str]) -> Choice:
        """Read an address or form."""
        filed = asked.get("place", "")
        return cls(
            filters.row_id(asked.get("term", "")),
            filters.row_id(asked.get("course", "")),
            filed if filed in PLACES else "",
            asked.get("peer", ""),
            asked.get("q", "").strip()[:MAX_TEXT_CHARS],
            "no" if asked.get("linked") == "no" else "",
        )

    @property
    def in_address(self) -> dict[str, object]:
        """The same as it stands in an address."""
        return {
            "term": self.term_id,
            "course": self.course_id,
            "place": self.filed,
            "peer": self.peer,
            "q": self.text,
            "linked": self.linked,
        }

    def wanted(self, connection: Connection) -> Wanted:
        """Return which sections that is; raises PageError (404)."""
        peer = filters.chosen_peer(filters.peer_choices(connection), self.peer)
        return Wanted(
            self.term_id,
            self.course_id,
            self.filed == "ongoing",
            peer.id if peer else None,
            self.text,
            not_linked=bool(self.linked),
            past=self.filed == "past",
        )


@dataclass(frozen=True, slots=True)
class Line:
    """A section as the list shows it."""

    row: SectionRow
    linked: Linked
    # Who teaches it now, and how many are in it.
    teachers: Sequence[str]
    students: int


LIST: ListOf[Line] = ListOf(
    "sections",
    N_("Sections"),
    SECTIONS,
    (
        Column(section_order.NAME, N_("Section"), lambda line: line.row.name, is_fixed=True),
        Column(section_order.IDNUMBER, N_("ID number"), lambda line: line.row.idnumber),
        Column(section_order.FILED, N_("Filed"), lambda line: _filed_text(line.row)),
        Column(section_order.LINKED, N_("Linked with"), lambda line: ", ".join(line.linked.peers)),
        Column(section_order.TEACHERS, N_("Teachers"), lambda line: "; ".join(line.teachers)),
        Column(section_order.STUDENTS, N_("Students"), lambda line: line.students, is_number=True),
    ),
    Order(section_order.NAME),
)


def found_by(
    connection: Connection, view: View, asked: Mapping[str, str]
) -> tuple[Asked[Line], Found[Line]]:
    """Find the sections that an address or form asks for, in its order; raises PageError (404)."""
    choice = Choice.read(asked)
    listed = LIST.asked(view, asked, **choice.in_address)
    order = listed.order
    found = lookup.ids(connection, choice.wanted(connection), order.by, is_down=order.is_down)

    def some(offset: int, limit: int) -> list[Line]:
        rows = lookup.by_ids(connection, found[offset : offset + limit])
        ids = [row.id for row in rows]
        links = linked.of_sections(connection, ids)
        teachers = lookup.teachers_of(connection, ids)
        students = lookup.student_counts(connection, ids)
        return [
            Line(row, links[row.id], teachers.get(row.id, []), students[row.id]) for row in rows
        ]

    return listed, Found(len(found), some)


def _filed_text(row: SectionRow) -> str:
    return ", ".join(text for text in (row.course_code, row.term_title) if text) or _("Ongoing")
