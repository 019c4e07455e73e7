"""What is said of a school in random use, and what a cell holds: the values of any_day_model.py."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

# A section or an assessment: its peer's address, and the peer's number for it.
Thing = tuple[str, str]


@dataclass(frozen=True)
class Policy:
    """What a peer's admin decided here: of points out of range, and of the dates of enrolments."""

    clamps: bool = False
    dates_students: str = "hold"
    dates_teachers: str = "ignore end"


@dataclass(frozen=True)
class Said:
    """One thing that a peer told (`what` is the event) or that was written by hand."""

    what: str
    at: int
    seq: int
    turn: int
    # What it is about, and the record of a person that it names.
    thing: Thing | None
    who: str | None
    data: dict[str, Any]
    peer: str | None
    # When it arrived or was written, whenever it took effect.
    recorded: int
    # The policies of its peer under which it arrived.
    policy: Policy

    @property
    def place(self) -> tuple[int, int, int]:
        return self.at, self.seq, self.turn

    @property
    def since(self) -> int:
        """When it took effect: a clock that is ahead tells of nothing before we knew it."""
        return min(self.at, self.recorded)


@dataclass
class Cell:
    """What counts of one person at one assessment; `points` None: cleared."""

    points: Decimal | None
    excepted: bool
    attempt: int
    authority: str
    recorded: int
    # The peer's points beside what was written by hand.
    beside: Decimal | None = None
