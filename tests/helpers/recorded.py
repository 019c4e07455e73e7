"""The recorded traffic of tests/vectors, read once: messages, keys, and what is known of each."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from keys.certificate import PeerCertificate, load

VECTORS = Path(__file__).parents[1] / "vectors"


@dataclass(frozen=True, slots=True)
class Message:
    """One recorded request or response with a body."""

    folder: str
    name: str
    side: str
    form: str
    body: bytes
    payload: bytes | None
    facts: dict[str, Any]

    @property
    def label(self) -> str:
        return f"{self.folder}/{self.name}.{self.side}"

    def private_key(self) -> RSAPrivateKey:
        return _private_key(VECTORS / self.folder / "keys" / f"{self.facts['opens_with']}-key.pem")

    def signer(self) -> PeerCertificate | None:
        name = self.facts.get("verifies_with")
        return certificate(self.folder, name) if name else None


@cache
def _private_key(file: Path) -> RSAPrivateKey:
    key = load_pem_private_key(file.read_bytes(), None)  # which checks it, and takes its time
    assert isinstance(key, RSAPrivateKey)
    return key


def certificate(folder: str, name: str) -> PeerCertificate:
    return load((VECTORS / folder / "keys" / f"{name}-cert.pem").read_text())


def _body(file: Path) -> bytes:
    head, _, body = file.read_bytes().partition(b"\r\n\r\n")
    if b"transfer-encoding: chunked" not in head.lower():
        return body
    joined = b""
    while body:
        size, _, body = body.partition(b"\r\n")
        joined += body[: int(size, 16)]
        body = body[int(size, 16) + 2 :]
    return joined


def _read() -> list[Message]:
    found = []
    for index in sorted(VECTORS.glob("*/index.json")):
        folder = index.parent
        for exchange in json.loads(index.read_text()):
            for side in ("request", "response"):
                facts = exchange.get(side) or {}
                if "file" not in facts or facts["form"] == "html":
                    continue
                payload = (folder / facts["payload"]).read_bytes() if facts.get("payload") else None
                found.append(
                    Message(
                        folder.name,
                        exchange["name"],
                        side,
                        facts["form"],
                        _body(folder / facts["file"]),
                        payload,
                        {**facts, "method": exchange.get("method")},
                    )
                )
    return found


MESSAGES = _read()
SEALED = [m for m in MESSAGES if m.form in ("sealed", "sealed-unsigned")]
CERTIFICATES = sorted(VECTORS.glob("*/keys/*-cert.pem"))
