"""Statements about a school in random use, and what a cell holds: the values of any_day_model.py."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

# A section or an assessment: its peer's address, and the peer's number for it.
Thing = tuple[str, str]
STUDENT, TEACHER = ROLES = ("student", "teacher")


@dataclass(frozen=True)
class Policy:
    """What a peer's admin decided here: of points out of range, and of the dates of enrolments."""

    clamps: bool = False
    dates_students: str = "hold"
    dates_teachers: str = "ignore end"


@dataclass(frozen=True)
class Statement:
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
    def position(self) -> tuple[int, int, int]:
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


def dates_of(statement: Statement) -> tuple[int | None, int | None]:
    """From when until when an enrolment holds, as the policy was when it was told."""
    if statement.what != "new_enrolment":
        return None, None
    policy = statement.policy
    rule = policy.dates_teachers if statement.data["role"] == TEACHER else policy.dates_students
    begins = statement.data["timestart"] if rule in ("hold", "ignore end") else None
    ends = statement.data["timeend"] if rule in ("hold", "ignore start") else None
    return begins, ends


def code_by_dates(statement: Statement, moment: int) -> str:
    begins, ends = dates_of(statement)
    if ends is not None and ends <= moment:
        return "en"
    code: str = statement.data["code"]
    return "p" if begins is not None and begins > moment else code


def moments_of(steps: list[Statement]) -> list[int]:
    """When each of some things said in order took effect, at the latest when the next one did."""
    return [min(s.since for s in steps[n:]) for n in range(len(steps))]


def home(statement: Statement) -> Thing:
    """The section in which an assessment is said to be."""
    found: Thing = statement.data["section"]
    return found


def roles(statement: Statement) -> Iterable[str]:
    """The roles that something is about; an ending without a role is about all."""
    return (statement.data["role"],) if statement.data.get("role") else ROLES


def same_word(one: Statement, other: Statement) -> bool:
    """Whether two say the same of the same, whenever."""
    words = [(s.what, s.thing, s.who, s.peer, s.data) for s in (one, other)]
    return words[0] == words[1]
