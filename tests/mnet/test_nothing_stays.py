"""A call that is refused leaves nothing behind: its bytes go when its answer has gone."""

from __future__ import annotations

import time
import types
from pathlib import Path

import pytest

from keys.keypair import generate
from mnet.batching import Batches
from mnet.exchange import Answer
from mnet.slow_work import SlowWork
from mnet.workers import Workers
from tests.helpers.circles import circles
from tests.helpers.rig import SIS, START_UNIX_S, FakePeer, Rig, make_rig

PEER = "http://a.example.org"


def bodies(rig: Rig, peer: FakePeer) -> dict[str, bytes]:
    other = generate(PEER, "x", START_UNIX_S)
    replayed = peer.request(rig.pem, "system/listMethods", [])
    rig.answer(replayed)
    return {
        "no such method": peer.request(rig.pem, "m" * 100_000, []),
        "a field that is wrong": peer.request(rig.pem, SIS + "fetch_user", [{"idnumber": [1]}]),
        "what is not there": peer.request(rig.pem, SIS + "end_enrolment", [{"sectionid": "1", "userid": "1"}]),
        "not ours to open": peer.request(other.certificate_pem, SIS + "server_info", []),
        "signed by nobody": peer.request(rig.pem, SIS + "server_info", [], pair=other),
        "seen before": replayed,
        "plain": b"<methodCall><methodName>" + b"m" * 100_000 + b"</methodName></methodCall>",
        "no XML": b"<" * 100_000,
    }  # fmt: skip


@pytest.mark.requirement("R23")
def test_a_refused_call_leaves_no_circle(tmp_path: Path) -> None:
    rig = make_rig(tmp_path)
    some = bodies(rig, rig.add(PEER))
    for body in some.values():
        rig.answer(body)  # what is loaded or made once
    for name, body in some.items():
        with circles() as found:
            rig.answer(body)
        assert not [x for x in found if isinstance(x, types.FrameType | bytes)], name


def test_nor_does_it_among_others(tmp_path: Path) -> None:
    rig = make_rig(tmp_path)
    some = list(bodies(rig, rig.add(PEER)).values())
    workers, slow_work = Workers(6), SlowWork()
    done: list[Answer | None] = []
    batches = Batches[str, Answer](
        rig.app.database, workers, lambda ended: done.extend(a for _o, a in ended), 1, slow_work
    )

    def all_together() -> None:
        before = len(done)
        for number, body in enumerate(some):
            batches.submit(str(number), rig.app.exchange.steps(body))
        while len(done) < before + len(some):
            time.sleep(0.001)

    all_together()
    with circles() as found:
        all_together()
        done.clear()
    workers.close(5)
    slow_work.close(5)
    assert not [x for x in found if isinstance(x, types.FrameType | bytes)]
