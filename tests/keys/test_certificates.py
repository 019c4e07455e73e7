"""Certificates of the field, of attackers and of our own: loaded, refused, seen by PHP."""

from __future__ import annotations

import base64
import json
import random
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from keys import certificate, der
from keys.certificate import (
    BadCertificate,
    KeySize,
    NotACertificate,
    NotRsa,
    WrongSubject,
    check_subject,
    load,
    to_pem,
)
from keys.keypair import KeyPair, generate
from tests.helpers.recorded import CERTIFICATES

NOW = 1_795_000_000
DAY = 24 * 3600
HERE = "http://sis.example.org"
RSA = b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01"  # the kind of a public key


@pytest.fixture(scope="module")
def pair() -> KeyPair:
    return generate(HERE, "School", NOW)


@pytest.fixture(scope="module")
def data(pair: KeyPair) -> bytes:
    return binary(pair.certificate_pem)


def binary(pem: str) -> bytes:
    return base64.b64decode("".join(pem.split("\n")[1:-2]))


def element(tag: int, *parts: bytes) -> bytes:
    body = b"".join(parts)
    size = len(body)
    head = bytes([size]) if size < 128 else b"\x82" + size.to_bytes(2, "big")
    return bytes([tag]) + head + body


def name(*attributes: tuple[str, int, bytes]) -> bytes:
    """A subject of (object identifier, tag of the text, text)."""
    oids = {"CN": b"\x55\x04\x03", "SAN": b"\x55\x1d\x11"}
    return element(
        0x30,
        *(
            element(0x31, element(0x30, element(6, oids[kind]), element(tag, text)))
            for kind, tag, text in attributes
        ),
    )


def handmade(
    data: bytes,
    *,
    version: int = 2,
    serial: bytes = b"\x05",
    subject: bytes | None = None,
    validity: bytes | None = None,
) -> str:
    """A certificate with our key and whatever else a case wants, as PHP would not sign it."""
    [(_, whole, _)] = der._children(data)
    (_, to_be_signed, _), algorithm, signature = der._children(whole)
    fields = [f for _, _, f in der._children(to_be_signed)]
    fields[0] = element(0xA0, element(2, bytes([version])))
    fields[1] = element(2, serial)
    fields[4] = validity or fields[4]
    fields[5] = subject or name(("CN", 0x0C, HERE.encode()))
    return to_pem(element(0x30, element(0x30, *fields), algorithm[2], signature[2]))


@pytest.mark.parametrize(
    ("case", "change", "library_refuses"),
    [
        ("serial number 0, as PHP's", {"serial": b"\0"}, False),
        ("a negative serial number", {"serial": b"\x80"}, False),
        ("a serial number of 30 bytes", {"serial": b"\x11" * 30}, False),
        ("an empty serial number", {"serial": b""}, True),
        ("a version that does not exist", {"version": 7}, True),
        ("a name in the old two-byte text", {"subject": name(("CN", 0x1E, HERE.encode("utf-16-be")))}, False),
        ("a name in Teletex", {"subject": name(("CN", 0x14, HERE.encode()))}, False),
        ("both: Teletex and a bad version", {"subject": name(("CN", 0x14, HERE.encode())), "version": 7}, True),
        ("both: two-byte text and a bad version", {"subject": name(("CN", 0x1E, HERE.encode("utf-16-be"))), "version": 7}, True),
        ("an address in subjectAltName too", {"subject": name(("CN", 12, HERE.encode()), ("SAN", 12, HERE.encode()))}, False),
        ("times that are no times", {"validity": element(0x30, element(0x17, b"junk"), element(0x17, b"junk"))}, True),
    ],
)  # fmt: skip
def test_what_the_library_refuses_is_read_by_our_own_walk(
    data: bytes, pair: KeyPair, case: str, change: dict[str, Any], library_refuses: bool
) -> None:
    pem = handmade(data, **change)
    loaded = load(pem)
    check_subject(loaded, HERE)
    assert loaded.public_key == pair.private_key.public_key(), case
    expected = None if "validity" in change else NOW + 28 * DAY
    assert loaded.not_after_unix_s == expected
    if library_refuses:
        with pytest.raises((ValueError, x509.InvalidVersion)):
            _ = x509.load_pem_x509_certificate(pem.encode()).not_valid_after_utc


