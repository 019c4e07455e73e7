"""Key pairs, certificates, rotation, protection and the keyring, each rule in a line."""

from __future__ import annotations

import base64
import os
import re
import stat
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from keys import protect, replays, store
from keys.certificate import (
    BadCertificate,
    NotACertificate,
    UnfitKey,
    WrongSubject,
    check_subject,
    load,
)
from keys.der import walk
from keys.keypair import KeyPair, generate
from keys.keyring import Keyring, LoadedKey, NoKey
from keys.rotation import is_due, judge_expiry
from mnet.database import Database
from mnet.protocol import BadWwwroot
from tests.helpers.migrated import fill
from tests.helpers.recorded import CERTIFICATES

NOW = 1_795_000_000
DAY = 24 * 3600
HERE = "http://sis.example.org"


@pytest.fixture(scope="module")
def pair() -> KeyPair:
    return generate(HERE, "Ünï School", NOW)


def test_our_certificate_is_what_moodle_accepts(pair: KeyPair) -> None:
    certificate = load(pair.certificate_pem)
    check_subject(certificate, HERE)
    assert certificate.public_key.key_size == 2048
    assert certificate.not_after_unix_s == NOW + 28 * DAY
    lines = pair.certificate_pem.split("\n")
    assert {len(line) for line in lines[1:-3]} == {64}
    assert pair.certificate_pem.endswith("-----END CERTIFICATE-----\n")


def test_a_long_address_is_cut_to_64_characters() -> None:
    wwwroot = "http://example.org/" + "x" * 80
    check_subject(load(generate(wwwroot, "x", NOW).certificate_pem), wwwroot)
    with pytest.raises(BadWwwroot):
        generate("http://example.org/" + "x" * 44 + "/y", "x", NOW)


@pytest.mark.parametrize("file", CERTIFICATES[:6], ids=lambda f: f.stem)
def test_the_walk_through_der_finds_what_the_library_finds(file: Path) -> None:
    certificate = load(file.read_text())
    data = base64.b64decode("".join(file.read_text().split("\n")[1:-2]))
    walked = walk(data)
    assert walked.subject["2.5.4.3"] == [certificate.common_name]
    assert walked.not_after is not None
    assert int(walked.not_after.timestamp()) == certificate.not_after_unix_s
    assert walked.public_key in data


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda pem: "junk" + pem, NotACertificate),
        (lambda pem: pem + pem, NotACertificate),
        (lambda pem: pem.replace("CERTIFICATE", "PUBLIC KEY"), NotACertificate),
        (lambda pem: pem[:200], NotACertificate),
        (lambda pem: pem.replace("\n", "", 3), NotACertificate),
        (lambda pem: "", NotACertificate),
        (lambda pem: pem.replace("M", "!", 1), NotACertificate),
        (lambda pem: "x" * 20_000, NotACertificate),
    ],
)
def test_what_is_no_certificate_is_refused(
    pair: KeyPair, change: Callable[[str], str], problem: type[Exception]
) -> None:
    with pytest.raises(problem):
        load(change(pair.certificate_pem))


def test_line_ends_and_space_around_do_not_matter(pair: KeyPair) -> None:
    assert load("\r\n " + pair.certificate_pem.replace("\n", "\r\n")).pem == pair.certificate_pem


@given(place=st.integers(0, 900), byte=st.integers(0, 255))
def test_a_mangled_certificate_never_crashes(pair: KeyPair, place: int, byte: int) -> None:
    data = bytearray(base64.b64decode("".join(pair.certificate_pem.split("\n")[1:-2])))
    data[place % len(data)] = byte
    body = base64.b64encode(bytes(data)).decode()
    with suppress(BadCertificate):  # anything else would be a crash
        load(f"-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n")


@given(junk=st.binary(max_size=300))
def test_junk_in_a_certificates_clothes_never_crashes(junk: bytes) -> None:
    body = base64.b64encode(junk).decode() or "AA=="
    with pytest.raises(BadCertificate):
        load(f"-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n")


def certificate(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey, *names: str) -> str:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name) for name in names])
    built = x509.CertificateBuilder(subject, subject, key.public_key(), 5)
    moment = datetime.fromtimestamp(NOW, UTC)
    built = built.not_valid_before(moment).not_valid_after(moment + timedelta(days=1))
    return built.sign(key, SHA256()).public_bytes(Encoding.PEM).decode()


