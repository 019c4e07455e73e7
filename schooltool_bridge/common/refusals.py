"""Why something that a person asked for cannot be. Pure."""

from __future__ import annotations

from mnet.refusal import Refusal


class Refused(Refusal):
    """What was to be written cannot be; the text says why and what to do, `field` where it is."""

    def __init__(self, field: str, sentence: str) -> None:
        """Keep the name of the field as forms and commands call it."""
        super().__init__(sentence, field)


class NotThere(Refusal, LookupError):
    """Nothing here has that id, or more than one thing has; the text says which."""

    status = 404
