"""A process of its own that sets one paper: JSON on stdin, the PDF on stdout.

A process, so that pdf.py can end it, whatever it was given. It needs nothing of ours but the
template beside it; text goes in as data, never as a part of the template.
"""

from __future__ import annotations

import sys
from pathlib import Path

import typst

TEMPLATE = Path(__file__).parent / "paper.typ"
# Latin, Greek, Cyrillic; punctuation and signs: in typst's own fonts. Others the system has.
_OWN_FONTS = (range(0x0530), range(0x2000, 0x3000))


def main() -> None:
    """Set the paper."""
    data = sys.stdin.buffer.read().decode()
    beyond = any(all(ord(c) not in some for some in _OWN_FONTS) for c in data)
    made = typst.compile(
        TEMPLATE,
        root=TEMPLATE.parent,
        format="pdf",
        ignore_system_fonts=not beyond,
        sys_inputs={"paper": data},
        timestamp=0,
    )
    assert isinstance(made, bytes)
    sys.stdout.buffer.write(made)


if __name__ == "__main__":
    main()
