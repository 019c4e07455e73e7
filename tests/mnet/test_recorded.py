"""Everything that real Moodles and a Mahara sent opens, verifies and decodes."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from keys.certificate import check_subject, load
from keys.keyring import Keyring, LoadedKey
from mnet import envelope, xmlrpc
from mnet.envelope import PlainMessage, SealedMessage, SignedMessage
from mnet.faults import BadXmlRpc
from mnet.xmlrpc import Dialect, FaultResponse
from tests.helpers.recorded import CERTIFICATES, MESSAGES, SEALED, Message

DIALECTS = {
    "moodle-3.11": {"A": Dialect.PHPXMLRPC, "D": Dialect.EXTENSION},
    "moodle-4.2": {"A": Dialect.PHPXMLRPC, "B": Dialect.PHPXMLRPC},
    "moodle-4.5": {"A": Dialect.PHPXMLRPC, "C": Dialect.PHPXMLRPC},
    "mahara-22.10": {"A": Dialect.PHPXMLRPC, "M": Dialect.EXTENSION},
}


def opened(message: Message) -> bytes:
    read = envelope.read_message(message.body)
    assert isinstance(read, SealedMessage)
    key = LoadedKey(1, "", "", 0, 0, message.private_key())
    found = Keyring(key, (), os.urandom).open(
        read.wrapped_key, lambda session_key: envelope.open_text(read, session_key)
    )
    assert found is not None, "no key opens it"
    assert read.wwwroot == message.facts["sender"]
    return found.result


def test_the_recordings_are_all_here() -> None:
    assert len(SEALED) >= 300
    assert {m.folder for m in SEALED} == set(DIALECTS)


@pytest.mark.requirement("R1")
@pytest.mark.parametrize("message", SEALED, ids=lambda m: m.label)
def test_a_sealed_message_opens_verifies_and_decodes(message: Message) -> None:
    text = opened(message)
    if message.form == "sealed-unsigned":
        assert not envelope.is_signed(text)
        assert text == message.payload
        return
    signed = envelope.read_signed(text)
    assert signed.payload == message.payload
    assert signed.wwwroot == message.facts["signer"]
    assert signed.timestamp_unix_s == message.facts["timestamp_unix_s"]
    signer = message.signer()
    if signer is not None:
        assert envelope.verify(signed, signer.public_key)
        check_subject(signer, signed.wwwroot)
        meddled = SignedMessage(
            signed.wwwroot, signed.payload + b" ", signed.signature, signed.timestamp_unix_s
        )
        assert not envelope.verify(meddled, signer.public_key)
    if message.side == "request":
        try:
            assert xmlrpc.read_call(signed.payload).name == message.facts["method"]
        except BadXmlRpc:
            pytest.fail(f"not read: {signed.payload!r}")
    else:
        response = xmlrpc.read_response(signed.payload)
        if isinstance(response, FaultResponse):
            assert response.code == message.facts["fault"]
        else:
            assert message.facts.get("fault") is None


@pytest.mark.parametrize(
    "message",
    [m for m in MESSAGES if m.form == "plain" and b"<method" in m.body],
    ids=lambda m: m.label,
)
def test_a_plain_message_is_read(message: Message) -> None:
    read = envelope.read_message(message.body)
    assert isinstance(read, PlainMessage)
    if message.side == "request":
        call = xmlrpc.read_call(read.payload)
        assert call.name == message.facts["method"]
        if call.name == "system/keyswap" and call.params[1] != "junk":
            assert load(str(call.params[1])).common_name == call.params[0]
    else:
        response = xmlrpc.read_response(read.payload)
        if isinstance(response, FaultResponse):
            assert response.code == message.facts["fault"]
        else:
            assert isinstance(response.value, str)
            assert load(response.value).common_name.startswith("http://127.0.0.1:81")


def by_a_site(message: Message) -> bool:
    """Whether a Moodle or Mahara wrote it: faults have Moodle's template, a tool of the recording
    wrote everything on one line."""
    payload = message.payload or b""
    return b"<fault>" not in payload and b"?>\n" in payload


@pytest.mark.parametrize("message", [*filter(by_a_site, SEALED)], ids=lambda m: m.label)
def test_the_dialect_is_told_by_the_prolog(message: Message) -> None:
    assert message.payload is not None
    direction = re.search("-([A-Z])2([A-Z])-", message.name)
    assert direction is not None
    caller, callee = direction.groups()
    read = xmlrpc.read_call if message.side == "request" else xmlrpc.read_response
    writer = caller if message.side == "request" else callee
    assert read(message.payload).dialect is DIALECTS[message.folder][writer]


@pytest.mark.parametrize("file", CERTIFICATES, ids=lambda f: f"{f.parent.parent.name}/{f.stem}")
def test_every_recorded_certificate_loads_and_names_its_site(file: Path) -> None:
    text = file.read_text()
    certificate = load(text)
    assert certificate.pem == text
    assert certificate.common_name.startswith("http://127.0.0.1:81")
    check_subject(certificate, certificate.common_name)
    assert certificate.not_after_unix_s is not None


@pytest.mark.requirement("R2")
def test_accents_come_right_from_every_version() -> None:
    def value(label: str) -> str:
        message = next(m for m in SEALED if m.label == label)
        assert message.payload is not None
        return str(xmlrpc.read_response(message.payload))

    assert "Geography & <Maps> – Ünï" in value("moodle-3.11/013-sso-A2D-available_courses.response")
    assert "O'Hara-Ünï" in value("mahara-22.10/008-sso-M2A-user_authorise.response")
    assert "São Paulo" in value("mahara-22.10/008-sso-M2A-user_authorise.response")


def test_what_moodle_wrote_is_what_we_write() -> None:
    """Our layout is Moodle's, byte for byte."""
    message = next(m for m in SEALED if m.label == "moodle-4.2/002-A2B-system_listServices.request")
    read = envelope.read_message(message.body)
    assert isinstance(read, SealedMessage)
    text = opened(message)
    signed = envelope.read_signed(text)
    assert signed.timestamp_unix_s is not None
    again = envelope.signed_message(
        signed.payload,
        signature=signed.signature,
        wwwroot=signed.wwwroot,
        public_key_path="/mnet/publickey.php",
        timestamp_unix_s=signed.timestamp_unix_s,
    )
    assert again == text
    ours = envelope.sealed_message(
        text, key=message.private_key().public_key(), wwwroot=read.wwwroot, random=os.urandom
    )
    frame = [part.partition(b"</CipherValue>")[2] for part in ours.split(b"<CipherValue>")]
    theirs = [part.partition(b"</CipherValue>")[2] for part in message.body.split(b"<CipherValue>")]
    assert frame[1:] == theirs[1:]


def test_faults_are_laid_out_as_moodle_lays_them_out() -> None:
    message = next(
        m for m in MESSAGES if m.label == "moodle-4.2/107-rot4-A2B-system_listServices.response"
    )
    assert xmlrpc.write_fault(7023, "mnet/encryption-invalid") == message.body
