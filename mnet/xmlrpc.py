"""XML-RPC in the two dialects of the field: values, reading, and which dialect was spoken.

PHP's old xmlrpc extension (Moodle up to 4.0, Mahara) and phpxmlrpc (Moodle from 4.1) mangle
each other's accents; this reads both right. Writing stands in xmlrpc_write and is offered here
too. Pure. Source: PROTOCOL.md section 4.
"""

from __future__ import annotations

import base64
import binascii
import math
import re
from dataclasses import dataclass

from lxml import etree

from mnet.faults import BadXmlRpc, UnreadableMessage
from mnet.safe_xml import parse
from mnet.xmlrpc_write import (
    Dialect,
    Value,
    write_call,
    write_fault,
    write_response,
)

MAX_VALUES = 250_000
MAX_PARAMS = 100
_INT64 = 2**63
_LATIN1_END = 0x100
_ASCII_END = 0x80

# The extension writes no space before `?>`, phpxmlrpc one in calls and no encoding in answers.
_PROLOG = re.compile(
    rb"\s*(?:\xef\xbb\xbf)?\s*<\?xml version=\"1\.0\"( encoding=\"([^\"]{1,40})\")?( ?)\?>"
)
_BOOLEANS = {"1": True, "0": False, "true": True, "false": False}


@dataclass(frozen=True, slots=True)
class MethodCall:
    """A call as read; `dialect` is None when the prolog does not tell."""

    name: str
    params: tuple[Value, ...]
    dialect: Dialect | None


@dataclass(frozen=True, slots=True)
class MethodResponse:
    """An answer's one value."""

    value: Value
    dialect: Dialect | None


@dataclass(frozen=True, slots=True)
class FaultResponse:
    """A fault as read; the text is for people and may be in any language."""

    code: int
    text: str
    dialect: Dialect | None


def read_call(data: bytes) -> MethodCall:
    """Read a methodCall; raises BadXmlRpc naming what is wrong."""
    root, reader = _open(data, "methodCall")
    name = _one(root, "methodName")
    params = [e for e in root if _name(e) == "params"]
    if len(params) > 1:
        raise BadXmlRpc("The call has more than one params element.")
    values = [
        reader.value(_one(param, "value"))
        for param in (params[0] if params else ())
        if _is(param, "param")
    ]
    if len(values) > MAX_PARAMS:
        raise BadXmlRpc("The call has too many parameters.")
    return MethodCall((name.text or "").strip(), tuple(values), reader.dialect)


def read_response(data: bytes) -> MethodResponse | FaultResponse:
    """Read a methodResponse; raises BadXmlRpc naming what is wrong."""
    root, reader = _open(data, "methodResponse")
    if len(root) != 1:
        raise BadXmlRpc("The answer must have exactly one params or fault element.")
    part = root[0]
    if _name(part) == "fault":
        fault = reader.value(_one(part, "value"))
        if not isinstance(fault, dict):
            raise BadXmlRpc("The fault is no struct.")
        # Moodle's own fault has the prolog of neither dialect (section 4).
        dialect = reader.dialect if reader.dialect is Dialect.EXTENSION else None
        return FaultResponse(
            _code(fault.get("faultCode")), str(fault.get("faultString", "")), dialect
        )
    values = [reader.value(_one(p, "value")) for p in part if _is(p, "param")]
    if _name(part) != "params" or len(values) != 1:
        raise BadXmlRpc("The answer must have exactly one value.")
    return MethodResponse(values[0], reader.dialect)


def _open(data: bytes, expected: str) -> tuple[etree._Element, _Reader]:
    try:
        root = parse(data)
    except UnreadableMessage as problem:
        raise BadXmlRpc(str(problem)) from None
    if _name(root) != expected:
        raise BadXmlRpc(f"The signed payload is no {expected}.")
    dialect = _dialect(data, expected)
    latin = b"iso-8859-1" in data[:100].lower()
    # Raw UTF-8 (an old Moodle's calls) needs no mending; pure ASCII may hold byte references.
    return root, _Reader(dialect, mends=dialect is Dialect.EXTENSION and (latin or data.isascii()))


