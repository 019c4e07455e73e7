"""Keys at rest and in use: rotation by many at once, envelopes seen, passphrases, restored stores."""

from __future__ import annotations

import os
import stat
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import pytest
from sqlalchemy.engine import Connection

from keys import protect, replays, store
from keys.custody import Custody
from keys.keypair import KeyPair, generate
from keys.keyring import Keyring
from keys.store import CURRENT, StoredKey
from mnet.database import Database
from tests.helpers.migrated import fill

NOW = 1_795_000_000
DAY = 24 * 3600
HERE = "http://sis.example.org"
T = TypeVar("T")


@pytest.fixture(scope="module")
def pairs() -> list[KeyPair]:
    return [generate(HERE, "x", NOW) for _ in range(2)]


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    opened = Database(database_url)
    fill(opened)
    yield opened
    opened.close()


def install(database: Database, fingerprint: str, replaces: int | None = None) -> bool:
    with database.write() as connection:
        return store.install(
            connection,
            certificate_pem="c",
            private_key_pem="p",
            fingerprint=fingerprint,
            created_unix_s=1,
            not_after_unix_s=2,
            replaces=replaces,
        )


def keys_of(database: Database) -> list[StoredKey]:
    with database.read() as connection:
        return store.all_keys(connection)


def at_once(count: int, work: Callable[[int], T]) -> list[T]:
    barrier = threading.Barrier(count)

    def run(number: int) -> T:
        barrier.wait()
        return work(number)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(run, range(count)))


def test_of_many_rotations_at_once_one_key_is_current(database: Database) -> None:
    install(database, "first")
    for _ in range(5):
        at_once(4, lambda n: install(database, str(n)))
        keys = keys_of(database)
        assert [k.state for k in keys].count(CURRENT) == 1
        assert keys[0].id == max(k.id for k in keys)


def test_of_many_that_find_a_key_due_one_renews_it(database: Database) -> None:
    install(database, "first")
    current = keys_of(database)[0].id
    assert sorted(at_once(4, lambda n: install(database, str(n), current))) == [False] * 3 + [True]
    assert len(keys_of(database)) == 2


def test_of_many_copies_of_an_envelope_one_wins(database: Database) -> None:
    install(database, "first")
    current = keys_of(database)[0].id

    def remember(_number: int) -> bool:
        with database.write() as connection:
            return replays.remember(connection, b"d" * 32, current, NOW)

    assert sorted(at_once(4, remember)) == [False] * 3 + [True]


def test_a_note_that_is_all_a_call_wrote_lasts(database: Database) -> None:
    install(database, "first")
    current = keys_of(database)[0].id

    def note(digest: bytes) -> Callable[[Connection], bool]:
        return lambda connection: replays.remember(connection, digest, current, NOW)

    def write(work: Callable[[Connection], bool]) -> bool:
        with database.write() as connection:
            return work(connection)

    assert [write(note(b"w" * 32)) for _ in range(3)] == [True, False, False]
    assert [database.apply(note(b"a" * 32)) for _ in range(3)] == [True, False, False]


def test_what_is_rolled_back_leaves_no_trace(database: Database) -> None:
    install(database, "first")
    current = keys_of(database)[0].id

    def call() -> None:
        with database.write() as connection:
            assert replays.remember(connection, b"d" * 32, current, NOW)
            raise ZeroDivisionError

    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            call()


def test_an_envelope_of_the_time_of_a_rotation_runs_once_or_not_at_all(database: Database) -> None:
    """Never may a rotation forget an envelope that then is accepted again."""
    install(database, "first")
    for turn in range(10):
        current = keys_of(database)[0].id
        digest = bytes([turn]) * 32

        def work(number: int, digest: bytes = digest, current: int = current) -> bool:
            if number == 0:
                install(database, "next")
                return False
            with database.write() as connection:
                return replays.remember(connection, digest, current, NOW)

        assert sum(at_once(4, work)) <= 1
        with database.write() as connection:
            assert not replays.remember(connection, digest, current, NOW), "its key is retired"
            assert not replays.is_seen(connection, digest)


