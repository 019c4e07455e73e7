"""What the exchange and the calls that we make need of keys, peers and store: small interfaces.

Only their shapes; the parts themselves are in keys/, peers/ and schooltool_bridge/.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol, TypeVar

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from sqlalchemy.engine import Connection

from mnet.dispatcher import Services
from mnet.faults import Fault
from mnet.xmlrpc import Dialect, Value

T = TypeVar("T")
Found_co = TypeVar("Found_co", covariant=True)
Direction = Literal["in", "out"]


@dataclass(frozen=True, slots=True)
class CallRecord:
    """One call, as the journal keeps it (peers/journal.py)."""

    peer_id: int
    method: str
    # What was signed; only its digest is kept.
    payload: bytes
    # By what the log's lines about the same call are found.
    correlation: str
    # An event's status, or a word of mnet/outcomes.py.
    outcome: str
    at_unix_s: int
    direction: Direction = "in"
    # From the first byte to the outcome; None where nobody measured.
    duration_ms: int | None = None
    # Why it failed, without personal data; empty when it did not.
    reason: str = ""


class OpenedBy(Protocol[Found_co]):
    """What opening an envelope found out."""

    @property
    def key_id(self) -> int:
        """The id of the key pair that opened it."""
        ...

    @property
    def is_current(self) -> bool:
        """Whether that is our current key pair."""
        ...

    @property
    def result(self) -> Found_co:
        """What was found inside."""
        ...


class OurKeys(Protocol):
    """Our key pairs at one moment (keys/keyring.py)."""

    @property
    def certificate_pem(self) -> str:
        """Our current certificate."""
        ...

    def open(self, wrapped: bytes, opens: Callable[[bytes], T | None]) -> OpenedBy[T] | None:
        """Try our keys until one opens; None when none does."""
        ...

    def sign(self, data: bytes, key_id: int | None = None) -> bytes:
        """Sign with the current key, or an archived one."""
        ...


class KnownPeer(Protocol):
    """What the exchange needs to know of a peer (peers/registry.py)."""

    @property
    def id(self) -> int:
        """Our id of the peer."""
        ...

    @property
    def wwwroot(self) -> str:
        """Its own address."""
        ...

    @property
    def addresses(self) -> frozenset[str]:
        """Every address that it goes by."""
        ...

    @property
    def key(self) -> RSAPublicKey:
        """The key that is believed to be its own."""
        ...

    @property
    def dialect(self) -> Dialect | None:
        """How it writes XML-RPC, once that is known."""
        ...

    @property
    def services(self) -> Services:
        """What is published to it and subscribed from it."""
        ...


Peer = TypeVar("Peer", bound=KnownPeer)


class Directory(Protocol[Peer]):
    """The peers, as far as a request concerns them."""

    def find(self, wwwroot: str) -> Peer | None:
        """Return the peer with this address."""
        ...

    def refresh_key(self, peer: Peer) -> Peer | None:
        """Look for a new key; None when there is none to believe."""
        ...

    def learn_dialect(self, connection: Connection, peer: Peer, dialect: Dialect) -> None:
        """Remember how a peer writes XML-RPC."""
        ...

    def stranger(self, wwwroot: str, pem: str, application: str) -> None:
        """Note a keyswap of somebody unknown."""
        ...


class Ledger(Protocol):
    """What is remembered of each call, inside the transaction that applies it."""

    def remember(self, connection: Connection, digest: bytes, key_id: int, now_unix_s: int) -> bool:
        """Note an envelope; False when it was seen before."""
        ...

    def seen(self, digest: bytes) -> bool:
        """Tell whether an envelope was noted already."""
        ...

    def record(self, connection: Connection, call: CallRecord) -> None:
        """Write a call into the journal."""
        ...


def value_of(result: Value | Fault) -> Value:
    """Return a result; raises one that is a fault."""
    if isinstance(result, Fault):
        raise result
    return result


def raiser(fault: Fault) -> Callable[[], Value]:
    """Return a work that raises a fault, so that it is applied and recorded like any other."""

    def work() -> Value:
        raise fault

    return work
