"""Junk and flipped bits: the exchange answers with a fault, and nothing changes."""

from __future__ import annotations

import base64
import re

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mnet import envelope
from mnet.xmlrpc import Value
from tests.helpers.rig import SIS, START_UNIX_S, FakePeer, Rig

MOODLE = "http://moodle.example.org"
PERSON: dict[str, Value] = {"idnumber": "1", "username": "a", "firstname": "A", "lastname": "B"}


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(junk=st.binary(max_size=400), where=st.integers(0, 3))
def test_no_bytes_make_it_answer_anything_but_a_fault(
    rig: Rig, moodle: FakePeer, junk: bytes, where: int
) -> None:
    body = [
        junk,
        moodle.seal(junk, rig.pem),
        moodle.seal(moodle.sign(junk or b"x"), rig.pem),
        moodle.request(rig.pem, "system/listMethods", [])[: len(junk) * 8],
    ][where]
    before = rig.dump()
    code, _how = rig.fault(body)
    assert code
    assert rig.dump() == before


@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_a_flipped_bit_in_what_is_signed_is_never_accepted(
    rig: Rig, moodle: FakePeer, data: st.DataObject
) -> None:
    """In the signed bytes, the signature, the wrapped key or an address."""
    payload = moodle.payload(SIS + "fetch_user", [PERSON])
    text = moodle.sign(payload)
    part = data.draw(st.sampled_from(["payload", "signature", "inner", "key", "outer"]))
    before = rig.dump()
    if part in ("payload", "signature", "inner"):
        signed = envelope.read_signed(text)
        pieces = {
            "payload": signed.payload,
            "signature": signed.signature,
            "inner": signed.wwwroot.encode(),
        }
        flipped = _flip(pieces[part], data)
        pieces[part] = flipped
        broken = envelope.signed_message(
            pieces["payload"],
            signature=pieces["signature"],
            wwwroot="@",
            public_key_path="",
            timestamp_unix_s=START_UNIX_S,
        ).replace(b"<wwwroot>@", b"<wwwroot>" + pieces["inner"])
        body = moodle.seal(broken, rig.pem)
    else:
        body = moodle.seal(text, rig.pem)
        if part == "outer":
            body = body.replace(MOODLE.encode(), _flip(MOODLE.encode(), data))
        else:
            key = re.search(rb"<EncryptedKey.*<CipherValue>([^<]+)", body, re.DOTALL)
            assert key is not None
            wrong = base64.b64encode(_flip(base64.b64decode(key.group(1)), data))
            body = body.replace(key.group(1), wrong)
    rig.fault(body)
    assert rig.dump() == before


def _flip(value: bytes, data: st.DataObject) -> bytes:
    bit = data.draw(st.integers(0, len(value) * 8 - 1))
    flipped = bytearray(value)
    flipped[bit // 8] ^= 1 << bit % 8
    return bytes(flipped)


@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_a_flipped_bit_elsewhere_never_changes_what_is_applied(
    rig: Rig, moodle: FakePeer, data: st.DataObject
) -> None:
    body = _flip(moodle.request(rig.pem, SIS + "fetch_user", [PERSON]), data)
    rig.answer(body)
    people = rig.dump()["person"]
    assert [(p[1], p[3], p[5], p[6]) for p in people] in ([], [("1", "a", "A", "B")])
