"""Whatever comes from outside is read in time that grows with its length, or bounded first.

Each expression of the packages is found in their source and must stand here: with what repeats in
a text that it meets, or among those that meet no text of others.
"""

from __future__ import annotations

import ast
import gc
import importlib
import itertools
import re
import resource
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from keys import certificate
from mnet import (
    dispatcher,
    envelope,
    folding,
    letters,
    outcomes,
    safe_xml,
    stored_sentences,
    xmlrpc,
)
from mnet.faults import Fault
from mnet.protocol import APPLICATIONS, BadWwwroot, check_wwwroot
from mnet.xmlrpc_controls import readable
from peers.changes import NotPossible
from peers.site_name import name_of
from schooltool_bridge.common.ids import key
from schooltool_bridge.common.refusals import Refused
from schooltool_bridge.events import adoption, fields
from schooltool_bridge.gradebook import marks, number_format
from schooltool_bridge.history import author
from schooltool_bridge.oneroster import tables, values
from schooltool_bridge.school import written
from schooltool_bridge.sign_on import landing_reading, landing_refusals

ROOT = Path(__file__).parent.parent
PACKAGES = ("mnet", "keys", "peers", "schooltool_bridge")
# A large text is so many small ones, and may take this much longer than one.
GROWTH, MOST_GROWTH = 8, 12
# Below this, times say more of the machine than of what is read; quadratic reading takes minutes.
LEAST_S = 0.002
# A quadratic reading of the small text is told at once, not after the large one.
MOST_SMALL_S = 1.5
# How large a text is, and how often both are measured, one right after the other: half of it says
# enough mostly. What is quadratic grows by 64 each time.
ROUNDS = ((512 * 1024, 2), (1024 * 1024, 40))


@dataclass(frozen=True, slots=True)
class Met:
    """What meets texts of others: `run` reads one; `units` repeat in it, `around` stands so."""

    run: Callable[[Any], object]
    units: tuple[str, ...]
    around: tuple[str, str] = ("", "")
    is_bytes: bool = False


def compiled(name: str) -> re.Pattern[Any]:
    """An expression by itself, with nothing before it that bounds the text."""
    module, _, attribute = name.partition(":")
    place = importlib.import_module(module.removesuffix(".py").replace("/", "."))
    found: re.Pattern[Any] = getattr(place, attribute)
    return found


def met(name: str, method: str, *units: str, before: str = "", after: str = "!") -> Met:
    found = compiled(name)
    run = getattr(found, method)
    nothing = found.pattern[:0]  # of its own kind of text
    is_bytes = isinstance(nothing, bytes)
    return Met(partial(run, nothing) if method == "sub" else run, units, (before, after), is_bytes)


def bounded(run: Callable[[Any], object], *units: str) -> Met:
    """What is read by a function that looks at the length first."""
    return Met(run, units)


DIGITS = ("1", "0", "1.", "1,", ".1", "-1", "1e1")
BLANKS = (" ", "\n", "\t")
MARKS = ("\u0301\u0327", "\u0327", "a\u0301", "é", "\u0f73\u0f71", "\uac00", "\u1f82", "\ufb03")
FORMATS = (
    "0", "#,", '"', "[", "[$", "]", "\\\\", ";", ";;", "_", "*", "%", "a", "[color 1]", "0.0",
)  # fmt: skip
NAMES = ("a", "a/", "a.", ".php/", "-", "/", "a-/", "_")

KEPT: list[stored_sentences.StoredFormat] = [
    stored_sentences.format_of("The peer answered with fault %(code)s: %(text)s"),
    stored_sentences.format_of(
        "%(url)s answered with HTTP status %(status)s to %(target)s; (line %(line)s)."
    ),
]

