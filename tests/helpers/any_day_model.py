"""A school as a list of what was said, and what follows from it for a moment; nothing is kept up.

Each thing said has its place: the second that its sender gave, its sender's running number, its
turn; and it took effect then, but not before it was known. What names somebody or something not known yet does not count before that is known, so the
order of arrival never matters. Source: RULES 1.3-1.6.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Concatenate, ParamSpec, TypeVar

from tests.helpers.any_day_said import Cell, Policy, Said, Thing

EVER = 2**60
HOLDING = ("a", "s")
LEFT = ("w", "wn", "wp")
STUDENT, TEACHER = ROLES = ("student", "teacher")

P = ParamSpec("P")
T = TypeVar("T")


def asked_once(
    look: Callable[Concatenate[Model, P], T],
) -> Callable[Concatenate[Model, P], T]:
    """Keep an answer for as long as nothing more is said: the same is asked of many moments."""

    def answer(model: Model, /, *args: P.args, **named: P.kwargs) -> T:
        known = (len(model.said), tuple(model.into.items()))
        if known != model.answered[0]:
            model.answered = (known, {})
        question = (look.__name__, args, tuple(named.items()))
        answers = model.answered[1]
        if question not in answers:
            answers[question] = look(model, *args, **named)
        found: T = answers[question]
        return found

    return answer


@dataclass
class Model:
    """All that was said, in the order in which it was said; and which record stands for which."""

    # Those of now, of each peer.
    policies: dict[str, Policy] = field(default_factory=dict)
    said: list[Said] = field(default_factory=list)
    into: dict[str, str] = field(default_factory=dict)
    # What stood when something was last asked, and what was answered since.
    answered: tuple[object, dict[object, Any]] = (None, {})

    @asked_once
    def all(self, *whats: str, at: int = EVER, thing: Thing | None = None) -> list[Said]:
        """What was said of this kind by then, each at its place."""
        some = [s for s in self.said if s.what in whats and s.since <= at]
        return sorted((s for s in some if thing in (None, s.thing)), key=lambda s: s.place)

    # Who and what there is.

    @asked_once
    def people(self) -> list[str]:
        """The records of people, those who were brought first first."""
        return list(dict.fromkeys(s.who for s in self.said if s.what == "fetch_user" and s.who))

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
            dict.fromkeys(s.thing for s in self.said if s.what == "new_section" and s.thing)
        )

    @asked_once
    def items(self) -> list[Thing]:
        """The assessments of which it is known in which section they are."""
        told = [s for s in self.said if s.what == "new_assessment"]
        return list(dict.fromkeys(s.thing for s in told if s.thing and home(s) in self.sections()))

    # What holds at a moment.

    def name(self, who: str) -> tuple[str, str]:
        """First and last name: an admin's choice, else as the peer that brought them says now."""
        by_hand = [s for s in self.said if s.what == "rename" and s.who == who]
        first = next(s for s in self.said if s.what == "fetch_user" and s.who == who)
        told = [s for s in self.all("fetch_user") if s.who == who and s.peer == first.peer]
        latest = by_hand[-1] if by_hand else told[-1]
        return latest.data["firstname"], latest.data["lastname"]

    @asked_once
    def section(self, section: Thing, at: int) -> tuple[str, bool] | None:
        """A section's name, and whether its peer deleted it; None before it is told of."""
        told = [s for s in self.told_of_section(section) if s.since <= at]
        named = [s.data["name"] for s in told if s.what == "new_section"]
        return (named[-1], told[-1].what == "delete_section") if named else None

    @asked_once
    def item(self, item: Thing, at: int) -> tuple[Thing, str, Decimal] | None:
        """An assessment's section, name and worth; None while there is none, or no more."""
        told = [s for s in self.told_of_item(item) if s.since <= at]
        if not told or told[-1].what == "delete_assessment":
            return None
        return home(told[-1]), told[-1].data["name"], Decimal(told[-1].data["pointval"])

    @asked_once
    def told_of_section(self, section: Thing) -> list[Said]:
        """What the peer told, once there is a section."""
        told = self.all("new_section", "delete_section", thing=section)
        return told if section in self.sections() else []

    @asked_once
    def told_of_item(self, item: Thing) -> list[Said]:
        """What the peer told, as far as it is known in which section."""
        told = self.all("new_assessment", "delete_assessment", thing=item)
        told = [s for s in told if s.what != "new_assessment" or home(s) in self.sections()]
        return told if item in self.items() else []

    @asked_once
    def told_of_cell(self, item: Thing, who: str, at: int = EVER) -> list[Said]:
        """What the peer told; taking back waits for something that can be taken back."""
        records, all_told = self.records(who), self.all("new_grade", "delete_grade", thing=item)
        graded = {s.who for s in all_told if s.what == "new_grade"}
        return [s for s in all_told if s.who in records and s.who in graded and s.since <= at]

    @asked_once
    def written_in_cell(self, item: Thing, who: str, at: int = EVER) -> list[Said]:
        records = self.records(who)
        return [s for s in self.all("enter", "release", at=at, thing=item) if s.who in records]

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
        told = [(s, self.attempt(item, s, at)) for s in self.told_of_cell(item, who, at)]
        for attempt in (3, 2, 1):
            about = [s for s, of in told if of in (None, attempt)]
            if about and about[-1].what == "new_grade":
                raw, data = about[-1].data["points_earned"], about[-1].data
                points = None if raw is None else Decimal(raw)
                if points is not None and about[-1].policy.clamps:
                    points = min(max(points, Decimal(0)), maximum)
                return Cell(points, data["excepted"], attempt, "peer", about[-1].recorded)
        return None

    def attempt(self, item: Thing, said: Said, at: int) -> int | None:
        """The attempt that a grade is of; None: what takes all of them back.

        Without a number: the highest one that had begun by then, the first where none had.
        """
        if "attempt_num" in said.data or said.what == "delete_grade":
            return said.data.get("attempt_num")
        assert said.who is not None
        begun = [
            s.data["attempt_num"]
            for s in self.told_of_cell(item, said.who, at)
            if s.what == "new_grade" and "attempt_num" in s.data and s.place[:2] <= said.place[:2]
        ]
        return max(begun, default=1)

    @asked_once
    def cells(self, section: Thing, who: str, at: int) -> dict[Thing, Cell]:
        """What somebody has at the assessments that are in a section then."""
        there = [i for i in self.items() if (of := self.item(i, at)) and of[0] == section]
        cells = {item: self.cell(item, who, at) for item in there}
        return {item: cell for item, cell in cells.items() if cell is not None}

    @asked_once
    def steps(self, section: Thing, who: str, at: int = EVER) -> list[Said]:
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
    def place(
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
        dates = {d for s in steps for d in self.dates(s) if d is not None and d <= until}
        turns += [(d, sum(m <= d for m in moments[: len(heard)])) for d in dates]
        code, since = None, 0
        for moment, count in sorted(set(turns)):
            before = code
            code = self._code(steps, moments, count, moment, who, graded=graded)
            said = heard[count - 1] if count and moments[count - 1] == moment else None
            gives_code = (
                said is not None
                and said.what == "state"
                and said.at >= said.recorded
                and before in LEFT
                and code in LEFT
            )
            since = since if code == before or gives_code else moment
        return (code, since) if code else None

    @asked_once
    def _steps_in(self, section: Thing, who: str, role: str) -> list[Said]:
        return [
            s
            for s in self.steps(section, who)
            if (role == TEACHER if s.what == "new_section" else role in roles(s))
        ]

    @staticmethod
    def dates(said: Said) -> tuple[int | None, int | None]:
        """From when until when an enrolment holds, as the policy was when it was told."""
        if said.what != "new_enrolment":
            return None, None
        policy = said.policy
        rule = policy.dates_teachers if said.data["role"] == TEACHER else policy.dates_students
        begins = said.data["timestart"] if rule in ("hold", "ignore end") else None
        ends = said.data["timeend"] if rule in ("hold", "ignore start") else None
        return begins, ends

    def _by_dates(self, said: Said, moment: int) -> str:
        begins, ends = self.dates(said)
        if ends is not None and ends <= moment:
            return "en"
        code: str = said.data["code"]
        return "p" if begins is not None and begins > moment else code

    def _code(
        self,
        steps: list[Said],
        moments: list[int],
        count: int,
        moment: int,
        who: str,
        *,
        graded: bool,
    ) -> str | None:
        """What it is at a moment, after so many of the steps."""
        own, named, ended = self._heard(steps[:count], moments, who, graded=graded)
        code = self._said_code(own, moment, ended, named=named)
        is_free = code is None or (own is not None and code == "p" and not named)
        if not is_free:
            return code
        # An enrolment told of later may have begun before, unless something ended in between.
        for n, later in enumerate(steps[count:], count + 1):
            if later.what in ("new_enrolment", "state") and later.data["code"] in HOLDING:
                begins = self.dates(later)[0]
                if begins is not None and begins <= moment < moments[n - 1]:
                    return self._by_dates(later, moment)
            own, named, ended = self._heard(steps[:n], moments, who, graded=graded)
            if own is None and not named and ended:
                break
        return code

    @staticmethod
    def _said_code(own: Said | None, moment: int, ended: str, *, named: bool) -> str | None:
        by_dates = Model._by_dates(Model(), own, moment) if own else ""
        if by_dates in HOLDING or (own and not named):
            return by_dates
        return "a" if named else ended or None

    def _heard(
        self, steps: list[Said], moments: list[int], who: str, *, graded: bool
    ) -> tuple[Said | None, bool, str]:
        """The enrolment that stands, whether the section names them, and how the last one ended."""
        own: Said | None = None
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
                until = None if own is None else self.dates(own)[1]
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
    ) -> list[Said]:
        """What an event without a time of its own comes after; not what still waits."""
        if what == "fetch_user":
            return [s for s in self.all(what) if (s.who, s.peer) == (who, peer)]
        if thing is None:
            return []  # names written by hand: the last ones count
        if "grade" in what:
            assert who is not None
            return self.told_of_cell(thing, who) + self.written_in_cell(thing, who)
        if what in ("enter", "release"):
            assert who is not None
            return self.written_in_cell(thing, who)
        if "enrolment" in what or what == "state":
            assert who is not None
            return self.steps(thing, who)
        return self.told_of_section(thing) if "section" in what else self.told_of_item(thing)

    def say(
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
        """Write down what was said, now or at a place of its own; what is no news is left out."""
        history = self.history(what, thing, who, peer)
        at, seq = when or max([(now, -1), *(s.place[:2] for s in history)])
        policy = self.policies.get(peer or "", Policy())
        said = Said(what, at, seq, len(self.said), thing, who, data, peer, now, policy)
        if peer is not None:
            if when and any(s.place[:2] == when for s in self.said if same_word(s, said)):
                return
            if not when and not self._is_news(said):
                return
        self.said.append(said)

    def _is_news(self, said: Said) -> bool:
        """Whether a word without a time says something else than what stands already.

        That is so when it is news of the record that it names, or of that person.
        """
        return any(model._is_news_here(said) for model in (self, self.apart()))

    def _is_news_here(self, said: Said) -> bool:
        if "enrolment" not in said.what:
            told = [s for s in self.history(said.what, said.thing, said.who, said.peer) if s.peer]
            latest = max(told, key=lambda s: s.place, default=None)
            return latest is None or (latest.what, latest.data) != (said.what, said.data)
        assert said.thing is not None
        assert said.who is not None
        steps = {role: self._steps_in(said.thing, said.who, role) for role in roles(said)}
        if said.what == "end_enrolment":
            return any(self._can_end(some, said) for some in steps.values())
        return not all(self._stands(some, said) for some in steps.values())

    def _can_end(self, steps: list[Said], said: Said) -> bool:
        """Whether somebody is there, or will be."""
        assert said.who is not None
        own, named, _ended = self._heard(steps, moments_of(steps), said.who, graded=False)
        now = max([said.recorded, *(s.since for s in steps)])
        return named or (own is not None and self._by_dates(own, now) != "en")

    @staticmethod
    def _stands(steps: list[Said], said: Said) -> bool:
        """Whether just this is said of an enrolment already, by its peer or by hand after it."""
        own = [s for s in steps if s.what != "new_section"]
        if not own or own[-1].data.get("code") != said.data["code"]:
            return False
        told = [s.data for s in own if s.what == "new_enrolment"]
        names = ("timestart", "timeend")
        return not told or all(told[-1][name] == said.data[name] for name in names)

    def apart(self) -> Model:
        """The same, had nobody ever been merged."""
        return Model(self.policies, self.said)


def moments_of(steps: list[Said]) -> list[int]:
    """When each of some things said in order took effect, at the latest when the next one did."""
    return [min(s.since for s in steps[n:]) for n in range(len(steps))]


def home(said: Said) -> Thing:
    """The section in which an assessment is said to be."""
    found: Thing = said.data["section"]
    return found


def roles(said: Said) -> Iterable[str]:
    """The roles that something is about; an ending without a role is about all."""
    return (said.data["role"],) if said.data.get("role") else ROLES


def same_word(one: Said, other: Said) -> bool:
    """Whether two say the same of the same, whenever."""
    words = [(s.what, s.thing, s.who, s.peer, s.data) for s in (one, other)]
    return words[0] == words[1]