@pytest.mark.parametrize(
    ("case", "common", "alternative", "wwwroot", "good"),
    [
        ("a short address", HERE, None, HERE, True),
        ("cut to 64 characters", ("http://a.example/" + "x" * 80)[:64], None, "http://a.example/" + "x" * 80, True),
        ("not cut", "http://a.example/" + "x" * 80, None, "http://a.example/" + "x" * 80, False),
        ("cut at a slash, which Moodle drops", "http://a.example/" + "x" * 46, None, "http://a.example/" + "x" * 46 + "/moodle", True),
        ("cut at a slash, which is kept", "http://a.example/" + "x" * 46 + "/", None, "http://a.example/" + "x" * 46 + "/moodle", True),
        ("a slash too many", HERE + "/", None, HERE, False),
        ("only part of the address", "http://sis", None, HERE, False),
        ("https instead of http", "https://sis.example.org", None, HERE, False),
        ("other case", "http://SIS.example.org", None, HERE, False),
        ("a second name that agrees", HERE, HERE, HERE, True),
        ("a second name of another site", HERE, "http://evil.example", HERE, False),
        ("a second name in full, the first cut", ("http://a.example/" + "x" * 80)[:64], "http://a.example/" + "x" * 80, "http://a.example/" + "x" * 80, True),
        ("a second name that is cut too", ("http://a.example/" + "x" * 80)[:64], ("http://a.example/" + "x" * 80)[:64], "http://a.example/" + "x" * 80, False),
    ],
)  # fmt: skip
def test_whom_a_certificate_names(
    data: bytes, case: str, common: str, alternative: str | None, wwwroot: str, good: bool
) -> None:
    attributes = [("CN", 12, common.encode())]
    if alternative is not None:
        attributes.append(("SAN", 12, alternative.encode()))
    loaded = load(handmade(data, subject=name(*attributes)))
    assert loaded.common_name == common, case
    if good:
        check_subject(loaded, wwwroot)
        return
    with pytest.raises(WrongSubject):
        check_subject(loaded, wwwroot)


@pytest.mark.parametrize(
    ("case", "subject"),
    [
        ("no name", name(("SAN", 12, HERE.encode()))),
        ("the same name twice", name(("CN", 12, HERE.encode()), ("CN", 12, HERE.encode()))),
        ("two second names", name(*[("CN", 12, HERE.encode())], *[("SAN", 12, HERE.encode())] * 2)),
    ],
)
@pytest.mark.parametrize("version", [2, 7])
def test_a_certificate_has_one_name(data: bytes, case: str, subject: bytes, version: int) -> None:
    pem = handmade(data, subject=subject, version=version)
    with pytest.raises(WrongSubject, match="exactly one site"):
        pytest.fail(f"{case}: {load(pem)}")


def test_an_unknown_kind_of_key_is_told_in_words(data: bytes) -> None:
    for good in (data, binary(handmade(data, version=7))):
        assert good.count(RSA) == 1
        with pytest.raises(NotRsa, match="make an RSA key"):
            load(to_pem(good.replace(RSA, RSA[:-1] + b"\x63")))


@pytest.mark.parametrize("file", CERTIFICATES, ids=lambda f: f"{f.parent.parent.name}/{f.stem}")
def test_a_library_that_takes_no_serial_zero_any_more_changes_nothing(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = file.read_text()
    now = load(text)
    check_subject(now, now.common_name)

    def refuse(_data: bytes) -> object:
        raise ValueError("serial number 0")

    monkeypatch.setattr(x509, "load_der_x509_certificate", refuse)
    assert load(text) == now


def signed_by(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> str:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HERE)])
    begin = x509.CertificateBuilder().subject_name(subject).issuer_name(subject)
    begin = begin.public_key(key.public_key()).serial_number(5)
    shown = load(CERTIFICATES[0].read_text()).not_after_unix_s
    assert shown is not None
    moments = [time_at(shown - DAY), time_at(shown)]
    built = begin.not_valid_before(moments[0]).not_valid_after(moments[1])
    return built.sign(key, SHA256()).public_bytes(Encoding.PEM).decode()


def time_at(unix_s: int) -> Any:
    from datetime import UTC, datetime

    return datetime.fromtimestamp(unix_s, UTC)


def test_a_short_key_is_refused_unless_the_admin_allows_it() -> None:
    pem = signed_by(rsa.generate_private_key(65537, 1024))
    with pytest.raises(KeySize, match="has 1024 bits"):
        load(pem)
    assert load(pem, min_bits=1024).public_key.key_size == 1024
    with pytest.raises(NotRsa):
        load(signed_by(ec.generate_private_key(ec.SECP256R1())))


@pytest.mark.parametrize("version", [2, 7])
@pytest.mark.parametrize("length", [100, 1_000, 9_000])
def test_a_huge_object_identifier_is_refused(data: bytes, version: int, length: int) -> None:
    huge = element(6, b"\x2a" + b"\xff" * length + b"\x01")
    named = element(0x31, element(0x30, element(6, b"\x55\x04\x03"), element(12, HERE.encode())))
    subject = element(0x30, named, element(0x31, element(0x30, huge, element(12, b"x"))))
    with pytest.raises(NotACertificate, match="not exactly one certificate"):
        load(handmade(data, subject=subject, version=version))


@pytest.mark.parametrize("version", [2, 7])
def test_a_key_to_which_nothing_can_be_sealed_is_refused(
    data: bytes, pair: KeyPair, version: int
) -> None:
    modulus = pair.private_key.public_key().public_numbers().n.to_bytes(256, "big")
    good = binary(handmade(data, version=version))
    assert good.count(modulus) == 1
    even = good.replace(modulus, modulus[:-1] + bytes([modulus[-1] ^ 1]))
    with pytest.raises(NotRsa, match="make an RSA key"):
        load(to_pem(even))


