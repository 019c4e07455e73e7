"""The two wrappers around every payload: signedMessage, and encryptedMessage around that.

Bytes in, values out, and back; keys and randomness come in as arguments. What is signed is
what is returned: a caller never touches the wrapper again. Nothing here decides whom to
believe or what to answer. Pure. Source: PROTOCOL.md section 3.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.decrepit.ciphers.algorithms import ARC4
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.hashes import SHA1
from lxml import etree

from mnet import layout
from mnet.faults import BadSignature, NotSealed, UnreadableMessage
from mnet.protocol import MAX_KEYSWAP_BYTES
from mnet.safe_xml import parse, trimmed

SESSION_KEY_BYTES = 16  # what PHP's openssl_seal makes for RC4
_DECLARATION = rb"\s*+(?:\xef\xbb\xbf)?+\s*+(?:<\?xml[^>]{0,100}\?>)?+\s*+"
_SEALED = re.compile(_DECLARATION + rb"<(?:[A-Za-z]{1,20}:)?encryptedMessage[\s>]")
_SIGNED = re.compile(_DECLARATION + rb"<signedMessage[\s>]")
_UNSIGNED = re.compile(_DECLARATION + rb"<method(Call|Response)[\s>]")
# Tags or attributes of a wrapper, or of a plain keyswap; the field's have about forty.
MAX_WRAPPER_MARKS = 400
_BLANKS = b" \t\r\n"
_PROBE_BYTES = 256  # enough of a text to see how it begins
_MAX_TIMESTAMP = 2**40  # far beyond any clock, well inside every integer

_PADDING = PKCS1v15()
_SHA1 = SHA1()  # noqa: S303 - the protocol's signature; a SHA-256 one is refused by every peer


class SealedMessage(NamedTuple):
    """An encryptedMessage as read: the claimed sender and its two ciphertexts.

    Ciphertexts that are no base64 or not there come as empty bytes, so that they fail later in
    the one way in which everything unopenable fails.
    """

    wwwroot: str
    ciphertext: bytes
    wrapped_key: bytes


class SignedMessage(NamedTuple):
    """A signedMessage as read; nothing of it is believed before `verify`."""

    wwwroot: str
    payload: bytes
    signature: bytes
    timestamp_unix_s: int | None


@dataclass(frozen=True, slots=True)
class PlainMessage:
    """An XML-RPC document without any wrapper."""

    payload: bytes


def read_message(body: bytes) -> SealedMessage | SignedMessage | PlainMessage:
    """Read the outer layer of a request or answer (section 3.3).

    What is longer than a keyswap can be and does not begin as an encryptedMessage is not looked
    at any further: NotSealed when it is of this protocol. Raises UnreadableMessage for anything
    else that is not one of the three documents, and BadSignature for a signedMessage whose parts
    are missing, doubled or no base64.
    """
    quick = layout.SEALED.read(body)
    if quick is not None:
        ciphertext, wrapped_key, wwwroot = quick
        return SealedMessage(wwwroot.decode("ascii"), ciphertext, wrapped_key)
    if len(body) > MAX_KEYSWAP_BYTES:
        start = trimmed(body)[:_PROBE_BYTES]
        if not _SEALED.match(start):
            is_ours = _SIGNED.match(start) or _UNSIGNED.match(start)
            raise NotSealed if is_ours else UnreadableMessage
    root = _parse_wrapper(body)
    name = _local_name(root)
    if name == "encryptedMessage":
        return SealedMessage(
            _text(root, "wwwroot") or "",
            _bytes(_text(root, "EncryptedData", "CipherData", "CipherValue")),
            _bytes(_text(root, "EncryptedKey", "CipherData", "CipherValue")),
        )
    if name == "signedMessage":
        return _read_signed(root)
    if name in ("methodCall", "methodResponse"):
        return PlainMessage(body)
    raise UnreadableMessage


def read_signed(text: bytes) -> SignedMessage:
    """Read a decrypted signedMessage (section 3.2); raises BadSignature for all that is wrong."""
    quick = layout.SIGNED.read(text)
    if quick is not None:
        _digest, signature, _key, payload, wwwroot, timestamp = quick
        return _signed(wwwroot.decode("ascii"), payload, signature, timestamp.decode("ascii"))
    try:
        root = _parse_wrapper(text)
    except UnreadableMessage:
        raise BadSignature from None
    if _local_name(root) != "signedMessage":
        raise BadSignature
    return _read_signed(root)


def open_text(message: SealedMessage, session_key: bytes) -> bytes | None:
    """Decrypt with a candidate key; None when the result is no text of this protocol.

    Text that begins as a signedMessage or as bare XML-RPC was opened; any other key gives
    noise (section 3.3).
    """
    cipher = Cipher(ARC4(session_key), mode=None).encryptor()
    probe = cipher.update(message.ciphertext[:_PROBE_BYTES])
    if not _SIGNED.match(probe) and not _UNSIGNED.match(probe):
        return None
    return probe + cipher.update(message.ciphertext[_PROBE_BYTES:])


def is_signed(text: bytes) -> bool:
    """Tell whether an opened text is a signedMessage."""
    return _SIGNED.match(text[:_PROBE_BYTES]) is not None


def verify(message: SignedMessage, key: RSAPublicKey) -> bool:
    """Tell whether `key` signed exactly the payload bytes (RSASSA-PKCS1-v1_5 with SHA-1)."""
    try:
        key.verify(message.signature, message.payload, _PADDING, _SHA1)
    except InvalidSignature:
        return False
    return True


def replay_digest(message: SealedMessage) -> bytes:
    """SHA-256 of the decoded wrapped key, which is fresh in every honest envelope (section 7)."""
    return hashlib.sha256(message.wrapped_key).digest()


def signed_message(
    payload: bytes, *, signature: bytes, wwwroot: str, public_key_path: str, timestamp_unix_s: int
) -> bytes:
    """Wrap a payload and the signature over it, laid out as Moodle lays it out (section 3.2)."""
    return layout.SIGNED.write(
        hashlib.sha1(payload, usedforsecurity=False).hexdigest().encode(),
        signature,
        (wwwroot + public_key_path).encode("ascii"),
        payload,
        wwwroot.encode("ascii"),
        timestamp_unix_s,
    )


def sealed_message(
    text: bytes, *, key: RSAPublicKey, wwwroot: str, random: Callable[[int], bytes]
) -> bytes:
    """Encrypt `text` to `key` under a fresh RC4 key and wrap it (section 3.3)."""
    session_key = random(SESSION_KEY_BYTES)
    return layout.SEALED.write(
        _rc4(session_key, text),
        key.encrypt(session_key, _PADDING),
        wwwroot.encode("ascii"),
    )


def _rc4(key: bytes, data: bytes) -> bytes:
    return Cipher(ARC4(key), mode=None).encryptor().update(data)


def _parse_wrapper(data: bytes) -> etree._Element:
    # Not yet proven: what nobody's wrapper needs would only serve to keep the parser busy.
    if data.count(b"<") > MAX_WRAPPER_MARKS or data.count(b"=") > MAX_WRAPPER_MARKS:
        raise UnreadableMessage
    return parse(data)


def _read_signed(root: etree._Element) -> SignedMessage:
    return _signed(
        _text(root, "wwwroot"),
        _bytes(_text(root, "object")),
        _bytes(_text(root, "Signature", "SignatureValue")),
        _text(root, "timestamp"),
    )


def _signed(
    wwwroot: str | None, payload: bytes, signature: bytes, timestamp: str | None
) -> SignedMessage:
    if not wwwroot or not payload or not signature:
        raise BadSignature
    return SignedMessage(wwwroot, payload, signature, _timestamp(timestamp))


def _timestamp(text: str | None) -> int | None:
    # Not signed, so never a reason to refuse: what is no sane number counts as not given.
    if (
        text is None
        or not text.isascii()
        or not text.isdigit()
        or len(text) > len(str(_MAX_TIMESTAMP))
    ):
        return None
    return min(int(text), _MAX_TIMESTAMP)


def _text(element: etree._Element, *path: str) -> str | None:
    """The trimmed text at a path of local names; None unless each step is there exactly once."""
    for name in path:
        found = [child for child in element if _local_name(child) == name]
        if len(found) != 1:
            return None
        element = found[0]
    return None if len(element) else (element.text or "").strip()


def _local_name(element: etree._Element) -> str:
    # Namespaces differ in the field (http and https), so only local names count.
    tag = element.tag
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""


def _bytes(text: str | None) -> bytes:
    """Decode base64, wrapped or not; empty for what is none."""
    text = text or ""
    return layout.decoded(text.encode().translate(None, _BLANKS)) if text.isascii() else b""
