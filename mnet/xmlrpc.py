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
from typing import NamedTuple

from lxml import etree

from mnet import xmlrpc_flat
from mnet.faults import UnreadableMessage, UnreadablePayload
from mnet.letters import UNREADABLE
from mnet.safe_xml import encoding_of, parse, trimmed
from mnet.stored_sentences import E_, english
from mnet.xmlrpc_controls import readable
from mnet.xmlrpc_write import (
    Dialect,
    Value,
    write_call,
    write_fault,
    write_response,
)

MAX_VALUES = 250_000
MAX_PARAMS = 100
_QUOTED_CHARS = 40
_INT64 = 2**63

# The extension writes no space before `?>`, phpxmlrpc one in calls and no encoding in answers.
_PROLOG = re.compile(rb"<\?xml version=\"1\.0\"( encoding=\"([^\"]{1,40})\")?( ?)\?>")
# The extension writes the bytes 200 to 209, which begin every letter of Greek, Cyrillic and some
# of Romanian, as &#20; to &#29;: no XML at all, and it cannot read that itself. The byte that
# goes on with the letter (128 to 191) follows.
_LOST_ZERO = re.compile(rb"&#2([0-9]);(?=&#1(?:2[89]|[3-8][0-9]|9[01]);)")
_UNREADABLE_BYTES = UNREADABLE.encode().decode("latin-1")
_NONCHARACTERS = re.compile("[\ufffe\uffff]")
_BOOLEANS = {"1": True, "0": False, "true": True, "false": False}
_INT = re.compile(r"[+-]?[0-9]{1,19}")
_DOUBLE = re.compile(
    r"[+-]?(?:[0-9]{1,400}+(?:\.[0-9]{0,400}+)?|\.[0-9]{1,400}+)(?:[eE][+-]?[0-9]{1,4})?"
)
_FAULT_CODE = re.compile(r"-?[0-9]{1,9}")


class MethodCall(NamedTuple):
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
    flat = xmlrpc_flat.read(data)
    if flat is not None:
        method, members = flat
        struct: Value = {n: t if kind == "string" else _scalar(kind, t) for n, kind, t in members}
        return MethodCall(method.strip(), (struct,), _dialect(data, "methodCall")[0])
    root, reader = _open(data, "methodCall")
    name = _one(root, "methodName")
    params = [e for e in root if _name(e) == "params"]
    if len(params) > 1:
        raise UnreadablePayload(english("The call has more than one params element."))
    values = [
        reader.value(_one(param, "value"))
        for param in (params[0] if params else ())
        if _is(param, "param")
    ]
    if len(values) > MAX_PARAMS:
        raise UnreadablePayload(english("The call has too many parameters."))
    return MethodCall(_leaf(name).strip(), tuple(values), reader.dialect)


def read_response(data: bytes) -> MethodResponse | FaultResponse:
    """Read a methodResponse; raises BadXmlRpc naming what is wrong."""
    root, reader = _open(data, "methodResponse")
    if len(root) != 1:
        raise UnreadablePayload(
            english("The answer must have exactly one params or fault element.")
        )
    part = root[0]
    if _name(part) == "fault":
        fault = reader.value(_one(part, "value"))
        if not isinstance(fault, dict):
            raise UnreadablePayload(english("The fault is no struct."))
        # Moodle's own fault has the prolog of neither dialect (section 4).
        dialect = reader.dialect if reader.dialect is Dialect.EXTENSION else None
        return FaultResponse(
            _code(fault.get("faultCode")), str(fault.get("faultString", "")), dialect
        )
    values = [reader.value(_one(p, "value")) for p in part if _is(p, "param")]
    if _name(part) != "params" or len(values) != 1:
        raise UnreadablePayload(english("The answer must have exactly one value."))
    return MethodResponse(values[0], reader.dialect)


def _open(data: bytes, expected: str) -> tuple[etree._Element, _Reader]:
    data = trimmed(data)
    dialect, encoding = _dialect(data, expected)
    # Raw UTF-8 (an old Moodle's calls) needs no mending; pure ASCII may hold byte references.
    mends = dialect is Dialect.EXTENSION and (encoding == b"iso-8859-1" or data.isascii())
    if mends:
        data = _LOST_ZERO.sub(rb"&#20\1;", data)
    try:
        root = parse(readable(data, encoding_of(data)))
    except UnreadableMessage as problem:
        raise UnreadablePayload(str(problem)) from None
    if _name(root) != expected:
        raise UnreadablePayload(english("The signed payload is no %(what)s.", what=expected))
    return root, _Reader(dialect, mends=mends)