@pytest.mark.parametrize(
    ("case", "text"),
    [
        ("nothing but white space inside", certificate._BEGIN + " " * 16_000),
        ("white space, then a foreign letter", certificate._BEGIN + " " * 16_000 + "!"),
        ("white space, base64, no end", certificate._BEGIN + " A" * 8_000),
        ("white space before", " " * 16_000 + certificate._BEGIN),
        ("many beginnings", (certificate._BEGIN + "\n") * 580),
        ("one begin that is also the end", "-----BEGIN CERTIFICATE-----END CERTIFICATE-----"),
        ("a begin and an end", certificate._BEGIN + "\n" + certificate._END),
        ("a certificate of zeros", certificate._BEGIN + "\n" + "A" * 15_000 + certificate._END),
        ("sequences in sequences", to_pem(b"\x30\x80" * 5_000)),
        ("too long by one", certificate._BEGIN + " " * certificate.MAX_PEM_CHARS),
        (
            "letters beyond ASCII",
            f"{certificate._BEGIN}\n\u0661\u0661\u0661\u0661\n{certificate._END}",
        ),
    ],
)
def test_a_hostile_text_is_refused_at_once(case: str, text: str) -> None:
    begin = time.perf_counter()
    with pytest.raises(NotACertificate):
        load(text)
    assert time.perf_counter() - begin < 0.5, case


def test_bytes_after_the_certificate_are_refused(data: bytes) -> None:
    for more in (b"\0\0", b"\0", b"junk", data):
        with pytest.raises(NotACertificate):
            load(to_pem(data + more))


def test_each_byte_of_a_certificate_changed_gives_only_typed_errors(data: bytes) -> None:
    source = random.Random(1)
    for place in range(len(data)):
        for byte in (0, 1, 6, 0x30, 0x80, 0xFF, data[place] ^ 1, source.randrange(256)):
            changed = bytearray(data)
            changed[place] = byte
            with suppress(BadCertificate):
                load(to_pem(bytes(changed)))


@given(
    file=st.sampled_from(CERTIFICATES),
    changes=st.lists(st.tuples(st.integers(0, 2000), st.binary(max_size=3)), max_size=4),
)
def test_a_recorded_certificate_mangled_gives_only_typed_errors(
    file: Path, changes: list[tuple[int, bytes]]
) -> None:
    text = file.read_text()
    for place, new in changes:
        at = place % len(text)
        text = text[:at] + new.decode("latin-1") + text[at + 1 :]
    with suppress(BadCertificate):
        load(text)


@given(text=st.text(max_size=400))
def test_any_text_gives_only_typed_errors(text: str) -> None:
    for wrapped in (text, f"{certificate._BEGIN}\n{text}\n{certificate._END}"):
        with pytest.raises(BadCertificate):
            load(wrapped)


def seen_by_php(pem: str) -> dict[str, Any]:
    script = Path(__file__).parent / "check_certificate.php"
    done = subprocess.run(["php", script], input=pem, capture_output=True, text=True, check=True)
    assert not done.stderr
    result: dict[str, Any] = json.loads(done.stdout)
    return result


@pytest.mark.system
@pytest.mark.parametrize(
    ("case", "wwwroot", "site"),
    [
        ("a short address", HERE, "School"),
        ("with a port and a path", "https://sis.example.org:8443/mnet", "Ünï School"),
        (
            "of more than 64 characters",
            "http://sis.example.org/" + "x" * 90,
            "Oak = Elm / Ash, Inc.",
        ),
        ("a site without a name", HERE, ""),
        ("a name of more bytes than O takes", HERE, "Ü日" * 60),
    ],
)
def test_php_sees_our_certificate_as_moodle_demands(case: str, wwwroot: str, site: str) -> None:
    seen = seen_by_php(generate(wwwroot, site, NOW).certificate_pem)
    serial = seen.pop("serial")
    assert int(serial, 16) > 0, case
    assert 0 < seen.pop("last_column") <= 64
    assert seen == {
        "common_name": wwwroot[:64],
        "alternative_name": None,
        "begins_unix_s": NOW - 3600,
        "ends_unix_s": NOW + 28 * DAY,
        "hash": "RSA-SHA256",
        "is_rsa": True,
        "bits": 2048,
        "columns": [64],
        "ends_in_one_newline": True,
        "has_cr": False,
    }


@pytest.mark.system
@pytest.mark.parametrize(
    "file", CERTIFICATES[::5], ids=lambda f: f"{f.parent.parent.name}/{f.stem}"
)
def test_php_and_we_see_the_same_in_a_recorded_certificate(file: Path) -> None:
    seen, loaded = seen_by_php(file.read_text()), load(file.read_text())
    assert seen["common_name"] == loaded.common_name
    assert seen["alternative_name"] == loaded.alternative_name
    assert seen["ends_unix_s"] == loaded.not_after_unix_s