def _dialect(data: bytes, document: str) -> Dialect | None:
    prolog = _PROLOG.match(data)
    if prolog is None:
        return None
    encoding = prolog.group(2)
    if encoding is None:
        return Dialect.PHPXMLRPC if document == "methodResponse" else None
    if prolog.group(3):
        return Dialect.PHPXMLRPC if encoding.lower() == b"utf-8" else None
    return Dialect.EXTENSION if encoding.lower() in (b"utf-8", b"iso-8859-1") else None


class _Reader:
    """Reads values of one document."""

    def __init__(self, dialect: Dialect | None, *, mends: bool) -> None:
        self.dialect = dialect
        self._mends = mends
        self._count = 0

    def value(self, element: etree._Element) -> Value:
        """Read a `value` element."""
        self._count += 1
        if self._count > MAX_VALUES:
            raise BadXmlRpc("The message has too many values.")
        if len(element) == 0:
            return self._string(element.text)
        if len(element) != 1:
            raise BadXmlRpc("A value holds more than one thing.")
        inner = element[0]
        kind = _name(inner)
        if kind == "string":
            return self._string(_leaf(inner))
        if kind == "struct":
            return self._struct(inner)
        if kind == "array":
            return [self.value(v) for v in _one(inner, "data") if _is(v, "value")]
        return _scalar(kind, _leaf(inner))

    def _struct(self, element: etree._Element) -> dict[str, Value]:
        members: dict[str, Value] = {}
        for member in element:
            _is(member, "member")
            name = self._string(_leaf(_one(member, "name")))
            members[name] = self.value(_one(member, "value"))
        return members

    def _string(self, text: str | None) -> str:
        if not text:
            return ""
        if not self._mends or text.isascii():
            return text
        # One character for each byte of UTF-8: put the bytes together again (section 4).
        try:
            return text.encode("latin-1").decode("utf-8")
        except UnicodeError:
            return text


def _scalar(kind: str, text: str) -> Value:
    stripped = text.strip()
    if kind in ("int", "i4", "i8"):
        return _int(stripped)
    if kind == "boolean":
        if stripped.lower() not in _BOOLEANS:
            raise BadXmlRpc(f"{stripped[:20]!r} is no boolean.")
        return _BOOLEANS[stripped.lower()]
    if kind == "double":
        return _double(stripped)
    if kind == "dateTime.iso8601":
        return stripped
    if kind == "nil":
        return None
    if kind == "base64":
        try:
            return base64.b64decode("".join(stripped.split()), validate=True)
        except (binascii.Error, ValueError):
            raise BadXmlRpc("A base64 value is no base64.") from None
    raise BadXmlRpc(f"There is no type {kind[:40]!r} in XML-RPC.")


def _int(text: str) -> int:
    digits = text.removeprefix("-").removeprefix("+")
    if not digits.isascii() or not digits.isdigit() or len(digits) > 19:  # noqa: PLR2004 - 64 bits
        raise BadXmlRpc(f"{text[:20]!r} is no integer.")
    value = int(text)
    if not -_INT64 <= value < _INT64:
        raise BadXmlRpc(f"{text} is beyond 64 bits.")
    return value


def _double(text: str) -> float:
    try:
        value = float(text) if len(text) <= 400 and "_" not in text else math.nan  # noqa: PLR2004 - longest double
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise BadXmlRpc(f"{text[:20]!r} is no number.")
    return value


def _code(value: Value) -> int:
    if isinstance(value, str) and value.strip().lstrip("-").isdigit() and len(value) < 10:  # noqa: PLR2004 - 32 bits
        return int(value)
    return value if isinstance(value, int) else 0


def _name(element: etree._Element) -> str:
    tag = element.tag
    return tag if isinstance(tag, str) else ""


def _is(element: etree._Element, name: str) -> bool:
    if _name(element) != name:
        raise BadXmlRpc(f"There is a {_name(element)[:40]!r} where a {name!r} belongs.")
    return True


def _one(element: etree._Element, name: str) -> etree._Element:
    found = [child for child in element if child.tag == name]
    if len(found) != 1:
        raise BadXmlRpc(f"{_name(element)[:40]!r} must have exactly one {name!r}.")
    return found[0]


def _leaf(element: etree._Element) -> str:
    if len(element):
        raise BadXmlRpc(f"There are elements inside {_name(element)[:40]!r}.")
    return element.text or ""


__all__ = [
    "Dialect",
    "FaultResponse",
    "MethodCall",
    "MethodResponse",
    "Value",
    "read_call",
    "read_response",
    "write_call",
    "write_fault",
    "write_response",
]