def test_only_rsa_of_a_sane_size_is_taken() -> None:
    with pytest.raises(UnfitKey):
        load(certificate(ec.generate_private_key(ec.SECP256R1()), HERE))
    with pytest.raises(UnfitKey):
        load(certificate(rsa.generate_private_key(65537, 1024), HERE))


def test_a_certificate_names_exactly_its_site(pair: KeyPair) -> None:
    for wrong in ("http://www.sis.example.org", "https://sis.example.org", "http://sis.example.or"):
        with pytest.raises(WrongSubject):
            check_subject(load(pair.certificate_pem), wrong)
    with pytest.raises(WrongSubject):
        load(certificate(pair.private_key, HERE, "http://other.example.org"))


def test_a_site_that_moved_to_https_is_told_to_make_a_new_key_first(pair: KeyPair) -> None:
    before = load(certificate(pair.private_key, "http://moodle.example.org"))
    with pytest.raises(WrongSubject, match=r"moved to https.*Delete key"):
        check_subject(before, "https://moodle.example.org")
    with pytest.raises(WrongSubject, match="Is the address exactly"):
        check_subject(before, "https://www.moodle.example.org")


@pytest.mark.requirement("R20")
@pytest.mark.parametrize(
    ("case", "life_days", "age_days", "due"),
    [
        ("fresh", 28, 0, False),
        ("two days and an hour before the end", 28, 25.9, False),
        ("two days before the end", 28, 26, True),
        ("long past its end", 28, 400, True),
        ("a one-day key at noon", 1, 0.5, False),
        ("a one-day key in its last tenth", 1, 0.95, True),
    ],
)
def test_when_our_key_is_renewed(case: str, life_days: float, age_days: float, due: bool) -> None:
    assert is_due(NOW, int(NOW + life_days * DAY), int(NOW + age_days * DAY)) is due, case


@pytest.mark.parametrize(
    ("left_days", "verdict"),
    [(None, "unknown"), (30, "ok"), (14, "soon"), (0, "expired"), (-9, "expired")],
)
def test_how_a_peers_expiry_is_judged(left_days: int | None, verdict: str) -> None:
    end = None if left_days is None else NOW + left_days * DAY
    assert judge_expiry(end, NOW) == verdict


def test_a_private_key_is_locked_by_a_passphrase(pair: KeyPair, tmp_path: Path) -> None:
    locked = protect.to_pem(pair.private_key, b"secret")
    assert "ENCRYPTED" in locked
    opened = protect.from_pem(locked, b"secret")
    assert opened.private_numbers() == pair.private_key.private_numbers()
    for wrong in (b"wrong", None):
        with pytest.raises(protect.CannotUnlock):
            protect.from_pem(locked, wrong)
    file = tmp_path / "secret"
    file.touch(mode=0o644)
    assert "chmod 600" in str(protect.too_open(file))
    protect.write_secret(file, b"x")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert protect.too_open(file) is None


class CountingKey:
    """A private key that counts how often it decrypts, in earnest: a refusal does not count."""

    def __init__(self, key: rsa.RSAPrivateKey) -> None:
        self._key = key
        self.public_key = key.public_key
        self.asked = 0

    def decrypt(self, wrapped: bytes, _how: object) -> bytes:
        session_key = self._key.decrypt(wrapped, padding.PKCS1v15())
        self.asked += 1
        return session_key


def test_whatever_is_wrong_takes_the_same_path(pair: KeyPair) -> None:
    others = [generate(HERE, "x", NOW + n) for n in range(2)]
    stranger = generate(HERE, "x", NOW)
    too_short = pair.private_key.public_key().encrypt(b"abc", padding.PKCS1v15())
    foreign = stranger.private_key.public_key().encrypt(b"k" * 16, padding.PKCS1v15())
    asked = []
    modulus = pair.private_key.public_key().public_numbers().n.to_bytes(256, "big")
    cases = (b"", b"short", bytes(256), b"\xff" * 256, modulus, too_short, foreign, b"x" * 257)
    for wrong in cases:
        counting = [CountingKey(p.private_key) for p in (pair, *others)]
        ready = [loaded(n, k) for n, k in enumerate(counting)]
        tried: list[bytes] = []
        keyring = Keyring(ready[0], tuple(ready[1:]), os.urandom)
        assert keyring.open(wrong, tried.append) is None
        assert {len(k) for k in tried} <= {5, 7, 8, 10, 16, 20, 24, 32}
        asked.append([k.asked for k in counting])
    assert asked == [[1, 1, 1]] * len(cases)


