"""What the plugin says: every word is there in both languages, and none is left over."""

from __future__ import annotations

import re
from pathlib import Path

PLUGIN = Path(__file__).parents[2] / "schooltool_bridge" / "moodle_plugin" / "local_schooltool"
STRING = re.compile(r"^\$string\['([^']+)'\] = '((?:[^'\\]|\\.)*)';$", re.MULTILINE | re.DOTALL)
# Moodle itself asks for these: for a service, a capability, a help button.
OF_MOODLE = {"pluginname", "schooltool_name", "schooltool_description", "address_help"}
# Names that are put together while the plugin runs.
PUT_TOGETHER = re.compile(r"(step|set)_|schooltool:")


def words(language: str) -> dict[str, str]:
    text = (PLUGIN / "lang" / language / "local_schooltool.php").read_text()
    found = dict(STRING.findall(text))
    assert len(found) == text.count("$string[")
    return found


def sources() -> str:
    files = [f for f in PLUGIN.rglob("*") if f.suffix in (".php", ".mustache")]
    return "".join(f.read_text() for f in files if "lang" not in f.parts)


def test_both_languages_say_the_same_things() -> None:
    english, german = words("en"), words("de")
    assert english.keys() == german.keys()
    for name, text in english.items():
        put_in = re.compile(r"\{\$a(?:->\w+)?\}")
        assert sorted(set(put_in.findall(text))) == sorted(set(put_in.findall(german[name]))), name
        assert re.findall(r"--[a-z-]+", text) == re.findall(r"--[a-z-]+", german[name]), name


def test_every_word_that_is_asked_for_is_there() -> None:
    code = sources()
    asked = {
        *re.findall(r"get_string\(\s*'([\w:]+)',\s*'local_schooltool'", code),
        *re.findall(r"\{\{#str\}\}\s*([\w:]+),\s*local_schooltool", code),
        *re.findall(r"moodle_exception\(\s*'([\w:]+)',\s*'local_schooltool'", code),
        *re.findall(r"new lang_string\(\s*'([\w:]+)',\s*'local_schooltool'", code),
        *re.findall(r"'(privacy:[\w:]+)'", code),
        *re.findall(r"\$text\('(\w+)'\)", code),
        *re.findall(r"self::wrong\('(\w+)'", code),
        *re.findall(r"'((?:fault|reply)_\w+)'", code),
    }
    assert len(asked) > 100
    assert asked - words("en").keys() == set()
    steps = set(re.findall(r"new (\w+)\(\)", code.partition("= [new cipher()")[2][:400]))
    named = {f"step_{step}" for step in {*steps, "cipher"}}
    assert len(named) == 14
    assert named <= words("en").keys()
    capabilities = set(re.findall(r"'local/(schooltool:\w+)' =>", code))
    assert capabilities
    assert capabilities <= words("en").keys()


def test_no_word_is_left_over() -> None:
    code = sources()
    left_over = {
        name
        for name in words("en").keys() - OF_MOODLE
        if not PUT_TOGETHER.match(name) and not re.search(rf"\b{re.escape(name)}\b", code)
    }
    assert left_over == set()
