"""Points: how large they may be, and how they are stored. Pure.

Source: RULES 1.3.
"""

from __future__ import annotations

from decimal import Decimal

# Larger than any mark and any score; keeps arithmetic sane.
MAX_POINTS = Decimal(10**9)


MAX_DECIMALS = 10


def decimal_text(number: Decimal | None) -> str | None:
    """Write points as they are stored: plain digits, no needless zeros."""
    if number is None:
        return None
    text = f"{number:f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text