EXPRESSIONS: dict[str, Met] = {
    "mnet/dispatcher.py:NAME": bounded(
        lambda t: dispatcher.Dispatcher[Any].of(()).find(t, dispatcher.Services(frozenset(), frozenset())),
        *NAMES,
    ),
    "mnet/envelope.py:_SEALED": met("mnet/envelope.py:_SEALED", "match", *BLANKS, "\ufeff", "<?xml ", "?>", "<a:"),
    "mnet/envelope.py:_SIGNED": met("mnet/envelope.py:_SIGNED", "match", *BLANKS, "\ufeff", "<?xml ", "?>"),
    "mnet/envelope.py:_UNSIGNED": met("mnet/envelope.py:_UNSIGNED", "match", *BLANKS, "\ufeff", "<?xml ", "?>"),
    "mnet/folding.py:_ACCENTS": met("mnet/folding.py:_ACCENTS", "sub", "\u0301", "a\u0301", "a"),
    "mnet/folding.py:words": Met(folding.words, (*MARKS, *BLANKS, "a", "'", "ß")),
    "mnet/letters.py:_BREAKS": met("mnet/letters.py:_BREAKS", "sub", *BLANKS, "\r\n", "\r", "a"),
    "mnet/letters.py:_LATE_CONTROLS": met("mnet/letters.py:_LATE_CONTROLS", "sub", "\x85", "a"),
    "mnet/letters.py:_CONTROLS": met("mnet/letters.py:_CONTROLS", "sub", "\x0b", "\x85", "a"),
    "mnet/call_errors.py:_PHP_SAYS": met("mnet/call_errors.py:_PHP_SAYS", "search", "<b>", "\n", "php ", "warning", "<b>notice</b>", "fatal error:"),
    "mnet/outcomes.py:_QUOTED": met("mnet/outcomes.py:_QUOTED", "sub", "'", '"', "\\'", '\\"', "'a", " '", "\\", before=" '", after="\\"),
    "mnet/outcomes.py:_MAIL": met("mnet/outcomes.py:_MAIL", "sub", "a", "a@", "@", "a ", " ", "@ "),
    "mnet/outcomes.py:_QUERY": met("mnet/outcomes.py:_QUERY", "sub", "?", "? ", "?a", "a"),
    "mnet/protocol.py:_HOST": bounded(check_wwwroot, "a", "a.", "-", "http://a."),
    "mnet/safe_xml.py:_DOCTYPE": met("mnet/safe_xml.py:_DOCTYPE", "search", "<!", "<", "<!DOCTYP", "<!ENTIT"),
    "mnet/safe_xml.py:_DECLARATION": met(
        "mnet/safe_xml.py:_DECLARATION", "match", *BLANKS, " encoding", " encoding=", " encoding = ",
        " encoding  ", " encoding='", "a", before="<?xml ",
    ),
    "mnet/table_files.py:_UNWRITABLE": met("mnet/table_files.py:_UNWRITABLE", "sub", "\x0b", "a", "\ufffe"),
    "mnet/xmlrpc.py:_PROLOG": met("mnet/xmlrpc.py:_PROLOG", "match", *BLANKS, "a", '" ', before='<?xml version="1.0" encoding="'),
    "mnet/xmlrpc.py:_LOST_ZERO": met("mnet/xmlrpc.py:_LOST_ZERO", "sub", "&#2", "&#20;", "&#20;&#128;", "&#1", "&"),
    "mnet/xmlrpc.py:_NONCHARACTERS": met("mnet/xmlrpc.py:_NONCHARACTERS", "sub", "\ufffe", "a"),
    "mnet/xmlrpc.py:_INT": met("mnet/xmlrpc.py:_INT", "fullmatch", *DIGITS),
    "mnet/xmlrpc.py:_DOUBLE": met("mnet/xmlrpc.py:_DOUBLE", "fullmatch", *DIGITS),
    "mnet/xmlrpc.py:_FAULT_CODE": met("mnet/xmlrpc.py:_FAULT_CODE", "fullmatch", *DIGITS),
    "mnet/xmlrpc_controls.py:_REFERENCE": met("mnet/xmlrpc_controls.py:_REFERENCE", "sub", "&#", "&#0", "0", "&#x0", "&#11;", "&#x1", before="&#"),
    "mnet/xmlrpc_controls.py:_OPENING": met("mnet/xmlrpc_controls.py:_OPENING", "search", "<!", "<!-", "<![CDATA", "<"),
    "mnet/xmlrpc_flat.py:_HEAD": met("mnet/xmlrpc_flat.py:_HEAD", "match", *BLANKS, "a", "<param>", before='<?xml version="1.0" encoding="utf-8"?><methodCall><methodName>'),
    "mnet/xmlrpc_flat.py:_MEMBER": met("mnet/xmlrpc_flat.py:_MEMBER", "match", *BLANKS, "a", "<member>", before=" <member><name>"),
    "mnet/xmlrpc_flat.py:_TAIL": met("mnet/xmlrpc_flat.py:_TAIL", "fullmatch", *BLANKS, before="</struct>"),
    "mnet/xmlrpc_write.py:_ILLEGAL": met("mnet/xmlrpc_write.py:_ILLEGAL", "sub", "\x01", "a", "\uffff"),
    "mnet/xmlrpc_write.py:_NEEDS_MARKUP": met("mnet/xmlrpc_write.py:_NEEDS_MARKUP", "search", "a", "\u0301"),
    "mnet/xmlrpc_write.py:_NEEDS_REFERENCES": met("mnet/xmlrpc_write.py:_NEEDS_REFERENCES", "search", "a", "\n"),
    "mnet/stored_sentences.py:_SENTENCE_END": met("mnet/stored_sentences.py:_SENTENCE_END", "split", ". ", "? a", "a", " "),
    "mnet/stored_sentences.py:format_of": Met(
        lambda t: [k.values_of(t) for k in KEPT], ("a", "a: ", " (line 1", "the limit of 8", "'a' "),
        ("The peer answered with fault ", "")),
    "peers/policy.py:_FIELD": met("peers/policy.py:_FIELD", "fullmatch", "a", "password", "."),
    "peers/audit_words.py:_DAY": met("peers/audit_words.py:_DAY", "sub", "1 ", "1 May ", "12", " "),
    "peers/audit_words.py:_SUBJECT": met("peers/audit_words.py:_SUBJECT", "fullmatch", "1", "1-", before="person "),
    "peers/web/origin.py:_HOST_ENDS": met("peers/web/origin.py:_HOST_ENDS", "split", "/", "a", "?"),
    "schooltool_bridge/events/naming.py:_SUBJECT": met("schooltool_bridge/events/naming.py:_SUBJECT", "fullmatch", "1", "1-", before="person "),
    "schooltool_bridge/events/passwords.py:KINDS": Met(
        lambda t: [f.fullmatch(t) for f in importlib.import_module("schooltool_bridge.events.passwords").KINDS.values()],
        ("a", "0", "$", "a" * 32 + ":"), ("$6$rounds=", ""),
    ),
    "schooltool_bridge/sign_on/landing_reading.py:_TOKEN": met("schooltool_bridge/sign_on/landing_reading.py:_TOKEN", "fullmatch", "a", "="),
    "schooltool_bridge/school/states.py:_CODE": met("schooltool_bridge/school/states.py:_CODE", "fullmatch", "a", "-"),
    "schooltool_bridge/school/written.py:_CONTROLS": met("schooltool_bridge/school/written.py:_CONTROLS", "search", "a", " "),
    "schooltool_bridge/school/written.py:_NUMBER": met("schooltool_bridge/school/written.py:_NUMBER", "fullmatch", *DIGITS),
    "schooltool_bridge/school/written.py:_AMBIGUOUS": met("schooltool_bridge/school/written.py:_AMBIGUOUS", "fullmatch", *DIGITS),
    "schooltool_bridge/school/written.py:_DAY": met("schooltool_bridge/school/written.py:_DAY", "fullmatch", "1", "1-"),
    "schooltool_bridge/web/calls_pages.py:_FAULT": met("schooltool_bridge/web/calls_pages.py:_FAULT", "fullmatch", "1", before="fault "),
    "schooltool_bridge/sign_on/jumping.py:USERNAME": met("schooltool_bridge/sign_on/jumping.py:USERNAME", "fullmatch", "a", "@", "."),
    "schooltool_bridge/reports/issuing.py:_NUMBER": met("schooltool_bridge/reports/issuing.py:_NUMBER", "fullmatch", "1", "1-"),
    "schooltool_bridge/reports/issuing.py:_NOT_HEX": met("schooltool_bridge/reports/issuing.py:_NOT_HEX", "sub", *BLANKS, ":", "a ", "a"),
    "schooltool_bridge/people/bulk_rights.py:_ORDER": met("schooltool_bridge/people/bulk_rights.py:_ORDER", "fullmatch", "1", "link", before="link+"),
    "schooltool_bridge/gradebook/upload_assessments.py:_DAY": met("schooltool_bridge/gradebook/upload_assessments.py:_DAY", "fullmatch", "1", "1-"),
    "schooltool_bridge/gradebook/upload_assessments.py:_DOTTED_DAY": met("schooltool_bridge/gradebook/upload_assessments.py:_DOTTED_DAY", "fullmatch", "1", "1."),
    "schooltool_bridge/gradebook/grade_exports.py:_TOLD": met("schooltool_bridge/gradebook/grade_exports.py:_TOLD", "fullmatch", " (", " (a", "a", " (a)", "(", " "),
    "schooltool_bridge/gradebook/number_format.py:_SECTION": bounded(lambda t: number_format.shown(Decimal("0.5"), t), *FORMATS),
    "schooltool_bridge/gradebook/number_format.py:_PIECE": bounded(lambda t: number_format.shown(Decimal("0.5"), t), *FORMATS),
    "schooltool_bridge/gradebook/number_format.py:_NUMBER": met("schooltool_bridge/gradebook/number_format.py:_NUMBER", "fullmatch", *DIGITS),
    "schooltool_bridge/gradebook/templates.py:_UNWRITABLE": met("schooltool_bridge/gradebook/templates.py:_UNWRITABLE", "sub", "a", "/", "\x0b"),
    "schooltool_bridge/reports/joining.py:_TOKEN": met("schooltool_bridge/reports/joining.py:_TOKEN", "search", "1", "1 ", "1 0", "<", "<A", ">"),
    "schooltool_bridge/oneroster/checking.py:_VERSION": met("schooltool_bridge/oneroster/checking.py:_VERSION", "fullmatch", ".1", "1", ".", before="v1.1"),
    "peers/typed.py:_SHA256": met("peers/typed.py:_SHA256", "fullmatch", "0", "a"),
    "peers/web/carried_form.py:_OURS": met("peers/web/carried_form.py:_OURS", "search", "a", "&", "&form_token=", "&form_token=" + "a" * 32 + "."),
    "schooltool_bridge/common/times.py:_WHOLE": met("schooltool_bridge/common/times.py:_WHOLE", "fullmatch", "0", "1", before="1."),
    "schooltool_bridge/oneroster/habits.py:_CONTROLS": met("schooltool_bridge/oneroster/habits.py:_CONTROLS", "sub", "\n", "a", "a\n"),
    "schooltool_bridge/oneroster/habits.py:_BESIDE_LETTERS": met("schooltool_bridge/oneroster/habits.py:_BESIDE_LETTERS", "sub", " ", "_", "a-"),
    "schooltool_bridge/oneroster/habits.py:_DAY": met("schooltool_bridge/oneroster/habits.py:_DAY", "fullmatch", "1", "1-"),
    "schooltool_bridge/oneroster/habits.py:_COMPACT_DAY": met("schooltool_bridge/oneroster/habits.py:_COMPACT_DAY", "fullmatch", "1"),
    "schooltool_bridge/oneroster/habits.py:_TIME_OF_DAY": met("schooltool_bridge/oneroster/habits.py:_TIME_OF_DAY", "sub", "T1:11", "T", " 1:1", "1"),
    "schooltool_bridge/oneroster/habits.py:_COMMA": met("schooltool_bridge/oneroster/habits.py:_COMMA", "fullmatch", "1", "1,", ","),
    "schooltool_bridge/gradebook/workbook.py:_DOCTYPE": met("schooltool_bridge/gradebook/workbook.py:_DOCTYPE", "search", "<!", "<!DOCTYP"),
    "schooltool_bridge/gradebook/workbook.py:_ENCODING": met("schooltool_bridge/gradebook/workbook.py:_ENCODING", "search", "encoding", "encoding ", "encoding=", "encoding = ", " ", "a", before="encoding='"),
    "schooltool_bridge/gradebook/marks.py:_NUMBER": met("schooltool_bridge/gradebook/marks.py:_NUMBER", "fullmatch", *DIGITS),
    "schooltool_bridge/gradebook/marks.py:_AMBIGUOUS": Met(
        lambda t: [f.fullmatch(t) for f in marks._AMBIGUOUS.values()], DIGITS
    ),
    "schooltool_bridge/oneroster/values.py:_ID": met("schooltool_bridge/oneroster/values.py:_ID", "fullmatch", "a", "-"),
    "schooltool_bridge/oneroster/values.py:_MOMENT": met("schooltool_bridge/oneroster/values.py:_MOMENT", "fullmatch", "1", "1-", "1T"),
    "schooltool_bridge/oneroster/values.py:_DATE": met("schooltool_bridge/oneroster/values.py:_DATE", "fullmatch", "1", "1-"),
    "schooltool_bridge/oneroster/values.py:_YEAR": met("schooltool_bridge/oneroster/values.py:_YEAR", "fullmatch", "1"),
    "schooltool_bridge/oneroster/values.py:_NUMBER": met("schooltool_bridge/oneroster/values.py:_NUMBER", "fullmatch", *DIGITS),
    "schooltool_bridge/oneroster/values.py:_WHOLE": met("schooltool_bridge/oneroster/values.py:_WHOLE", "fullmatch", *DIGITS),
    "schooltool_bridge/oneroster/values.py:_CONTROLS": met("schooltool_bridge/oneroster/values.py:_CONTROLS", "search", "a", "\n"),
    "schooltool_bridge/oneroster/writing.py:_BREAKS": met("schooltool_bridge/oneroster/writing.py:_BREAKS", "sub", "\r", "\n", "a\n", "a"),
    "schooltool_bridge/events/fields.py:_NUMBER": met("schooltool_bridge/events/fields.py:_NUMBER", "fullmatch", *DIGITS),
    "schooltool_bridge/people/person_export.py:SECRET": met("schooltool_bridge/people/person_export.py:SECRET", "search", "password_", "diges", "a"),
    "schooltool_bridge/people/person_export.py:_cell": Met(
        lambda t: importlib.import_module("schooltool_bridge.people.person_export")._cell(t), DIGITS, ("=", "")
    ),
    "schooltool_bridge/server/bundle.py:_RELEASE": met("schooltool_bridge/server/bundle.py:_RELEASE", "fullmatch", "1", ".", "rc1", before="1rc"),
    "schooltool_bridge/reports/pdf.py:_breakable": Met(
        lambda t: importlib.import_module("schooltool_bridge.reports.pdf")._breakable(t, 40),
        ("a", "a" * 39 + " ", " "),
    ),
    "schooltool_bridge/events/adoption.py:_BETWEEN_DIGITS": met("schooltool_bridge/events/adoption.py:_BETWEEN_DIGITS", "sub", "1", "1.", "1 ", " ", "_", "."),
    "schooltool_bridge/events/adoption.py:_SIGNS": met("schooltool_bridge/events/adoption.py:_SIGNS", "sub", ".", "1.", "_", "a", "-"),
    "schooltool_bridge/people/erasing_texts.py:__init__": Met(
        lambda t: importlib.import_module("schooltool_bridge.people.erasing_texts").Hunt(["ann lee", "ann"]).clean(t),
        ("ann", "ann ", " ann le", "a", *MARKS),
    ),
}  # fmt: skip

