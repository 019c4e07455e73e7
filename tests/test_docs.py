"""What the documents say is there: commands, settings, words of the pages, links, tests, faults."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import MISSING, Field, fields
from itertools import pairwise
from operator import attrgetter
from pathlib import Path

import click
import pytest

from mnet import faults
from mnet.database import metadata
from mnet.settings import Settings
from peers.policy import PeerPolicy
from schooltool_bridge.cli.main import main
from schooltool_bridge.sign_on import landing_refusals
from schooltool_bridge.store.model import ENROLMENT_STATES
from schooltool_bridge.web import manual
from tests.catalogue import extracted, forms
from tests.test_layers import FLOORS, PACKAGES

TOP = Path(__file__).parent.parent
README = (TOP / "README.md").read_text()
PROTOCOL = (TOP / "mnet" / "PROTOCOL.md").read_text()
BRIDGE = TOP / "schooltool_bridge"
DEVELOPING = (BRIDGE / "DEVELOPING.md").read_text()
TABLES = DEVELOPING.partition("## The twelve main tables")[2].partition("\n## ")[0]
MANUAL = BRIDGE / "manual"
CHAPTERS = {file.stem: file.read_text() for file in sorted(MANUAL.glob("*.md"))}
DOCUMENTS = {
    file: file.read_text()
    for folder in (TOP, *(TOP / d for d in ("mnet", "keys", "peers", "schooltool_bridge", "tests")))
    for file in sorted(folder.glob("*.md") if folder == TOP else folder.rglob("*.md"))
}
SOURCES = [
    f for d in ("mnet", "keys", "peers", "schooltool_bridge") for f in (TOP / d).rglob("*.py")
]


def commands(group: click.Group) -> Iterator[tuple[str, click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        yield name, command
        if isinstance(command, click.Group):
            for below, part in commands(command):
                yield f"{name} {below}", part


ALL_COMMANDS = dict(commands(main))
# Those that do something themselves.
ENDS = [n for n, command in ALL_COMMANDS.items() if not isinstance(command, click.Group)]
# A command as a text names it, up to where the next sentence or cell begins.
TOLD_COMMAND = re.compile(r"(?:^|`|bin/)mnet-peer ((?:[^`\n|;&]|\\\n)+)", re.MULTILINE)


@pytest.mark.parametrize("name", ENDS)
def test_every_command_is_in_its_chapter_and_says_what_it_does(name: str) -> None:
    told = re.findall(r"`([^`]*)`", CHAPTERS["commands"])
    assert [t for t in told if f"{t} ".startswith(f"{name} ")]
    assert ALL_COMMANDS[name].help


def test_every_command_and_option_that_a_document_names_exists() -> None:
    seen = 0
    for file, text in DOCUMENTS.items():
        for told in TOLD_COMMAND.findall(text):
            words = re.sub(r"--home \S+|\\\n", " ", told).split()
            if words in ([], ["--help"]):  # the program alone, with its data folder
                continue
            name = words[0] if words[0] in ENDS else " ".join(words[:2])
            assert name in ALL_COMMANDS, f"{file}: {told}"
            known = {o for p in ALL_COMMANDS[name].params for o in (*p.opts, *p.secondary_opts)}
            options = {w.partition("=")[0].rstrip(".,)") for w in words if w.startswith("--")}
            assert options <= known, f"{file}: {told}"
            seen += 1
    assert seen > 80


def test_every_option_in_the_chapter_of_commands_exists() -> None:
    known = {o for c in ALL_COMMANDS.values() for p in c.params for o in p.opts}
    assert set(re.findall(r"--[a-z][a-z-]*", CHAPTERS["commands"])) - known == {"--help"}


@pytest.mark.parametrize(
    "field", [f for f in fields(Settings) if f.name != "home"], ids=attrgetter("name")
)
def test_every_setting_is_in_its_chapter_with_its_default(field: Field[object]) -> None:
    row = re.search(rf"^\| `{field.name}` \|.*\| *(.*?) *\|$", CHAPTERS["settings"], re.MULTILINE)
    assert row
    if field.default not in (MISSING, ""):
        assert row[1] == str(field.default).lower().replace("utc", "UTC")


def test_every_policy_of_a_peer_is_in_its_chapter() -> None:
    assert {f.name for f in fields(PeerPolicy)} <= set(first_column("peers"))


def test_every_code_of_a_landing_is_in_its_chapter() -> None:
    assert set(first_column("signing-on")) == set(landing_refusals.WORDS)


def test_every_state_of_an_enrolment_is_in_its_chapter() -> None:
    assert set(first_column("school")) == {state["code"] for state in ENROLMENT_STATES}


def first_column(chapter: str) -> list[str]:
    """What stands as code in the first column of a chapter's tables."""
    cells = re.findall(r"^\| (`.*?) \|", CHAPTERS[chapter], re.MULTILINE)
    return re.findall(r"`([\w-]+)`", " ".join(cells))


