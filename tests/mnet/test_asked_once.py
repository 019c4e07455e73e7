"""Several who ask the same at the same moment: one asks, the others wait for its answer."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from mnet.asked_once import AskedOnce

WAIT_S = 30.0


def test_one_asks_and_all_get_the_answer_and_later_it_is_asked_anew() -> None:
    once, go, asked = AskedOnce[int](), threading.Event(), []
    begun = threading.Event()

    def question() -> int:
        asked.append(1)
        begun.set()
        assert go.wait(WAIT_S)
        return len(asked)

    with ThreadPoolExecutor(8) as pool:
        first = pool.submit(once.ask, "peer", question, wait_s=WAIT_S)
        assert begun.wait(WAIT_S)
        others = [pool.submit(once.ask, "peer", question, wait_s=WAIT_S) for _ in range(7)]
        assert once.ask("another", lambda: 7, wait_s=0) == 7
        with pytest.raises(TimeoutError):
            once.ask("peer", question, wait_s=0)
        go.set()
        assert first.result(WAIT_S) == 1
        # One that came only after the answer asks for itself, so that no old answer is given.
        assert {other.result(WAIT_S) for other in others} <= {1, 2, 3, 4, 5, 6, 7, 8}
    before = len(asked)
    assert once.ask("peer", question, wait_s=0) == before + 1


def test_what_the_question_raises_is_raised_for_all_and_forgotten() -> None:
    once, go, begun = AskedOnce[int](), threading.Event(), threading.Event()

    def fails() -> int:
        begun.set()
        assert go.wait(WAIT_S)
        raise LookupError

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(once.ask, "peer", fails, wait_s=WAIT_S)
        assert begun.wait(WAIT_S)
        second = pool.submit(once.ask, "peer", fails, wait_s=WAIT_S)
        go.set()
        for future in (first, second):
            with pytest.raises(LookupError):
                future.result(WAIT_S)
    assert once.ask("peer", lambda: 3, wait_s=0) == 3
