"""The two wrappers as Moodle 3.11-4.5 lays them out, to the space: written so, and quickly read.

Its parsers look for the bare tag within the first 100 bytes, and take the last CipherValue for
the key. What comes laid out likewise, as nearly everything does, is cut at the literal text
between the values, which takes a fraction of a parser's time; all else is for the parser
(envelope.py). Pure. Source: PROTOCOL.md section 3.
"""

from __future__ import annotations

import re

from mnet.protocol import MAX_MESSAGE_BYTES

# Base64, an address or a number: nothing that a parser would read as anything but itself.
_PLAIN = bytes(c for c in range(0x21, 0x7F) if c not in b'"&<>')


class Layout:
    """A document of fixed text with values in it."""

    def __init__(self, text: bytes) -> None:
        """Take the text, with %b or %d for each value."""
        self._text = text
        self._pieces = [piece.encode() for piece in re.split("%[bd]", text.decode())]

    def write(self, *values: object) -> bytes:
        """Fill in the values."""
        return self._text % values

    def read(self, data: bytes) -> list[bytes] | None:
        """Return the values; None for what is not laid out to the byte like this."""
        first, *rest = self._pieces
        if not data.startswith(first) or len(data) > MAX_MESSAGE_BYTES:
            return None
        start = len(first)
        values = []
        for piece in rest:
            end = data.find(piece, start)
            if end < 0:
                return None
            values.append(data[start:end])
            start = end + len(piece)
        if start != len(data) or any(value.translate(None, _PLAIN) for value in values):
            return None
        return values


SIGNED = Layout(
    b"""<?xml version="1.0" encoding="iso-8859-1"?>
    <signedMessage>
        <Signature Id="MoodleSignature" xmlns="http://www.w3.org/2000/09/xmldsig#">
            <SignedInfo>
                <CanonicalizationMethod Algorithm="http://www.w3.org/TR/2001/REC-xml-c14n-20010315"/>
                <SignatureMethod Algorithm="http://www.w3.org/2000/09/xmldsig#rsa-sha1"/>
                <Reference URI="#XMLRPC-MSG">
                    <DigestMethod Algorithm="http://www.w3.org/2000/09/xmldsig#sha1"/>
                    <DigestValue>%b</DigestValue>
                </Reference>
            </SignedInfo>
            <SignatureValue>%b</SignatureValue>
            <KeyInfo>
                <RetrievalMethod URI="%b"/>
            </KeyInfo>
        </Signature>
        <object ID="XMLRPC-MSG">%b</object>
        <wwwroot>%b</wwwroot>
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
        <wwwroot>%b</wwwroot>
    </encryptedMessage>"""
)
