"""How a call ended, as it is recorded: an outcome in a word, a reason in a sentence.

A reason is kept for long and shown to many, so whatever a sender wrote is cut out of it: no
ids, names, grades or addresses. Pure. Source: RULES 1.3, R16, R90.
"""

from __future__ import annotations

import re
from collections import Counter

from mnet.faults import Fault, UnreadablePayload
from mnet.stored_sentences import english
from mnet.xmlrpc import Value

OK = "ok"
FAULT = "fault "
UNREACHABLE = "unreachable"
BAD_ANSWER = "bad answer"

MAX_REASON_CHARS = 400  # the journal's column

# The faults of the SIS calls (RULES 1.3); only their sentences, and why a payload cannot be
# read, say what was wrong with a call. The protocol's other faults have one sentence each.
_SIS_CODES = range(8400, 8600)

# Of many events in one call the strongest word counts.
_STRENGTH = ("created", "updated", "held", "unchanged", "skipped")
FAILED_EVENT = "failed"

# Sentences quote what a sender wrote (repr); an apostrophe within a word opens no quotation. One
# that does not end, because its sentence was cut, reaches to the end. Nothing is tried twice.
_QUOTED = re.compile(
    r"""(?<!\w)(?:'(?:[^'\\]|\\.)*+(?:'|\\?\Z)|"(?:[^"\\]|\\.)*+(?:"|\\?\Z))""", re.DOTALL
)
_MAIL = re.compile(r"(?<!\S)\S*@\S*")
_QUERY = re.compile(r"\?\S+")
_CUT = "…"


def clean(text: str) -> str:
    """Return a sentence of ours without what it quotes, mail addresses and URLs' queries."""
    text = _QUOTED.sub(_CUT, text)
    text = _QUERY.sub("?" + _CUT, _MAIL.sub(_CUT, text))
    text = "".join(c if c.isprintable() else " " for c in text)
    return text[:MAX_REASON_CHARS]


def of_fault(fault: Fault) -> tuple[str, str]:
    """Return outcome and reason of a call that we answered with a fault."""
    is_specific = fault.code in _SIS_CODES or isinstance(fault, UnreadablePayload)
    text = clean(fault.text) if is_specific else type(fault).sentence
    return of_code(fault.code), text


def of_code(code: int) -> str:
    """Return the outcome of a call that ended with a fault."""
    return f"{FAULT}{code}"


def of_value(value: Value) -> tuple[str, str]:
    """Return outcome and reason of a call that we answered with a value.

    An event's answer tells its status; of many events (push_events) the outcome is the strongest
    status, and the reason counts those that failed, by fault.
    """
    if isinstance(value, dict):
        status = value.get("status")
        return (status if isinstance(status, str) else OK), ""
    if not isinstance(value, list):
        return OK, ""
    results = [v for v in value if isinstance(v, dict)]
    statuses = {v["status"] for v in results if isinstance(v.get("status"), str)}
    outcome = next((s for s in _STRENGTH if s in statuses), OK)
    if FAILED_EVENT not in statuses:
        return outcome, ""
    codes = Counter(str(v.get("fault", "")) for v in results if v.get("status") == FAILED_EVENT)
    failed = _counted(codes.most_common(5))
    return outcome, english(
        "Of %(num)s events failed %(our_failed)s.", num=len(results), our_failed=failed
    )


def remote_reason(code: int, *, proven: bool) -> str:
    """Return why a call on a peer failed that it answered with a fault; never in its own words."""
    known = _SENTENCES.get(code, "")
    values = {"code": code, "our_sentence": known.rstrip(".")}
    if known and proven:
        return english("The peer answered with fault %(code)s (%(our_sentence)s).", **values)
    if known:
        return english(
            "The peer answered with fault %(code)s without signing it (%(our_sentence)s).", **values
        )
    if proven:
        return english("The peer answered with fault %(code)s.", **values)
    return english("The peer answered with fault %(code)s without signing it.", **values)


def _counted(failed: list[tuple[str, int]]) -> str:
    """Say how many events failed, by fault."""
    (code, count), *rest = failed
    if not rest:
        return english("%(count)s with fault %(code)s", count=count, code=code)
    return english(
        "%(count)s with fault %(code)s, %(our_more)s",
        count=count,
        code=code,
        our_more=_counted(rest),
    )


def _sentences() -> dict[int, str]:
    return {c.code: c.sentence for c in Fault.__subclasses__() if "sentence" in vars(c)}


_SENTENCES = _sentences()
FAULT_CODES = frozenset(c.code for c in Fault.__subclasses__())
