"""A report on a terminal: its tables as rich draws them.

Knows no report. Source: RULES 1.8.
"""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from schooltool_bridge.reports.paper import Paper, text


def on_terminal(paper: Paper, console: Console) -> None:
    """Print a paper."""
    console.print(f"{paper.title}: {text(paper.subject)}")
    console.print(paper.as_of)
    _facts(paper.facts, console)
    for table in paper.tables:
        console.print()
        if table.title:
            console.print(text(table.title))
        _facts(table.facts, console)
        if not table.rows:
            console.print(table.empty)
            continue
        drawn = Table(box=None, pad_edge=False)
        for column in table.columns:
            drawn.add_column(column.title, justify="right" if column.is_number else "left")
        for row in table.rows:
            drawn.add_row(*(text(cell) for cell in row))
        console.print(drawn)
        if table.note:
            console.print(table.note)
    for note in paper.notes:
        console.print(f"\n{note}")


def _facts(facts: Sequence[tuple[str, str]], console: Console) -> None:
    for name, value in facts:
        console.print(f"{text(name)}: {text(value)}")