# The texts that these meet were written by ourselves, or by who sets this site up.
OURS = {
    "mnet/layout.py:__init__": "the two layouts",
    "mnet/mail_url.py:_ADDRESS": "a setting of this site",
    "mnet/stored_sentences.py:_PLACEHOLDER": "sentences of the catalogues",
    **{
        f"schooltool_bridge/reports/joining.py:{name}": "PDFs that this program made"
        for name in ("_START", "_COUNT", "_ROOT", "_PAGES", "_IN_STRING")
    },
    "schooltool_bridge/server/bundle.py:_libraries": "names of the libraries",
    "schooltool_bridge/server/moodle_plugins.py:_VERSION": "a file of our own plugins",
    "schooltool_bridge/people/person_export.py:_files": "numbers of issued reports",
    "schooltool_bridge/reports/paper.py:filename": "titles of reports",
    "schooltool_bridge/web/manual.py:_CHAPTER_LINK": "the manual",
    "schooltool_bridge/web/manual.py:anchor_of": "the manual",
}

CALL = (
    '<?xml version="1.0" encoding="utf-8"?><methodCall><methodName>a/b',
    "</methodName></methodCall>",
)
VALUE = (f"{CALL[0]}</methodName><params><param><value>", "</value></param></params></methodCall>")
XML = ("<", "<a>", "</a>", "<a/>", "&", "&#97;", "&#11;", "<!-- -->", "<!--", "<![CDATA[", "<![CDATA[]]>",
       "]]>", "<?a?>", "<?", "a='' ", "\x0b", " ", "é", "<value>1</value>", "<int>")  # fmt: skip


