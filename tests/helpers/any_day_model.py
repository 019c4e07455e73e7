"""A school as a list of statements, and what follows from it for a moment; no state is stored.

Each statement has its position: the second that its sender gave, its sender's running number, its
turn; and it took effect then, but not before it was known. What names somebody or something that
is not known yet does not count before that is known, so that the order of arrival never matters.
Source: RULES 1.3-1.6.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from tests.helpers.any_day_cache import asked_once
from tests.helpers.any_day_records import EVER, Records
from tests.helpers.any_day_statements import (
    TEACHER,
    Cell,
    Policy,
    Statement,
    Thing,
    code_by_dates,
    dates_of,
    home,
    moments_of,
    roles,
    same_word,
)

HOLDING = ("a", "s")
LEFT = ("w", "wn", "wp")


@dataclass
class Model(Records):
    """What the statements say of a moment."""

    def name(self, who: str) -> tuple[str, str]:
        """First and last name: an admin's choice, else as the peer that brought them says now."""
        by_hand = [s for s in self.statements if s.what == "rename" and s.who == who]
        first = next(s for s in self.statements if s.what == "fetch_user" and s.who == who)
        found = [s for s in self.all("fetch_user") if s.who == who and s.peer == first.peer]
        latest = by_hand[-1] if by_hand else found[-1]
        return latest.data["firstname"], latest.data["lastname"]

    @asked_once
    def section(self, section: Thing, at: int) -> tuple[str, bool] | None:
        """A section's name, and whether its peer deleted it; None before it is told of."""
        found = [s for s in self.section_statements(section) if s.since <= at]
        named = [s.data["name"] for s in found if s.what == "new_section"]
        return (named[-1], found[-1].what == "delete_section") if named else None

    @asked_once
    def item(self, item: Thing, at: int) -> tuple[Thing, str, Decimal] | None:
        """An assessment's section, name and worth; None while there is none, or no more."""
        found = [s for s in self.item_statements(item) if s.since <= at]
        if not found or found[-1].what == "delete_assessment":
            return None
        return home(found[-1]), found[-1].data["name"], Decimal(found[-1].data["pointval"])

    @asked_once
    def cell(self, item: Thing, who: str, at: int) -> Cell | None:
        """An entry by hand until it is released, else the latest of the highest attempt."""
        there = self.item(item, at)
        if there is None:
            return None
        by_peer = self._cell_of_peer(item, who, at, there[2])
        written = self.written_in_cell(item, who, at)
        if written and written[-1].what == "enter":
            data, recorded = written[-1].data, written[-1].recorded
            beside = by_peer.points if by_peer else None
            return Cell(data["points"], data["excepted"], 0, "manual", recorded, beside)
        return by_peer

    def _cell_of_peer(self, item: Thing, who: str, at: int, maximum: Decimal) -> Cell | None:
        found = [(s, self.attempt(item, s, at)) for s in self.cell_statements(item, who, at)]
        for attempt in (3, 2, 1):
            about = [s for s, of in found if of in (None, attempt)]
            if about and about[-1].what == "new_grade":
                raw, data = about[-1].data["points_earned"], about[-1].data
                points = None if raw is None else Decimal(raw)
                if points is not None and about[-1].policy.clamps:
                    points = min(max(points, Decimal(0)), maximum)
                return Cell(points, data["excepted"], attempt, "peer", about[-1].recorded)
        return None

    def attempt(self, item: Thing, grade: Statement, at: int) -> int | None:
        """The attempt that a grade is of; None: what takes all of them back.

        Without a number: the highest one that had begun by then, the first where none had.
        """
        if "attempt_num" in grade.data or grade.what == "delete_grade":
            return grade.data.get("attempt_num")
        assert grade.who is not None
        begun = [
            s.data["attempt_num"]
            for s in self.cell_statements(item, grade.who, at)
            if s.what == "new_grade"
            and "attempt_num" in s.data
            and s.position[:2] <= grade.position[:2]
        ]
        return max(begun, default=1)

    @asked_once
    def cells(self, section: Thing, who: str, at: int) -> dict[Thing, Cell]:
        """What somebody has at the assessments that are in a section then."""
        there = [i for i in self.items() if (of := self.item(i, at)) and of[0] == section]
        cells = {item: self.cell(item, who, at) for item in there}
        return {item: cell for item, cell in cells.items() if cell is not None}

    @asked_once
    def steps(self, section: Thing, who: str, at: int = EVER) -> list[Statement]:
        """What was said of somebody's place in a section, whom it names as teacher too.

        An ending waits for something that it can end. Of one second, the section speaks first.
        """
        records = self.records(who)
        naming = [s for s in self.all("new_section", thing=section) if s.data["teacheridnumber"]]
        mine = self.all("new_enrolment", "end_enrolment", "state", thing=section)
        begun = {(s.who, s.data["role"]) for s in mine if s.what != "end_enrolment"}
        begun |= {(s.data["teacheridnumber"], TEACHER) for s in naming}
        mine = [
            s
            for s in mine
            if s.who in records
            and (s.what != "end_enrolment" or {(s.who, r) for r in roles(s)} & begun)
        ]
        ordered = sorted([*naming, *mine], key=lambda s: (s.at, s.seq, s in mine, s.turn))
        return [s for s in ordered if s.since <= at]

    @asked_once
    def membership(
        self, section: Thing, who: str, role: str, at: int, *, now: int | None = None
    ) -> tuple[str, int] | None:
        """The code of somebody's enrolment and since when; what is to come comes by `now`."""
        graded = any(c.points is not None for c in self.cells(section, who, at).values())
        every = self._steps_in(section, who, role)
        heard = [s for s in every if s.since <= at]
        later = [s for s in every if s.since > at]
        steps, moments = [*heard, *later], [*moments_of(heard), *moments_of(later)]
        until = at if now is None else max([now, *(s.since for s in heard)])
        # Everything that may change it: what was said, and the dates of enrolments.
        turns = [(m, n) for n, m in enumerate(moments[: len(heard)], 1)]
        dates = {d for s in steps for d in dates_of(s) if d is not None and d <= until}
        turns += [(d, sum(m <= d for m in moments[: len(heard)])) for d in dates]
        code, since = None, 0
        for moment, count in sorted(set(turns)):
            before = code
            code = self._code(steps, moments, count, moment, who, graded=graded)
            statement = heard[count - 1] if count and moments[count - 1] == moment else None
            gives_code = (
                statement is not None
                and statement.what == "state"
                and statement.at >= statement.recorded
                and before in LEFT
                and code in LEFT
            )
            since = since if code == before or gives_code else moment
        return (code, since) if code else None

    @asked_once
    def _steps_in(self, section: Thing, who: str, role: str) -> list[Statement]:
        return [
            s
            for s in self.steps(section, who)
            if (role == TEACHER if s.what == "new_section" else role in roles(s))
        ]

    def _code(
        self,
        steps: list[Statement],
        moments: list[int],
        count: int,
        moment: int,
        who: str,
        *,
        graded: bool,
    ) -> str | None:
        """What it is at a moment, after so many of the steps."""
        own, named, ended = self._heard(steps[:count], moments, who, graded=graded)
        code = self._stated_code(own, moment, ended, named=named)
        is_free = code is None or (own is not None and code == "p" and not named)
        if not is_free:
            return code
        # An enrolment told of later may have begun before, unless something ended in between.
        for n, later in enumerate(steps[count:], count + 1):
            if later.what in ("new_enrolment", "state") and later.data["code"] in HOLDING:
                begins = dates_of(later)[0]
                if begins is not None and begins <= moment < moments[n - 1]:
                    return code_by_dates(later, moment)
            own, named, ended = self._heard(steps[:n], moments, who, graded=graded)
            if own is None and not named and ended:
                break
        return code

    @staticmethod
    def _stated_code(own: Statement | None, moment: int, ended: str, *, named: bool) -> str | None:
        by_dates = code_by_dates(own, moment) if own else ""
        if by_dates in HOLDING or (own and not named):
            return by_dates
        return "a" if named else ended or None

    def _heard(
        self, steps: list[Statement], moments: list[int], who: str, *, graded: bool
    ) -> tuple[Statement | None, bool, str]:
        """The enrolment that stands, whether the section names them, and how the last one ended."""
        own: Statement | None = None
        own_moment = 0
        named, ended = False, ""
        records = self.records(who)
        for s, moment in zip(steps, moments, strict=False):
            if s.what == "new_section":
                if named and s.data["teacheridnumber"] not in records:
                    ended = "w"
                named = s.data["teacheridnumber"] in records
            elif s.what == "end_enrolment":
                # What ended by its date before that, or was over as it was told, is no withdrawal.
                until = None if own is None else dates_of(own)[1]
                is_over = (
                    own is not None and until is not None and until < max(moment, own_moment + 1)
                )
                if named or (own is not None and not is_over):
                    ended = "w" if graded else "wn"
                elif own is not None:
                    ended = "en"
                own, named = None, False
            elif s.data["code"] in HOLDING:
                own, own_moment = s, moment
            else:
                own, named, ended = None, False, s.data["code"]
        return own, named, ended

    @asked_once
    def percent(self, section: Thing, who: str, at: int) -> Decimal | None:
        """Points of what they are worth; excused and ungraded cells are in neither sum."""
        counted = [
            (cell.points, there[2])
            for item, cell in self.cells(section, who, at).items()
            if cell.points is not None and not cell.excepted and (there := self.item(item, at))
        ]
        worth = sum((maximum for _points, maximum in counted), Decimal(0))
        if not worth:
            return None
        reached = sum((points for points, _maximum in counted), Decimal(0))
        return (reached * 100 / worth).quantize(Decimal("0.01"), ROUND_HALF_UP)

    # Saying something more.

    def is_known(
        self, what: str, thing: Thing | None, who: str | None, data: dict[str, Any]
    ) -> bool:
        """Whether everything that an event names is there, so that it need not wait."""
        named = [who] if who and what != "fetch_user" else []
        named += [data["teacheridnumber"]] if data.get("teacheridnumber") else []
        if not set(named) <= set(self.people()):
            return False
        if "section" in data and data["section"] not in self.sections():
            return False
        if what in ("delete_section", "new_enrolment", "end_enrolment"):
            return thing in self.sections()
        if what in ("delete_assessment", "new_grade", "delete_grade"):
            return thing in self.items()
        return True

    def history(
        self, what: str, thing: Thing | None, who: str | None, peer: str | None
    ) -> list[Statement]:
        """What an event without a time of its own comes after; not what still waits."""
        if what == "fetch_user":
            return [s for s in self.all(what) if (s.who, s.peer) == (who, peer)]
        if thing is None:
            return []  # names written by hand: the last ones count
        if "grade" in what:
            assert who is not None
            return self.cell_statements(thing, who) + self.written_in_cell(thing, who)
        if what in ("enter", "release"):
            assert who is not None
            return self.written_in_cell(thing, who)
        if "enrolment" in what or what == "state":
            assert who is not None
            return self.steps(thing, who)
        return self.section_statements(thing) if "section" in what else self.item_statements(thing)

    def add(
        self,
        what: str,
        now: int,
        when: tuple[int, int] | None,
        *,
        thing: Thing | None = None,
        who: str | None = None,
        peer: str | None = None,
        **data: Any,
    ) -> None:
        """Add a statement, now or at a position of its own; what is no news is left out."""
        history = self.history(what, thing, who, peer)
        at, seq = when or max([(now, -1), *(s.position[:2] for s in history)])
        policy = self.policies.get(peer or "", Policy())
        new = Statement(what, at, seq, len(self.statements), thing, who, data, peer, now, policy)
        if peer is not None:
            if when and any(s.position[:2] == when for s in self.statements if same_word(s, new)):
                return
            if not when and not self._is_news(new):
                return
        self.statements.append(new)

    def _is_news(self, new: Statement) -> bool:
        """Whether a word without a time says something else than what stands already.

        That is so when it is news of the record that it names, or of that person.
        """
        return any(model._is_news_here(new) for model in (self, self.apart()))

    def _is_news_here(self, new: Statement) -> bool:
        if "enrolment" not in new.what:
            found = [s for s in self.history(new.what, new.thing, new.who, new.peer) if s.peer]
            latest = max(found, key=lambda s: s.position, default=None)
            return latest is None or (latest.what, latest.data) != (new.what, new.data)
        assert new.thing is not None
        assert new.who is not None
        steps = {role: self._steps_in(new.thing, new.who, role) for role in roles(new)}
        if new.what == "end_enrolment":
            return any(self._can_end(some, new) for some in steps.values())
        return not all(self._stands(some, new) for some in steps.values())

    def _can_end(self, steps: list[Statement], new: Statement) -> bool:
        """Whether somebody is there, or will be."""
        assert new.who is not None
        own, named, _ended = self._heard(steps, moments_of(steps), new.who, graded=False)
        now = max([new.recorded, *(s.since for s in steps)])
        return named or (own is not None and code_by_dates(own, now) != "en")

    @staticmethod
    def _stands(steps: list[Statement], new: Statement) -> bool:
        """Whether just this is said of an enrolment already, by its peer or by hand after it."""
        own = [s for s in steps if s.what != "new_section"]
        if not own or own[-1].data.get("code") != new.data["code"]:
            return False
        found = [s.data for s in own if s.what == "new_enrolment"]
        names = ("timestart", "timeend")
        return not found or all(found[-1][name] == new.data[name] for name in names)

    def apart(self) -> Model:
        """The same, had nobody ever been merged."""
        return Model(self.policies, self.statements)
