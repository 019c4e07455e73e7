"""Why something that a person asked for cannot be; what all such failures have in common. Pure.

A page or a command catches this one class, in one place each. What a peer is refused with is a
Fault (mnet/faults.py).
"""

from __future__ import annotations


class Refusal(Exception):
    """The sentence says why, and what to do; it is for the person who asked."""

    # The HTTP status of a page that says it.
    status = 400

    def __init__(self, sentence: str = "", field: str = "") -> None:
        """Keep the sentence, and the field that it is about, as forms and commands call it."""
        super().__init__(sentence)
        self.field = field