def field(read: Callable[[fields.Fields], object]) -> Callable[[str], object]:
    return lambda text: read(fields.Fields("new_section", {"name": text}))


def of_kind(kind: tables.Kind) -> Callable[[str], object]:
    return lambda text: values._BY_KIND[kind](text, False)


# Whole readers, with all that they do around their expressions: loops, lengths, normal forms.
READERS: dict[str, Met] = {
    "a request": Met(envelope.read_message, (*XML, "\ufeff"), ("", "<methodCall/>"), is_bytes=True),
    "a sealed wrapper": Met(
        envelope.read_message, (*XML, "AA", "A "), ("<encryptedMessage><wwwroot>", "</wwwroot></encryptedMessage>"), is_bytes=True
    ),
    "a signed wrapper": Met(
        envelope.read_signed, (*XML, "AA", "A "), ("<signedMessage><object>", "</object></signedMessage>"), is_bytes=True
    ),
    "any XML": Met(safe_xml.parse, XML, ("<a>", "</a>"), is_bytes=True),
    "a call": Met(xmlrpc.read_call, (*XML, "a/"), CALL, is_bytes=True),
    "a call's prolog": Met(xmlrpc.read_call, (*BLANKS, "\ufeff", "<?xml ", "encoding="), ("", "<methodCall/>"), is_bytes=True),
    "a value": Met(xmlrpc.read_call, (*XML, *DIGITS), VALUE, is_bytes=True),
    "a number": Met(xmlrpc.read_call, DIGITS, (VALUE[0] + "<double>", "</double>" + VALUE[1]), is_bytes=True),
    "base64": Met(xmlrpc.read_call, ("A", "A ", "="), (VALUE[0] + "<base64>", "</base64>" + VALUE[1]), is_bytes=True),
    "an answer": Met(xmlrpc.read_response, XML, ("<methodResponse>", "</methodResponse>"), is_bytes=True),
    "control characters, UTF-8": Met(lambda d: readable(d, "utf-8"), XML, is_bytes=True),
    "control characters, Latin-1": Met(lambda d: readable(d, "iso-8859-1"), XML, is_bytes=True),
    "a certificate": Met(certificate.load, ("A", "A ", " ", "AAAA", "=", "-----BEGIN CERTIFICATE-----"), (certificate._BEGIN + "\n", "\n" + certificate._END)),
    "an address": Met(check_wwwroot, ("a", "a.", "/", " ", "%", "@", "é"), ("http://", "")),
    **{
        f"the name of a {a.name}": Met(
            lambda page, a=a: name_of(page, a),  # type: ignore[misc] # mypy knows no such default
            ("<title", "<title>", "<titles>", "a", "&#9", "</title>", " | ", "<h1", ">"),
            ("<title>", ""), is_bytes=True,
        )
        for a in APPLICATIONS.values()
    },
    "a reason": Met(outcomes.clean, ("a", "'", "@", "?", "\\'", "\n", *MARKS)),
    "a query": Met(lambda t: landing_reading.read_arrival(t, "", default_path=None, wwwroot="http://a.org"), ("a", "a=b&", "%20", "+", "=")),
    "a name as it is looked for": Met(folding.folded, (*MARKS, "ß", "'é")),
    "NFC": Met(letters.nfc, MARKS),
    "NFKD": Met(letters.nfkd, MARKS),
    "a name": Met(field(lambda f: f.text("name")), (*MARKS, *BLANKS, "a", "\x0b")),
    "a name as sent": Met(field(lambda f: f.as_sent("name")), (*MARKS, *BLANKS, "a")),
    "an id": Met(field(lambda f: f.id("name")), (*MARKS, *BLANKS, "a", "\x0b", "\u0130")),
    "a flag": Met(field(lambda f: f.boolean("name")), (*MARKS, *BLANKS, "true")),
    "points": Met(field(lambda f: f.points("name", required=True)), DIGITS),
    "a whole number": Met(field(lambda f: f.whole("name", limit=9)), DIGITS),
    "a key": Met(key, MARKS),
    "a line by hand": Met(lambda t: author.text("name", t), (*MARKS, *BLANKS, "a")),
    "a note by hand": Met(author.note, (*MARKS, *BLANKS, "a", "\r\n")),
    "a title by hand": Met(lambda t: written.line(t, "it"), (*MARKS, *BLANKS, "a", "\r\n")),
    "a number by hand": Met(lambda t: written.number(t, "it"), DIGITS),
    "a day by hand": Met(lambda t: written.day(t, "it"), ("1", "1-")),
    "a name without signs": Met(adoption.bare, (*MARKS, "a", ".", "1.", "1 ")),
    **{f"OneRoster: {kind.name}": Met(of_kind(kind), ("1", "1.", "1-", ",", "a", "a,", "\n")) for kind in values._BY_KIND},
}  # fmt: skip