def custody(database: Database, clock: Callable[[], float], secret: bytes | None = None) -> Custody:
    return Custody(database, secret, clock, os.urandom)


def test_a_key_is_renewed_when_due_and_the_old_one_kept(database: Database) -> None:
    now = float(NOW)
    ours = custody(database, lambda: now)
    first = ours.rotate(HERE, "School", 28)
    assert not ours.rotate_if_due(HERE, "School", 28)
    now += 26 * DAY
    assert ours.rotate_if_due(HERE, "School", 28)
    assert not ours.rotate_if_due(HERE, "School", 28)
    second = ours.keyring()
    assert second.current.not_after_unix_s == NOW + (26 + 28) * DAY
    assert second.archived == (first.current,)
    assert second.archived[0] is first.current, "not loaded a second time"


def test_two_processes_renew_a_due_key_once(database: Database) -> None:
    now = float(NOW)
    both = [custody(database, lambda: now) for _ in range(2)]
    both[0].rotate(HERE, "School", 28)
    for one in both:
        one.keyring()
    now += 27 * DAY
    assert sorted(at_once(2, lambda n: both[n].rotate_if_due(HERE, "School", 28))) == [False, True]
    assert len(keys_of(database)) == 2


def test_a_restored_store_may_give_an_id_to_another_key(pairs: list[KeyPair]) -> None:
    rings: list[Keyring | None] = [None]
    for pair in pairs:
        row = StoredKey(
            7,
            pair.certificate_pem,
            protect.to_pem(pair.private_key, None),
            pair.fingerprint,
            CURRENT,
            NOW,
            NOW + DAY,
        )
        rings.append(Keyring.load([row], None, os.urandom, rings[-1]))
        found = rings[-1]
        assert found is not None
        assert found.certificate_pem == pair.certificate_pem
        assert found.current.private_key.private_numbers() == pair.private_key.private_numbers()


@pytest.mark.parametrize(
    ("case", "secret", "given", "problem", "words"),
    [
        ("locked, none given", b"right", None, protect.NoPassphrase, "key-passphrase"),
        ("locked, an empty one", b"right", b"", protect.NoPassphrase, "key-passphrase"),
        ("locked, another one", b"right", b"wrong", protect.WrongPassphrase, "bring the right one"),
        ("open, cut short", None, None, protect.CannotUnlock, "backup"),
    ],
)
def test_a_key_that_cannot_be_read_is_told_in_words(
    pairs: list[KeyPair],
    case: str,
    secret: bytes | None,
    given: bytes | None,
    problem: type[protect.CannotUnlock],
    words: str,
) -> None:
    pem = protect.to_pem(pairs[0].private_key, secret)
    with pytest.raises(problem, match=words) as caught:
        protect.from_pem(pem if secret else pem[:300], given)
    assert type(caught.value) is problem, case
    assert "{" not in str(caught.value)


def test_an_open_key_is_read_whatever_passphrase_is_there(pairs: list[KeyPair]) -> None:
    read = protect.from_pem(protect.to_pem(pairs[0].private_key, None), b"not needed")
    assert read.private_numbers() == pairs[0].private_key.private_numbers()


def test_with_a_passphrase_the_store_holds_no_open_key(database: Database) -> None:
    custody(database, lambda: NOW, b"secret").rotate(HERE, "School", 28)
    assert all("BEGIN ENCRYPTED" in key.private_key_pem for key in keys_of(database))
    with pytest.raises(protect.WrongPassphrase):
        custody(database, lambda: NOW, b"other").keyring()


def test_a_secret_file_is_replaced_whole_and_never_open(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_bytes(b"old")
    file.chmod(0o644)
    reader = file.open("rb")
    protect.write_secret(file, b"new")
    with reader:
        assert reader.read() == b"old", "who held the open file sees nothing of the new one"
    assert file.read_bytes() == b"new"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [f.name for f in tmp_path.iterdir()] == ["secret"]


def test_a_secret_file_that_cannot_be_written_leaves_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "secret"
    protect.write_secret(file, b"old")

    def full(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        protect.write_secret(file, b"new")
    assert file.read_bytes() == b"old"
    assert [f.name for f in tmp_path.iterdir()] == ["secret"]
