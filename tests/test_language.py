"""What is said to people: every message marked, every catalogue whole, true to its placeholders."""

from __future__ import annotations

import ast
import re
from io import BytesIO
from pathlib import Path

import pytest
from babel.messages.catalog import Message
from jinja2 import Environment
from jinja2.ext import babel_extract

from mnet import language
from mnet.language import SOURCE, _, ngettext, speaking
from tests.catalogue import (
    KEYWORDS,
    OPTIONS,
    SOURCES,
    TOP,
    extracted,
    forms,
    stored,
    untranslated,
    updated,
)

OTHERS = [code for code in language.shipped() if code != SOURCE]
TEMPLATES = sorted(f for d in ("peers", "schooltool_bridge") for f in (TOP / d).rglob("*.html"))
PLACEHOLDER = re.compile(r"%\(\w+\)s|%%")
MARKUP = re.compile(r"</?[a-z]+[^>]*>|&\w+;")
# Attributes that a person reads or hears.
SPOKEN = r"title|alt|placeholder|aria-label|label|data-(?:ask|busy|copied|too-large|[a-z-]*text)"
# What stands for a value or a tag of the template language.
VALUE = "\0"
# The same in every language: our program, its words for a terminal, the protocol's own names.
NAMES = re.compile(r"\b(?:mnet-peer|Moodle|Mahara|MNet|SHA-?256|CSV|PDF|A4|OneRoster|TLS)\b")


@pytest.mark.parametrize("code", OTHERS)
def test_a_catalogue_has_exactly_the_messages_of_the_source(code: str) -> None:
    assert updated(code).decode() == (language.FOLDER / f"{code}.po").read_text(), (
        "run: python -m tests.catalogue"
    )


def test_the_catalogue_tool_finds_each_message_that_the_source_marks() -> None:
    """It reads over a mark within an f-string, or within the values of another one."""
    known = {form for message in extracted() if message.id for form in forms(message.id)}
    said = {
        node.args[0].value
        for folder in SOURCES
        for file in sorted((TOP / folder).rglob("*.py"))
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Call)
        if isinstance(node.func, ast.Name) and node.func.id in KEYWORDS
        if node.args and isinstance(node.args[0], ast.Constant)
    }
    assert len(said) > 1000
    assert not said - known


@pytest.mark.parametrize("code", OTHERS)
def test_every_message_is_translated(code: str) -> None:
    assert untranslated(stored(code)) == []


def messages(code: str) -> list[Message]:
    return [m for m in stored(code) if m.id]


@pytest.mark.parametrize("code", OTHERS)
def test_a_translation_keeps_the_placeholders_and_the_markup(code: str) -> None:
    for message in messages(code):
        source = forms(message.id)
        # A singular may say its number in a word.
        wanted = {p for form in source for p in PLACEHOLDER.findall(form)}
        for form in forms(message.string):
            found = set(PLACEHOLDER.findall(form))
            assert found <= wanted, form
            assert wanted - found <= ({"%(num)s"} if len(source) > 1 else set()), form
            assert "%" not in PLACEHOLDER.sub("", form), form
            assert sorted(MARKUP.findall(form)) == sorted(MARKUP.findall(source[-1])), form
            # Translations stand in attributes and in HTML as they are.
            assert not re.search(r'["<>]', MARKUP.sub("", form)), form


@pytest.mark.parametrize("file", TEMPLATES, ids=lambda f: f.name)
def test_a_template_says_nothing_that_is_not_marked(file: Path) -> None:
    assert unmarked(file.read_text()) == []


def unmarked(template: str) -> list[str]:
    """What people read of a template outside of `_` and `trans`."""
    text, in_trans = "", False
    block: list[str] = []
    for _line, kind, value in Environment(extensions=["jinja2.ext.i18n"]).lex(template):
        if kind == "data":
            text += "" if in_trans else value
        elif kind == "block_begin":
            block = []
        elif kind == "block_end":
            in_trans = "trans" in block[:1] or (in_trans and "endtrans" not in block[:1])
        elif kind == "name":
            block.append(value)
        elif kind == "variable_end":
            text += VALUE
    attributes = [v for _name, v in re.findall(rf'\b({SPOKEN})="([^"]*)"', text)]
    visible = re.sub(r"<(code|pre|kbd)\b.*?</\1>", "", text, flags=re.DOTALL)
    visible = re.sub(r"<!--.*?-->|<[^>]*>", "\n", visible, flags=re.DOTALL)
    said = [NAMES.sub("", piece) for piece in (*attributes, *visible.split("\n"))]
    return [piece.strip() for piece in said if re.search(r"[^\W\d_]{2}", piece)]


def test_the_check_of_templates_sees_what_is_not_marked() -> None:
    assert unmarked("<p>Hello {{ name }}</p>") == ["Hello \0"]
    assert unmarked('<a title="Go there">{{ _("x") }}</a>') == ["Go there"]
    assert unmarked("{% trans %}Hello{% endtrans %}<code>mnet-peer</code>") == []


def test_a_message_of_a_template_is_looked_up_as_it_was_extracted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    template = "{% trans %}5% of it{% endtrans %}, {% trans n=1 %}{{ n }}%{% endtrans %}"
    read = babel_extract(BytesIO(template.encode()), list(KEYWORDS), [], OPTIONS["**.html"])
    asked: list[str] = []

    def translated(message: str) -> str:
        asked.append(message)
        return message

    monkeypatch.setattr(language, "translated", translated)
    environment = Environment(extensions=["jinja2.ext.i18n"], autoescape=True)
    language.install(environment)
    assert environment.from_string(template).render() == "5% of it, 1%"
    # A message stands alone, or first of what its call was given.
    found = [[said] if isinstance(said, str) else [*(said or ())] for _n, _f, said, _c in read]
    assert [said[0] for said in found] == asked
    assert asked == ["5%% of it", "%(n)s%%"]


def test_messages_are_said_in_the_language_spoken_here() -> None:
    with speaking("de"):
        assert _("Sign out") == "Abmelden"
        assert language.number("85.5") == "85,5"
    assert _("Sign out") == "Sign out"
    assert language.number("85.5") == "85.5"


def test_a_number_chooses_the_form() -> None:
    assert [ngettext("%(num)s grade", "%(num)s grades", n) for n in (1, 2)] == [
        "1 grade",
        "2 grades",
    ]
