"""The statements about a school in random use: who and what they name, and those about one thing.

Source: RULES 1.3-1.6.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tests.helpers.any_day_cache import asked_once
from tests.helpers.any_day_statements import Policy, Statement, Thing, home

EVER = 2**60


@dataclass
class Records:
    """All statements in the order in which they came; and which record stands for which."""

    # Those of now, of each peer.
    policies: dict[str, Policy] = field(default_factory=dict)
    statements: list[Statement] = field(default_factory=list)
    into: dict[str, str] = field(default_factory=dict)
    # What stood when something was last asked, and what was answered since.
    answered: tuple[object, dict[object, Any]] = (None, {})

    @asked_once
    def all(self, *whats: str, at: int = EVER, thing: Thing | None = None) -> list[Statement]:
        """The statements of these kinds by then, by position."""
        some = [s for s in self.statements if s.what in whats and s.since <= at]
        return sorted((s for s in some if thing in (None, s.thing)), key=lambda s: s.position)

    @asked_once
    def people(self) -> list[str]:
        """The records of people, those who were brought first first."""
        return list(
            dict.fromkeys(s.who for s in self.statements if s.what == "fetch_user" and s.who)
        )

    def root(self, who: str) -> str:
        while who in self.into:
            who = self.into[who]
        return who

    @asked_once
    def roots(self) -> list[str]:
        return [who for who in self.people() if who not in self.into]

    @asked_once
    def records(self, who: str) -> list[str]:
        """Every record of the person who has this one."""
        return [p for p in dict.fromkeys([*self.people(), who]) if self.root(p) == self.root(who)]

    @asked_once
    def sections(self) -> list[Thing]:
        return list(
            dict.fromkeys(s.thing for s in self.statements if s.what == "new_section" and s.thing)
        )

    @asked_once
    def items(self) -> list[Thing]:
        """The assessments of which it is known in which section they are."""
        found = [s for s in self.statements if s.what == "new_assessment"]
        return list(dict.fromkeys(s.thing for s in found if s.thing and home(s) in self.sections()))

    @asked_once
    def section_statements(self, section: Thing) -> list[Statement]:
        """What the peer told, once there is a section."""
        found = self.all("new_section", "delete_section", thing=section)
        return found if section in self.sections() else []

    @asked_once
    def item_statements(self, item: Thing) -> list[Statement]:
        """What the peer told, as far as it is known in which section."""
        found = self.all("new_assessment", "delete_assessment", thing=item)
        found = [s for s in found if s.what != "new_assessment" or home(s) in self.sections()]
        return found if item in self.items() else []

    @asked_once
    def cell_statements(self, item: Thing, who: str, at: int = EVER) -> list[Statement]:
        """What the peer told; taking back waits for something that can be taken back."""
        records, every = self.records(who), self.all("new_grade", "delete_grade", thing=item)
        graded = {s.who for s in every if s.what == "new_grade"}
        return [s for s in every if s.who in records and s.who in graded and s.since <= at]

    @asked_once
    def written_in_cell(self, item: Thing, who: str, at: int = EVER) -> list[Statement]:
        records = self.records(who)
        return [s for s in self.all("enter", "release", at=at, thing=item) if s.who in records]