EXPECTED = (Fault, certificate.BadCertificate, BadWwwroot, NotPossible, Refused,
            landing_refusals.LandingRefused)  # fmt: skip


def source_files() -> Iterator[Path]:
    for package in PACKAGES:
        yield from sorted((ROOT / package).rglob("*.py"))


def expressions_in(file: Path) -> Iterator[str]:
    """Name the expressions in a file: by what they are assigned to, or the function around."""
    tree = ast.parse(file.read_text())

    def walk(node: ast.AST, name: str) -> Iterator[str]:
        match node:
            case ast.FunctionDef(name=function):
                name = function
            case (
                ast.Assign(targets=[ast.Name(id=target), *_])
                | ast.AnnAssign(target=ast.Name(id=target))
            ) if not name:
                name = target
            case ast.Call(func=ast.Attribute(value=ast.Name(id="re"), attr=made)) if (
                made != "escape"
            ):
                yield f"{file.relative_to(ROOT)}:{name}"
        for child in ast.iter_child_nodes(node):
            yield from walk(child, name)

    yield from walk(tree, "")


@pytest.mark.requirement("R23")
def test_every_expression_of_the_packages_stands_here() -> None:
    found = set(itertools.chain.from_iterable(map(expressions_in, source_files())))
    assert len(found) > 50
    assert found == EXPRESSIONS.keys() | OURS.keys()