def loaded(key_id: int, key: object) -> LoadedKey:
    """A key pair of which only the private half counts, whatever stands in for it."""
    return LoadedKey(key_id, "", "", 0, 0, cast("RSAPrivateKey", key))


class OldOpenssl(CountingKey):
    """A key of a library without implicit rejection: bad padding raises."""

    def decrypt(self, wrapped: bytes, _how: object) -> bytes:
        self.asked += 1
        raise ValueError(len(wrapped))


def test_a_library_that_tells_bad_padding_is_not_repeated_to_the_caller(pair: KeyPair) -> None:
    key = OldOpenssl(pair.private_key)
    tried: list[bytes] = []
    keyring = Keyring(loaded(1, key), (), lambda size: b"r" * size)
    assert keyring.open(bytes(256), tried.append) is None
    assert (key.asked, tried) == (1, [b"r" * 16])


def test_of_archived_keys_all_are_tried_also_after_one_fits(pair: KeyPair) -> None:
    olds = [CountingKey(generate(HERE, "x", NOW).private_key) for _ in range(3)]
    archived = tuple(loaded(n, k) for n, k in enumerate(olds))
    keyring = Keyring(loaded(9, pair.private_key), archived, os.urandom)
    wrapped = olds[0].public_key().encrypt(b"k" * 16, padding.PKCS1v15())
    opened = keyring.open(wrapped, lambda key: key if key == b"k" * 16 else None)
    assert opened is not None
    assert (opened.key_id, opened.is_current) == (0, False)
    assert [k.asked for k in olds] == [1, 1, 1]


def test_a_signature_is_made_with_the_key_that_is_asked_for_or_not_at_all(pair: KeyPair) -> None:
    old = generate(HERE, "x", NOW)
    keyring = Keyring(loaded(2, pair.private_key), (loaded(1, old.private_key),), os.urandom)
    for key_id, signer in ((None, pair), (2, pair), (1, old)):
        signature = keyring.sign(b"text", key_id)
        load(signer.certificate_pem).public_key.verify(
            signature, b"text", padding.PKCS1v15(), SHA1()
        )
    with pytest.raises(KeyError):
        keyring.sign(b"text", 3)


@pytest.mark.parametrize("size", [5, 8, 16, 32])
def test_session_keys_of_other_sizes_open_too(pair: KeyPair, size: int) -> None:
    wrapped = pair.private_key.public_key().encrypt(b"k" * size, padding.PKCS1v15())
    keyring = Keyring(loaded(1, pair.private_key), (), os.urandom)
    opened = keyring.open(wrapped, lambda key: key)
    assert opened is not None
    assert opened.result == b"k" * size


def test_archived_keys_are_tried_only_when_the_current_one_does_not_fit(pair: KeyPair) -> None:
    old = CountingKey(generate(HERE, "x", NOW).private_key)
    keyring = Keyring(loaded(2, pair.private_key), (loaded(1, old),), os.urandom)
    wrapped = pair.private_key.public_key().encrypt(b"k" * 16, padding.PKCS1v15())
    opened = keyring.open(wrapped, lambda key: key if key == b"k" * 16 else None)
    assert opened is not None
    assert opened.is_current
    assert old.asked == 0


def test_the_archive_keeps_six_and_a_rotation_forgets_envelopes(database_url: str) -> None:
    database = Database(database_url)
    fill(database)
    with pytest.raises(NoKey):
        Keyring.load([], None, os.urandom)
    for number in range(9):
        with database.write() as connection:
            store.install(
                connection,
                certificate_pem="c",
                private_key_pem="p",
                fingerprint=str(number),
                created_unix_s=1,
                not_after_unix_s=2,
            )
            current = store.all_keys(connection)[0]
            assert replays.remember(connection, b"d" * 32, current.id, 1)
            assert not replays.remember(connection, b"d" * 32, current.id, 1)
            assert not replays.remember(connection, b"e" * 32, current.id - 1, 1), "a retired key"
            assert replays.is_seen(connection, b"d" * 32)
    with database.read() as connection:
        kept = [(k.fingerprint, k.state) for k in store.all_keys(connection)]
    assert kept == [("8", "current"), *((str(n), "archived") for n in range(7, 1, -1))]
    database.close()


def test_the_recordings_certificates_have_serial_zero() -> None:
    """So the loader is shown what the field has."""
    text = CERTIFICATES[0].read_text()
    data = base64.b64decode("".join(text.split("\n")[1:-2]))
    assert re.search(rb"\xa0\x03\x02\x01\x02\x02\x01\x00", data[:40])