def _dialect(data: bytes, document: str) -> tuple[Dialect | None, bytes]:
    """Tell the dialect by the prolog, and the encoding that it declares."""
    prolog = _PROLOG.match(data)
    if prolog is None:
        return None, b""
    encoding = (prolog.group(2) or b"").lower()
    if not encoding:
        return (Dialect.PHPXMLRPC if document == "methodResponse" else None), encoding
    if prolog.group(3):
        return (Dialect.PHPXMLRPC if encoding == b"utf-8" else None), encoding
    spoken = encoding in (b"utf-8", b"iso-8859-1")
    return (Dialect.EXTENSION if spoken else None), encoding


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
            raise UnreadablePayload(english("The message has too many values."))
        inner = None
        for child in element:
            if inner is not None:
                raise UnreadablePayload(english("A value holds more than one thing."))
            inner = child
        if inner is None:
            return self._string(element.text)
        kind = inner.tag
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
            # Either order and, of one name, the last: as both of PHP's readers take it.
            name = value = None
            for part in member:  # one walk, since lxml makes each element anew when asked
                tag = part.tag
                if tag == "name" and name is None:
                    name = part
                elif tag == "value" and value is None:
                    value = part
                else:
                    raise UnreadablePayload(
                        english("A struct's member is more than one name and one value.")
                    )
            if name is None or value is None:
                raise UnreadablePayload(english("A struct's member lacks its name or value."))
            members[self._string(_leaf(name))] = self.value(value)
        return members

    def _string(self, text: str | None) -> str:
        if not text:
            return ""
        if not self._mends or text.isascii():
            return text
        # One character for each byte of UTF-8: put the bytes together again (section 4).
        try:
            joined = text.replace(UNREADABLE, _UNREADABLE_BYTES).encode("latin-1").decode("utf-8")
        except UnicodeError:
            return text
        return _NONCHARACTERS.sub(UNREADABLE, joined)


def _scalar(kind: str, text: str) -> Value:
    stripped = text.strip()
    if kind in ("int", "i4", "i8"):
        return _int(stripped)
    if kind == "boolean":
        if stripped.lower() not in _BOOLEANS:
            raise _no_value(E_("%(text)s is no boolean."), stripped)
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
            raise UnreadablePayload(english("A base64 value is no base64.")) from None
    raise _no_value(E_("There is no type %(text)s in XML-RPC."), kind)


def _int(text: str) -> int:
    if not _INT.fullmatch(text):
        raise _no_value(E_("%(text)s is no integer."), text)
    value = int(text)
    if not -_INT64 <= value < _INT64:
        raise _no_value(E_("%(text)s is beyond 64 bits."), text)
    return value


def _double(text: str) -> float:
    value = float(text) if _DOUBLE.fullmatch(text) else math.nan
    if not math.isfinite(value):
        raise _no_value(E_("%(text)s is no number."), text)
    return value


def _code(value: Value) -> int:
    """Return a fault's code; 0 (a Mahara's own) when it is no number."""
    if isinstance(value, str):
        text = value.strip()
        return int(text) if _FAULT_CODE.fullmatch(text) else 0
    return int(value) if isinstance(value, int) else 0


def _name(element: etree._Element) -> str:
    tag = element.tag
    return tag if isinstance(tag, str) else ""


def _is(element: etree._Element, name: str) -> bool:
    if element.tag != name:
        raise _no_value(
            E_("There is %(text)s where a %(what)s belongs."), _name(element), what=name
        )
    return True


def _one(element: etree._Element, name: str) -> etree._Element:
    found = [child for child in element if child.tag == name]
    if len(found) != 1:
        raise _no_value(E_("%(text)s must have exactly one %(what)s."), _name(element), what=name)
    return found[0]


def _no_value(sentence: str, text: str, **values: str) -> UnreadablePayload:
    """Say what is wrong about something that the sender wrote, of which the beginning is quoted."""
    return UnreadablePayload(english(sentence, text=repr(text[:_QUOTED_CHARS]), **values))


def _leaf(element: etree._Element) -> str:
    if len(element):
        raise _no_value(E_("There are elements inside %(text)s."), _name(element))
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
