"""Every way a call can fail, as one typed exception each, with its fault code and sentence.

The one place where failures get numbers. A fault's text may reach the caller, so it names
fields and remedies but never keys, tokens, file paths or other peers' data. Pure.
Source: PROTOCOL.md section 8; RULES 1.3 for the 84xx and 85xx codes.
"""

from __future__ import annotations

from typing import ClassVar

from mnet.stored_sentences import E_


class Fault(Exception):
    """A call failed; `code` and `text` are what the caller gets."""

    code: ClassVar[int] = 7000
    sentence: ClassVar[str] = E_("The call failed for an unknown reason.")

    def __init__(self, text: str = "") -> None:
        """Keep the sentence for the caller; `text` replaces the class's own."""
        super().__init__(text or self.sentence)

    @property
    def text(self) -> str:
        """The sentence for the caller."""
        return str(self.args[0])


# Before the envelope is open: answered in plain.


class UnreadableMessage(Fault):
    """The body is not a document of this protocol."""

    code = 7000
    sentence = E_("The message is not well-formed XML of this protocol.")


class UnknownPeer(Fault):
    """The outer wwwroot names no peer of ours, or a deleted one."""

    code = 7020
    sentence = E_("This site is not registered here under the address that the message names.")


class CannotOpen(Fault):
    """No key of ours opens the envelope (bad padding, lengths, base64: one error for all)."""

    code = 7023
    sentence = E_("The message could not be opened with any key of this site; fetch its key again.")


class NotSealed(Fault):
    """The call came without encryption."""

    code = 7021
    sentence = E_("Calls must be signed and encrypted; only system/keyswap may come in plain.")


class NotSigned(Fault):
    """The call was encrypted but carries no signature."""

    code = 711
    sentence = E_("The message is encrypted but not signed.")


class BadSignature(Fault):
    """The wrapper or signature is wrong, or the envelope was seen before."""

    code = 710
    sentence = E_("The signature does not verify, or the message was seen before.")


class KeyChanged(Fault):
    """The caller sealed to an archived key of ours; the text is our current certificate (PEM)."""

    code = 7025


# Inside the envelope: answered signed and sealed.


class BadXmlRpc(Fault):
    """The signed payload is not an XML-RPC call."""

    code = 15
    sentence = E_("The signed payload is not a valid XML-RPC call.")


class UnreadablePayload(BadXmlRpc):
    """The same, with a sentence that says why and quotes whatever the sender wrote."""


class BadParameters(Fault):
    """A method that is not ours to define got parameters it cannot take."""

    code = 17
    sentence = E_("The parameters do not fit the method.")


class BadMethodName(Fault):
    """The method name breaks the protocol's pattern."""

    code = 713
    sentence = E_(
        "The method name is not of the form type/plugin/file.php/function or system/name."
    )


class NotPublished(Fault):
    """The method exists, but its service is not published to the caller."""

    code = 707
    sentence = E_("The service of this method is not published to your site.")


class UnknownMethod(Fault):
    """No such method is registered."""

    code = 7012
    sentence = E_("No such method is offered by this site.")


class UnknownSystemMethod(Fault):
    """No such system method."""

    code = 7018
    sentence = E_("No such system method; see system/listMethods.")


# Faults of user_authorise, with Moodle's numbers.


class NoSuchVisit(Fault):
    """No such token for this peer and browser, or it was used already."""

    code = 1
    sentence = E_("No visit to your site has this token and browser.")


class VisitTimedOut(Fault):
    """The token is too old."""

    code = 2
    sentence = E_("The token is too old; go back and click the link again.")


class VisitorGone(Fault):
    """The person signed out, or lost the right to sign in."""

    code = 3
    sentence = E_("The person is not signed in any more.")


# Faults of the SIS calls (RULES 1.3).


class Malformed(Fault):
    """A field is missing or wrong; the text names it."""

    code = 8400


class SwitchedOff(Fault):
    """The peer's master switch or a policy refuses the event."""

    code = 8403
    sentence = E_("This site does not take events from yours at the moment (switched off here).")


class NotFound(Fault):
    """The named thing does not exist and cannot be waited for."""

    code = 8404


class Conflict(Fault):
    """Two people claim one identity; a person has to decide."""

    code = 8409


class NotStored(Fault):
    """The event alone could not be stored, for a reason of ours; what else came is not held up."""

    code = 8500
    sentence = E_(
        "This site could not store this event, by a mistake of its own; it is kept in its inbox "
        "for its admin. It need not be sent again."
    )


class TryAgainLater(Fault):
    """Nothing was changed or remembered; the same message may be sent again."""

    code = 8503
    sentence = E_("This site cannot take the event right now; please send it again later.")
