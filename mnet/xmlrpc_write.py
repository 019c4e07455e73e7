"""Writing XML-RPC so that the other side's own parser gets the accents right.

Built from strings, since a message is small and this is on every call's way. Pure.
Source: PROTOCOL.md section 4 (dialects).
"""

from __future__ import annotations

import base64
import enum
import math
import re
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import TypeAlias

Value: TypeAlias = (
    "bool | int | float | str | bytes | datetime | list[Value] | dict[str, Value] | None"
)

_INT32 = 2**31


class Dialect(enum.Enum):
    """How a peer writes XML-RPC, and what its parser understands."""

    EXTENSION = "extension"  # PHP's xmlrpc extension: Moodle up to 4.0, Mahara
    PHPXMLRPC = "phpxmlrpc"  # the library in Moodle from 4.1 on

    @property
    def call_prolog(self) -> str:
        """The XML declaration of its calls."""
        space = " " if self is Dialect.PHPXMLRPC else ""
        return f'<?xml version="1.0" encoding="utf-8"{space}?>\n'


def write_call(name: str, params: list[Value], dialect: Dialect) -> bytes:
    """Write a methodCall for a peer of a dialect.

    Accents go as raw UTF-8: every server in the field reads that right, also those whose
    clients want byte references in answers. A Mahara reads a call twice, both times as UTF-8;
    byte references would be mojibake to it (test_xmlrpc_php).
    """
    body = "".join(f"<param>{_value(p, _clean, dialect)}</param>\n" for p in params)
    return (
        f"{dialect.call_prolog}<methodCall>\n<methodName>{_clean(name)}</methodName>\n"
        f"<params>\n{body}</params>\n</methodCall>"
    ).encode()


def write_response(value: Value, dialect: Dialect | None) -> bytes:
    """Write a methodResponse in the caller's dialect (None counts as phpxmlrpc).

    The extension's client reads answers as Latin-1, so each byte of UTF-8 goes as a reference
    of its own; phpxmlrpc gets one reference a character.
    """
    if dialect is Dialect.EXTENSION:
        prolog, escape = dialect.call_prolog, _byte_references
    else:
        prolog, escape = '<?xml version="1.0"?>\n', _character_references
    text = _value(value, escape, dialect or Dialect.PHPXMLRPC)
    return (
        f"{prolog}<methodResponse>\n<params>\n<param>\n{text}\n</param>\n</params>\n"
        "</methodResponse>"
    ).encode("ascii")


def write_fault(code: int, text: str, dialect: Dialect | None = None) -> bytes:
    """Write a fault as Moodle lays it out, in pure ASCII.

    Without a dialect an accent is one reference a character, which only phpxmlrpc reads; with
    EXTENSION it is one for each byte. White space stands between `fault` and `value`: without
    it a Moodle overlooks a plain fault. A code of 0 would crash a Moodle from 4.1 on, so it
    must not be 0.
    """
    assert code != 0, "a fault has a code"
    clean = _clean(text)
    if dialect is Dialect.EXTENSION:
        clean = clean.encode().decode("latin-1")  # each byte a character of its own
    return _FAULT.format(
        code=code, text=clean.encode("ascii", "xmlcharrefreplace").decode()
    ).encode()


def _value(value: Value, escape: Callable[[str], str], dialect: Dialect) -> str:
    return f"<value>{_content(value, escape, dialect)}</value>"


def _content(value: Value, escape: Callable[[str], str], dialect: Dialect) -> str:
    if isinstance(value, str):
        return f"<string>{escape(value)}</string>"
    if isinstance(value, bool):
        return f"<boolean>{value:d}</boolean>"
    if isinstance(value, int):
        # Beyond 32 bits the extension overflows; numbers travel as strings there anyway.
        fits = -_INT32 <= value < _INT32
        return f"<int>{value}</int>" if fits else f"<string>{value}</string>"
    if isinstance(value, dict) and value:
        members = "".join(
            f"<member><name>{escape(name)}</name>\n{_value(v, escape, dialect)}\n</member>\n"
            for name, v in value.items()
        )
        return f"<struct>\n{members}</struct>"
    if isinstance(value, (list, dict)):  # PHP cannot tell an empty struct from an empty array
        items = "".join(f"{_value(v, escape, dialect)}\n" for v in value)
        return f"<array>\n<data>\n{items}</data>\n</array>"
    return _rare(value)


def _rare(value: float | bytes | datetime | None) -> str:
    if value is None:  # nil breaks both parsers
        return "<string></string>"
    if isinstance(value, bytes):
        return f"<base64>{base64.b64encode(value).decode()}</base64>"
    if isinstance(value, datetime):
        day_and_time = value.replace(tzinfo=None).isoformat(timespec="seconds")
        return f"<dateTime.iso8601>{day_and_time.replace('-', '')}</dateTime.iso8601>"
    if not math.isfinite(value):
        return f"<string>{value}</string>"
    return f"<double>{_decimal(value)}</double>"


def _decimal(value: float) -> str:
    """Return the shortest text that reads back as `value`; XML-RPC knows no exponents."""
    text = repr(value)
    return text if "e" not in text else format(Decimal(text), "f")


# What XML cannot say at all becomes U+FFFD, so that an answer can always be written.
_ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_NEEDS_MARKUP = re.compile("[&<>\"'\r]")
_NEEDS_REFERENCES = re.compile("[^ !#-%(-;=?-~]")
_MARKUP = str.maketrans(
    {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&apos;", "\r": "&#13;"}
)
_BYTES = [f"&#{b};" if _NEEDS_REFERENCES.match(chr(b)) else chr(b) for b in range(256)]


def _markup(text: str) -> str:
    return text.translate(_MARKUP) if _NEEDS_MARKUP.search(text) else text


def _clean(text: str) -> str:
    return _markup(_ILLEGAL.sub("\ufffd", text))


def _character_references(text: str) -> str:
    if not _NEEDS_REFERENCES.search(text):
        return text
    return _clean(text).replace("\n", "&#10;").encode("ascii", "xmlcharrefreplace").decode()


def _byte_references(text: str) -> str:
    if not _NEEDS_REFERENCES.search(text):
        return text
    return "".join(map(_BYTES.__getitem__, _ILLEGAL.sub("\ufffd", text).encode()))


_FAULT = """<?xml version="1.0"?>
<methodResponse>
   <fault>
      <value>
         <struct>
            <member>
               <name>faultCode</name>
               <value><int>{code}</int></value>
            </member>
            <member>
               <name>faultString</name>
               <value><string>{text}</string></value>
            </member>
         </struct>
      </value>
   </fault>
</methodResponse>"""