def test_what_a_chapter_shows_slanted_is_a_text_of_the_pages() -> None:
    """So a button that is called otherwise is noticed; **bold** is for everybody else's."""
    said = {form for message in extracted() if message.id for form in forms(message.id)}
    bold = {b for form in said for b in re.findall(r"<b>(.*?)</b>", form)}
    wrong = {
        (name, text)
        for name, chapter in CHAPTERS.items()
        for text in slanted(chapter)
        if text not in said and text not in bold
    }
    assert not wrong


def slanted(text: str) -> list[str]:
    found = []
    for inline in (t for t in manual.parser().parse(text) if t.type == "inline"):
        children = inline.children or []
        found += [b.content for a, b in pairwise(children) if a.type == "em_open"]
    return found


def test_every_link_of_a_document_leads_somewhere() -> None:
    broken, seen = [], 0
    for file, text in DOCUMENTS.items():
        for target in links(text):
            if re.match(r"https?://|mailto:", target):
                continue
            path, _, anchor = target.partition("#")
            there = (file.parent / path).resolve() if path else file
            is_good = there.exists() and (not anchor or anchor in anchors(there.read_text()))
            broken += [] if is_good else [f"{file.relative_to(TOP)}: {target}"]
            seen += 1
    assert not broken
    assert seen > 40


def links(text: str) -> list[str]:
    return [
        str(token.attrGet("href"))
        for inline in manual.parser().parse(text)
        for token in inline.children or []
        if token.type == "link_open"
    ]


def anchors(text: str) -> list[str]:
    pairs = pairwise(manual.parser().parse(text))
    return [manual.anchor_of(b.content) for a, b in pairs if a.type == "heading_open"]


def test_every_chapter_is_linked_from_the_readme_and_listed_in_the_help() -> None:
    linked = set(re.findall(r"\(schooltool_bridge/manual/([a-z-]+)\.md\)", README))
    assert linked == set(CHAPTERS) == set(manual.CHAPTERS)
    assert len(manual.CHAPTERS) == len(CHAPTERS)


@pytest.mark.parametrize("name", CHAPTERS)
def test_a_chapter_begins_with_its_title_and_what_it_is_about(name: str) -> None:
    lines = CHAPTERS[name].splitlines()
    assert re.fullmatch(r"# .+", lines[0])
    assert re.match(r"\w", lines[2])
    assert [line for line in lines if line.startswith("# ") and line is not lines[0]] == []
    assert not re.search(r"\w\.py\b", CHAPTERS[name])
    assert len(set(anchors(CHAPTERS[name]))) == len(anchors(CHAPTERS[name]))


def test_the_readme_stays_short() -> None:
    assert len(README.splitlines()) <= 110


def test_every_chapter_that_the_source_cites_exists() -> None:
    cited = {c for f in SOURCES for c in re.findall(r"\bmanual/([a-z-]+)\.md", f.read_text())}
    assert cited <= set(CHAPTERS)
    assert len(cited) > 5


