"""The parts (segments) of a section, and their order. Pure.

Source: RULES 1.4.
"""

from __future__ import annotations

FIRST_SEGMENT = "1"


def segment_order(segment: str) -> tuple[int, str]:
    """Order segments: numbers by value, then words."""
    return (int(segment), "") if segment.isascii() and segment.isdigit() else (2**63, segment)
