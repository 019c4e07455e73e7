"""XML-RPC in both dialects: round trips, every shape of the field, and nothing crashes it."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mnet.faults import BadXmlRpc, UnreadableMessage
from mnet.safe_xml import ForbiddenDoctype, TooDeep, parse
from mnet.xmlrpc import (
    Dialect,
    FaultResponse,
    MethodResponse,
    Value,
    read_call,
    read_response,
    write_call,
    write_fault,
    write_response,
)
from tests.helpers.recorded import MESSAGES, SEALED
from tests.helpers.strategies import texts, values
from tests.php_peer.runner import PhpPeer

NAMES = ["Ōquist – Ünï", "Müller", "é", "日本", "😀", "a<&>\"'\n\tb", "  spaces  ", "Ã¼", ""]
dialects = st.sampled_from(Dialect)


@given(value=values, dialect=dialects)
def test_an_answer_comes_back_as_it_was(value: Any, dialect: Dialect) -> None:
    read = read_response(write_response(value, dialect))
    assert isinstance(read, MethodResponse)
    assert same(read.value, value)
    assert read.dialect is dialect


@given(params=st.lists(values, max_size=3), dialect=dialects)
def test_a_call_comes_back_as_it_was(params: list[Any], dialect: Dialect) -> None:
    read = read_call(write_call("a/b.php/c", params, dialect))
    assert read.name == "a/b.php/c"
    assert read.dialect is dialect
    assert same(list(read.params), params)


def same(read: Any, written: Any) -> bool:
    if isinstance(written, dict):
        return read.keys() == written.keys() and all(same(read[k], v) for k, v in written.items())
    if isinstance(written, list):
        return len(read) == len(written) and all(map(same, read, written))
    return type(read) is type(written) and bool(read == written)


@given(code=st.integers(1, 9999), text=texts)
def test_a_fault_comes_back_as_it_was(code: int, text: str) -> None:
    read = read_response(write_fault(code, text))
    assert read == FaultResponse(code, text, None)


RECORDED_FAULTS = {
    m.label: document
    for m in MESSAGES
    if m.side == "response"
    and m.facts.get("fault")  # a Mahara's code is 0, which we never write
    and (document := m.payload or m.body).startswith(
        b'<?xml version="1.0"?>\n<methodResponse>\n   <fault>'
    )
}


def test_there_are_recorded_faults() -> None:
    assert len(RECORDED_FAULTS) > 10


@pytest.mark.parametrize("label", RECORDED_FAULTS)
def test_every_fault_that_moodle_wrote_is_written_alike(label: str) -> None:
    document = RECORDED_FAULTS[label]
    fault = read_response(document)
    assert isinstance(fault, FaultResponse)
    assert fault.dialect is None
    assert write_fault(fault.code, fault.text) == document


@pytest.mark.parametrize("code", ["--5", "-", "²", "٣", "5.0", "", "9" * 5000, "7025x"])
def test_a_faults_code_that_is_no_number_counts_as_none(code: str) -> None:
    document = f"<methodResponse><fault><value><struct><member><name>faultCode</name><value>{code}</value></member></struct></value></fault></methodResponse>"
    assert read_response(document.encode()) == FaultResponse(0, "", None)


def test_a_name_with_any_character_can_be_written() -> None:
    assert read_call(write_call("a<\udcff\x00", [], Dialect.EXTENSION)).name == "a<\ufffd\ufffd"


def test_a_raw_accent_stays_though_the_text_speaks_of_another_encoding() -> None:
    document = '<?xml version="1.0" encoding="utf-8"?><methodResponse><params><param><value>iso-8859-1 Ã¼</value></param></params></methodResponse>'
    assert read_response(document.encode()) == MethodResponse("iso-8859-1 Ã¼", Dialect.EXTENSION)


def test_a_control_character_is_not_taken_for_a_lost_zero() -> None:
    for prolog, text, read in (
        ("?", "&#20;x", "\ufffdx"),
        ("?", "&#20;&#195;&#156;", "\ufffdÜ"),
        ("?", "&#20;&#156;x", "Ȝx"),
        (" ?", "&#20;&#128;", "\ufffd\x80"),
    ):
        document = f'<?xml version="1.0" encoding="utf-8"{prolog}><methodCall><methodName>m</methodName><params><param><value>{text}</value></param></params></methodCall>'
        assert read_call(document.encode()).params == (read,), text


def test_what_no_parser_of_the_field_takes_is_never_written() -> None:
    written = write_response(
        {"a": None, "b": 2**40, "c": {}, "d": "\x00\x1f\ufffe"}, Dialect.EXTENSION
    )
    assert b"nil" not in written
    assert b"i8" not in written
    read = read_response(written)
    assert isinstance(read, MethodResponse)
    assert read.value == {"a": "", "b": str(2**40), "c": [], "d": "\ufffd" * 3}


VALUES: dict[str, Value] = {
    "<value>bare</value>": "bare",
    "<value></value>": "",
    "<value/>": "",
    "<value><string/></value>": "",
    "<value> <string> x </string>\r\n</value>": " x ",
    "<value><int>-5</int></value>": -5,
    "<value><i4>5</i4></value>": 5,
    "<value><i8>9007199254740993</i8></value>": 9007199254740993,
    "<value><boolean>1</boolean></value>": True,
    "<value><boolean>false</boolean></value>": False,
    "<value><double>2.500000</double></value>": 2.5,
    "<value><base64>aGk=</base64></value>": b"hi",
    "<value><nil/></value>": None,
    "<value><dateTime.iso8601>20261121T00:00:00</dateTime.iso8601></value>": "20261121T00:00:00",
    "<value><array><data/></array></value>": [],
    "<value><struct/></value>": {},
    "<value><!-- c --><string>a<?php x?>b</string></value>": "ab",
    "<value><string><![CDATA[<b>]]></string></value>": "<b>",
}


@pytest.mark.parametrize("text", VALUES)
@pytest.mark.parametrize(
    "prolog", ["", '<?xml version="1.0"?>\r\n', "\n\ufeff<?xml version='1.0' encoding='UTF-8'?>"]
)
def test_every_shape_of_the_field_is_read(text: str, prolog: str) -> None:
    document = f"{prolog}<methodCall><methodName> m/n </methodName><params><param>{text}</param></params></methodCall>"
    call = read_call(document.encode())
    assert (call.name, call.params) == ("m/n", (VALUES[text],))


@pytest.mark.parametrize(
    "text",
    [
        "<value><int>five</int></value>",
        "<value><int>-+5</int></value>",
        "<value><int>²</int></value>",
        "<value><int></int></value>",
        "<value><double>１２</double></value>",
        "<value><double>1e999</double></value>",
        "<value><double>1_0</double></value>",
        "<value><double>.</double></value>",
        "<value><int>99999999999999999999</int></value>",
        "<value><double>nan</double></value>",
        "<value><boolean>2</boolean></value>",
        "<value><base64>%</base64></value>",
        "<value><colour>red</colour></value>",
        "<value><int>1</int><int>2</int></value>",
        "<value><struct><member><name>a</name></member></struct></value>",
        "<value><struct><x/></struct></value>",
        "<value><array></array></value>",
        "<value><string><b/></string></value>",
        "<wert>1</wert>",
    ],
)
def test_a_wrong_value_is_refused_with_a_sentence(text: str) -> None:
    document = f"<methodCall><methodName>m/n</methodName><params><param>{text}</param></params></methodCall>"
    with pytest.raises(BadXmlRpc) as problem:
        read_call(document.encode())
    assert len(problem.value.text) > 10


ATTACKS = {
    "billion laughs": b'<!DOCTYPE a [<!ENTITY b "xx"><!ENTITY c "&b;&b;">]><a>&c;</a>',
    "external entity": b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>',
    "a doctype alone": b"<!doctype html><html/>",
    "a doctype in UTF-16": '<?xml version="1.0"?><!DOCTYPE a><a/>'.encode("utf-16"),
    "a doctype in UTF-7": b'<?xml version="1.0" encoding="utf-7"?>+ADw-+ACE-DOCTYPE a+AD4-<a/>',
    "an unknown entity": b"<a>&nbsp;</a>",
    "deep nesting": b"<a>" * 100_000 + b"</a>" * 100_000,
    "just too deep": b"<a>" * 65 + b"</a>" * 65,
    "too many elements": b"<a>" + b"<b/>" * 1_100_000 + b"</a>",
    "a NUL": b"<a>\x00</a>",
    "two roots": b"<a/><b/>",
    "an open end": b"<a><b>",
    "no bytes": b"",
    "too large": b"<a>" + b"x" * (8 * 1024 * 1024) + b"</a>",
}


@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_on_the_parser_is_refused(name: str) -> None:
    with pytest.raises(UnreadableMessage):
        parse(ATTACKS[name])
    with pytest.raises(BadXmlRpc):
        read_call(ATTACKS[name])


def test_refusals_say_what_it_was() -> None:
    for name, kind in (("billion laughs", ForbiddenDoctype), ("just too deep", TooDeep)):
        with pytest.raises(kind):
            parse(ATTACKS[name])
    assert parse(b"<a>" * 64 + b"</a>" * 64) is not None


@settings(max_examples=300)
@given(junk=st.binary(max_size=200))
def test_junk_never_crashes_the_reader(junk: bytes) -> None:
    for read in (read_call, read_response):
        with suppress(BadXmlRpc):
            read(junk)


PAYLOADS = [m.payload for m in SEALED if m.payload][::7]


@settings(max_examples=300, suppress_health_check=list(HealthCheck))
@given(payload=st.sampled_from(PAYLOADS), place=st.integers(0, 5000), junk=st.binary(max_size=4))
def test_a_mangled_real_payload_never_crashes_the_reader(
    payload: bytes, place: int, junk: bytes
) -> None:
    place %= len(payload)
    for read in (read_call, read_response):
        with suppress(BadXmlRpc):
            read(payload[:place] + junk + payload[place + 1 :])


@pytest.fixture(scope="module")
def php(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PhpPeer]:
    peer = PhpPeer(tmp_path_factory.mktemp("php"))
    yield peer
    peer.close()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("style", ["moodle-old", "mahara", "moodle-new"])
def test_php_reads_our_accents_and_we_read_phps(php: PhpPeer, style: str, name: str) -> None:
    dialect = Dialect.PHPXMLRPC if style == "moodle-new" else Dialect.EXTENSION
    value: Any = {"name": name, "list": [name]}
    call = base64.b64encode(write_call("m/n", [value], dialect)).decode()
    assert php.do("decode_call", style, call) == ["m/n", [value]]
    answer = base64.b64encode(write_response(value, dialect)).decode()
    assert php.do("decode_answer", style, answer) == value
    theirs = read_response(base64.b64decode(php.do("encode_answer", style, value)))
    assert isinstance(theirs, MethodResponse)
    assert theirs.value == value
    assert read_call(base64.b64decode(php.do("encode_call", style, "m/n", [value]))).params == (
        value,
    )
