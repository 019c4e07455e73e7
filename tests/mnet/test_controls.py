"""Control characters: read as U+FFFD in every payload, whoever wrote it and however; NUL never."""

from __future__ import annotations

import base64
from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from mnet.faults import BadXmlRpc, UnreadableMessage
from mnet.protocol import MAX_MESSAGE_BYTES
from mnet.xmlrpc import (
    Dialect,
    FaultResponse,
    MethodResponse,
    Value,
    read_call,
    read_response,
    write_call,
    write_response,
)
from mnet.xmlrpc_controls import readable
from peers.journal import call_journal
from tests.helpers.rig import SIS, FakePeer, Rig
from tests.mnet.test_xmlrpc_php import Php
from tests.php_peer.runner import PhpPeer

CONTROLS = "".join(chr(c) for c in range(1, 32) if chr(c) not in "\t\n\r")
SIGN = "\N{REPLACEMENT CHARACTER}"
# All but NUL, a carriage return (which XML reads as a line end) and what no text holds.
any_text = st.text(
    st.sampled_from([*CONTROLS, "\t", "\n"])
    | st.characters(exclude_categories=["Cs"], exclude_characters="\0\r\ufffe\uffff"),
    max_size=12,
)


def read(text: str) -> str:
    return "".join(SIGN if c in CONTROLS else c for c in text)


@pytest.fixture(scope="module")
def php() -> Iterator[Php]:
    running = Php()
    yield running
    running.close()


@pytest.fixture(scope="module")
def peer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PhpPeer]:
    peer = PhpPeer(tmp_path_factory.mktemp("php"))
    yield peer
    peer.close()


def test_phps_extension_sends_them_raw_and_as_references(php: Php) -> None:
    raw = php.document("encode_request", method="m/n", params=["a\x0bb"])
    assert b"a\x0bb" in raw
    referred = php.document("encode_mahara_request", method="m/n", params=["a\x0bb"])
    assert b"a&#11;b" in referred
    assert b"a&#11;b" in php.document("encode_response", value="a\x0bb")


@pytest.mark.parametrize(
    "text", [CONTROLS, f"Élan {CONTROLS} Ōquist", *CONTROLS, "Ș\x14Ț", "\x14\x80"]
)
@pytest.mark.parametrize("op", ["encode_request", "encode_mahara_request"])
def test_each_is_read_in_a_call_of_phps_extension(php: Php, op: str, text: str) -> None:
    document = php.document(op, method="m/n", params=[{"name": text}, text])
    assert read_call(document).params == ({"name": read(text)}, read(text))


@pytest.mark.requirement("R23")
@given(text=any_text)
def test_any_text_of_phps_extension(php: Php, text: str) -> None:
    """In both kinds of its calls, and in its answers."""
    for op in ("encode_request", "encode_mahara_request"):
        assert read_call(php.document(op, method="m/n", params=[text])).params == (read(text),)
    answered = read_response(php.document("encode_response", value=[text]))
    assert answered == MethodResponse([read(text)], Dialect.EXTENSION)


@pytest.mark.system
@pytest.mark.parametrize("style", ["moodle-old", "mahara", "moodle-new"])
def test_calls_and_answers_of_every_kind_of_peer(peer: PhpPeer, style: str) -> None:
    text = f"Élan {CONTROLS} Ōquist"
    call = base64.b64decode(peer.do("encode_call", style, "m/n", [text]))
    assert read_call(call).params == (read(text),)
    answer = read_response(base64.b64decode(peer.do("encode_answer", style, text)))
    assert isinstance(answer, MethodResponse)
    assert answer.value == read(text)


@given(text=any_text)
def test_what_we_write_holds_none(text: str) -> None:
    for dialect in Dialect:
        assert read_call(write_call("m/n", [text], dialect)).params == (read(text),)
        answer = read_response(write_response(text, dialect))
        assert answer == MethodResponse(read(text), dialect)


PIECES: dict[str, str] = {
    **dict.fromkeys(CONTROLS, SIGN),
    **{f"&#{ord(c)};": SIGN for c in CONTROLS},
    **{f"&#x{ord(c):X};": SIGN for c in CONTROLS},
    "&#0011;": SIGN, "&#x00b;": SIGN, "&#65534;": SIGN, "&#xFFFF;": SIGN, "&#xfffe;": SIGN,
    "&#9;": "\t", "&#10;": "\n", "&#13;": "\r", "&#32;": " ", "&#x20;": " ", "&#233;": "é", "&#x1F0;": "ǰ",
    "&#110;": "n", "&amp;#11;": "&#11;", "é": "é", "a": "a", "&lt;": "<",
    "<![CDATA[&#11;<]]>": "&#11;<", "<![CDATA[\x0bé]]>": SIGN + "é", "<![CDATA[\x01\x02]]>": SIGN * 2,
    "<!-- \x0b &#11; <![CDATA[ -->": "", "<?x &#11; <![CDATA[ ?>": "",
}  # fmt: skip


@given(pieces=st.lists(st.sampled_from(sorted(PIECES)), max_size=8), declared=st.sampled_from(["utf-8", "iso-8859-1", "iso-8859-15", "us-ascii", ""]))  # fmt: skip
def test_a_document_in_any_encoding_is_read_as_its_pieces(pieces: list[str], declared: str) -> None:
    encoding = f' encoding="{declared}"' if declared else ""
    document = (
        f"<?xml version='1.0'{encoding}?><methodCall><methodName>m/n</methodName><params><param>"
        f"<value><string>{''.join(pieces)}</string></value></param></params></methodCall>"
    )
    data = document.encode("latin-1" if declared.startswith("iso") else "utf-8")
    assert read_call(data).params == ("".join(PIECES[p] for p in pieces),)


