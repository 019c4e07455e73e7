"""The two wrappers as Moodle 3.11-4.5 lays them out, to the space: written so, and quickly read.

Its parsers look for the bare tag within the first 100 bytes, and take the last CipherValue for
the key. What comes laid out likewise, as nearly everything does, is cut at the literal text
between the values, which takes a fraction of a parser's time; all else is for the parser
(envelope.py). Pure. Source: PROTOCOL.md section 3.
"""

from __future__ import annotations

import re

import pybase64

from mnet.protocol import MAX_MESSAGE_BYTES

# An address or a number: nothing that a parser would read as anything but itself.
_PLAIN = bytes(c for c in range(0x21, 0x7F) if c not in b'"&<>')
_BASE64 = "%b"


class Layout:
    """A document of fixed text with values in it."""

    def __init__(self, text: bytes) -> None:
        """Take the text, with %b for each value in base64, %s or %d for each plain one."""
        self._text = text
        self._first, *rest = (piece.encode() for piece in re.split("%[bsd]", text.decode()))
        kinds = re.findall("%[bsd]", text.decode())
        self._is_base64 = [kind == _BASE64 for kind in kinds]
        # Of each value: whether it is in base64, how what is behind it begins, and that in full.
        self._values = [(k == _BASE64, r[:1], r) for k, r in zip(kinds, rest, strict=True)]

    def write(self, *values: bytes | int) -> bytes:
        """Fill in the values, those for %b as they are before base64."""
        return self._text % tuple(
            [
                pybase64.b64encode(value) if is_base64 and isinstance(value, bytes) else value
                for value, is_base64 in zip(values, self._is_base64, strict=True)
            ]
        )

    def read(self, data: bytes) -> list[bytes] | None:
        """Return the values, decoded; None for what is not laid out to the byte like this."""
        start = len(self._first)
        if not data.startswith(self._first) or len(data) > MAX_MESSAGE_BYTES:
            return None
        values = []
        for is_base64, mark, behind in self._values:
            # No value holds the mark that begins what is behind it: the checks below see to it.
            end = data.find(mark, start)
            if end < 0 or not data.startswith(behind, end):
                return None
            value = data[start:end]
            if is_base64:
                value = decoded(value)
                if not value:
                    return None
            elif value.translate(None, _PLAIN):
                return None
            values.append(value)
            start = end + len(behind)
        return values if start == len(data) else None


def decoded(text: bytes) -> bytes:
    """Decode base64 without any white space; empty for what is none."""
    try:
        return pybase64.b64decode(text, validate=True)
    except ValueError:
        return b""


SIGNED = Layout(
    b"""<?xml version="1.0" encoding="iso-8859-1"?>
    <signedMessage>
        <Signature Id="MoodleSignature" xmlns="http://www.w3.org/2000/09/xmldsig#">
            <SignedInfo>
                <CanonicalizationMethod Algorithm="http://www.w3.org/TR/2001/REC-xml-c14n-20010315"/>
                <SignatureMethod Algorithm="http://www.w3.org/2000/09/xmldsig#rsa-sha1"/>
                <Reference URI="#XMLRPC-MSG">
                    <DigestMethod Algorithm="http://www.w3.org/2000/09/xmldsig#sha1"/>
                    <DigestValue>%s</DigestValue>
                </Reference>
            </SignedInfo>
            <SignatureValue>%b</SignatureValue>
            <KeyInfo>
                <RetrievalMethod URI="%s"/>
            </KeyInfo>
        </Signature>
        <object ID="XMLRPC-MSG">%b</object>
        <wwwroot>%s</wwwroot>
        <timestamp>%d</timestamp>
    </signedMessage>"""
)

SEALED = Layout(
    b"""<?xml version="1.0" encoding="iso-8859-1"?>
    <encryptedMessage>
        <EncryptedData Id="ED" xmlns="http://www.w3.org/2001/04/xmlenc#">
            <EncryptionMethod Algorithm="http://www.w3.org/2001/04/xmlenc#arcfour"/>
            <ds:KeyInfo xmlns:ds="http://www.w3.org/2000/09/xmldsig#">
                <ds:RetrievalMethod URI="#EK" Type="http://www.w3.org/2001/04/xmlenc#EncryptedKey"/>
                <ds:KeyName>XMLENC</ds:KeyName>
            </ds:KeyInfo>
            <CipherData>
                <CipherValue>%b</CipherValue>
            </CipherData>
        </EncryptedData>
        <EncryptedKey Id="EK" xmlns="http://www.w3.org/2001/04/xmlenc#">
            <EncryptionMethod Algorithm="http://www.w3.org/2001/04/xmlenc#rsa-1_5"/>
            <ds:KeyInfo xmlns:ds="http://www.w3.org/2000/09/xmldsig#">
                <ds:KeyName>SSLKEY</ds:KeyName>
            </ds:KeyInfo>
            <CipherData>
                <CipherValue>%b</CipherValue>
            </CipherData>
            <ReferenceList>
                <DataReference URI="#ED"/>
            </ReferenceList>
            <CarriedKeyName>XMLENC</CarriedKeyName>
        </EncryptedKey>
        <wwwroot>%s</wwwroot>
    </encryptedMessage>"""
)
