"""A peer's policy: the settings that an admin may change for one peer, their types and defaults.

Stored as a small JSON object of what differs from the default. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields

OUT_OF_RANGE = ("accept", "clamp", "reject")
TRUE_WORDS = {"true": True, "yes": True, "on": True, "1": True}
FALSE_WORDS = {"false": False, "no": False, "off": False, "0": False}


class BadPolicy(ValueError):
    """A policy's name or value is not one that exists; the text says which there are."""


@dataclass(frozen=True, slots=True)
class PeerPolicy:
    """What an admin decided for one peer (requirements 1.3-1.6)."""

    # Match a pushed person to one of ours by equal username when no idnumber or link decides.
    match_username: bool = False
    # Grades below zero or above the assessment's points: accept | clamp | reject.
    out_of_range: str = "accept"
    # Moodle's role names for ours, e.g. editingteacher=teacher,nonediting=teacher.
    roles: Mapping[str, str] = field(default_factory=dict)
    accept_people: bool = True
    accept_sections: bool = True
    accept_enrolments: bool = True
    accept_grades: bool = True
    # TLS: "verify" checks certificate and host name, "none" takes any.
    tls: str = "verify"
    # A new key that verified TLS brings is believed; a Mahara's rotation heals only by that.
    trust_tls_key: bool = True

    @classmethod
    def from_stored(cls, stored: Mapping[str, str]) -> PeerPolicy:
        """Read the stored form ({name: text}); raises BadPolicy naming what is wrong."""
        policy = cls()
        values = {f.name: getattr(policy, f.name) for f in fields(cls)}
        for name, text in stored.items():
            values[name] = _value(name, text)
        return cls(**values)


def _value(name: str, text: str) -> bool | str | Mapping[str, str]:
    known = [f.name for f in fields(PeerPolicy)]
    if name not in known:
        raise BadPolicy(f"There is no policy {name!r}; there are: {', '.join(known)}.")
    if name == "out_of_range":
        return _one_of(name, text, OUT_OF_RANGE)
    if name == "tls":
        return _one_of(name, text, ("verify", "none"))
    if name == "roles":
        return _roles(text)
    word = text.strip().casefold()
    if word not in TRUE_WORDS and word not in FALSE_WORDS:
        raise BadPolicy(f"{name} is yes or no, not {text!r}.")
    return word in TRUE_WORDS


def _one_of(name: str, text: str, choices: tuple[str, ...]) -> str:
    if text not in choices:
        raise BadPolicy(f"{name} is one of {', '.join(choices)}, not {text!r}.")
    return text


def _roles(text: str) -> Mapping[str, str]:
    roles = {}
    for pair in filter(None, (part.strip() for part in text.split(","))):
        theirs, equals, ours = pair.partition("=")
        if not equals or ours.strip() not in ("student", "teacher"):
            raise BadPolicy(f"roles is NAME=student or NAME=teacher, with commas; not {pair!r}.")
        roles[theirs.strip().casefold()] = ours.strip()
    return roles