@pytest.mark.parametrize("nul", ["\0", "&#0;", "&#x0;", "&#00;"])
@pytest.mark.parametrize("declared", ["utf-8", "iso-8859-1"])
def test_nul_is_refused(nul: str, declared: str) -> None:
    document = f'<?xml version="1.0" encoding="{declared}"?><methodCall><methodName>m</methodName><params><param><value>a{nul}b</value></param></params></methodCall>'
    with pytest.raises(BadXmlRpc):
        read_call(document.encode())


@pytest.mark.parametrize("encoding", ["utf-8", "iso-8859-1"])
@pytest.mark.parametrize("inside", [b"<a>%s</a>", b"<a><![CDATA[%s]]></a>"])
def test_nothing_grows_beyond_what_a_message_may_be(encoding: str, inside: bytes) -> None:
    most = MAX_MESSAGE_BYTES // 30
    assert len(readable(inside % (b"\x01" * most), encoding)) <= MAX_MESSAGE_BYTES
    with pytest.raises(UnreadableMessage, match="larger"):
        readable(inside % (b"\x01" * (MAX_MESSAGE_BYTES - 100)), encoding)


EVENTS: list[tuple[str, dict[str, str]]] = [
    ("new_section", {"name": "Biology \x0b\tPeriod 2", "idnumber": "s1"}),
    ("new_section", {"name": "Chemistry", "idnumber": "s\x0b2"}),
    ("new_section", {"name": "Chemistry", "idnumber": "s\t2"}),
    ("new_section", {"name": "Physics", "idnumber": "s3\n"}),
    ("fetch_user", {"username": "a\x01a", "firstname": "A", "lastname": "B"}),
    ("fetch_user", {"username": "aa", "firstname": "A\x02", "lastname": "B\r\nC"}),
]


@pytest.mark.requirement("R23")
@pytest.mark.parametrize("written", ["raw", "as references"])
def test_one_name_never_costs_a_whole_batch(rig: Rig, moodle: FakePeer, written: str) -> None:
    signs = {c: c for c in CONTROLS} if written == "raw" else {c: f"&#{ord(c)};" for c in CONTROLS}
    mark = {c: f"control{ord(c)}." for c in CONTROLS}
    events: list[Value] = []
    for event, data in EVENTS:
        marked: Value = {
            k: v.translate({ord(c): t for c, t in mark.items()}) for k, v in data.items()
        }
        events.append({"event": event, "data": marked})
    payload = moodle.payload(SIS + "push_events", [events])
    for control, text in mark.items():
        payload = payload.replace(text.encode(), signs[control].encode())
    answer = rig.answer(moodle.seal(moodle.sign(payload), rig.pem))
    signed = moodle.open(answer)
    assert not isinstance(signed, bytes)
    response = read_response(signed.payload)
    assert isinstance(response, MethodResponse)
    assert isinstance(response.value, list)
    told = [(r["status"], r.get("fault", "")) for r in response.value if isinstance(r, dict)]
    assert [status for status, _fault in told] == [
        told[0][0], "failed", "failed", "failed", "failed", told[5][0],
    ]  # fmt: skip
    assert {int(str(f)) for _status, f in told[1:5]} == {8400}
    assert {told[0][0], told[5][0]} <= {"created", "updated", "unchanged"}
    kept = str(rig.dump())
    assert f"Biology {SIGN} Period 2" in kept
    assert f"A{SIGN}" in kept
    assert "'B C'" in kept


@pytest.mark.requirement("R90")
def test_what_cannot_be_read_stands_in_the_journal_with_its_reason(
    rig: Rig, moodle: FakePeer
) -> None:
    good = moodle.payload("system/listMethods", [])
    for payload, reason in (
        (good.replace(b"<params>", b"<params>\0"), "a NUL character"),
        (good.replace(b"</params>", b""), "not well-formed XML of this protocol (line"),
        (good.replace(b"<params>", b"<params><x/>"), "There is … where a param belongs."),
    ):
        assert rig.fault(moodle.seal(moodle.sign(payload), rig.pem)) == (15, "sealed and signed")
        with rig.app.database.read() as connection:
            newest = sa.select(call_journal).order_by(call_journal.c.id.desc()).limit(1)
            row = connection.execute(newest).one()
        assert row.outcome == "fault 15"
        assert reason in row.reason


def test_in_a_wrapper_nothing_is_mended_and_the_signature_counts_first(
    rig: Rig, moodle: FakePeer
) -> None:
    payload = moodle.payload("system/listMethods", []).replace(b"<params>", b"<params>\x0b")
    signed = moodle.sign(payload)
    for wrong in (b"\x0b", b"&#11;"):
        broken = signed.replace(b"<wwwroot>", b"<!-- -->" + wrong + b"<wwwroot>")
        assert rig.fault(moodle.seal(broken, rig.pem))[0] == 710
        sealed = moodle.seal(signed, rig.pem).replace(b"<wwwroot>", wrong + b"<wwwroot>")
        assert rig.fault(sealed) == (7000, "plain")
    # What was signed is the payload as it came, not as it is read.
    other = moodle.sign(payload.replace(b"\x0b", SIGN.encode()))
    forged = signed.replace(
        signed.split(b"</object>")[0].rpartition(b">")[2], other.split(b"</object>")[0].rpartition(b">")[2]
    )  # fmt: skip
    assert rig.fault(moodle.seal(forged, rig.pem))[0] == 710


def test_a_faults_text_holds_none(php: Php) -> None:
    fault = php.document("encode_response", value={"faultCode": 3, "faultString": "no\x0bsuch"})
    read_fault = read_response(fault)
    assert read_fault == FaultResponse(3, f"no{SIGN}such", Dialect.EXTENSION)