def test_every_file_table_and_name_of_the_code_in_developing_exists() -> None:
    text = re.sub(r"```.*?```", "", DEVELOPING, flags=re.DOTALL)
    spans = re.findall(r"`([^`\n]+)`", text)
    paths = [s for s in spans if "/" in s and re.fullmatch(r"[a-z][\w./-]*", s)]
    assert len(paths) > 15
    assert not [p for p in paths if not ((TOP / p).exists() or (BRIDGE / p).exists())]
    code = "".join(f.read_text() for f in (*SOURCES, *(TOP / "tests").rglob("*.py")))
    names = {m[1] for s in spans if (m := re.match(r"\.?(\w+)(?:\(|$)", s))}
    words = {*re.findall(r"\w+", code)}
    assert len(names) > 40
    assert names - words == set()
    tables = [
        t for row in re.findall(r"^\| (`.*?) \| ", TABLES, re.MULTILINE) for t in row.split(", ")
    ]
    assert {t.strip("`") for t in tables} <= {*metadata.tables}
    assert len(tables) == 12


def test_the_order_of_packages_in_developing_is_the_one_that_holds() -> None:
    above = DEVELOPING.partition("## The twelve")[0]
    told = re.findall(r"^\| `(\w+)/?` \| ", above, re.MULTILINE)
    assert told == [*reversed(FLOORS), *PACKAGES]


def test_every_target_that_a_document_names_is_made() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (TOP / "Makefile").read_text(), re.MULTILINE))
    told = README + DEVELOPING
    named = set(re.findall(r"(?:`|^ *)make ([a-z-]+)", told, re.MULTILINE))
    assert {"run", "test", "quick", "lint"} <= named <= targets


def test_every_metric_that_the_manual_names_is_one() -> None:
    named = set(re.findall(r"mnet_peer_[a-z_]+", CHAPTERS["monitoring"]))
    made = {m for f in SOURCES for m in re.findall(r'"(mnet_peer_[a-z_]+)"', f.read_text())}
    assert len(named) > 5
    assert named <= made


def test_every_fault_is_in_the_protocol() -> None:
    codes = {
        c.code for c in vars(faults).values() if isinstance(c, type) and issubclass(c, faults.Fault)
    }
    assert {code for code in codes if f"{code}" not in PROTOCOL} == set()


def test_every_section_that_a_docstring_cites_exists() -> None:
    sections = set(re.findall(r"^#+ (\d+(?:\.\d+)?)", PROTOCOL, re.MULTILINE))
    for file in SOURCES:
        for cited in re.findall(r"\(section (\d+(?:\.\d+)?)\)", file.read_text()):
            assert cited in sections, f"{file}: section {cited}"


def test_every_rule_that_is_cited_stands_in_the_rules() -> None:
    """As `RULES 1.3, R5`; no number stands without that word, and none is of another text."""
    from tests import requirements

    stated, cited = {*requirements.rules()}, set()
    lonely = re.compile(r"\b(?:R\d+[a-e]?|E\d+)\b|\b[Rr]equirements? R?\d|\bfield.notes\b")
    kinds = {".py", ".html", ".typ", ".md"}
    packages = (TOP / name for name in ("mnet", "keys", "peers", "schooltool_bridge"))
    files = [f for folder in packages for f in folder.rglob("*") if f.suffix in kinds]
    for file in [*files, TOP / "README.md", *(TOP / "tests").rglob("*.py")]:
        if file in (requirements.RULES, requirements.WRITTEN):
            continue
        text = file.read_text()
        numbers = {*requirements.citations(text)}
        assert numbers <= stated, f"{file}: {numbers - stated}"
        cited |= numbers
        if (TOP / "tests") not in file.parents:
            found = lonely.search(requirements.without_citations(text))
            assert found is None, f"{file}: {found}"
    assert len(cited) > 80
