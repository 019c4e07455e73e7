"""What is read without a parser, for speed, is read just as the parser reads it."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mnet import envelope, layout, xmlrpc, xmlrpc_flat
from mnet.faults import Fault
from mnet.xmlrpc import Dialect, Value
from tests.helpers.recorded import MESSAGES, SEALED
from tests.mnet.test_recorded import opened

SIGNED = layout.SIGNED.write(b"ab", b"sig", b"http://a/key", b"pay", b"http://a", 17)
SEALED_TEXT = layout.SEALED.write(b"text", b"key", b"http://a")
FLAT: dict[str, Value] = {"a": "1", "b": 2, "c": True, "d": 2.5, "e": "", "f": " so "}
CALLS = [xmlrpc.write_call("a/b.php/new_grade", [FLAT], dialect) for dialect in Dialect]


def outcome(read: Callable[[bytes], Any], data: bytes) -> Any:
    try:
        return read(data)
    except Fault as fault:
        return type(fault)


def both_ways(read: Callable[[bytes], Any], data: bytes) -> tuple[Any, Any]:
    quickly = outcome(read, data)
    with (
        patch.object(layout.Layout, "read", lambda _self, _data: None),
        patch.object(xmlrpc_flat, "read", lambda _data: None),
    ):
        return quickly, outcome(read, data)


PIECES = st.one_of(
    st.binary(max_size=3),
    st.sampled_from(
        [b"<", b">", b"&amp;", b"&#65;", b"]]>", b"<!-- -->", b"\r\n", b"\t", b"\x7f", b"\x0c",
         b"\x85", b"=", b'"', b"<wwwroot>b</wwwroot>", b"<x/>", b"<!DOCTYPE x>", b" ", b"1e3",
         b"</string>", b"<member>", "\N{LATIN SMALL LETTER U WITH DIAERESIS}".encode()]
    ),
)  # fmt: skip


@st.composite
def meddled(draw: st.DrawFn, documents: list[bytes]) -> bytes:
    """A document with a few bytes put in, put over others, or taken away."""
    data = draw(st.sampled_from(documents))
    for _ in range(draw(st.integers(1, 2))):
        at = draw(st.integers(0, len(data)))
        data = data[:at] + draw(PIECES) + data[at + draw(st.integers(0, 12)) :]
    return data


@given(meddled([SIGNED]))
@example(SIGNED)
@example(SIGNED.replace(b"http://a/key", b'http://a/key" x="'))
def test_a_signed_wrapper(data: bytes) -> None:
    quickly, by_parser = both_ways(envelope.read_signed, data)
    assert quickly == by_parser


@given(meddled([SEALED_TEXT]))
@example(SEALED_TEXT)
@example(SEALED_TEXT.replace(b"dGV4dA==", b"dGV4\ndA=="))
def test_a_sealed_wrapper(data: bytes) -> None:
    quickly, by_parser = both_ways(envelope.read_message, data)
    assert quickly == by_parser


@given(meddled(CALLS))
@example(CALLS[0])
@example(CALLS[1])
def test_a_call(data: bytes) -> None:
    quickly, by_parser = both_ways(xmlrpc.read_call, data)
    assert quickly == by_parser


@given(st.binary(max_size=40), st.binary(max_size=40))
def test_base64(one: bytes, other: bytes) -> None:
    text = base64.b64encode(one) + other
    data = SIGNED.replace(b"c2ln", text)
    quickly, by_parser = both_ways(envelope.read_signed, data)
    assert quickly == by_parser


def test_the_shortcuts_are_taken() -> None:
    """By everything that a Moodle sends, else they would be worth nothing."""
    assert layout.SEALED.read(SEALED_TEXT) is not None
    assert layout.SIGNED.read(SIGNED) is not None
    assert all(xmlrpc_flat.read(call) is not None for call in CALLS)
    # The few others were made by a script, or recorded with other line ends.
    assert sum(layout.SEALED.read(m.body) is not None for m in SEALED) >= 250
    assert sum(layout.SIGNED.read(opened(m)) is not None for m in SEALED) >= 250


@pytest.mark.parametrize("message", MESSAGES, ids=lambda m: m.label)
def test_recorded_traffic_reads_the_same_either_way(message: Any) -> None:
    quickly, by_parser = both_ways(envelope.read_message, message.body)
    assert quickly == by_parser
    if message.payload is not None and message.side == "request":
        quickly, by_parser = both_ways(xmlrpc.read_call, message.payload)
        assert quickly == by_parser