def test_texts_are_normalised_in_one_place_alone() -> None:
    found = {
        str(file.relative_to(ROOT))
        for file in source_files()
        if "unicodedata.normalize" in file.read_text()
    }
    assert found == {"mnet/letters.py"}


CASES = [
    pytest.param(case, unit, id=f"{name} {unit!a}")
    for name, case in {**EXPRESSIONS, **READERS}.items()
    for unit in case.units
]


@pytest.mark.requirement("R23")
@pytest.mark.parametrize(("case", "unit"), CASES)
def test_time_grows_with_length_alone(case: Met, unit: str) -> None:
    told = []
    for size_bytes, rounds in ROUNDS:
        large = text_of(case, unit, size_bytes)
        # As much in small texts as in the large one: both take as long, and as much of the
        # processor's caches, so that whoever else is busy slows both down alike.
        small = [text_of(case, unit, size_bytes // GROWTH) for _copy in range(GROWTH)]
        assert taken_s(case, small[:1]) < MOST_SMALL_S
        for _round in range(rounds):
            small_s, large_s = taken_s(case, small) / GROWTH, taken_s(case, [large])
            if large_s <= MOST_GROWTH * max(small_s, LEAST_S):
                return
            told.append(f"{small_s:.4f} s and {large_s:.4f} s")
    pytest.fail("; ".join(told))


def text_of(case: Met, unit: str, size_bytes: int) -> str | bytes:
    before, after = case.around
    text = before + unit * (size_bytes // len(unit.encode())) + after
    return text.encode() if case.is_bytes else text


def taken_s(case: Met, texts: list[str | bytes]) -> float:
    """CPU time of this thread for some texts, without that of collecting garbage.

    Nor the system's: it gives large texts fresh memory, page by page, and small ones what it has.
    """
    gc.disable()
    try:
        started_s = _user_s()
        for text in texts:
            with suppress(*EXPECTED):
                case.run(text)
        return _user_s() - started_s
    finally:
        gc.enable()


def _user_s() -> float:
    return resource.getrusage(resource.RUSAGE_THREAD).ru_utime
