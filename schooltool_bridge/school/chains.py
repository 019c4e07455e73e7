"""Which section continues which: by segments of one idnumber, or because somebody linked them.

Segments come first: the second part of a section continues its first part whatever was linked.
Pure. Source: RULES R45, A.2 (linked sections).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise

from mnet.language import _
from peers.changes import NotPossible
from schooltool_bridge.common.segments import segment_order
from schooltool_bridge.school.years import Term


@dataclass(frozen=True, slots=True)
class Part:
    """A section as far as links go; `linked_id` is what somebody linked it to."""

    id: int
    peer_id: int | None
    idnumber: str | None
    segment: str
    linked_id: int | None


@dataclass(frozen=True, slots=True)
class Links:
    """What each section continues, by segment and by hand."""

    by_segment: Mapping[int, int]
    by_hand: Mapping[int, int]

    def previous(self, section_id: int) -> int | None:
        """Return the section that this one continues."""
        return self.by_segment.get(section_id, self.by_hand.get(section_id))

    def following(self, section_id: int) -> list[int]:
        """Return the sections that continue this one, the next segment first."""
        by_segment = [s for s, before in self.by_segment.items() if before == section_id]
        linked = [
            s
            for s, before in self.by_hand.items()
            if before == section_id and s not in self.by_segment
        ]
        return [*by_segment, *linked]

    def chain(self, section_id: int) -> list[int]:
        """Return a section's whole chain, the first part first, with the section itself."""
        found = [section_id]
        before = self.previous(section_id)
        while before is not None and before not in found:
            found.insert(0, before)
            before = self.previous(before)
        after = self.following(section_id)
        while after and after[0] not in found:
            found.append(after[0])
            after = self.following(after[0])
        return found


def links_of(parts: Iterable[Part], homes: Mapping[int, int] | None = None) -> Links:
    """Return the links among sections; `homes` says what is part of another (history/joined.py)."""
    parts = list(parts)
    groups: dict[tuple[int | None, str], list[Part]] = {}
    for part in parts:
        if part.idnumber is not None:
            groups.setdefault((part.peer_id, part.idnumber), []).append(part)
    by_segment: dict[int, int] = {}
    for group in groups.values():
        ordered = sorted(group, key=lambda p: (segment_order(p.segment), p.id))
        by_segment |= {p.id: before.id for before, p in pairwise(ordered)}
    by_hand = {p.id: p.linked_id for p in parts if p.linked_id is not None}
    return Links(_of_homes(by_segment, homes or {}), _of_homes(by_hand, homes or {}))


def _of_homes(links: Mapping[int, int], homes: Mapping[int, int]) -> dict[int, int]:
    """Let what continues a part of another section continue that one."""
    return {each: homes.get(before, before) for each, before in links.items() if each not in homes}


def check_link(links: Links, section_id: int, previous_id: int) -> None:
    """Raise NotPossible unless a section may be linked to the one that it shall continue."""
    if section_id == previous_id:
        raise NotPossible(_("A section cannot continue itself."))
    if section_id in links.by_segment:
        raise NotPossible(_("This section continues its own earlier segment already, by itself."))
    others = [s for s in links.following(previous_id) if s != section_id]
    if others:
        raise NotPossible(
            _("The other section is continued by another one already; unlink that first.")
        )
    seen = {section_id}
    before: int | None = previous_id
    while before is not None and before not in seen:
        seen.add(before)
        before = links.previous(before)
    if before == section_id:
        raise NotPossible(
            _(
                "That would be a loop: the other section itself continues this one, directly or "
                "through others."
            )
        )


def check_order(
    terms_in_order: Iterable[Term], before_term: Term | None, term: Term | None, *, by_hand: bool
) -> None:
    """Raise NotPossible unless the terms of two linked sections are in order.

    Linked by hand: one year, one term right after the other. Segments: not the wrong way round.
    A section that is not filed may continue anything.
    """
    if before_term is None or term is None:
        return
    if not by_hand:
        if term.first_day < before_term.first_day:
            raise NotPossible(
                _(
                    "A later segment cannot be in %(term)s while an earlier one is in %(before)s.",
                    term=term.span,
                    before=before_term.span,
                )
            )
        return
    if before_term.year_id != term.year_id:
        raise NotPossible(
            _(
                "Linked sections lie in one year, not in %(before)s and %(year)s.",
                before=before_term.year_title,
                year=term.year_title,
            )
        )
    of_year = [t.id for t in terms_in_order if t.year_id == term.year_id]
    if of_year.index(term.id) != of_year.index(before_term.id) + 1:
        raise NotPossible(
            _(
                "Linked sections follow each other: %(term)s is not right after %(before)s.",
                term=term.span,
                before=before_term.span,
            )
        )
