"""How a call that we make can fail, and what an answer that is none looks like. Pure.

Source: PROTOCOL.md section 9 (calls that we make).
"""

from __future__ import annotations

import re
from typing import Literal

from mnet import outcomes, xmlrpc
from mnet.faults import BadXmlRpc, UnreadableMessage
from mnet.refusal import Refusal
from mnet.stored_sentences import english
from mnet.xmlrpc import FaultResponse

# How PHP begins what it displays, as HTML or as plain text.
_PHP_SAYS = re.compile(rb"(?:<b>|^|\n|php )(?:warning|notice|deprecated|fatal error)(?:</b>)?: ")


class CallError(Refusal):
    """A call on a peer did not bring an answer; the text says why and what to do."""

    @property
    def in_our_words(self) -> str:
        """Why, for logs and the journal: nothing in it that the peer wrote."""
        return outcomes.clean(str(self))


Reason = Literal["name", "connection", "time", "status", "size", "packed", "rests", "other"]
Wrong = Literal["web page", "warnings", "no message", "no certificate", "envelope", "key"]


class CannotReach(CallError):
    """The peer gave no answer: no connection, time-out, or an HTTP error (`has_answered`)."""

    def __init__(
        self, text: str, *, reason: Reason = "other", status: int = 0, location: str = ""
    ) -> None:
        """Keep what happened, and with an HTTP error its status and where it points."""
        super().__init__(text)
        self.reason = reason
        self.status = status
        self.location = location

    @property
    def has_answered(self) -> bool:
        """Tell whether somebody did answer there, though not as a peer does."""
        return self.reason in ("status", "size", "packed")


class BadAnswer(CallError):
    """Something answered, but not the peer in its protocol."""

    def __init__(self, text: str, *, wrong: Wrong = "envelope") -> None:
        """Keep what is wrong with the answer: before the envelope, in it, or the peer's key."""
        super().__init__(text)
        self.wrong = wrong


class RemoteFault(CallError):
    """The peer answered with a fault; `proven` tells whether the peer's key signed it."""

    def __init__(self, code: int, text: str, *, proven: bool) -> None:
        """Keep the peer's code and sentence."""
        message = english("The peer answered with fault %(code)s: %(text)s", code=code, text=text)
        super().__init__(message)
        self.code = code
        self.text = text
        self.proven = proven

    @property
    def in_our_words(self) -> str:
        """Why, for logs and the journal: nothing in it that the peer wrote."""
        return outcomes.remote_reason(self.code, proven=self.proven)


def outcome_of(failed: CallError) -> tuple[str, str]:
    """Return outcome and reason, as the journal keeps them, of a call that failed."""
    if isinstance(failed, RemoteFault):
        return outcomes.of_code(failed.code), failed.in_our_words
    is_silent = isinstance(failed, CannotReach) and not failed.has_answered
    return outcomes.UNREACHABLE if is_silent else outcomes.BAD_ANSWER, failed.in_our_words


def read_response(payload: bytes) -> xmlrpc.MethodResponse | FaultResponse:
    """Read an answer's payload; raises BadAnswer for what is no message of this protocol."""
    try:
        return xmlrpc.read_response(payload)
    except (BadXmlRpc, UnreadableMessage):
        raise no_protocol(payload) from None


def plain_fault(body: bytes) -> CallError:
    """Say what an answer in plain means: a fault that nothing proves, or none at all."""
    response = read_response(body)
    if isinstance(response, FaultResponse):
        return RemoteFault(response.code, response.text, proven=False)
    return BadAnswer(english("The answer is neither sealed nor a fault."))


def no_protocol(body: bytes) -> BadAnswer:
    """Say as nearly as can be seen what came in place of a message."""
    start = body[:2000].lstrip().lower()
    before_xml = start.partition(b"<?xml")[0]
    if b"<html" in start or start.startswith(b"<!doctype html"):
        return BadAnswer(
            english(
                "The site answered with a web page instead of XML. Is networking (MNet) switched "
                "on there, and is the address exactly the site's own?"
            ),
            wrong="web page",
        )
    if _PHP_SAYS.search(before_xml):
        return BadAnswer(
            english(
                "The site wrote PHP warnings before its answer; switch off displaying errors there."
            ),
            wrong="warnings",
        )
    return BadAnswer(english("The answer is no message of this protocol."), wrong="no message")
