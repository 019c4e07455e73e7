"""The parser for strangers' XML: what hides is refused, limits hold to the element, cheaply."""

from __future__ import annotations

import time
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mnet.faults import UnreadableMessage
from mnet.protocol import MAX_MESSAGE_BYTES
from mnet.safe_xml import MAX_DEPTH, MAX_ELEMENTS, TooDeep, parse
from tests.helpers.recorded import MESSAGES

LAUGHS = '<!DOCTYPE a [<!ENTITY b "xx"><!ENTITY c "&b;&b;">]><a t="&c;">&c;</a>'
FAR = b" " * 300  # the declaration may be longer than any look at its beginning


def utf7(text: str) -> bytes:
    return text.replace("&", "+ACY-").replace("<!", "+ADwAIQ-").encode("ascii")


HIDDEN = {
    "UTF-7": b'<?xml version="1.0" encoding="utf-7"?>' + utf7(LAUGHS),
    "UTF-7 far away": b'<?xml version="1.0"' + FAR + b'encoding="utf-7"?>' + utf7(LAUGHS),
    "UTF-7 on many lines": b"<?xml\nversion='1.0'\r\n\tencoding\n=\n'UTF-7'\n?>" + utf7(LAUGHS),
    "an encoding nobody knows": b'<?xml version="1.0" encoding="x-none"?><a/>',
    "an encoding without a name": b'<?xml version="1.0" encoding=""?><a/>',
    "EBCDIC": f'<?xml version="1.0" encoding="IBM037"?>{LAUGHS}'.encode("cp037"),
    "UTF-16 with its mark": f'<?xml version="1.0"?>{LAUGHS}'.encode("utf-16"),
    "UTF-16 without": LAUGHS.encode("utf-16-be"),
    "UTF-32": LAUGHS.encode("utf-32"),
    "mixed case": LAUGHS.replace("DOCTYPE", "DocType").encode(),
    "a parameter entity": b'<!DOCTYPE a [<!ENTITY % p SYSTEM "http://127.0.0.1:9/x"> %p;]><a/>',
    "a DTD elsewhere": b'<!DOCTYPE a SYSTEM "http://127.0.0.1:9/x.dtd"><a/>',
    "a DTD after a comment": b"<!-- x --><!DOCTYPE a><a/>",
}


@pytest.mark.parametrize("name", HIDDEN)
def test_a_document_type_cannot_hide(name: str) -> None:
    with pytest.raises(UnreadableMessage) as problem:
        parse(HIDDEN[name])
    assert problem.value.text.endswith(".")


@pytest.mark.parametrize(
    "document",
    [
        '<?xml version="1.0" encoding="utf-8"?><a>é</a>'.encode(),
        '<?xml version="1.0" encoding="utf-8" ?>\r\n<a>é</a>\r\n'.encode(),
        "\n\ufeff<?xml version='1.0' encoding='UTF-8'?><a>é</a>".encode(),
        "\ufeff \n<a>é</a> \n".encode(),
        '<?xml version="1.0"?><a>é</a>'.encode(),
        '<?xml version="1.0" encoding="iso-8859-1"?><a>é</a>'.encode("latin-1"),
        '<?xml version="1.0" encoding="ISO-8859-1" standalone="yes"?><a>é</a>'.encode("latin-1"),
        b'<?xml version="1.0" encoding="us-ascii"?><a>&#233;</a>',
        b"<a><!-- not read -->&#xe9;<?nor this?></a>",
    ],
)
def test_every_prolog_of_the_field_is_read_and_the_accent_right(document: bytes) -> None:
    root = parse(document)
    assert root.tag == "a"
    assert root.text == "é"


def test_a_declared_encoding_that_is_not_so_is_refused() -> None:
    with pytest.raises(UnreadableMessage):
        parse('<?xml version="1.0" encoding="utf-8"?><a>é</a>'.encode("latin-1"))


@pytest.mark.parametrize("innermost", [b"", b"x", b"<b/>", b"<b></b>", b"<b/><b/>"])
def test_the_limit_of_depth_is_exact(innermost: bytes) -> None:
    outer = MAX_DEPTH - (1 if b"<" in innermost else 0)
    parse(b"<a>" * outer + innermost + b"</a>" * outer)
    with pytest.raises(TooDeep):
        parse(b"<a>" * (outer + 1) + innermost + b"</a>" * (outer + 1))


def test_the_limit_of_elements_is_exact() -> None:
    assert len(parse(b"<a>" + b"<b/>" * (MAX_ELEMENTS - 1) + b"</a>")) == MAX_ELEMENTS - 1
    with pytest.raises(TooDeep):
        parse(b"<a>" + b"<b/>" * MAX_ELEMENTS + b"</a>")


def test_the_limit_of_size_is_exact() -> None:
    room = MAX_MESSAGE_BYTES - len(b"<a></a>")
    assert len(parse(b"<a>" + b"x" * room + b"</a>").text or "") == room
    with pytest.raises(UnreadableMessage, match="larger"):
        parse(b"<a>" + b"x" * (room + 1) + b"</a>")


HEAVY = {
    "a long attribute": b'<a b="' + b"x" * 1_000_000 + b'"/>',
    "many attributes": b"<a " + b" ".join(b'b%d=""' % i for i in range(200_000)) + b"/>",
    "many namespaces": b"<a " + b" ".join(b'xmlns:b%d="u"' % i for i in range(200_000)) + b"/>",
    "many references": b"<a>" + b"&#97;" * 1_500_000 + b"</a>",
    "many comments": b"<a>" + b"<!---->" * 400_000 + b"</a>",
    "deep and never closed": b"<a>" * 400_000,
    "one long name": b"<" + b"a" * 4_000_000 + b"/>",
    "quotes never closed": b"<a b='" * 400_000,
    "a declaration without end": b"<?xml " + b" encoding" * 400_000,
}


@pytest.mark.parametrize("name", HEAVY)
def test_a_heavy_document_is_read_or_refused_soon(name: str) -> None:
    started = time.process_time()
    with suppress(UnreadableMessage):
        parse(HEAVY[name])
    assert time.process_time() - started < 10, "far from the milliseconds of a real message"


@given(
    st.lists(
        st.sampled_from([b"<a>", b"</a>", b"<b/>", b"<?xml", b"?>", b"<!", b"<![CDATA[", b"]]>", b"&",
                         b"&#0;", b"&#x110000;", b"\xff", b"\xef\xbb\xbf", b"\x00", b'encoding="', b'"', b"x", b" "])
    ).map(b"".join)
)  # fmt: skip
def test_pieces_of_xml_in_any_order_raise_only_the_typed_fault(data: bytes) -> None:
    with suppress(UnreadableMessage):
        parse(data)


def test_every_recorded_body_parses() -> None:
    bodies = [
        m.body for m in MESSAGES if m.form in ("sealed", "signed", "plain") and m.body.strip()
    ]
    assert len(bodies) > 300
    for body in bodies:
        if b"<" in body[:200]:
            parse(body)
