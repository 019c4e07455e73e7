"""What applying an event can lead to: done, or waiting for something. Shared by every entity.

A handler looks first and writes last: once it has written it neither holds nor faults, so that
a refused event leaves nothing behind and needs no undoing. Source: RULES 1.3.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, tzinfo
from typing import NamedTuple

from mnet.exchange import Site
from mnet.faults import TryAgainLater
from mnet.stored_sentences import english
from mnet.xmlrpc import Value
from peers.policy import PeerPolicy
from peers.registry import Peer
from schooltool_bridge.common.days import day_of
from schooltool_bridge.common.ids import OWN_ID, key, own_id
from schooltool_bridge.history.fold import When

CREATED, UPDATED, UNCHANGED = "created", "updated", "unchanged"
SKIPPED = "skipped"  # kept out by a person's decision
ENROLMENT = "enrolment"  # the kind of what the end of one waits for


class Source(NamedTuple):
    """Who sends events, and what it may."""

    peer_id: int
    wwwroot: str
    our_wwwroot: str
    policy: PeerPolicy
    enabled: bool
    # Once it has named us as an event's addressee, it always must.
    names_addressee: bool
    # The school's own, in which a day begins and ends.
    zone: tzinfo = UTC
    # Its clock when it sent this; None where that is not known.
    clock_unix_s: int | None = None
    # Each of its events is applied in a savepoint of its own (breaking.py).
    is_careful: bool = False

    def after(self, data: object) -> Source:
        """Return what it may after an event of its was taken."""
        if self.names_addressee or not (isinstance(data, dict) and data.get("to")):
            return self
        return self._replace(names_addressee=True)

    def day_of(self, when: When, now_unix_s: int) -> date:
        """Return the school's day of an event."""
        sent = when.timemodified
        return day_of(now_unix_s if sent is None else min(sent, now_unix_s), self.zone)


def source(peer: Peer, site: Site, clock_unix_s: int | None = None) -> Source:
    """Say for the SIS who sends and what it may; `clock_unix_s` is when, by the sender's clock."""
    return Source(
        peer_id=peer.id,
        wwwroot=peer.wwwroot,
        our_wwwroot=site.wwwroot,
        policy=peer.policy,
        enabled=peer.enabled,
        names_addressee=peer.names_addressee,
        zone=site.zone,
        clock_unix_s=clock_unix_s,
    )


def arrives_under(policy: PeerPolicy) -> dict[str, str]:
    """Return what an event that arrives now keeps of its peer's policy, held or not.

    What it says of a day must not change when the policy does.
    """
    return {
        "out_of_range": policy.out_of_range,
        "dates_students": policy.dates_students,
        "dates_teachers": policy.dates_teachers,
    }


def under(sender: Source, arrived_under: Mapping[str, str]) -> Source:
    """Return the sender with the policy under which an event of its own first arrived."""
    now, first = sender.policy, arrived_under
    policy = replace(
        now,
        out_of_range=first.get("out_of_range", now.out_of_range),
        dates_students=first.get("dates_students", now.dates_students),
        dates_teachers=first.get("dates_teachers", now.dates_teachers),
    )
    return sender._replace(policy=policy)


@dataclass(frozen=True, slots=True)
class NewPerson:
    """A person who just appeared: our id, and how the peer names them."""

    person_id: int
    idnumber: str | None
    username: str | None
    # Moodle's own id, where the event has it.
    moodle_id: str | None = None

    @property
    def keys(self) -> frozenset[str]:
        """By which of its other events the peer may name this person (`userid`)."""
        own = own_id(self.idnumber, self.moodle_id)
        return frozenset(key(name) for name in (self.idnumber, own and OWN_ID + own) if name)


class Applied(NamedTuple):
    """An event took effect, or changed nothing because it is old or known."""

    status: str
    id: int
    message: str = ""
    # Keys of what is there now, for events that wait for it.
    ready: tuple[str, ...] = ()
    new_person: NewPerson | None = None
    # Those of `ready` that are names of the school's own people: other peers' events wait for
    # them as well.
    names: tuple[str, ...] = ()
    # The event's own payload is applied again when these are there (a teacher not known yet).
    again_with: tuple[str, ...] = ()
    # It took effect, and yet a person should look: what the inbox says about it.
    remark: str = ""

    @property
    def answer(self) -> dict[str, Value]:
        """What the sender is told."""
        return {"status": self.status, "id": str(self.id), "message": self.message}


class Held(Exception):
    """The event must wait for these keys (user:ID, section:ID, ...)."""

    def __init__(self, *waiting_for: str) -> None:
        """Name what it waits for."""
        super().__init__()
        self.waiting_for = waiting_for


class ClocksDiffer(TryAgainLater):
    """What the sender's clock says is so far ahead that nothing it dates can be believed."""

    def __init__(self, ahead_s: int) -> None:
        """Keep by how many seconds it is ahead of ours."""
        super().__init__(
            english(
                "The clock of your site is ahead of the one here by %(count)s hours; set the wrong "
                "one right and send it again.",
                count=ahead_s // 3600,
            )
        )
        self.ahead_s = ahead_s


def user_key(userid: str) -> str:
    """What an event waits for that names a person not known yet."""
    return f"user:{userid}"


def section_key(sectionid: str) -> str:
    """What an event waits for that names a section not known yet."""
    return f"section:{sectionid}"


APPROVAL = "approval"


def approval_key(sectionid: str) -> str:
    """What a section waits for that a person has to let in."""
    return f"{APPROVAL}:{sectionid}"


def assessment_key(assessmentid: str) -> str:
    """What an event waits for that names an assessment not known yet."""
    return f"assessment:{assessmentid}"


def enrolment_key(sectionid: str, userid: str) -> str:
    """What the end of an enrolment waits for."""
    return f"{ENROLMENT}:{sectionid}/{userid}"


def grade_key(assessmentid: str, userid: str) -> str:
    """What the deletion of a grade waits for."""
    return f"grade:{assessmentid}/{userid}"
