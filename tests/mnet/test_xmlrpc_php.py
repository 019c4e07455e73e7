"""XML-RPC against PHP's own xmlrpc extension, called as old Moodles and Mahara call it."""

from __future__ import annotations

import base64
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given

from mnet.xmlrpc import (
    Dialect,
    MethodResponse,
    Value,
    read_call,
    read_response,
    write_call,
    write_fault,
    write_response,
)
from tests.helpers.strategies import finite, php_values

NAME = "Ōquist – Ünï"
HARD = [
    NAME, "é", "Ünï", "日本 😀", "Ștefan Țurcanu", "Ελένη Παππά", "Юлія Щур Ѡ",
    "a<&>\"'\n\tb", "  ", "", "Ã¼", "\x7f\x85", "&#195;&#156;", "]]>",
]  # fmt: skip
BOTH = list(Dialect)
SERVERS = ["decode_request", "mahara_server"]


class Php:
    """The running codec; `ask` one thing at a time."""

    def __init__(self) -> None:
        # No message of PHP may stand between the answers: the extension is deprecated, and quiet.
        command = ["php", "-d", "error_reporting=0", "-d", "serialize_precision=-1"]
        self.process = subprocess.Popen(
            [*command, str(Path(__file__).with_name("php_codec.php"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def ask(self, op: str, xml: bytes = b"", **more: Any) -> Any:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        order = {"op": op, "xml": base64.b64encode(xml).decode(), **more}
        self.process.stdin.write(json.dumps(order).encode() + b"\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline())
        assert "problem" not in answer, answer
        return answer["value"]

    def document(self, op: str, **more: Any) -> bytes:
        return base64.b64decode(self.ask(op, **more))

    def close(self) -> None:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait()


@pytest.fixture(scope="module")
def php() -> Iterator[Php]:
    running = Php()
    yield running
    running.close()


def bare(value: Any) -> Any:
    """`value` as PHP knows it: no empty struct, since an empty array is both."""
    if isinstance(value, dict):
        return {k: bare(v) for k, v in value.items()} or []
    return [bare(v) for v in value] if isinstance(value, list) else value


@pytest.mark.parametrize("text", HARD)
def test_its_client_reads_our_answers(php: Php, text: str) -> None:
    value: Value = {f"k{text}": [text]}
    assert php.ask("decode_response", write_response(value, Dialect.EXTENSION)) == value


@pytest.mark.parametrize("server", SERVERS)
@pytest.mark.parametrize("dialect", BOTH)
@pytest.mark.parametrize("text", HARD)
def test_its_servers_read_our_calls(php: Php, server: str, dialect: Dialect, text: str) -> None:
    value: Value = {f"k{text}": [text]}
    assert php.ask(server, write_call("a/b.php/c", [value, text], dialect)) == [
        "a/b.php/c",
        [value, text],
    ]


@pytest.mark.parametrize("op", ["encode_request", "encode_mahara_request"])
@pytest.mark.parametrize("text", HARD)
def test_we_read_its_calls(php: Php, op: str, text: str) -> None:
    value: Value = {f"k{text}": [text]}
    call = read_call(php.document(op, method="a/b.php/c", params=[value, text]))
    assert (call.name, call.params, call.dialect) == ("a/b.php/c", (value, text), Dialect.EXTENSION)


@pytest.mark.parametrize("text", HARD)
def test_we_read_its_answers(php: Php, text: str) -> None:
    value: Value = {f"k{text}": [text]}
    document = php.document("encode_response", value=value)
    assert read_response(document) == MethodResponse(value, Dialect.EXTENSION)


@pytest.mark.parametrize("server", SERVERS)
def test_why_calls_carry_raw_utf8_the_servers_mangle_byte_references(php: Php, server: str) -> None:
    """Also Mahara's: so one way of writing calls serves all, though answers need another."""
    answer = write_response(NAME, Dialect.EXTENSION)
    body = answer.partition(b"<params>")[2].partition(b"</params>")[0]
    call = b'<?xml version="1.0" encoding="utf-8"?><methodCall><methodName>m/n</methodName><params>'
    method, params = php.ask(server, call + body + b"</params></methodCall>")
    assert method == "m/n"
    assert params == [NAME.encode().decode("latin-1")]


def test_we_read_greek_cyrillic_and_romanian_though_its_own_client_cannot(php: Php) -> None:
    """It writes the bytes 200 to 209 as &#20; to &#29;, which is no XML."""
    name = "".join(map(chr, range(0x200, 0x480)))
    document = php.document("encode_response", value={name: name})
    assert b"&#20;&#128;" in document
    assert php.ask("decode_response", document) is None
    assert read_response(document) == MethodResponse({name: name}, Dialect.EXTENSION)
    call = php.document("encode_mahara_request", method="m/n", params=[name])
    assert read_call(call).params == (name,)


def test_why_answers_carry_byte_references_its_client_mangles_proper_ones(php: Php) -> None:
    with pytest.raises(AssertionError, match="UTF-8"):
        php.ask("decode_response", write_response("Ünï", Dialect.PHPXMLRPC))
    raw = '<?xml version="1.0" encoding="utf-8"?><methodResponse><params><param><value>Ünï</value></param></params></methodResponse>'
    with pytest.raises(AssertionError, match="UTF-8"):
        php.ask("decode_response", raw.encode())


def test_a_faults_accents_arrive_when_the_dialect_is_known(php: Php) -> None:
    fault = {"faultCode": 8409, "faultString": f"Who is <{NAME}> & 'é'?"}
    written = write_fault(8409, str(fault["faultString"]), Dialect.EXTENSION)
    assert php.ask("decode_response", written) == fault
    assert php.ask("decode_response", write_fault(7023, "mnet/x")) == {
        "faultCode": 7023,
        "faultString": "mnet/x",
    }


def test_rare_values_arrive_as_something_that_it_knows(php: Php) -> None:
    value: Value = {
        "none": None,
        "empty": {},
        "big": 2**40,
        "yes": True,
        "no": False,
        "n": -(2**31),
    }
    assert php.ask("decode_response", write_response(value, Dialect.EXTENSION)) == {
        "none": "",
        "empty": [],
        "big": str(2**40),
        "yes": True,
        "no": False,
        "n": -(2**31),
    }


def test_of_two_members_of_one_name_it_takes_the_last_in_either_order_of_parts(php: Php) -> None:
    document = (
        b'<?xml version="1.0" encoding="utf-8"?><methodResponse><params><param><value><struct>'
        b"<member><name>a</name><value><int>1</int></value></member>"
        b"<member><value><int>2</int></value><name>a</name></member>"
        b"</struct></value></param></params></methodResponse>"
    )
    assert php.ask("decode_response", document) == {"a": 2}
    assert read_response(document) == MethodResponse({"a": 2}, Dialect.EXTENSION)


@pytest.fixture(scope="module")
def shared(php: Php) -> Php:
    """For properties: Hypothesis wants no fixture that is made anew for each example."""
    return php


@given(value=php_values)
def test_any_answer_of_ours_arrives(shared: Php, value: Any) -> None:
    written = write_response(value, Dialect.EXTENSION)
    assert shared.ask("decode_response", written) == bare(value)


@given(value=php_values)
def test_any_call_of_ours_arrives(shared: Php, value: Any) -> None:
    for server in SERVERS:
        for dialect in BOTH:
            written = write_call("m/n", [value], dialect)
            assert shared.ask(server, written) == ["m/n", [bare(value)]]


@given(value=php_values)
def test_any_answer_of_its_arrives(shared: Php, value: Any) -> None:
    read = read_response(shared.document("encode_response", value=value))
    assert isinstance(read, MethodResponse)
    assert read.value == bare(value)


@given(value=php_values)
def test_any_call_of_its_arrives(shared: Php, value: Any) -> None:
    byte_for_byte = shared.document("encode_mahara_request", method="m/n", params=[value])
    assert read_call(byte_for_byte).params == (bare(value),)


@given(value=finite)
def test_any_double_arrives_to_the_last_bit(shared: Php, value: float) -> None:
    assert shared.ask("decode_response", write_response([value], Dialect.EXTENSION)) == [value]
