"""Floods by, and for, peers that are silent, that push very much, or whose answers are bombs."""

from __future__ import annotations

import secrets
from urllib.parse import urlencode

from mnet.xmlrpc import Value
from tests.helpers.rig import SIS, FakePeer
from tests.helpers.roaming import LAND
from tests.soak.flood import Until, flood, get, many, once_each, post, unique, wait
from tests.soak.stage import Stage


@flood("gzip bombs")
def gzip_bombs(stage: Stage, until: Until) -> None:
    """A peer asks to be asked, and answers 600 MB packed twice."""
    stage.armed.set()
    many(until, 4, lambda _n: _ask_back(stage, stage.bomber))


@flood("made-up landings")
def landings(stage: Stage, until: Until) -> None:
    """256 made-up landings at a time for a silent peer."""

    def once(_number: int) -> None:
        query = {"token": secrets.token_hex(20), "idp": stage.silent.wwwroot, "wantsurl": "/me"}
        get(stage, f"{LAND}?{urlencode(query)}", User_Agent="x")

    many(until, 256, once)


@flood("only an idnumber")
def only_idnumber(stage: Stage, until: Until) -> None:
    """80 fetch_user at a time that make us ask a silent peer back."""
    many(until, 80, lambda _n: _ask_back(stage, stage.silent))


@flood("new people")
def new_people(stage: Stage, until: Until) -> None:
    """1,000 new people a push, whose enrolments we then want to know."""

    def once(_number: int) -> None:
        events: list[Value] = [_event("fetch_user", _person()) for _ in range(1000)]
        post(stage, stage.silent.request(stage.pem, SIS + "push_events", [events]))

    many(until, 1, once)


@flood("held events")
def held_events(stage: Stage, until: Until) -> None:
    """Four pushes of 5,000 events that wait for what never comes."""

    def push() -> None:
        section = unique()
        events: list[Value] = [
            _event("new_enrolment", {"sectionid": section, "userid": unique(), "role": "student"})
            for _ in range(5000)
        ]
        post(stage, stage.silent.request(stage.pem, SIS + "push_events", [events]))

    many(until, 1, lambda _n: push(), 4)
    wait(until)


@flood("many pushes at once")
def pushes_at_once(stage: Stage, until: Until) -> None:
    """Six long pushes of one peer at the same time."""

    def push() -> None:
        events: list[Value] = [_event("fetch_user", _person()) for _ in range(2000)]
        post(stage, stage.silent.request(stage.pem, SIS + "push_events", [events]))

    once_each(until, [push] * 6)


def _ask_back(stage: Stage, peer: FakePeer) -> None:
    post(stage, peer.request(stage.pem, SIS + "fetch_user", [{"idnumber": unique()}]))


def _event(name: str, data: dict[str, Value]) -> Value:
    return {"event": name, "data": data}


def _person() -> dict[str, Value]:
    name = unique()
    return {"idnumber": name, "username": name, "firstname": "A", "lastname": "B"}
